# SPDX-License-Identifier: MIT
"""Events, the stream of the UI, and consoles."""
import json
import os
import struct
import time

import pytest
from client import Closed, wait_for


def test_events_begin_with_a_snapshot(server, fake):
    events = server.events()
    number, name, data = events.next()
    assert name == "snapshot" and len(data["vms"]) == 16 and data["host"]["link"] == "up"
    fake.crash("vm04")
    number, name, data = events.next()
    assert (name, data["vm"], data["reason"]) == ("crashed", "vm04", "triple fault")
    assert data["sequence"] == str(number) == str(fake.sequence)
    events.close()


def test_events_resume_exactly(server, fake):
    events = server.events()
    number = events.next()[0]
    assert events.id == f"{fake.boot}.{number}"
    events.close()
    for _ in range(3):
        fake.crash("vm05")
    for last in (events.id, str(number)):
        first = server.events(headers={"Last-Event-ID": last})
        assert [first.next()[0] for _ in range(3)] == [number + 1, number + 2, number + 3]
        first.close()
    # A number of another boot is answered with a snapshot, not with a guess.
    for last in ("99999999", f"{'0' * 32}.{number}", f"{fake.boot}0.{number}", f".{number}", f"{fake.boot}.x"):
        other = server.events(headers={"Last-Event-ID": last})
        assert other.next()[1] == "snapshot", last
        other.close()


def test_events_in_scope_and_of_types(server, fake):
    token = server.make_token(["viewer"], "vm06")
    events = server.events(token=token)
    _, _, snapshot = events.next()
    assert [vm["name"] for vm in snapshot["vms"]] == ["vm06"]
    fake.crash("vm07")
    fake.crash("vm06")
    assert events.next()[2]["vm"] == "vm06"
    events.close()
    only = server.events("?types=started")
    only.next()
    fake.crash("vm06")
    server.tls("POST", "/v1/vms/vm06/actions/start")
    assert only.next()[1] == "started"
    only.close()


def test_revoked_token_ends_its_streams(server):
    made = server.tls("POST", "/v1/tokens", {"name": "brief", "roles": ["viewer"]}).json()
    stream = server.stream(made["token"])
    stream.json("snapshot")
    assert server.tls("DELETE", f"/v1/tokens/{made['id']}").status == 204
    with pytest.raises(Closed) as closed:
        while True:
            stream.message()
    assert closed.value.code == 1008


def test_stream_snapshot_changes_and_samples(server, fake):
    stream = server.stream()
    assert stream.headers["sec-websocket-protocol"] == "skerry.stream.v1"
    snapshot = stream.json()
    assert snapshot["type"] == "snapshot" and len(snapshot["vms"]) == 16
    server.tls("POST", "/v1/vms/vm03/actions/pause")
    seen = {}
    while len(seen) < 3:
        message = stream.json()
        if message["type"] == "vm" and message["vm"]["name"] == "vm03":
            seen["vm"] = message["vm"]["state"]
        elif message["type"] == "event" and message["vm"] == "vm03":
            seen["event"] = message["event"]
        elif message["type"] == "sample" and message["vms"]:
            seen["sample"] = {vm["name"] for vm in message["vms"]}
    assert seen["event"] == "paused" and seen["vm"] == "paused" and "vm00" in seen["sample"]
    server.tls("POST", "/v1/vms/vm03/actions/resume")
    server.tls("POST", "/v1/vms", {"name": "brief"})
    server.tls("DELETE", "/v1/vms/brief")
    assert stream.json("gone")["name"] == "brief"
    stream.close()


