# SPDX-License-Identifier: MIT
"""What volumes hold, through streams of the machine channel: written, read and digested."""
import hashlib
import os
import random

import pytest

import bundle
import ring_3
from channel_v2 import Client, Failed
from machine import Qemu, wait_for
from test_save import boot as boot_with

CONF = """[channel com2]
rights = view operate configure {right}
[disk raw]
controller = nvme0 ide0.0
[store pool]
disk = raw
[vm tiny]
kernel = hlt.bin
memory = 16M
autostart = no
disk = pool/one
"""


def boot(build, tmp_path, emulator=Qemu, right="content"):
    image = tmp_path / "store.img"
    image.write_bytes(b"")
    os.truncate(image, 32 << 20)
    files = bundle.make(tmp_path / "content.cpio", CONF.format(right=right), bundle.tiny(build, "hlt"))
    return boot_with(build, files, image, emulator, channel=True)


def begin(machine):
    """A store with a volume of 2 MiB; a client is there."""
    machine.wait_prompt()
    assert "done" in machine.command("store format pool")
    machine.command("volume create pool/one 2M")
    return Client.over(machine.channel)


def open_stream(client, command, *words):
    reply = client.ask(command, *words, order="any")
    if reply["status"] == "error":
        raise Failed(reply["error"])
    return client.streams[reply["result"][0]["stream"]]


def send(client, stream, data, limit=60):
    while data and stream.closed is None:
        client.wait(lambda: stream.credit > 0 or stream.closed, limit)
        if stream.closed is None:
            data = client.send_piece(stream, data)


def write(client, data, *words, limit=60):
    stream = open_stream(client, "volume write", "pool/one", f"bytes={len(data)}", *words)
    send(client, stream, data)
    client.post({"stream": stream.number, "end": stream.next})
    client.done(stream, limit)


def read(client, *words, limit=60):
    stream = open_stream(client, "volume read", "pool/one", *words)
    stream.refill = True
    client.give(stream, 65536)
    client.wait(lambda: stream.end is not None or stream.closed, limit)
    if stream.closed is None:
        client.post({"stream": stream.number, "end": stream.end})
    client.done(stream, limit)
    return bytes(stream.data)


def digest(client, *words):
    return client.result("volume digest", "pool/one", *words)[0]["sha256"]


def error(client, command, *words):
    return client.ask(command, *words)["error"]


def fails(way, *words, **keys):
    with pytest.raises(Failed) as failure:
        way(*words, **keys)
    return str(failure.value)


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_there_and_back(build, tmp_path, emulator):
    """Bytes come back as they were; what was not written reads as zeros; digests are those of the bytes."""
    data = random.Random(1).randbytes(200001 if emulator is Qemu else 70001)
    with boot(build, tmp_path, emulator) as machine:
        client = begin(machine)
        assert digest(client) == hashlib.sha256(bytes(2 << 20)).hexdigest()
        write(client, data, limit=300)
        assert read(client, f"bytes={len(data) + 512}", limit=300) == data + bytes(512)
        for count in (0, 1, 63, 64, 65, 65535, 65536, 65537, len(data)):
            assert digest(client, f"bytes={count}") == hashlib.sha256(data[:count]).hexdigest(), count
        write(client, data[:5000], "from=8192", limit=300)
        both = data[:8192] + data[:5000] + bytes(-5000 % 512)
        assert read(client, f"bytes={len(both)}", limit=300) == both
        assert digest(client, "from=8192", "bytes=5000") == hashlib.sha256(data[:5000]).hexdigest()
        client.result("volume snapshot", "pool/one", "kept")
        assert [row["users"] for row in client.result("volume list")] == ["", ""]


