# SPDX-License-Identifier: MIT
"""libvirt's RPC by packets, those among them that no client of libvirt's sends."""
import contextlib
import ctypes
import fcntl
import os
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

import pytest

from client import wait_for
from libvirt_door import (AUTH_LIST, BUSY, CLOSE, CONFIGURATION, CORE_DUMP, DENIED, DEREGISTER, INVALID_ARGUMENT,  # noqa: F401
                          INVALID_CONNECTION, KEEPALIVE, LIST_ALL, LOOKUP_BY_NAME, NO_DOMAIN, NO_SUPPORT, OPEN, OPEN_CONSOLE, REGISTER,
                          REMOTE, RPC, XML, Peer, as_before, domain, fake, folder, packet, peer, server, text)


def test_calls_that_lie_are_answered(peer):
    for body in (b"", b"\0", text("vm00") + b"more", struct.pack(">I", 0xffffffff), struct.pack(">I", 5) + b"vm00",
                 text("vm00")[:-1] + b"x", text("v\0m0"), text("x" * 5000)):
        code, said = peer.call(LOOKUP_BY_NAME, body) or (None, None)
        assert code == RPC and "LookupByName" in said or body == text("vm00")[:-1] + b"x" and code == NO_DOMAIN, body
    assert peer.call(LOOKUP_BY_NAME, text("none"))[0] == NO_DOMAIN
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_other_programs_and_procedures(peer):
    assert peer.call(LOOKUP_BY_NAME, text("vm00"), version=2)[0] == RPC
    assert peer.call(1, program=0x20008087)[0] == RPC
    for procedure in (0, 107, CORE_DUMP, 453, 454, 0xffffffff):
        assert peer.call(procedure)[0] == NO_SUPPORT
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_the_page_has_what_is_served(peer):
    """Every procedure is on the page, either as one that is served, or as one that is refused."""
    page = (Path(__file__).parents[3] / "docs/guides/libvirt.md").read_text()
    served, refused = page.split("Refused by their names")
    on_page = {int(number): name for number, name in re.findall(r"^\| (\d+) \| (\w+) \|", served, re.M)}
    rows = re.findall(r"^\| (\w+) \| (\w+ \d+(?:, \w+ \d+)*) \|$", refused, re.M)
    off = {int(item.split()[1]): group + item.split()[0] for group, items in rows for item in items.split(", ")}
    assert not set(on_page) & set(off) and set(on_page) | set(off) == set(range(1, 454))
    for number in range(1, 455):
        # one that is served refuses two bytes, which are no arguments
        code, said = peer.call(number, bytes(2)) or (None, "")
        if number in on_page:
            assert code == RPC and on_page[number] in said, (number, said)
        elif number in off:
            assert code == NO_SUPPORT and f"serve {off[number]} (procedure {number})" in said, (number, said)
        else:
            assert code == NO_SUPPORT and "this number" in said


def test_a_call_too_long_is_refused_and_skipped(peer):
    peer.send(packet(LOOKUP_BY_NAME, length=1 << 25))
    rest = (1 << 25) - 28
    while rest:
        rest -= peer.socket.send(bytes(min(rest, 1 << 20)))
    head, data = peer.reply()
    assert head[5] == 1 and struct.unpack(">I", data[:4])[0] == RPC
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_what_is_no_packet_ends_the_connection(server, peer):
    for length in (0, 27, (1 << 25) + 1, 0xffffffff):
        other = Peer(server.virt).open()
        other.send(packet(LOOKUP_BY_NAME, text("vm00"), length=length))
        with pytest.raises((EOFError, ConnectionResetError)):
            other.reply()
    # a reply that nobody has asked for
    other = Peer(server.virt).open()
    other.send(packet(1, kind=1))
    with pytest.raises((EOFError, ConnectionResetError)):
        other.reply()
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_nothing_before_the_connection_is_open(server):
    peer = Peer(server.virt)
    assert peer.call(LOOKUP_BY_NAME, text("vm00"))[0] == INVALID_CONNECTION
    peer.open()
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
    assert peer.call(CLOSE) is None
    assert peer.call(LOOKUP_BY_NAME, text("vm00"))[0] == INVALID_CONNECTION


def test_a_connection_that_is_not_opened_ends(server, peer):
    """Whatever it sends: nothing, half a packet, calls whose answers it does not read."""
    began = time.monotonic()
    silent, half, deaf, closed = (Peer(server.virt) for _ in range(4))
    half.send(packet(AUTH_LIST)[:20])
    deaf.socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            deaf.socket.send(packet(AUTH_LIST))
    closed.open()
    assert closed.call(CLOSE) is None
    for each in (silent, half, deaf, closed):
        wait_for(lambda each=each: hung_up(each), 15, "the connection's end")
    assert time.monotonic() - began > 8
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def hung_up(peer):
    poll = select.poll()
    poll.register(peer.socket, select.POLLHUP)
    return poll.poll(0)


