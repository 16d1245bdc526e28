# SPDX-License-Identifier: MIT
"""A store takes the room by which its disk or partition has grown, while it is full and VMs use it, or after a boot."""
import os
import sys
import uuid

import pytest

import bundle
import fio
import gpt
import ring_3
from machine import ROOT, Bochs, Qemu, nvme, plain_iso, wait_for
from test_disk_resize import resize
from test_encryption import ask, begin_guest, boot_with, same
from test_store_full import CHUNKS, METADATA, run_over
from test_volume_keys import CHUNK, CONF

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

SMALL = METADATA + CHUNKS * CHUNK
LARGE = 24 << 20  # so many chunks that some of the new ones are for metadata
BETA = CONF[CONF.index("[vm alpha]"):].replace("alpha", "beta").replace("pool/secret", "later/two")
MEMORY = CONF.replace("controller = nvme0 ide0.0", f"controller = memory\nsize = {SMALL >> 10}K") + BETA + """
[disk other]
controller = nvme0 ide0.0
[store later]
disk = other
overcommit = yes
"""


def store(machine, name):
    return next(row for row in machine.objects("store list") if row["name"] == name)


def grow_full(machine):
    """A guest that was paused as the store is full goes on once the store has grown, twice."""
    machine.good("store format pool")
    machine.good("volume create pool/secret 4M")
    begin_guest(machine)
    ask(machine, "w", r"WRITTEN 0x0 0x0\s")
    machine.good("volume snapshot pool/secret first")
    ask(machine, "w", r"WRITTEN 0x0 0x0\s")
    run_over(machine)
    assert "the store, and it goes on" in machine.vm("alpha")["reason"]
    assert "its disk has no more than the store" in machine.command("store grow pool")
    resize(machine, "raw", f"{LARGE >> 10}K")
    room = wait_for(lambda: store(machine, "pool")["room_bytes"])
    assert room == LARGE - SMALL
    assert "`store grow pool` takes them" in machine.command("store list")
    assert machine.vm("alpha")["state"] == "paused"
    machine.good("store grow pool")
    machine.attach("alpha")
    machine.wait(r"0x0 0x0\s")  # WRITTEN stands before the write
    machine.leave()
    assert machine.vm("alpha")["state"] == "running"
    assert same(machine) == 4
    # 32 blocks more than the 64 of the small store fill two chunks
    assert store(machine, "pool")["bytes"] == LARGE - METADATA - 2 * CHUNK
    assert store(machine, "pool")["room_bytes"] == 0


def grow_under_load(machine):
    machine.attach("alpha")
    machine.type("l")
    machine.wait("LOAD")
    machine.leave()
    machine.good("volume snapshot pool/secret second")
    machine.good("store check pool")
    resize(machine, "raw", f"{2 * LARGE >> 10}K")
    machine.good("volume clone pool/second third")
    machine.good("store grow pool")
    machine.good("volume create pool/large 1G")
    machine.attach("alpha")
    machine.type("l")
    machine.wait(r"ROUNDS 0x([0-9a-f]+) BAD 0x0\s")
    machine.leave()
    machine.good("store check pool")
    assert wait_for(lambda: store(machine, "pool")["check"] == "ended")
    assert store(machine, "pool")["check_faults"] == 0


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_grow(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(SMALL))
    with boot_with(emulator, build, tmp_path / "one", image, None, MEMORY) as machine:
        machine.wait_prompt()
        grow_full(machine)
        grow_under_load(machine)
        machine.good("store format later")
        machine.good("volume create later/two 4M")
        begin_guest(machine, "beta")
        ask(machine, "w", r"WRITTEN 0x0 0x0\s", "beta")
        machine.good("vm kill beta")
        assert "0 found" in machine.command("audit")
    # the disk grows while the machine is off
    os.truncate(image, LARGE)
    with boot_with(emulator, build, tmp_path / "two", image, None, MEMORY) as machine:
        machine.wait_prompt()
        begin_guest(machine, "beta")
        machine.good("store grow later")
        assert store(machine, "later")["bytes"] == LARGE - METADATA - 2 * CHUNK
        assert same(machine, "beta") == 4
        machine.good("volume create later/large 12M")
        ask(machine, "w", r"WRITTEN 0x0 0x0\s", "beta")
        machine.good("driver restart " + ("ide0.0" if emulator is Bochs else "nvme0"))
        assert same(machine, "beta") == 4
        assert "0 found" in machine.command("audit")
    found = store_check.Image(image)
    assert found.faults() == []
    assert found.states[-1].sizes == [SMALL >> 9] and found.states[-1].sectors == LARGE >> 9
    assert {volume[1] for volume in found.volumes()} == {"two", "large"}