def test_bad_input(build, tmp_path):
    """A sentence for each; the volume can be used again at once, and the channel goes on."""
    with boot(build, tmp_path) as machine:
        client = begin(machine)
        for words, said in ((("bytes=3M",), "do not fit"), (("from=2M", "bytes=1"), "do not fit"), (("from=3M",), "from"),
                            (("from=1", "bytes=1"), "multiple of 4096"), (("bytes=x",), "not valid"), (("at=4096",), "not valid"),
                            (("bytes=-1",), "not valid"), (("from=18446744073709547520", "bytes=1"), "from")):
            for command in ("volume write", "volume read", "volume digest"):
                assert said in error(client, command, "pool/one", *words), (command, words)
        assert "no volume" in error(client, "volume write", "pool/none")
        assert "no store" in error(client, "volume read", "none/one")
        # Fewer bytes than announced, more, a lie about the end, a gap, no base 64, and a client that gives up.
        stream = open_stream(client, "volume write", "pool/one", "bytes=10000")
        send(client, stream, bytes(5000))
        client.post({"stream": stream.number, "end": 5000})
        assert "after 5000 bytes, but 10000" in fails(client.done, stream)
        stream = open_stream(client, "volume write", "pool/one", "bytes=5000")
        send(client, stream, bytes(5001))
        assert "more than the 5000 bytes" in fails(client.done, stream)
        for line, said in (({"end": 70000}, "the end is said to be at 70000"), ({"at": 7, "data": "AAAA"}, "belongs at"),
                           ({"at": 5000, "data": "?"}, "no base 64"), ({"refused": "no space"}, "no space")):
            stream = open_stream(client, "volume write", "pool/one", "bytes=10000")
            send(client, stream, bytes(5000))
            client.post({"stream": stream.number} | line)
            assert said in fails(client.done, stream), line
        # One writer: who reads or writes keeps the others out, and so does a VM.
        stream = open_stream(client, "volume write", "pool/one", "bytes=10000")
        for command in ("volume write", "volume read", "volume digest"):
            assert "volume write uses it" in error(client, command, "pool/one"), command
        assert "uses it" in machine.command("volume drop pool/one")
        client.post({"stream": stream.number, "refused": "enough"})
        assert "enough" in fails(client.done, stream)
        assert "uses it" not in machine.command("volume rename pool/one two")
        machine.command("volume rename pool/two one")
        machine.command("vm create tiny")
        machine.command("vm start tiny")
        for command in ("volume write", "volume read", "volume digest"):
            assert "tiny uses it" in error(client, command, "pool/one"), command
        client.result("volume snapshot", "pool/one", "kept")
        assert "read-only" in error(client, "volume write", "pool/kept")
        assert client.result("volume digest", "pool/kept", "bytes=4096")[0]["sha256"] == hashlib.sha256(bytes(4096)).hexdigest()
        machine.command("vm kill tiny")
        # At most four at a time, and a channel that starts anew ends them all.
        for name in "abcde":
            client.result("volume create", f"pool/{name}", "64K")
        streams = [open_stream(client, "volume write", f"pool/{name}") for name in "abcd"]
        assert "4 volumes" in error(client, "volume write", "pool/e")
        again = Client.over(machine.channel)
        again.hello()
        wait_for(lambda: all(row["users"] == "" for row in again.result("volume list")))
        assert len(streams) == 4 and again.result("audit")[0]["findings"] == 0


def test_the_right(build, tmp_path):
    with boot(build, tmp_path, right="") as machine:
        client = begin(machine)
        for command in ("volume write", "volume read", "volume digest"):
            assert client.ask(command, "pool/one")["code"] == "no-right", command
        assert "sha256" in machine.command("volume digest pool/one -j")
        assert "needs a machine channel" in machine.command("volume read pool/one")
        machine.good("volume create pool/two 4M")
        machine.good("vm create tiny")
        # with disks as places both need no more than `operate` and `configure`
        assert client.code("vm backup", "tiny", "full", "pool/one=raw") == "bad-state"
        for words in (("vm backup", "tiny", "full", "pool/one=pool/two"), ("disk restore", "pool/two", "pool/one")):
            assert client.code(*words) == "no-right", words


def test_the_driver_ends(build, tmp_path):
    """A write goes on over the end of the disk's driver, and what is answered is there."""
    data = random.Random(2).randbytes(400000)
    with boot(build, tmp_path) as machine:
        client = begin(machine)
        stream = open_stream(client, "volume write", "pool/one", f"bytes={len(data)}")
        send(client, stream, data[:200000])
        machine.command("driver restart nvme0")
        send(client, stream, data[200000:])
        client.post({"stream": stream.number, "end": stream.next})
        client.done(stream, 60)
        assert digest(client, f"bytes={len(data)}") == hashlib.sha256(data).hexdigest()