def test_xml_of_lies(peer, fake):
    """Bombs, entities of files, and what is no XML: an error, and nothing is made."""
    name = "<domainsnapshot><name>%s</name></domainsnapshot>"
    lies = ['<!DOCTYPE a [<!ENTITY b "c">]>' + name % "&b;", '<!DOCTYPE a SYSTEM "file:///etc/passwd">' + name % "x",
            name % "&b;", name % "&#65;", name % "<![CDATA[x]]>", "<?a b?>" + name % "x", name % "x" + name % "y",
            (name % "x")[:-1], "<a>" * 9 + "</a>" * 9, "<a>" + "<b/>" * 600 + "</a>", name % ("x" * 1100),
            "<a>" + "<b>%s</b>" % ("x" * 1000) * 20 + "</a>", "", "x",
            "<domainsnapshot><name>x</domainsnapshot></name>", "<domainsnapshot name=x/>", "<" + "a" * 60000]
    for lie in lies:
        code, said = peer.call(185, domain(fake, "vm00") + text(lie) + bytes(4))
        assert code == XML and "cannot be read" in said, lie[:80]
    for nothing in ("<domainsnapshot/>", "<domain><name>x</name></domain>",
                    "<domainsnapshot><name>x</name><name>y</name></domainsnapshot>"):
        assert peer.call(185, domain(fake, "vm00") + text(nothing) + bytes(4))[0] in (XML, CONFIGURATION), nothing
    assert fake.vms["vm00"].snapshots == []
    good = '<?xml version="1.0"?>\n<!-- a --> <domainsnapshot>\n<name> a-1\t</name> <!-- <b> --></domainsnapshot>\n'
    assert peer.call(185, domain(fake, "vm00") + text(good) + bytes(4)) is None
    assert fake.vms["vm00"].snapshots == ["a-1"]


def test_keepalive(peer):
    peer.send(packet(1, program=KEEPALIVE, kind=2, serial=0))
    assert peer.reply() == ([KEEPALIVE, 1, 2, 2, 0, 0], b"")


def test_many_calls_at_once(peer):
    """More calls than may be under way wait for their turn; each is answered with its serial."""
    for serial in range(100):
        peer.send(packet(LIST_ALL, struct.pack(">iI", 1, 0), serial=serial))
    assert {peer.reply()[0][4] for _ in range(100)} == set(range(100))


def test_who_sends_half_a_packet_holds_up_nobody(server, peer):
    slow = [Peer(server.virt) for _ in range(5)]
    for each in slow:
        each.send(packet(LIST_ALL)[:20])
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
    for each in slow:
        each.socket.close()


def test_another_vm_of_the_same_name_is_not_meant(peer, fake):
    """A client that holds a VM of old gets no hold of one that has its name now."""
    uuid = bytes.fromhex(fake.vms["vm00"].uuid.replace("-", ""))
    assert peer.call(16, text("vm00") + uuid + struct.pack(">i", 1)) is None
    code, said = peer.call(12, text("vm00") + bytes(16) + struct.pack(">i", 1))
    assert code == NO_DOMAIN and "no domain with matching uuid" in said
    code, _ = peer.call(12, text("vm00/actions/kill") + uuid + struct.pack(">i", 1))
    assert code == NO_DOMAIN and fake.vms["vm00"].state == "running"


def open_console(peer, fake, name, flags=0, serial=9):
    return peer.call(OPEN_CONSOLE, domain(fake, name) + struct.pack(">II", 0, flags), serial=serial)


def read_stream(peer, until):
    """Reads packets of a stream until their bytes hold `until`, and returns the bytes."""
    got = b""
    while until not in got:
        head, data = peer.reply()
        assert head == [REMOTE, 1, OPEN_CONSOLE, 3, 9, 2], head
        assert data, "the stream's end"
        got += data
    return got