def test_tickets_are_for_one_use_and_one_thing(server):
    def ticket(path, body=None):
        return server.tls("POST", path, body).json()["ticket"]

    stream = ticket("/v1/stream/tickets")
    first = server.websocket("/v1/stream", f"skerry.stream.v1, ticket.{stream}")
    assert first.status == 101
    assert server.websocket("/v1/stream", f"skerry.stream.v1, ticket.{stream}").status == 401
    first.close()
    console = ticket("/v1/vms/vm00/console/tickets", {"mode": "read"})
    path = "/v1/vms/vm01/console"
    assert server.websocket(path, f"skerry.console.v1, ticket.{console}").status == 401
    # A ticket that is shown at the wrong place is used up.
    path = "/v1/vms/vm00/console"
    assert server.websocket(path, f"skerry.console.v1, ticket.{console}").status == 401
    console = ticket("/v1/vms/vm00/console/tickets", {"mode": "read"})
    assert server.websocket("/v1/stream", f"skerry.stream.v1, ticket.{console}").status == 401
    assert server.websocket(path, "skerry.console.v1", token=server.token).status == 401
    assert server.websocket("/v1/stream", "", token=server.token).status == 426


def test_console_ticket_needs_the_grant(server):
    reader = server.make_token(["console-read"])
    path = "/v1/vms/vm00/console/tickets"
    assert server.tls("POST", path, {"mode": "read"}, token=reader).status == 201
    assert server.tls("POST", path, {"mode": "write"}, token=reader).status == 403
    assert server.tls("POST", path, {"mode": "root"}, token=reader).status == 422


def test_console_scrollback_echo_and_place(server, fake):
    console = server.console("vm00")
    assert json.loads(console.message()) == {"from": "0", "lost": 0}
    text = console.read_until(b"login: ")
    assert b"Linux of vm00 boots" in text
    typed = bytes(range(256)) * 40
    console.send(typed[:5000])
    console.send(typed[5000:])
    got = b""
    while len(got) < len(typed):
        got += console.read_until(b"")
        message = console.message()
        got += message
        console.send(json.dumps({"ack": len(message)}))
    assert got == typed
    console.close()
    place = len(fake.vms["vm00"].printed) - 100
    again = server.console("vm00", "read", f"?from={place}")
    assert json.loads(again.message())["from"] == str(place)
    assert again.read_until(typed[-100:]) == typed[-100:]
    again.close()


def test_console_reader_cannot_type(server, fake):
    console = server.console("vm01", "read")
    console.read_until(b"login: ")
    before = len(fake.vms["vm01"].printed)
    console.send(b"rm -rf /\n")
    console.send_frame(9, b"are you there")
    assert console.frame() == (10, b"are you there")
    assert len(fake.vms["vm01"].printed) == before
    console.close()


def test_console_has_one_writer_who_may_be_replaced(server):
    first = server.console("vm02")
    first.read_until(b"login: ")
    ticket = server.tls("POST", "/v1/vms/vm02/console/tickets", {"mode": "write"}).json()["ticket"]
    second = server.websocket("/v1/vms/vm02/console", f"skerry.console.v1, ticket.{ticket}")
    assert second.status == 409
    third = server.console("vm02", "write", "?take=yes")
    assert third.status == 101
    with pytest.raises(Closed):
        while True:
            first.message()
    third.close()


def test_console_loss_is_told(server, fake):
    fake.add("wordy").state = "running"
    fake.event("created", fake.vms["wordy"])
    with fake.lock:
        fake.print_to(fake.vms["wordy"], b"x" * 100000)
    wait_for(lambda: server.tls("GET", "/v1/vms/wordy").status == 200)
    console = server.console("wordy", "read", "?from=0")
    told = json.loads(console.message())
    assert told == {"from": str(100000 - 65536), "lost": 100000 - 65536}
    # Without an acknowledgement no more than the first credit comes.
    got = 0
    while got < 65536:
        got += len(console.message())
    with fake.lock:
        fake.print_to(fake.vms["wordy"], b"y" * 100000)
    console.sock.settimeout(0.3)
    with pytest.raises(TimeoutError):
        console.message()
    console.sock.settimeout(10)
    console.send(json.dumps({"ack": 65536}))
    told = json.loads(console.message())
    assert told["lost"] == 200000 - 65536 - 100000
    console.close()
    with fake.lock:
        del fake.vms["wordy"]
        fake.event("destroyed")


