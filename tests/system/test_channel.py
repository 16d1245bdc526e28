# SPDX-License-Identifier: MIT
"""The machine channel on COM2: a program drives VMs while a person uses the console on COM1."""
import json
import re
import socket

import pytest

import bundle
import ring_3
from channel import Channel
from machine import Qemu
from ports import free_port

CONF = """[host]
{host}
[vm tiny]
kernel = spin.bin
memory = 16M
autostart = no
"""


def make_bundle(build, tmp_path, host=""):
    return bundle.make(tmp_path / "channel.cpio", CONF.format(host=host),
                       bundle.tiny(build, "spin", "cpuid"))


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_life(build, tmp_path, emulator):
    """A VM goes through its whole life cycle on COM2, with somebody typing on COM1."""
    with emulator(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        channel = machine.channel
        assert channel.result("vm list") == []
        before = machine.free_pages()
        machine.type("vm li") # a line that is being edited
        assert channel.result("vm create tiny")[0]["state"] == "created"
        channel.event("created", "tiny")
        assert channel.result("vm start tiny")[0] == {"name": "tiny", "state": "running",
                                                      "reason": ""}
        started = channel.event("started", "tiny")
        machine.type("st\r")
        machine.wait(r"tiny +running")
        machine.wait_prompt()
        assert channel.result("vm pause tiny")[0]["state"] == "paused"
        assert channel.event("paused", "tiny")["time_ns"] >= started["time_ns"]
        assert machine.vm("tiny")["state"] == "paused"
        # An action on one of the two consoles is seen on the other.
        machine.command("vm resume tiny")
        channel.event("resumed", "tiny")
        assert "only a paused VM" in channel.error("vm resume tiny")
        assert channel.result("vm reset tiny")[0]["state"] == "running"
        channel.event("reset", "tiny")
        assert channel.result("vm set tiny weight=77")[0]["weight"] == "77"
        assert channel.result("vm list")[0]["weight"] == 77
        assert channel.result("vm create other kernel=cpuid.bin memory=16M")[0]["state"] == "created"
        channel.result("vm start other")
        stopped = channel.event("stopped", "other")
        assert stopped["reason"] == "debug exit 16" and stopped["time_ns"] > 0
        channel.result("vm destroy other")
        channel.event("destroyed", "other")
        assert channel.result("vm destroy tiny")[0]["state"] == "destroyed"
        channel.event("destroyed", "tiny")
        assert channel.result("vm list") == []
        machine.wait_free(before)
        assert not channel.log
        channel.send(b'{"id":"end","command":"poweroff now"}\n')
        assert channel.reply() == {"id": "end", "status": "ok", "result": []}
        assert machine.ended()


def test_destroy(build, tmp_path):
    """
    A VM is destroyed from the other console: while attached, while being made, twice at once.
    No page is lost.
    """
    with Qemu(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        channel = machine.channel
        before = machine.free_pages()
        channel.result("vm create tiny")
        channel.result("vm start tiny")
        machine.attach("tiny")
        channel.result("vm destroy tiny")
        machine.wait(r"\[the VM is gone\]")
        machine.wait_prompt()
        assert channel.event("destroyed", "tiny")["reason"] == "`vm destroy`"
        for _ in range(10):
            machine.type("vm create tiny vcpus=8\r")
            reply = channel.ask("vm destroy tiny")
            assert reply["status"] == "ok" or "does not exist" in reply["error"]
            out = machine.wait_prompt()
            assert "tiny: created" in out or "destroyed meanwhile" in out
            machine.type("vm start tiny\rvm destroy tiny\r")
            reply = channel.ask("vm destroy tiny")
            assert reply["status"] == "ok" or "does not exist" in reply["error"] \
                or "being destroyed" in reply["error"]
            machine.wait_prompt()
            machine.wait_prompt()
        assert machine.objects("vm list") == []
        machine.wait_free(before)


def test_on_crash(build, tmp_path):
    """A guest that cannot run is held, restarted until it has crashed five times, or destroyed."""
    with Qemu(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        channel = machine.channel
        before = machine.free_pages()
        for policy, count in (("hold", 1), ("restart", 5), ("destroy", 1)):
            channel.events.clear()
            channel.result(f"vm create bad kernel=skerry.conf memory=16M on_crash={policy}")
            channel.ask("vm start bad")
            for _ in range(count):
                assert "kernel file" in channel.event("crashed", "bad")["reason"]
            if policy == "destroy":
                assert channel.event("destroyed", "bad")["reason"] == "on_crash = destroy"
                continue
            assert channel.result("vm list")[0]["state"] == "crashed"
            held = [line for line in channel.result("log show -v bad") if "not restarted" in line["text"]]
            assert bool(held) == (policy == "restart")
            channel.result("vm destroy bad")
            assert not [event for event in channel.events if event["event"] == "crashed"]
        assert channel.result("vm list") == []
        machine.wait_free(before)


def check_same(channel, machine, command):
    """The channel's objects have the same fields as those of -j on the console."""
    there = channel.result(command)
    here = machine.objects(command)
    assert [sorted(one) for one in there] == [sorted(one) for one in here], command
    return there


# A refusal of a line says what would be right in its place.
REFUSED = "^there should be .* here, not |; use at most |; "
BAD = (
    (b"vm list", 0), (b"\x00\x01\xff", 0), (b"[" * 10000, None), (b'{"a":' * 1000, None),
    (b'{"id":NaN,"command":"vm list"}', 6), (b'{"id":1,"id":2,"command":"vm list"}', 8),
    (b'{"id":1,"command":"\\ud800"}', 19), (b'{"id":1,"command":"\xff"}', 19),
    (b'{"id":1,"command":"vm list"', 27), (b'{"id":1}', 8), (b"x" * 100000, None),
)


def test_requests(build, tmp_path):
    """Ids of all kinds, malformed lines, unknown commands, many requests at once."""
    with Qemu(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        channel = machine.channel
        for value in (0, -1.5, 10 ** 30, "", "\u00fc \U0001f600 \" \\ \n", True, False, None):
            channel.send(json.dumps({"command": "version", "id": value}).encode() + b"\r\n\n")
            reply = channel.reply()
            assert reply["id"] == value and reply["result"][0]["name"] == "Skerry", reply
        for line, position in BAD:
            channel.send(line + b"\n")
            reply = channel.reply()
            assert reply["status"] == "error" and re.search(REFUSED, reply["error"]), reply
            assert isinstance(reply["position"], int)
            assert position is None or reply["position"] == position, reply
        for command in ("cpu", "mem", "log stat", "log level", "help", "config show", "version"):
            assert check_same(channel, machine, command)
        assert "needs a terminal" in channel.error("vm console tiny")
        assert "unknown command" in channel.error("frobnicate")
        assert channel.result("") == []
        assert any("vm create" in line for line in channel.result("help vm create"))
        assert any(line["text"] == "kernel ready" for line in channel.result("log show"))
        # Requests sent ahead are answered in order, and none is lost.
        channel.send(b"".join(b'{"id":%d,"command":"help"}\n' % i for i in range(500)))
        assert [channel.reply()["id"] for _ in range(500)] == list(range(500))


def narrow_link(port):
    """A connection that takes some 100 KiB ahead of its reader, not megabytes."""
    link = socket.socket()
    link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    link.connect(("127.0.0.1", port))
    return link


def test_slow_reader(build, tmp_path):
    """A client that does not read loses log lines and is told how many; no reply is lost, and the
    console does not wait."""
    made = make_bundle(build, tmp_path, "log.segments = 2\nlog.segment_size = 4K")
    port = free_port()
    com2 = ("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off")
    with Qemu(build, bundle=made, extra=com2) as machine:
        machine.wait_prompt()
        channel = machine.channel = Channel(narrow_link(port), machine.limit)
        channel.result("log export com2")
        channel.send(b"".join(b'{"id":%d,"command":"help"}\n' % i for i in range(100)))
        for _ in range(200): # more lines than two segments hold
            machine.command("vm create x kernel=none")
        assert machine.command("vm create tiny").startswith("tiny: created")
        assert [channel.reply()["id"] for _ in range(100)] == list(range(100))
        channel.event("created", "tiny")
        channel.wait(lambda: any(line.get("vm") == "tiny" for line in channel.log))
        # Each line has the number after that of the line before, but for lines reported as lost.
        number, lost = 0, 0
        for line in channel.log:
            if "lost" in line:
                number += line["lost"]
                lost += line["lost"]
                continue
            number += 1
            assert {"time_ns", "level", "text"} <= set(line) and line["sequence"] == number, line
        assert lost > 0