def test_a_console_is_a_stream(peer, server, fake):
    assert open_console(peer, fake, "vm00") is None
    read_stream(peer, b"login: ")
    peer.send(packet(OPEN_CONSOLE, b"hello\r", kind=3, serial=9, status=2))
    read_stream(peer, b"hello\r")
    # calls go on beside it, and packets of no stream are dropped
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
    peer.send(packet(OPEN_CONSOLE, b"for nobody", kind=3, serial=10, status=2))
    # one writes at a time; whoever means it takes the console away
    other = Peer(server.virt).open()
    assert open_console(other, fake, "vm00")[0] == BUSY
    assert open_console(other, fake, "vm00", flags=1) is None
    head, data = peer.reply()
    assert head == [REMOTE, 1, OPEN_CONSOLE, 3, 9, 2] and data == b"", "the end of the stream"
    # an end is confirmed, and the guest's console is free again
    other.send(packet(OPEN_CONSOLE, kind=3, serial=9))
    while (head := other.reply()[0])[5] == 2:
        pass
    assert head == [REMOTE, 1, OPEN_CONSOLE, 3, 9, 0]
    wait_for(lambda: not fake.streams)
    assert open_console(peer, fake, "vm00", flags=4)[0] == INVALID_ARGUMENT


def test_what_a_guest_does_not_read_ends_the_console_alone(peer, fake):
    fake.vms["vm00"].echo = False
    assert open_console(peer, fake, "vm00") is None
    read_stream(peer, b"login: ")
    with fake.lock:
        for stream in fake.streams.values():
            stream["input"] = 1 << 30
        fake.send, send = lambda value: "credit" in value or send(value), fake.send
    try:
        for _ in range(40):
            peer.send(packet(OPEN_CONSOLE, bytes(16384), kind=3, serial=9, status=2))
        head, data = peer.reply()
        assert head == [REMOTE, 1, OPEN_CONSOLE, 3, 9, 1] and b"does not read" in data
        assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
    finally:
        fake.send = send
        fake.vms["vm00"].echo = True


def test_events_go_to_who_has_asked(peer, server, fake):
    """Each entry has its number; one about a VM hears of that VM alone, and none hears when it is taken back."""
    def register(event, name=None):
        peer.send(packet(REGISTER, struct.pack(">iI", event, bool(name)) + (domain(fake, name) if name else b"")))
        head, data = peer.reply()
        assert head[5] == 0, data
        return struct.unpack(">i", data)[0]

    def heard():
        """(procedure, number of the entry, name) of the next event."""
        head, data = peer.reply()
        assert head[:2] == [REMOTE, 1] and head[3:] == [2, 0, 0], head
        number, count = struct.unpack(">iI", data[:8])
        return head[2], number, data[8:8 + count].decode()
    every, one, reboot = register(0), register(0, "vm01"), register(1)
    assert len({every, one, reboot}) == 3
    server.local("POST", "/v1/vms/vm02/actions/start")
    assert heard() == (318, every, "vm02")
    server.local("POST", "/v1/vms/vm02/actions/reset")
    assert heard() == (319, reboot, "vm02")
    server.local("POST", "/v1/vms/vm01/actions/start")
    assert {heard(), heard()} == {(318, every, "vm01"), (318, one, "vm01")}
    assert peer.call(DEREGISTER, struct.pack(">i", every)) is None
    assert peer.call(DEREGISTER, struct.pack(">i", every))[0] == INVALID_ARGUMENT
    server.local("POST", "/v1/vms/vm02/actions/kill")
    server.local("POST", "/v1/vms/vm01/actions/kill")
    assert heard() == (318, one, "vm01")
    for number in (one, reboot):
        assert peer.call(DEREGISTER, struct.pack(">i", number)) is None
    server.local("POST", "/v1/vms/vm01/actions/start")
    assert peer.call(LOOKUP_BY_NAME, text("vm01")) is None
    assert peer.call(REGISTER, struct.pack(">iI", 2, 0))[0] == NO_SUPPORT


def test_a_reader_that_stands_still_loses_the_connection_and_nobody_else(peer, server, fake):
    """It cannot be told which events it has missed otherwise, and costs a bounded memory."""
    assert peer.call(REGISTER, struct.pack(">iI", 0, 0)) is None
    other = Peer(server.virt).open()
    for _ in range(40):
        with fake.lock:
            for _ in range(1000):
                fake.event("paused", fake.vms["vm00"], "x" * 200)
        assert other.call(LOOKUP_BY_NAME, text("vm00")) is None
    with pytest.raises((EOFError, ConnectionResetError)):
        while True:
            peer.reply()


def test_patience(pair, tmp_path):
    """A client that asks for more than the rate is slowed down, and not refused."""
    path = str(tmp_path / "virt.sock")
    _, server = pair("--libvirt", path, "--rate", "10")
    server.start()
    peer = Peer(path).open()
    for _ in range(40):
        assert peer.call(LIST_ALL, struct.pack(">iI", 1, 0)) is None
    server.stop()