PARTITIONS = """[disk raw]
controller = nvme0
partition = store
[disk notes]
controller = nvme0
partition = notes
[store pool]
disk = raw
[vm alpha]
kernel = hlt.bin
memory = 16M
disk = notes
"""
AT, END = 2048, 2048 + (SMALL >> 9)


def partition(image, store_end, notes):
    """Writes a table with the two partitions; everything else on the disk stays."""
    table = gpt.image(32768, {"store": (AT, store_end - 1, uuid.UUID(int=2)), "notes": (*notes, uuid.UUID(int=3))})
    with open(image, "r+b") as file:
        file.write(table[:34 * 512])


def test_partition(build, tmp_path):
    """A partition that has grown is seen when its driver begins; what somebody still uses is not taken."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32768 * 512))
    partition(image, END, (8192, 12287))
    iso = plain_iso(build, tmp_path, bundle.make(tmp_path / "guests.cpio", PARTITIONS, bundle.tiny(build, "hlt")), "")
    with Qemu(build, boot="cd", iso=iso, extra=nvme(image)) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/one 256K")
        machine.good("vm create alpha")
        machine.good("vm start alpha")
        partition(image, 10240, (12288, 16383))
        machine.good("driver restart nvme0")
        fio.wait_ready(machine, "nvme0")
        wait_for(lambda: store(machine, "pool")["state"] == "ready")
        said = machine.command("store grow pool")
        assert "alpha has sectors that the store would get" in said
        machine.good("vm kill alpha")
        machine.good("vm destroy alpha")
        machine.good("store grow pool")
        machine.good("volume create pool/two 3M")
        assert "0 found" in machine.command("audit")
    found = store_check.Image(image, AT)
    assert found.faults() == [] and found.states[-1].sectors == 10240 - AT


def test_partition_taken_back(build, tmp_path):
    """A partition was made larger by mistake, and is as it was: the store gets none of what belongs to another one."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32768 * 512))
    partition(image, END, (16384, 20479))
    iso = plain_iso(build, tmp_path, bundle.make(tmp_path / "guests.cpio", PARTITIONS, bundle.tiny(build, "hlt")), "")
    with Qemu(build, boot="cd", iso=iso, extra=nvme(image)) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/one 256K")
        for end in (16384, 10240):
            partition(image, end, (16384, 20479))
            machine.good("driver restart nvme0")
            fio.wait_ready(machine, "nvme0")
            assert wait_for(lambda: store(machine, "pool")["state"] == "ready")
            assert store(machine, "pool")["room_bytes"] == (end - END) * 512
        machine.good("store grow pool")
        assert store(machine, "pool")["room_bytes"] == 0
        partition(image, END, (16384, 20479))
        machine.good("driver restart nvme0")
        fio.wait_ready(machine, "nvme0")
        assert wait_for(lambda: store(machine, "pool")["state"] == "ready")
        assert "has no more than the store" in machine.command("store grow pool")
    found = store_check.Image(image, AT)
    assert found.faults() == [] and found.states[-1].sectors == 10240 - AT
