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
    """Bytes go both ways over rings and credit, one end comes from here, and refusals are right."""
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


def hasty(client, name):
    """Eight calls at once, right behind a reset of all connections. Returns those that were made; each carries bytes."""
    numbers = [client.request("vsock connect", name, str(PORT), order="any") for _ in range(8)]
    made = []
    for number in numbers:
        reply = client.reply_to(number)
        assert reply["status"] == "ok" or reply["code"] in ("not-found", "failed"), reply
        if reply["status"] == "ok":
            made.append(client.streams[reply["result"][0]["stream"]])
    for stream in made:
        stream.refill = True
        client.give(stream, 65536)
        echo(client, stream, b"%d" % stream.number * 20)
        client.result("stream close", str(stream.number))
    return made


def test_rounds(machine):
    """
    Five times a state is kept with bytes under way in both directions and a call that is not answered yet, and
    loaded: each time old connections are reset, and those called at once, and from the guest, work.
    """
    client = machine.client
    begin(client, "alpha")
    for turn in range(5):
        stream = connect(client, "alpha")
        client.write(stream, PATTERN[:3000])
        late = client.request("vsock connect", "alpha", str(PORT), order="any")
        client.result("vm pause", "alpha")
        client.result("vm snapshot", "alpha", f"s{turn}")
        client.result("vm resume", "alpha")
        # the source goes on: what was under way arrives, and the call is answered
        client.wait(lambda s=stream: len(s.data) == 3000 or s.closed)
        assert bytes(stream.data) == PATTERN[:3000] and stream.closed is None
        called = client.streams[client.reply_to(late)["result"][0]["stream"]]
        called.refill = True
        client.give(called, 65536)
        echo(client, called, b"answered behind the pause")
        client.result("vm reset", "alpha", "--to", f"s{turn}")
        client.wait(lambda s=stream, c=called: s.closed == c.closed == "reset")
        assert len(hasty(client, "alpha")) == 8
        client.result("vm clone", f"alpha@s{turn}", "twin")
        printed(client, "twin", rf"RESET 0x{turn + 1:x}\r?\n")
        assert len(hasty(client, "twin")) == 8
        client.result("vm destroy", "twin")
        client.result("vm snapshot drop", "alpha", f"s{turn}")
    end(client, "alpha")


def state_of(machine, name):
    """The digest of a VM's RAM, and its state field by field, without what is a time."""
    rows = machine.objects(f"vm inspect {name}")
    fields = {row["path"]: row.get("value", row.get("hex")) for row in rows
              if not row["path"].startswith(("wall.", "rtc.")) and not row["path"].endswith(("_tsc", "_tick"))}
    return machine.client.result("vm digest", name)[0]["ram"], fields


def test_digest(machine):
    """
    A paused VM with a connection is what it was when another monitor has loaded its state, but for one thing: it
    owes its guest the event of a reset. That is owed once, however often the state is loaded.
    """
    client = machine.client
    begin(client, "alpha")
    stream = connect(client, "alpha")
    echo(client, stream, PATTERN[:3000])
    client.result("vm pause", "alpha")
    states = [state_of(machine, "alpha")]
    for _ in range(2):
        client.result("vm renew", "alpha")
        states.append(state_of(machine, "alpha"))
    assert len({ram for ram, _ in states}) == 1
    first, second, third = (fields for _, fields in states)
    assert len(first) > 1000 and {path for path in first if first[path] != second[path]} == {"virtio_vsock.0.reset_owed"}
    assert second == third
    client.result("vm resume", "alpha")
    printed(client, "alpha", r"RESET 0x1\r?\n")
    echo(client, connect(client, "alpha"), PATTERN[:3000])
    end(client, "alpha")


def test_pauses(machine):
    """Twenty pauses with bytes under way in both directions lose and double none of them, and end nothing."""
    client = machine.client
    begin(client, "alpha")
    streams = [connect(client, "alpha") for _ in range(4)]
    for turn in range(20):
        for stream in streams:
            client.write(stream, PATTERN[turn * 700:turn * 700 + 700])
        client.result("vm pause", "alpha")
        for stream in streams:
            client.write(stream, b"paused %02d" % turn)
        client.result("vm resume", "alpha")
    wanted = b"".join(PATTERN[turn * 700:turn * 700 + 700] + b"paused %02d" % turn for turn in range(20))
    for stream in streams:
        client.wait(lambda s=stream: len(s.data) >= len(wanted) or s.closed)
        assert bytes(stream.data) == wanted and stream.closed is None
    end(client, "alpha")


def test_many(machine):
    """A VM has as many connections as it has room for, each with bytes of its own."""
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
    wait_for(lambda: client.ask("vsock connect", "alpha", "9")["status"] == "ok")
    client.hello()   # another client has come: all connections are gone, and the guest hears of it
    wait_for(lambda: client.ask("vsock connect", "alpha", "9")["status"] == "ok")
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