def test_console_as_text(server, fake):
    answer = server.tls("GET", "/v1/vms/vm03/console")
    assert b"Linux of vm03 boots" in answer.body
    assert answer.headers["Content-Type"] == "application/octet-stream"
    after = answer.headers["Skerry-Next"]
    assert answer.headers["Skerry-From"] == "0" and int(after) == len(answer.body)
    empty = server.tls("GET", f"/v1/vms/vm03/console?from={after}")
    assert empty.body == b"" and empty.headers["Skerry-Next"] == after
    assert server.tls("GET", "/v1/vms/vm03/console?from=-1").status == 422
    # All of the console's streams were given back.
    wait_for(lambda: not fake.streams)


def test_console_ends_with_its_vm(server):
    server.tls("POST", "/v1/vms", {"name": "doomed"})
    console = server.console("doomed")
    console.message()
    assert server.tls("DELETE", "/v1/vms/doomed").status == 204
    with pytest.raises(Closed) as closed:
        console.message()
    assert closed.value.code == 1001


def test_twenty_reconnects_lose_no_byte(server, fake):
    vm = fake.vms["vm00"]
    wanted = b""
    place = len(vm.printed)
    got = b""
    for _ in range(20):
        data = os.urandom(3000)
        wanted += data
        console = server.console("vm00", "read", f"?from={place}")
        console.message()
        with fake.lock:
            fake.print_to(vm, data)
        while len(got) < len(wanted) - 1000:
            got += console.message()
        place += len(got) - (place - (len(vm.printed) - len(wanted)))
        console.close()
    console = server.console("vm00", "read", f"?from={place}")
    console.message()
    while len(got) < len(wanted):
        got += console.message()
    assert got == wanted
    console.close()


BAD_FRAMES = {
    "unmasked": (b"\x82\x01x", 1002),
    "reserved bit": (b"\xc2\x81\0\0\0\0x", 1002),
    "unknown opcode": (b"\x83\x80\0\0\0\0", 1002),
    "long ping": (b"\x89\xfe\x01\x00" + bytes(4 + 256), 1002),
    "fragmented ping": (b"\x09\x80\0\0\0\0", 1002),
    "continuation of nothing": (b"\x80\x80\0\0\0\0", 1002),
    "long form of a short length": (b"\x82\xfe\x00\x01\0\0\0\0x", 1002),
    "too long": (b"\x82\xff" + struct.pack(">Q", 1 << 40) + bytes(4), 1009),
    "no UTF-8": (b"\x81\x82\0\0\0\0\xff\xff", 1007),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_bad_frames_end_the_connection(server, name):
    data, code = BAD_FRAMES[name]
    stream = server.stream()
    stream.json("snapshot")
    stream.sock.sendall(data)
    with pytest.raises(Closed) as closed:
        while True:
            stream.message()
    assert closed.value.code == code
    assert server.health()["ready"]


def test_slow_reader_costs_no_memory(pair):
    fake, server = pair()
    server.start()
    stream = server.stream(window=65536)
    stream.json("snapshot")

    def resident():
        return sum(int(line.split()[1]) for pid in (server.process.pid, server.web_pid())
                   for line in open(f"/proc/{pid}/status") if line.startswith("VmRSS"))

    before = resident()
    # The client reads none of these 6 MB of events.
    for _ in range(12):
        with fake.lock:
            for _ in range(1000):
                fake.event("crashed", fake.vms["vm00"], "r" * 400)
        wait_for(lambda: server.local("GET", "/v1/health").status == 200)
    wait_for(lambda: fake.sequence <= server.local("GET", "/v1/health").status * 1000)
    assert resident() - before < 12000, "kB"
    lost = 0
    while lost <= 1000:  # the loss may be told in parts
        lost += stream.json("lost")["count"]
        assert stream.json("snapshot")
    stream.close()