def test_door_has_no_authority(server):
    """It is a process of its own, under a filter of its own, and is started again."""
    wait_for(lambda: set(server.children()) == {"skerryd-web", "skerryd-door"})
    pids = server.children()

    def status(pid, key):
        return int(re.search(rf"^{key}:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])
    assert status(pids["skerryd-door"], "Seccomp_filters") == status(server.process.pid, "Seccomp_filters") + 1
    os.kill(pids["skerryd-door"], signal.SIGKILL)
    wait_for(lambda: server.children().get("skerryd-door") not in (None, pids["skerryd-door"]))
    assert server.children()["skerryd-web"] == pids["skerryd-web"]
    wait_for(lambda: server.health()["ready"])
    peer = Peer(server.virt).open()
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_read_only_is_not_the_client_s_promise_alone(server, fake):
    peer = Peer(server.virt)
    assert peer.call(OPEN, struct.pack(">II", 0, 1)) is None
    code, said = peer.call(12, domain(fake, "vm00"))
    assert code == DENIED and "the connection is read-only" in said
    assert fake.vms["vm00"].state == "running"
    assert peer.call(16, domain(fake, "vm00")) is None


def test_what_is_no_text_goes_into_no_command(peer, fake):
    """It would vanish from the command, which would mean something else."""
    done = len(fake.commands)
    name = struct.pack(">I", 2) + b"\xff\xfe\0\0"
    _, said = peer.call(192, name + domain(fake, "vm00") + bytes(4))
    assert "not UTF-8" in said, said
    assert not [words for words, _ in fake.commands[done:] if "reset" in words]


def unread(peer):
    """How much of what this client has sent is not yet read (SIOCOUTQ)."""
    return struct.unpack("i", fcntl.ioctl(peer.socket, 0x5411, bytes(4)))[0]


def stop_process(pid):
    """Stops a process, and waits until it has: the signal alone lets it go on for a moment."""
    os.kill(pid, signal.SIGSTOP)
    wait_for(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")


def shut_socket_to_core(pid):
    """Ends the socket on which a process speaks with core, as the process itself can."""
    pidfd = os.pidfd_open(pid)
    try:
        for number in map(int, os.listdir(f"/proc/{pid}/fd")):
            if os.readlink(f"/proc/{pid}/fd/{number}").startswith("socket:"):
                found = ctypes.CDLL(None).syscall(438, pidfd, number, 0)    # pidfd_getfd
                assert found >= 0, "no descriptor of another process can be had here"
                with socket.socket(fileno=found) as its:
                    if its.type == socket.SOCK_SEQPACKET:
                        its.shutdown(socket.SHUT_RDWR)
                        return      # core may end the process at once
        raise AssertionError("it has no such socket")
    finally:
        os.close(pidfd)


def test_a_door_that_closes_its_socket_and_lives_on_is_replaced(server):
    """Core has much to tell it at that time, and so learns of the end when it writes."""
    wait_for(lambda: "skerryd-door" in server.children())
    door = server.children()["skerryd-door"]
    peers = [Peer(server.virt).open() for _ in range(50)]
    stop_process(server.process.pid)
    try:
        for each in peers:
            each.send(5 * packet(LIST_ALL, struct.pack(">iI", 1, 0)))
        wait_for(lambda: not any(unread(each) for each in peers), what="door to read the calls")
        time.sleep(0.2)     # and to ask core for what they want
        stop_process(door)
    finally:
        os.kill(server.process.pid, signal.SIGCONT)
    server.local("GET", "/v1/me")
    shut_socket_to_core(door)
    wait_for(lambda: server.children().get("skerryd-door") not in (None, door))
    for each in peers:
        each.socket.close()
    assert Peer(server.virt).open().call(LOOKUP_BY_NAME, text("vm00")) is None


HOLD = """
import os, socket, sys
held = []
os.setuid(int(sys.argv[2]))
for _ in range(8):
    held.append(socket.socket(socket.AF_UNIX))
    held[-1].connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def crowd(server):
    """Users without an account here, who hold as many connections as they get, and say nothing."""
    if os.getuid():
        pytest.skip("only root can be another user")
    held = [subprocess.Popen([sys.executable, "-c", HOLD, server.virt, str(uid)], stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True) for uid in range(70001, 70009)]
    for each in held:
        assert each.stdout.readline() == "held\n"
    yield
    for each in held:
        each.communicate("")


def test_who_may_do_nothing_leaves_room(server, crowd):
    """64 connections of eight users: root still gets in, on both sockets."""
    peer = Peer(server.virt).open()
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
    assert server.local("GET", "/v1/me").status == 200
