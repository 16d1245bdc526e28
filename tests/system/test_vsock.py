# SPDX-License-Identifier: MIT
"""
Sockets of guests (vsock = yes): a machine channel's client talks to programs in guests, both ways,
on both vendors, over snapshots and clones. The guest is tests/guest/vsock.c, or Debian's Linux.
"""
import re

import pytest

import bundle
from channel_v2 import Client
from machine import Bochs, Qemu, wait_for

GUEST = "kernel = vsock.bin\nmemory = 16M\nvsock = yes\n"
CONF = ("[channel com2]\nrights = view operate console configure host guest\n"
        f"[vm alpha]\n{GUEST}autostart = no\n[vm caller]\n{GUEST}autostart = no\ncmdline = calls\n"
        "[vm plain]\nkernel = spin.bin\nmemory = 16M\nautostart = no\n")
PORT = 9
PATTERN = bytes((i * 7 + i // 256) % 256 for i in range(1 << 16))


@pytest.fixture(scope="module", params=["qemu", "bochs"])
def machine(request, build, tmp_path_factory):
    files = bundle.make(tmp_path_factory.mktemp("vsock") / "vsock.cpio", CONF,
                        bundle.tiny(build, "vsock", "spin"))
    with {"qemu": Qemu, "bochs": Bochs}[request.param](build, bundle=files, channel=True) as made:
        made.wait_prompt()
        made.client = Client.over(made.channel)
        made.client.hello()
        yield made


def printed(client, name, what):
    """Waits until the guest has printed that."""
    stream = client.stream_open(name)
    stream.refill = True
    client.give(stream, 65536)
    match = client.wait(lambda: re.search(what, stream.data.decode("latin-1")))
    client.result("stream close", str(stream.number))
    assert "FAIL" not in stream.data.decode("latin-1"), stream.data
    return match


def begin(client, name):
    client.result("vm create", name)
    client.result("vm start", name)
    printed(client, name, "PASS serves")


def end(client, name):
    client.result("vm destroy", name)


def connect(client, name, port=PORT):
    stream = client.streams[client.result("vsock connect", name, str(port))[0]["stream"]]
    stream.refill = True
    client.give(stream, 65536)
    return stream


def echo(client, stream, data):
    first = len(stream.data)
    client.write(stream, data)
    client.wait(lambda: len(stream.data) - first >= len(data) or stream.closed)
    assert bytes(stream.data[first:]) == data, (len(stream.data) - first, stream.closed)


def test_talk(machine):
    """Bytes both ways over rings and credit, an end from here, and what is refused."""
    client = machine.client
    begin(client, "alpha")
    rows = {row["name"]: row for row in client.result("vm list")}
    cid = int(printed(client, "alpha", r"CID (\w+)").group(1), 16)
    assert rows["alpha"]["vsock_cid"] == cid >= 3
    stream = connect(client, "alpha")
    echo(client, stream, b"hello")
    echo(client, stream, PATTERN[:20000])
    client.post({"stream": stream.number, "end": 20005})
    client.wait(lambda: stream.closed)
    assert (stream.end, stream.closed) == (20005, "done")
    assert client.code("vsock connect", "alpha", "10") == "not-found"
    assert client.code("vsock connect", "nobody", "9") == "not-found"
    assert client.code("vsock connect", "alpha", "0") == "bad-argument"
    assert client.code("vsock connect", "alpha", "4294967296") == "bad-argument"
    client.result("vm create", "plain")
    assert client.code("vsock connect", "plain", "9") == "not-found"
    end(client, "plain")
    end(client, "alpha")


def test_many(machine):
    """As many connections as a VM has room for, each with bytes of its own."""
    client = machine.client
    begin(client, "alpha")
    streams = [connect(client, "alpha") for _ in range(64)]
    for number, stream in enumerate(streams):
        client.write(stream, b"%d" % number * 10)
    for number, stream in enumerate(streams):
        client.wait(lambda s=stream, n=number: len(s.data) == len(b"%d" % n) * 10)
        assert bytes(stream.data) == b"%d" % number * 10
    assert client.code("vsock connect", "alpha", "9") == "busy"
    client.result("stream close", str(streams[7].number))
    wait_for(lambda: client.ask("vsock connect", "alpha", "9")["status"] == "ok", 60)
    client.hello()   # another client: all are gone, and the guest hears of it
    wait_for(lambda: client.ask("vsock connect", "alpha", "9")["status"] == "ok", 60)
    client.hello()
    end(client, "alpha")


def test_call(machine):
    """The guest connects to where somebody listens, and lies about its credit."""
    client = machine.client
    client.result("vm create", "caller")
    listener = client.result("vsock listen", "caller", "5000")[0]["stream"]
    assert client.code("vsock listen", "caller", "5000") == "busy"
    client.result("vm start", "caller")
    client.wait(lambda: client.accepted)
    first = client.streams[client.accepted[0]["accepted"]]
    assert client.accepted[0]["listener"] == listener and client.accepted[0]["port"] == 50
    client.give(first, 65536)
    client.wait(lambda: bytes(first.data) == b"hello")
    client.write(first, b"yes")
    client.wait(lambda: first.closed)
    assert (first.end, first.closed) == (5, "done")
    client.wait(lambda: len(client.accepted) == 2)
    second = client.streams[client.accepted[1]["accepted"]]
    client.wait(lambda: second.closed)
    assert second.closed == "reset"
    printed(client, "caller", "PASS liar-end")
    end(client, "caller")
    client.wait(lambda: client.streams[listener].closed == "destroyed")


def test_life(machine):
    """A pause keeps connections; a reset, a snapshot's clone, a way back and a renewal end them."""
    client = machine.client
    begin(client, "alpha")
    stream = connect(client, "alpha")
    echo(client, stream, PATTERN[:3000])
    client.result("vm pause", "alpha")
    client.write(stream, b"over a pause")
    client.result("vm resume", "alpha")
    client.wait(lambda: bytes(stream.data[3000:]) == b"over a pause")
    # bytes that the guest has not taken go with a snapshot, and into no clone
    client.result("vm pause", "alpha")
    client.write(stream, b"pending")
    client.result("vm snapshot", "alpha", "one")
    client.result("vm resume", "alpha")
    client.wait(lambda: bytes(stream.data[3012:]) == b"pending")
    assert stream.closed is None
    client.result("vm clone", "alpha@one", "twin")
    printed(client, "twin", "RESET 0x1\r?\n")
    cids = {row["name"]: row["vsock_cid"] for row in client.result("vm list")}
    assert int(printed(client, "twin", r"RESET 0x1\r?\nCID (\w+)").group(1), 16) == cids["twin"]
    assert cids["twin"] != cids["alpha"]
    twin = connect(client, "twin")
    echo(client, twin, PATTERN[:10000])
    echo(client, stream, b"the source goes on")
    client.result("vm reset", "alpha", "--to", "one")
    client.wait(lambda: stream.closed == "reset")
    stream = connect(client, "alpha")
    echo(client, stream, PATTERN[:9000])
    client.result("vm destroy", "twin")
    client.wait(lambda: twin.closed)
    client.result("vm snapshot drop", "alpha", "one")
    client.result("vm renew", "alpha")
    client.wait(lambda: stream.closed == "reset")
    stream = connect(client, "alpha")
    echo(client, stream, PATTERN[:9000])
    client.result("vm reset", "alpha")
    client.wait(lambda: stream.closed == "reset")
    end(client, "alpha")
