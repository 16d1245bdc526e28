# SPDX-License-Identifier: MIT
"""Guests' disks at the host's IDE controller: on VMX the only real disk that there is to test with."""
import hashlib
import uuid

import pytest

import bundle
import disk_clones
import gpt
import rounds
from machine import Bochs, Qemu

SECTORS = 65536  # 32 MiB
PARTITIONS = {"boot": (64, 2047, uuid.UUID(int=2)), "data": (2048, 40000, uuid.UUID(int=3))}
CONF = """[disk data]
controller = {controller}
partition = data

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 128M
autostart = yes
disk = data
"""
# A disk in memory beside the IDE disk, on VMX too: one boot for both.
MEMORY = "disk = memory\n\n[disk memory]\ncontroller = memory\nsize = 4M\n"


def start(emulator, build, folder, unit=0, memory="1G"):
    """A machine with one disk, at the place `unit` of its IDE controller; and the image's path."""
    path = folder / "disk.img"
    path.write_bytes(gpt.image(SECTORS, PARTITIONS))
    conf = CONF.format(controller=f"nvme0 ide0.{unit}") + (MEMORY if emulator is Bochs else "")
    files = bundle.make(folder / "ide.cpio", conf, bundle.debian(build / "guests"))
    if emulator is Bochs:
        return path, Bochs(build, bundle=files, disk=path)
    return path, Qemu(build, bundle=files, memory=memory, extra=(
        "-device", "piix3-ide,id=old,addr=4", "-drive", f"if=none,id=disk,format=raw,file={path}",
        "-device", f"ide-hd,drive=disk,bus=old.{unit // 2},unit={unit % 2},serial=one"))


def goes_back(machine):
    """Checks that both disks, and the RAM, are what they were at a snapshot."""
    sums = "for d in vda vdb; do dd if=/dev/$d bs=64k count=8 iflag=direct 2>/dev/null | md5sum; done"
    machine.attach("alpha")
    before = machine.shell(f"x=one; {sums}")
    machine.leave()
    machine.command("vm snapshot alpha ready")
    machine.attach("alpha")
    assert machine.shell("x=two; for d in vda vdb; do dd if=/dev/zero of=/dev/$d bs=64k seek=1 "
                         f"count=3 oflag=direct conv=notrunc 2>/dev/null; done; {sums}") != before
    machine.leave()
    assert "reset to snapshot ready" in machine.command("vm reset alpha --to ready")
    machine.attach("alpha")
    assert machine.shell(f"echo $x; {sums}") == f"one\n{before}"
    machine.leave()
    disk_clones.run(machine, ("vda", "vdb"), ("ide0.0", "memory"))


@pytest.mark.parametrize("emulator, unit, memory, count, blocks, restarts", [
    (Qemu, 0, "1G", 30, 16, 5),
    (Qemu, 3, "1G", 20, 16, 2),
    (Qemu, 0, "6G", 4, 16, 1),  # above 4 GiB the CPU moves the data
    (Bochs, 0, "1G", 4, 4, 1),
    pytest.param(Bochs, 0, "1G", 12, 4, 2, marks=pytest.mark.long),
])
def test_ide(build, tmp_path, emulator, unit, memory, count, blocks, restarts):
    """
    A partition is written, read and compared while its driver is restarted; on Bochs, then also a
    disk in memory, both go back to a snapshot, and two clones begin there.
    """
    path, started = start(emulator, build, tmp_path, unit, memory)
    with started as machine:
        machine.wait_prompt()
        assert machine.objects("driver list")[0]["name"] == f"ide0.{unit}"
        machine.attach_shell("alpha")
        machine.leave()
        digest, place = rounds.run(machine, count, restarts, blocks=blocks)
        if emulator is Bochs:
            rounds.run(machine, count, restarts + 1, "vdb", "memory", blocks)
            goes_back(machine)
        assert "unexpected interrupt" not in machine.command("log show")
    first, last, _ = PARTITIONS["data"]
    image, untouched = path.read_bytes(), gpt.image(SECTORS, PARTITIONS)
    at = first * gpt.SECTOR + (place << 16)
    assert hashlib.md5(image[at:at + (blocks << 16)]).hexdigest() == digest
    for part in (slice(0, first * gpt.SECTOR), slice((last + 1) * gpt.SECTOR, None)):
        assert image[part] == untouched[part]


@pytest.mark.parametrize("device, controller, says", [
    ("ide-cd,bus=old.0,unit=0", "00:04.0", "takes packets"),
    ("ide-cd,bus=old.0,unit=0", "ide0.1", "there is no disk"),
    ("ide-cd,bus=old.0,unit=0", "ide0.2", "there is no disk"),
    ("ide-cd,bus=old.0,unit=0", "ide1.0", "no disk controller of this host"),
])
def test_no_disk(build, tmp_path, device, controller, says):
    """Where there is no disk a sentence says so; nothing else suffers."""
    conf = f"[disk data]\ncontroller = {controller}\n"
    files = bundle.make(tmp_path / "ide.cpio", conf)
    with Qemu(build, bundle=files, extra=("-device", "piix3-ide,id=old,addr=4",
                                          "-device", device)) as machine:
        machine.wait_prompt()
        assert says in machine.transcript() + machine.command("disk list")
