# SPDX-License-Identifier: MIT
"""A store of volumes on a disk: guests use them, drivers end, the machine boots again."""
import os
import sys

import pytest

import bundle
from machine import ROOT, Bochs, Qemu, wait_for

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

CONF = """[disk raw]
controller = nvme0 ide0.0

[store pool]
disk = raw

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 96M
disk = pool/one
"""
SIZE = 64 << 20
SUM = "dd if=/dev/vda bs=64k 2>/dev/null | sha256sum"


def boot(emulator, build, tmp_path, image):
    made = bundle.make(tmp_path / "volumes.cpio", CONF, bundle.debian_tools(build, "fio"))
    if emulator is Qemu:
        return Qemu(build, bundle=made, extra=["-drive", f"file={image},if=none,id=n0,format=raw",
                                               "-device", "nvme,serial=one,drive=n0"])
    return Bochs(build, bundle=made, disk=image)


@pytest.fixture
def image(tmp_path):
    path = tmp_path / "store.img"
    path.write_bytes(b"")
    os.truncate(path, SIZE)
    return path


def volumes(machine):
    return {row["name"]: row for row in machine.objects("volume list")}


def checked(machine):
    """Lets the driver look at its metadata; returns how many blocks are damaged, and written anew."""
    machine.command("store check pool")
    wait_for(lambda: machine.objects("store list")[0]["check"] == "ended")
    (row,) = machine.objects("store list")
    assert row["check_blocks"] > 2
    return row["check_faults"], row["check_mended"]


def start(machine, limit=None):
    machine.command("vm create alpha")
    machine.command("vm start alpha")
    machine.attach_shell("alpha", limit)


def stat(machine, name):
    return machine.objects(f"volume stat pool/{name}")[0]


def check_stat(machine):
    """`one` was written, then it had a snapshot, which has a clone: all have the same chunks, and none has any alone."""
    def counted():
        """How much of it each has with others, and alone: a store counts that late, one after the other."""
        return {(row["shared_bytes"], row["own_bytes"]) for row in (stat(machine, name) for name in ("one", "s1", "two"))}

    wait_for(lambda: stat(machine, "two")["shared_bytes"] > 5000000)
    wait_for(lambda: counted() == {(stat(machine, "two")["shared_bytes"], 0)})
    one, snapshot, two = (stat(machine, name) for name in ("one", "s1", "two"))
    assert (one["snapshots"], one["clones"], snapshot["clones"], two["source"]) == (["s1"], [], ["two"], "s1")
    assert one["written_bytes"] >= 5000000 and one["read_bytes"] >= 16 << 20 and snapshot["requests"] == 0
    said = machine.command("volume stat pool/one")
    assert "made of: -" in said and "snapshots: 1" in said and "used by: alpha" in said
    assert "has no volume" in machine.command("volume stat pool/none") and "error" in machine.command("volume stat pool")


def test_life(build, tmp_path, image):
    """What was written is there after the driver's end and after the machine's; snapshots keep it."""
    with boot(Qemu, build, tmp_path, image) as machine:
        machine.wait_prompt()
        assert "its disk holds no store" in machine.command("store list")
        assert "done" in machine.command("store format pool")
        machine.command("volume create pool/one 16M")
        assert "of that name exists" in machine.command("volume create pool/one 16M")
        assert "too little space" in machine.command("volume create pool/big 900M")
        assert "in steps of 4K" in machine.command("volume create pool/odd 5000")
        assert 'there is no store "none"' in machine.command("volume create none/one 16M")
        start(machine)
        assert machine.shell("dd if=/dev/vda bs=64k 2>/dev/null | tr -d '\\0' | wc -c") == "0\n"
        # in pieces that cross the boundaries of chunks
        machine.shell("head -c 5000000 /dev/urandom > /tmp/x; "
                      "dd if=/tmp/x of=/dev/vda bs=20k seek=3 conv=fsync 2>/dev/null")
        first = machine.shell(SUM)
        machine.leave()
        machine.command("volume snapshot pool/one s1")
        machine.command("volume clone pool/s1 two")
        assert volumes(machine)["s1"]["snapshot"] and volumes(machine)["two"]["parent"] == volumes(machine)["s1"]["id"]
        check_stat(machine)
        assert "uses it" in machine.command("volume drop pool/one")
        machine.command("driver restart nvme0")
        machine.attach("alpha")
        assert machine.shell(SUM) == first
        machine.shell("dd if=/tmp/x of=/dev/vda bs=8k seek=200 count=100 conv=fsync 2>/dev/null")
        machine.shell("/sbin/blkdiscard -o 8M -l 4M /dev/vda")
        second = machine.shell(SUM)
        assert second != first
        machine.leave()
        machine.command("vm kill alpha")
        assert checked(machine) == (0, 0)
        assert ": 0 found" in machine.command("audit")
    assert not store_check.check(image)[1]
    with boot(Qemu, build, tmp_path, image) as machine:
        machine.wait_prompt()
        assert set(volumes(machine)) == {"one", "s1", "two"}
        start(machine)
        assert machine.shell(SUM) == second
        machine.leave()
        machine.command("vm kill alpha")
        machine.command("vm destroy alpha")
        machine.command("volume rollback pool/one s1")
        start(machine)
        assert machine.shell(SUM) == first
        machine.leave()
        machine.command("vm kill alpha")
        machine.command("vm destroy alpha")
        for name in ("one", "s1", "two"):
            machine.command(f"volume drop pool/{name}")
        wait_for(lambda: [(row["volumes"], row["bytes"] - row["free_bytes"]) for row in machine.objects("store list")] == [(0, 0)])
    assert store_check.check(image) == ([], [])


