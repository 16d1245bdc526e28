# SPDX-License-Identifier: MIT
"""
Guests' disks at the host's virtio SCSI controller, several of which one process drives. QEMU has
it; Bochs has none.
"""
import hashlib
import re
import uuid

import bundle
import fio
import gpt
import pytest
import rounds
from machine import Qemu, wait_for

SECTORS = 65536  # 32 MiB
PARTITIONS = {"boot": (64, 2047, uuid.UUID(int=2)), "data": (2048, 40000, uuid.UUID(int=3))}
DISK_BYTES = 4 << 20
# A guest that is not Linux tries what the driver offers: tests/guest/virtio_blk.c.
TINY = """[disk data]
controller = scsi0.1
[disk fixed]
controller = scsi0.31
[vm alpha]
kernel = virtio_blk.bin
memory = 16M
disk = data
disk = fixed ro
console = virtio
"""
LINUX = """[disk data]
controller = scsi0.0
partition = data
[disk other]
controller = scsi0.5
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 128M
autostart = yes
disk = data
disk = other
"""
CONTROLLER = ("-device", "virtio-scsi-pci,disable-legacy=on,iommu_platform=on,id=s,addr=4")
UNIT = ("-device", "intel-iommu,aw-bits=48,intremap=on")


def scsi(target, path, options=""):
    """QEMU's options for a disk at that target."""
    return ("-drive", f"if=none,id=disk{target},format=raw,discard=unmap,file={path}",
            "-device", f"scsi-hd,drive=disk{target},bus=s.0,scsi-id={target}{options}")


def broken(target, path, sector):
    """Breaks a sector of the target's disk: what touches the sector fails."""
    fault = f"inject-error.0.event=none,inject-error.0.errno=5,inject-error.0.sector={sector}"
    return ("-blockdev", f"driver=file,node-name=file{target},filename={path}",
            "-blockdev", f"driver=blkdebug,node-name=disk{target},image=file{target},{fault}",
            "-device", f"scsi-hd,drive=disk{target},bus=s.0,scsi-id={target}")


@pytest.mark.parametrize("confined", [False, True])
def test_offers(build, tmp_path, confined):
    """The disks of one driver offer flush, discard, zeroes, reads and writes of all shapes."""
    extra = list(UNIT if confined else ()) + list(CONTROLLER)
    for target in (1, 31):
        path = tmp_path / f"{target}.img"
        path.write_bytes(bytes(DISK_BYTES))
        extra += scsi(target, path)
    files = bundle.make(tmp_path / "scsi.cpio", TINY, bundle.tiny(build, "virtio_blk"))
    with Qemu(build, bundle=files, extra=extra) as machine:
        machine.wait_prompt()
        assert [row["image"] for row in machine.objects("driver list")] == ["virtio_scsi"]
        function = machine.objects("pci 00:04.0")[0]
        assert (function["driver"], function["dma"]) == ("virtio_scsi", True)
        machine.command("vm create alpha")
        machine.type("vm start alpha\r")
        machine.wait_end("alpha")
        machine.attach("alpha")
        said = machine.wait(r"\[the guest has ended\]").replace("\r", "")
        assert not re.findall(r"^FAIL.*", said, re.MULTILINE)
        assert re.search(r"^DONE", said, re.MULTILINE)


def test_linux(build, tmp_path):
    """
    A partition is written, read and compared while the driver is restarted, and its neighbour on
    the other disk is not touched. There a sector is bad: only what touches it fails.
    """
    path, other = tmp_path / "data.img", tmp_path / "other.img"
    path.write_bytes(gpt.image(SECTORS, PARTITIONS))
    pattern = bytes(range(256)) * (DISK_BYTES // 256)
    other.write_bytes(pattern)
    files = bundle.make(tmp_path / "scsi.cpio", LINUX, bundle.debian(build / "guests"))
    extra = UNIT + CONTROLLER + scsi(0, path, ",serial=one") + broken(5, other, 1000)
    with Qemu(build, bundle=files, extra=extra) as machine:
        machine.wait_prompt()
        (driver,) = machine.objects("driver list")
        assert (driver["name"], driver["clients"]) == ("scsi0", 2)
        cpu_ns = driver["cpu_ns"]
        machine.attach_shell("alpha")
        machine.leave()
        count, blocks = 20, 16
        digest, place = rounds.run(machine, count, 4, blocks=blocks)
        assert {row["disk"] for row in machine.objects("disk partitions")} == {"scsi0.0"}
        machine.attach("alpha")
        # 1000 is the first sector of the 126th block of 4 KiB
        assert "Input/output error" in machine.shell(
            "dd if=/dev/vdb of=/dev/null bs=4k iflag=direct 2>&1")
        for part in ("count=125", "skip=126"):
            assert "error" not in machine.shell(
                f"dd if=/dev/vdb of=/dev/null bs=4k iflag=direct {part} 2>&1"), part
        said = machine.shell("dd if=/dev/vdb bs=64k 2>/dev/null iflag=direct skip=8 | md5sum")
        assert said.split()[0] == hashlib.md5(pattern[8 << 16:]).hexdigest()
        machine.leave()
        stat = {row["disk"]: row for row in machine.objects("disk stat")}
        assert stat["data"]["errors"] == 0 and stat["other"]["errors"] > 0
        assert stat["data"]["direct"] > 0
        assert "unexpected interrupt" not in machine.command("log show")
        assert "not mapped" not in machine.command("log show -c device")
        driver = fio.driver(machine, "scsi0")
        assert driver["starts"] == 5 and driver["cpu_ns"] > 2 * cpu_ns > 0
    first, last, _ = PARTITIONS["data"]
    image, untouched = path.read_bytes(), gpt.image(SECTORS, PARTITIONS)
    at = first * gpt.SECTOR + (place << 16)
    assert hashlib.md5(image[at:at + (blocks << 16)]).hexdigest() == digest
    for part in (slice(0, first * gpt.SECTOR), slice((last + 1) * gpt.SECTOR, None)):
        assert image[part] == untouched[part]
    assert other.read_bytes() == pattern


def test_no_disk(build, tmp_path):
    """A target without a disk, or with a CD-ROM, is named; the others are served."""
    path = tmp_path / "disk.img"
    path.write_bytes(gpt.image(SECTORS, PARTITIONS))
    conf = "".join(f"[disk d{target}]\ncontroller = nvme0 scsi0.{target}\n" for target in (1, 2, 3))
    conf += "[vm alpha]\nkernel = spin.bin\nmemory = 16M\ndisk = d2\ndisk = d3 optional\n"
    files = bundle.make(tmp_path / "scsi.cpio", conf, bundle.tiny(build, "spin"))
    extra = CONTROLLER + scsi(2, path, ",serial=two,write-cache=off,logical_block_size=4096,"
                                       "physical_block_size=4096,product=small")
    with Qemu(build, bundle=files, extra=(
            *extra, "-device", "scsi-cd,bus=s.0,scsi-id=1")) as machine:
        machine.wait_prompt()
        wait_for(lambda: fio.driver(machine, "scsi0")["state"] == "ready")
        disks = {row["name"]: row for row in machine.objects("disk list")}
        assert disks["d2"]["state"] == "ready" and disks["d2"]["bytes"] == SECTORS * gpt.SECTOR
        assert "QEMU small" in machine.command("log show -c device")
        assert "another kind of device" in disks["d1"]["problem"]
        assert "no such disk" in disks["d3"]["problem"]
        assert "starts without disk d3" in machine.command("vm create alpha")
        disks = {row["name"]: row for row in machine.objects("disk list")}
        assert disks["d2"]["users"] == "alpha"
