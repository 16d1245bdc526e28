# SPDX-License-Identifier: MIT
"""`vm save NAME store=channel`: a VM that a client of the machine channel keeps."""
import pytest

import bundle
import ring_3
from channel_v2 import Client, Failed
from machine import Bochs, Qemu, wait_for
from test_save import KEY, check_goes_on, counts_of, last_of, owned
from test_save import boot as boot_with

CONF = """{host}[channel com2]
rights = {rights}
[disk own]
controller = nvme0 ide0.0
[vm count]
kernel = counter.bin
memory = 16M
autostart = {start}
disk = own
"""
DISK_BYTES = 256 << 10


def boot(build, tmp_path, emulator=Qemu, start="yes", key=KEY, rights="view operate console configure host"):
    files = bundle.make(tmp_path / f"{start}.cpio",
                        CONF.format(start=start, rights=rights,
                                    host=f"[host]\nstate_key = {key}\n" if key else ""),
                        bundle.tiny(build, "counter"))
    image = tmp_path / "disk.img"
    if not image.exists():
        image.write_bytes(bytes(DISK_BYTES))
    return boot_with(build, files, image, emulator, channel=True)


def write_at_end(tmp_path, byte):
    """Writes to the end of the guest's disk, while the machine runs."""
    with open(tmp_path / "disk.img", "r+b") as disk:
        disk.seek(DISK_BYTES - 1)
        disk.write(byte)


def begin(machine, count=3):
    """The guest counts; a client is there."""
    machine.wait_prompt()
    machine.attach("count")
    machine.wait(rf"COUNT 0x{count:x}\s")
    machine.leave()
    return Client.over(machine.channel)


def fails(client, way, path, **keys):
    with pytest.raises(Failed) as failure:
        way(client, "count", path, **keys)
    return str(failure.value)


def type_key(machine, client):
    """
    Types the key, which is possible only at the console, unseen there and in the log; `lock`
    forgets the key.
    """
    assert "state key" in fails(client, Client.restore, "/dev/null")
    assert client.ask("state key")["status"] == "error"
    for line, answer in (("state key", "the key is taken"), ("lock", "no password is set"),
                         ("state key", "the key is taken")):
        machine.type(line + "\r")
        if line == "state key":
            machine.wait("state key: ")
            machine.type("12" * 31 + "\r")
            machine.wait("type 64 hex digits")
            machine.type(KEY + "\r")
        machine.wait(answer)
        machine.wait_prompt()
        if line == "lock":
            assert "state key" in fails(client, Client.restore, "/dev/null")
    machine.type("\x1b[A\x1b[A\r")  # the history has commands alone
    machine.wait("no password is set")
    machine.wait_prompt()
    machine.type("state key\r")
    machine.wait("state key: ")
    machine.type(KEY + "\r")
    machine.wait_prompt()
    assert KEY not in str(client.result("log show")) and KEY not in machine.transcript()


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_over_a_boot(build, tmp_path, emulator):
    """
    The guest goes on in another machine, beside its disk, unless somebody has written there; what
    the store has is sealed.
    """
    path = tmp_path / "count.save"
    with boot(build, tmp_path, emulator) as machine:
        client = begin(machine, 8)
        client.save("count", path, 300)
        assert machine.vm("count")["state"] == "stopped"
        assert machine.vm("count")["reason"] == "saved to the store on channel com2"
        machine.attach("count")
        machine.wait(r"\[the guest has ended\]")
        before = machine.transcript()
        last = last_of(counts_of(before))
    content = path.read_bytes()
    assert content.startswith(b"SKERRYSV") and len(content) % 4096 == 0
    assert b"COUNT" not in content and b"SKST" not in content and bytes.fromhex(KEY) not in content
    with boot(build, tmp_path, emulator, "no", KEY if emulator is Bochs else None) as machine:
        machine.wait_prompt()
        machine.command("vm create count")
        client = Client.over(machine.channel)
        if emulator is Qemu:
            type_key(machine, client)
            write_at_end(tmp_path, b"x")
            said = fails(client, Client.restore, path, limit=300)
            assert "disk own was written since the save" in said, said
            assert machine.vm("count")["state"] == "created"
            write_at_end(tmp_path, b"\0")
        client.restore("count", path, 300)
        assert machine.vm("count")["state"] == "running"
        check_goes_on(machine, before, last)


def count_goes_on(machine, client):
    """The guest has not ended, nor has anything been left behind."""
    wait_for(lambda: machine.vm("count")["state"] == "running")
    machine.attach("count")
    machine.wait(r"COUNT 0x[0-9a-f]+\s")
    machine.leave()
    assert client.result("vm list")[0]["name"] == "count"


def refused_save(client, lines):
    """A store that says `lines` once its first pieces are there; the words it hears."""
    stream = client.transfer("vm save", "count")
    client.give(stream, 10000)
    client.wait(lambda: len(stream.data) == 10000)
    for line in lines:
        client.post({"stream": stream.number} | line if "credit" not in line
                    else line | {"credit": stream.number})
    client.wait(lambda: stream.closed)
    assert stream.closed == "failed"
    return stream.error


def test_failures(build, tmp_path):
    """A store that refuses, lies, or goes; a save that was changed. The VM is what it was."""
    path = tmp_path / "count.save"
    with boot(build, tmp_path) as machine:
        client = begin(machine)
        before = owned(machine)
        assert "the store refuses it: no space" in refused_save(client, [{"refused": "no space"}])
        assert "no end is accepted here" in refused_save(client, [{"end": 10000}])
        assert "no piece is accepted here" in refused_save(client, [{"at": 0, "data": ""}])
        assert "give at most 65536" in refused_save(client, [{"credit": 0, "bytes": 1 << 40}])
        stream = client.transfer("vm save", "count")
        client.result("stream close", str(stream.number), order="any")
        wait_for(lambda: owned(machine) == before)
        count_goes_on(machine, client)
        out = machine.command("vm save count store=channel")
        assert out.startswith("error: this command needs a machine channel"), out
        assert "only a created, stopped or crashed VM" in fails(client, Client.restore, path)
        assert ": 0 found" in machine.command("audit")
        client.save("count", path, 300)
        whole = path.read_bytes()
        end = whole[:4096 * 4]
        bad = tmp_path / "bad.save"
        for content, words in (
                (b"", "header: this is no save"),
                (b"x" + whole[1:], "header: this is no save"),
                (whole[:8] + b"\1" + whole[9:], "another version of Skerry saved it"),
                (end, "the save ends within it"),
                (whole[:4096 + 4] + b"\xff" * 4 + whole[4096 + 8:], "longer than a record"),
                (whole[:5000] + b"x" + whole[5001:], "changed"),
                (whole[:4096] + end[-4096:] + whole[4096:], ""),
                (whole + bytes(4096), "there are bytes behind the last record")):
            bad.write_bytes(content)
            said = fails(client, Client.restore, bad, limit=300)
            assert words in said, (words, said)
            assert machine.vm("count")["state"] == "stopped"
        client.restore("count", path, 300)
        count_goes_on(machine, client)
        assert ": 0 found" in machine.command("audit")