def test_bochs(build, tmp_path, image):
    """The same driver's layer under VMX, on an IDE disk."""
    with boot(Bochs, build, tmp_path, image) as machine:
        machine.wait_prompt()
        assert "done" in machine.command("store format pool")
        machine.command("volume create pool/one 4M")
        assert volumes(machine)["one"]["bytes"] == 4 << 20
        start(machine, 600)
        machine.shell("head -c 300000 /dev/urandom > /tmp/x; dd if=/tmp/x of=/dev/vda bs=20k conv=fsync 2>/dev/null")
        same = machine.shell("cmp -n 300000 /tmp/x /dev/vda && echo same")
        assert same == "same\n"
        machine.leave()
        wait_for(lambda: stat(machine, "one")["own_bytes"] >= 300000)
        assert stat(machine, "one")["written_bytes"] >= 300000
        assert checked(machine) == (0, 0)
    assert not store_check.check(image)[1]


def test_bit_rot(build, tmp_path, image):
    """A running store finds what its disk has spoiled, says so, and has it right again."""
    with boot(Qemu, build, tmp_path, image) as machine:
        machine.wait_prompt()
        machine.command("store format pool")
        machine.command("volume create pool/one 4M")
        node = next(filter(None, store_check.Image(image).states[-1].records))
        for block in (0, 1, node):
            with open(image, "r+b") as disk:
                disk.seek(block * 4096 + 1000)
                disk.write(b"\xff")
            assert store_check.check(image)[1] or block < 2
            assert checked(machine) == (1, 1)
            assert "1 damaged, 1 of these written anew" in machine.command("store list")
            assert checked(machine) == (0, 0)
        assert "blocks of its metadata were damaged on the disk" in machine.command("log show")
        assert "one" in volumes(machine)
    assert not store_check.check(image)[1]
    with boot(Qemu, build, tmp_path, image) as machine:
        machine.wait_prompt()
        assert "one" in volumes(machine)


@pytest.mark.parametrize("block", [0, 1])
def test_damaged(build, tmp_path, image, block):
    """One superblock is enough; with both damaged the store says so, and nothing is written."""
    with boot(Qemu, build, tmp_path, image) as machine:
        machine.wait_prompt()
        machine.command("store format pool")
        machine.command("volume create pool/one 4M")
        machine.command("volume create pool/two 4M")
    with open(image, "r+b") as disk:
        disk.seek(block * 4096 + 100)
        disk.write(b"\xff")
    with boot(Qemu, build, tmp_path, image) as machine:
        machine.wait_prompt()
        assert "one" in volumes(machine)
    with open(image, "r+b") as disk:
        for place in (100, 4196):  # the one that was damaged was written anew
            disk.seek(place)
            disk.write(b"\xff")
        disk.seek(0)
        before = disk.read()
    with boot(Qemu, build, tmp_path, image) as machine:
        machine.wait_prompt()
        assert "both of its superblocks are damaged" in machine.command("store list")
        assert "overwrite" in machine.command("store format pool")
        assert "superblocks are damaged" in machine.command("vm create alpha")
    assert image.read_bytes() == before
