# SPDX-License-Identifier: MIT
"""The link: lost, full of garbage, silent, locked; Skerry restarted; nothing queued in secret."""
import threading
import time

from client import wait_for
from fake_held import held


def asked(fake, action):
    """What Skerry was told to do with VMs by this word."""
    return [words for words, _ in fake.commands if words[:2] == ["vm", action]]


def test_link_lost_and_back(pair):
    fake, server = pair()
    server.start()
    stream = server.stream()
    stream.json("snapshot")
    fake.accepts = False
    fake.drop()
    assert stream.json("link")["state"] == "lost"
    answer = server.tls("GET", "/v1/vms")
    vms = answer.json()
    assert vms["stale"] is True and len(vms["items"]) == 16 and int(answer.headers["Age"]) < 60
    assert server.tls("GET", "/v1/vms/vm00").headers["Age"] and server.tls("GET", "/v1/host").headers["Age"]
    assert server.tls("GET", "/v1/health").json() == {"live": True, "ready": False, "audit": True}
    assert server.tls("GET", "/v1/host").json()["link"] == "lost"
    began = time.monotonic()
    answer = server.tls("POST", "/v1/vms/vm00/actions/pause")
    assert (answer.status, answer.code) == (503, "link-down")
    # no wait for the link, which does not come back before it is let in below
    assert answer.headers["Retry-After"] and time.monotonic() - began < 5
    fake.crash("vm00")
    fake.accepts = True
    assert stream.json("link")["state"] == "up"
    assert server.tls("GET", "/v1/vms").headers["Age"] is None
    states = {vm["name"]: vm["state"] for vm in stream.json("snapshot")["vms"]}
    assert states["vm00"] == "crashed"
    # A refused request is not kept for later.
    assert not asked(fake, "pause")
    stream.close()


def test_events_of_the_gap_are_told(pair):
    fake, server = pair()
    server.start()
    events = server.events()
    events.next()
    fake.crash("vm00", "first")
    assert events.next()[2]["reason"] == "first"
    fake.accepts = False
    fake.drop()
    wait_for(lambda: not server.health()["ready"])
    fake.crash("vm00", "in the gap")
    fake.accepts = True
    assert events.until("crashed")[2]["reason"] == "in the gap"
    fake.crash("vm00", "after")
    assert events.until("crashed")[2]["reason"] == "after"
    events.close()


def test_events_from_before_the_gateway(pair):
    """Events from before the gateway's start are shown, also to an asker of all events."""
    fake, server = pair()
    for number in range(150):
        fake.crash("vm00", f"number {number}")
    server.start()
    events = server.events(headers={"Last-Event-ID": "0"})
    assert events.next()[1] == "lost"
    assert events.until("crashed")[2]["reason"] == "number 50"
    assert events.until("snapshot")
    events.close()


def test_events_while_the_missed_ones_are_asked_for(pair):
    """
    No event is told twice or left out when a line comes before the answer that has the event
    too.
    """
    fake, server = pair()
    server.start()
    events = server.events()
    events.next()
    honest = fake.run_events_since

    def late(words, after):
        fake.crash("vm00", "three")
        return honest(words, after)
    fake.run_events_since = late
    fake.crash("vm00", "one")
    assert events.until("crashed")[2]["reason"] == "one"
    fake.accepts = False
    fake.drop()
    wait_for(lambda: not server.health()["ready"])
    fake.crash("vm00", "two")
    fake.accepts = True
    assert events.until("crashed")[2]["reason"] == "two"
    assert events.until("crashed")[2]["reason"] == "three"
    fake.crash("vm00", "four")
    assert events.until("crashed")[2]["reason"] == "four"
    events.close()


def test_a_change_under_way_when_the_link_is_lost(pair):
    fake, server = pair()
    server.start()
    fake.delay_s = 30
    drop = threading.Thread(target=lambda: wait_for(lambda: asked(fake, "pause")) and fake.drop())
    drop.start()
    answer = server.tls("POST", "/v1/vms/vm00/actions/pause")
    assert (answer.status, answer.code) == (503, "link-down")
    assert "does not know" in answer.json()["detail"]
    drop.join()


def test_skerry_restarted(pair):
    fake, server = pair()
    server.start()
    events = server.events()
    events.next()
    fake.crash("vm00")
    events.next()
    boot = server.tls("GET", "/v1/host").json()["boot"]
    server.tls("POST", "/v1/vms/vm01/actions/start")
    fake.stop_s = 60
    place = server.tls("POST", "/v1/vms/vm01/actions/stop").headers["Location"]
    with fake.lock:
        fake.vms = {}
        fake.add("other")
        fake.restart()
    fake.drop()
    _, _, snapshot = events.until("snapshot")
    assert [vm["name"] for vm in snapshot["vms"]] == ["other"]
    # A stream that was away during the restart learns of it too, although the new boot has an event
    # of the same number.
    for _ in range(4):
        fake.crash("other")
    wait_for(lambda: events.until("crashed")[0] == 4)
    again = server.events(headers={"Last-Event-ID": f"{boot}.2"})
    assert again.next()[1] == "snapshot"
    again.close()
    assert snapshot["host"]["boot"] == fake.boot != boot
    # Sequences begin anew, and are told again.
    fake.crash("other")
    number, _, data = events.until("crashed")
    assert (number, data["vm"]) == (5, "other")
    operation = server.tls("GET", place).json()
    assert operation["state"] == "failed" and operation["problem"]["code"] == "restarted"
    events.close()


