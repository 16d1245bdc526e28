# SPDX-License-Identifier: MIT
"""
Disks: stock Linux on virtio-blk, drivers in ring 3 that die and come back, partitions, errors.
On Bochs: test_ide.py.
"""
import uuid

import bundle
import gpt
import rounds
from machine import Qemu, nvme

DATA = uuid.UUID("12345678-9abc-4def-8123-456789abcdef")
PARTITIONS = {"boot": (64, 2047, uuid.UUID(int=2)), "data": (2048, 40000, DATA)}
SECTORS = 65536
GUEST = """[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 128M
autostart = yes
"""


def make_bundle(build, tmp_path, conf, files=None):
    return bundle.make(tmp_path / "disk.cpio", conf, bundle.debian(build / "guests") | (files or {}))


def run(machine, command):
    """Returns what the shell of alpha, which is attached, prints."""
    machine.type(f"{command}; echo RES''ULT=$?\r")
    machine.wait(r"RESULT=(\d+)")
    return machine.match().group(1)


def test_memory(build, tmp_path):
    """A disk in memory, whose driver is ended at arbitrary moments: nothing is lost."""
    conf = "[disk data]\ncontroller = memory\nsize = 16M\n" + GUEST + "vcpus = 4\ndisk = data\n"
    with Qemu(build, bundle=make_bundle(build, tmp_path, conf)) as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        machine.wait("READY alpha")
        assert run(machine, "test $(cat /sys/block/vda/serial) = data") == "0"
        assert run(machine, "test $(cat /sys/block/vda/size) = 32768") == "0"
        machine.leave()
        rounds.run(machine, 20, 5, blocks=8)


def test_nvme(build, tmp_path):
    """A partition of an NVMe disk: what was written is there after another boot of the host."""
    image = tmp_path / "nvme.img"
    image.write_bytes(gpt.image(SECTORS, PARTITIONS))
    conf = ("[disk data]\ncontroller = nvme0\npartition = data\n" + GUEST +
            "vcpus = 4\ndisk = data\n")
    files = make_bundle(build, tmp_path, conf)
    with Qemu(build, bundle=files, extra=nvme(image)) as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        machine.wait("READY alpha")
        machine.leave()
        rounds.run(machine, 15, 3, blocks=8)
        machine.attach("alpha")
        assert run(machine, "mke2fs /dev/vda >/dev/null && mount /dev/vda /data && "
                            "cp -r /lib /data && umount /data && sync") == "0"
        machine.leave()
        text = machine.command("pci")
        assert "NVMe" in text and "DMA on" in text
    first, last, _ = PARTITIONS["data"]
    whole = image.read_bytes()
    assert whole[:64 * gpt.SECTOR] == gpt.image(SECTORS, PARTITIONS)[:64 * gpt.SECTOR]
    assert not any(whole[64 * gpt.SECTOR:first * gpt.SECTOR])
    assert not any(whole[(last + 1) * gpt.SECTOR:])
    with Qemu(build, bundle=files, extra=nvme(image)) as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        machine.wait("DATA on vda")
        machine.wait("READY alpha")
        assert run(machine, "cmp /lib/modules/virtio.ko /data/lib/modules/virtio.ko") == "0"


def test_who_uses_what(build, tmp_path):
    """
    A disk has one writer, or readers only; whole disk and partition exclude each other, also by
    UUID.
    """
    spin = "kernel = spin.bin\nmemory = 16M\n"
    conf = ("[disk whole]\ncontroller = memory\nimage = disk.img\n"
            "[disk other]\ncontroller = memory\nimage = disk.img\npartition = nobody\n"
            f"[disk part]\ncontroller = memory\nimage = disk.img\npartition = {str(DATA).upper()}\n"
            "[disk gone]\ncontroller = nvme7\n"
            "[disk broken]\ncontroller = memory\nimage = broken.img\n"
            f"[vm writer]\n{spin}disk = whole\n[vm second]\n{spin}disk = whole ro\n"
            f"[vm reader]\n{spin}disk = whole ro\n[vm part]\n{spin}disk = part\n"
            f"[vm nobody]\n{spin}disk = other\n[vm gone]\n{spin}disk = gone\n"
            f"[vm optional]\n{spin}disk = gone optional\n[vm broken]\n{spin}disk = broken\n")
    files = {"disk.img": gpt.image(SECTORS, PARTITIONS),
             "broken.img": gpt.image(SECTORS, PARTITIONS, spoil=2 * gpt.SECTOR + 40)}
    files = bundle.make(tmp_path / "disk.cpio", conf, bundle.tiny(build, "spin") | files)
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.command("vm create writer")
        assert "writer uses it as disk whole" in machine.command("vm create reader")
        machine.command("vm destroy writer")
        machine.command("vm create reader")
        machine.command("vm create second")
        assert "a disk has one writer" in machine.command("vm create writer")
        machine.command("vm create part")
        disks = {disk["name"]: disk for disk in machine.objects("disk list")}
        assert disks["whole"]["users"] == "reader (ro), second (ro)"
        assert disks["part"]["bytes"] == (40000 - 2048 + 1) * gpt.SECTOR
        assert 'partition: there is no "nobody"' in machine.command("vm create nobody")
        assert "no disk controller of this host" in machine.command("vm create gone")
        assert "starts without disk gone" in machine.command("vm create optional")
        assert "the checksum of its entries is wrong" in machine.command("vm create broken")
        assert disks["broken"]["state"] == "unusable"
        for name in ("reader", "second", "part"):
            machine.command(f"vm destroy {name}")
        assert [disk["users"] for disk in machine.objects("disk list")] == [""] * len(disks)
        lines = machine.command("log show -l error")
        assert "while taking everything back" not in lines, lines
        assert "0 found" in machine.command("audit")


def test_read_only(build, tmp_path):
    """A guest that may only read gets told so, and its writes do not arrive."""
    conf = ("[disk data]\ncontroller = memory\nimage = disk.img\n" + GUEST + "disk = data ro\n")
    files = {"disk.img": b"\x5a" * (1 << 20)}
    with Qemu(build, bundle=make_bundle(build, tmp_path, conf, files)) as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        machine.wait("READY alpha")
        assert run(machine, "test $(cat /sys/block/vda/ro) = 1") == "0"
        assert run(machine, "dd if=/dev/zero of=/dev/vda bs=4k count=1 oflag=direct") != "0"
        assert run(machine, "dd if=/dev/vda bs=64k | tr -d Z | grep -q .") != "0"