GARBAGE = [b"\xff\xfe\x00garbage\n", b"{\n", b"[1,2]\n", b"null\n", b'{"id":1}\n',
           b'{"id":123456,"status":"ok","result":[]}\n', b'{"id":"x","status":"ok"}\n',
           b'{"event":5}\n', b'{"event":"../../x","sequence":9}\n', b'{"event":"started"}\n',
           b'{"event":"started","vm":"<script>","sequence":-5}\n', b'{"sample":"vm00"}\n',
           b'{"sample":"vm00","values":[1]}\n', b'{"sample":null,"cpus":[1,[],[2]]}\n',
           b'{"stream":1,"at":0,"data":"AAAA"}\n', b'{"stream":77,"data":5}\n',
           b'{"closed":5}\n', b'{"credit":9,"bytes":-4}\n', b"{" * 5000 + b"\n",
           b'{"event":"a","event":"b"}\n', b"x" * (3 << 20) + b"\n"]


def test_garbage_on_the_link(pair):
    fake, server = pair()
    server.start()
    for data in GARBAGE:
        fake.send_raw(data)
    fake.crash("vm00", "after the garbage")
    wait_for(lambda: server.tls("GET", "/v1/vms/vm00").json()["reason"] == "after the garbage")
    assert "<script>" not in server.tls("GET", "/v1/vms").body.decode()
    text = server.tls("GET", "/metrics").body.decode()
    count = [line for line in text.splitlines() if line.startswith("skerry_link_garbage_lines")]
    assert int(count[0].split()[1]) >= 8
    assert server.tls("POST", "/v1/vms/vm01/actions/start").status == 200


def test_answer_that_is_too_long(pair):
    """
    An answer that is too long is reported, and the other requests still have all of the line:
    more often than requests go side by side.
    """
    fake, server = pair(rights=["view", "inspect"])
    server.start()
    fake.run_vm_inspect = lambda *_: [{"path": "x", "value": "y" * (3 << 20)}]
    for _ in range(12):
        answer = server.tls("GET", "/v1/vms/vm00/inspect")
        assert answer.status == 502 and "longer than 2 MiB" in answer.json()["detail"]
    assert server.tls("GET", "/v1/disks").status == 200


def test_nonsense_in_answers(pair):
    """A list of VMs has parts of the wrong type, or lacks some: the gateway stands it."""
    fake, server = pair()
    server.start()
    honest = fake.run_vm_list
    fake.run_vm_list = lambda *_: [{"name": "vm00"}, {"name": 5}, {}, 7, {"name": "a b"},
                                   {"name": "x" * 500}, {"name": "odd", "state": 5,
                                                         "uptime_ns": "x", "exits": None}]
    fake.event("configuration", fake.vms["vm00"])
    wait_for(lambda: len(server.tls("GET", "/v1/vms").json()["items"]) == 2)
    assert server.tls("GET", "/v1/vms/odd").json()["state"] == "unknown"
    assert server.tls("GET", "/metrics").status == 200
    fake.run_vm_list = honest
    fake.event("configuration", fake.vms["vm00"])
    wait_for(lambda: len(server.tls("GET", "/v1/vms").json()["items"]) == 16)


def test_locked_channel(pair, tmp_path):
    (tmp_path / "password").write_text("swordfish\n")
    fake, server = pair("--password-file", str(tmp_path / "password"), password="swordfish")
    server.start()
    assert len(server.tls("GET", "/v1/vms").json()["items"]) == 16
    assert "swordfish" not in server.errors()


def test_locked_channel_without_password(pair):
    _, server = pair(password="swordfish")
    server.start(ready=False)
    wait_for(lambda: "locked" in server.errors())
    assert server.tls("GET", "/v1/health").json()["ready"] is False


def test_eight_under_way_and_the_rest_waits(pair):
    fake, server = pair()
    server.start()
    wait_for(lambda: server.tls("GET", "/v1/vms/vm15").json()["config"])
    under_way = []
    most = []
    honest = fake.answer

    def answer(request, after):
        under_way.append(request)
        most.append(len(under_way))
        return honest(request, after)

    send = fake.send

    def sent(value):
        if value.get("status"):
            under_way.pop()
        send(value)
    fake.answer, fake.send, fake.delay_s = answer, sent, 0.1
    threads = [threading.Thread(target=lambda: codes.append(
        server.tls("GET", "/v1/vms/vm00/exits").status)) for _ in range(24)]
    codes = []
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [200] * 24
    assert 2 <= max(most) <= 8


def test_one_change_at_a_time_for_a_vm(pair):
    fake, server = pair()
    server.start()
    codes = []
    first = threading.Thread(target=lambda: codes.append(
        server.tls("POST", "/v1/vms/vm00/actions/reset").status))
    with held(fake):
        first.start()
        wait_for(lambda: asked(fake, "reset"))
        answer = server.tls("POST", "/v1/vms/vm00/actions/pause")
        assert (answer.status, answer.code) == (409, "busy")
    first.join()
    assert codes == [200]


def test_clients_that_leave(pair):
    fake, server = pair()
    server.start()
    fake.delay_s = 0.3
    for _ in range(10):
        link = server.raw()
        link.sendall(f"GET /v1/vms/vm00/exits HTTP/1.1\r\nHost: localhost\r\n"
                     f"Authorization: Bearer {server.token}\r\n\r\n".encode())
        link.close()
    time.sleep(0.5)
    fake.delay_s = 0
    assert server.tls("GET", "/v1/vms/vm00/exits").status == 200


def test_a_long_silence_is_a_loss(pair):
    """A long silence counts as a loss, as a serial line has no carrier to lose."""
    fake, server = pair("--silence", "1")
    server.start()
    fake.silent = True
    wait_for(lambda: not server.health()["ready"])
    assert "it answers nothing" in server.errors()
    fake.silent = False
    wait_for(lambda: server.health()["ready"])
