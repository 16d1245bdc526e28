# SPDX-License-Identifier: MIT
"""Disks that are pulled out, and disks whose partition table lies: a sentence each, nothing else."""
import struct
import uuid
import zlib

import bundle
import gdb_poke
import gpt
from machine import Qemu, wait_for
from ports import free_port

SECTORS = 32768
PARTITIONS = {"one": (2048, 4095, uuid.UUID(int=2)), "two": (4096, 20479, uuid.UUID(int=3))}
VM = ("[vm {name}]\nkernel = neighbour.bin\nmemory = 64M\ncmdline = key=7 disk\ndisk = {disk}\n"
      "autostart = yes\n")
# The root port that the NVMe is behind: its configuration space in QEMU's ECAM, slot 5.
PORT = 0xb0000000 + (5 << 15)
# the registers of a pulled controller: no decoding, and no bus behind the bridge
PULLED = {PORT + 0x04: b"\0\0", PORT + 0x19: b"\0"}
PLUGGED = {PORT + 0x04: b"\x07\0", PORT + 0x19: b"\1"}


def passes(machine, name):
    machine.attach(name)
    machine.type("p")
    machine.wait(r"PASSES (0x[0-9a-f]+)")
    found = int(machine.match().group(1), 16)
    machine.leave()
    return found


def wait_passes(machine, name, more):
    """The guest goes on to write and verify its disk, and has found nothing wrong."""
    before = passes(machine, name)
    while passes(machine, name) < before + more:
        assert machine.vm(name)["state"] == "running"


def driver(machine, name):
    return next(row for row in machine.objects("driver list") if row["name"] == name)


def test_pulled(build, tmp_path):
    """
    A controller's registers and configuration space are gone; its disk waits, until the
    controller is back.
    """
    image = tmp_path / "nvme.img"
    image.write_bytes(gpt.image(SECTORS, PARTITIONS))
    conf = ("[disk pulled]\ncontroller = nvme0\npartition = two\n"
            "[disk other]\ncontroller = memory\nsize = 2M\n" +
            VM.format(name="waits", disk="pulled") + VM.format(name="goes-on", disk="other"))
    files = bundle.make(tmp_path / "pulled.cpio", conf, bundle.tiny(build, "neighbour"))
    port = free_port()
    with Qemu(build, bundle=files, extra=(
            "-drive", f"if=none,id=disk0,file={image},format=raw",
            "-device", "pcie-root-port,id=port0,chassis=1,slot=1,addr=5",
            "-device", "nvme,drive=disk0,serial=one,bus=port0", *gdb_poke.option(port))) as machine:
        machine.wait_prompt()
        wait_passes(machine, "waits", 1)
        gdb_poke.poke(port, PULLED)
        machine.wait("error: driver nvme0: it does not answer any more")
        machine.wait_prompt()
        assert driver(machine, "nvme0")["state"] == "failed"
        function = machine.objects("pci 01:00.0")[0]
        assert (function["problem"], function["dma"]) == ("it does not answer any more", False)
        assert machine.vm("waits")["state"] == "running"
        wait_passes(machine, "goes-on", 2)
        assert driver(machine, "other")["starts"] == 1
        gdb_poke.poke(port, PLUGGED)
        assert "it had no process, one starts" in machine.command("driver restart nvme0")
        wait_for(lambda: driver(machine, "nvme0")["state"] == "ready")
        wait_passes(machine, "waits", 2)
        function = machine.objects("pci 01:00.0")[0]
        assert (function["problem"], function["dma"]) == ("", True)


def entry(first, last, name="x"):
    return (gpt.LINUX_DATA.bytes_le + uuid.UUID(int=9).bytes_le + struct.pack("<QQQ", first, last, 0)
            + name.encode("utf-16-le").ljust(72, b"\0"))


def with_header(image, at, fields):
    """The image with a header whose bytes at an offset are others, and whose checksum is right."""
    disk = bytearray(image)
    disk[gpt.SECTOR + at:gpt.SECTOR + at + len(fields)] = fields
    disk[gpt.SECTOR + 16:gpt.SECTOR + 20] = bytes(4)
    checksum = zlib.crc32(disk[gpt.SECTOR:gpt.SECTOR + 92])
    disk[gpt.SECTOR + 16:gpt.SECTOR + 20] = struct.pack("<I", checksum)
    return bytes(disk)


def with_entries(partitions):
    return gpt.image(4096, {name: (*part, uuid.UUID(int=5)) for name, part in partitions.items()})


GOOD = gpt.image(4096, {"one": (64, 127, uuid.UUID(int=2))})
TABLES = {
    "spoiled-header": gpt.image(4096, {}, spoil=gpt.SECTOR + 24),
    "spoiled-entries": gpt.image(4096, {}, spoil=2 * gpt.SECTOR + 5),
    "truncated": GOOD[:4 * gpt.SECTOR],
    "header-alone": GOOD[:2 * gpt.SECTOR],
    "smaller-than-said": GOOD[:96 * gpt.SECTOR],
    "behind-the-end": with_entries({"one": (64, 5000)}),
    "backwards": with_entries({"one": (100, 64)}),
    "overlap": with_entries({"one": (64, 200), "two": (200, 300)}),
    "over-the-table": with_entries({"one": (1, 300)}),
    "many-entries": with_header(GOOD, 80, struct.pack("<I", 0xffffffff)),
    "large-entries": with_header(GOOD, 84, struct.pack("<I", 0x80000000)),
    "odd-entries": with_header(GOOD, 84, struct.pack("<I", 129)),
    "entries-far": with_header(GOOD, 72, struct.pack("<Q", 1 << 60)),
    "entries-on-header": with_header(GOOD, 72, struct.pack("<Q", 1)),
    "header-elsewhere": with_header(GOOD, 24, struct.pack("<Q", 7)),
}


# A partition "one" that is not meant, or could be two; the whole disk may be used.
UNCLEAR = {
    "left-over": (gpt.first_sector((0x83, 32, 4000)) + GOOD[gpt.SECTOR:],
                  '"one" is not looked for, as the GPT on left-over is left over'),
    "twice": (with_header(GOOD[:2 * gpt.SECTOR] + entry(64, 127, "one") + entry(128, 191, "one")
                          + GOOD[2 * gpt.SECTOR + 256:], 88, struct.pack("<I", zlib.crc32(
                              (entry(64, 127, "one") + entry(128, 191, "one"))
                              .ljust(gpt.ENTRIES * gpt.ENTRY_BYTES, b"\0")))),
              '"one" is there twice on twice; use a UUID, 00000000-0000-0000-0000-000000000009'),
}
HYBRID = gpt.first_sector((0xee, 1, 33), (0x83, 64, 64)) + GOOD[gpt.SECTOR:]


def check_unclear(machine):
    for name, (_, words) in UNCLEAR.items():
        said = machine.command(f"vm create vm-{name}")
        assert words in said, said
        assert machine.command(f"vm create whole-{name}") == f"whole-{name}: created"
    assert machine.command("vm create vm-hybrid") == "vm-hybrid: created"


def test_tables(build, tmp_path):
    """A broken table is refused, for a partition and for the whole disk, and nothing is written."""
    conf = "[disk good]\ncontroller = memory\nimage = good.img\n[vm good]\nkernel = spin.bin\n" \
           "memory = 16M\ndisk = good\n"
    for name in TABLES:
        conf += f"[disk {name}]\ncontroller = memory\nimage = {name}.img\n"
        conf += f"[vm vm-{name}]\nkernel = spin.bin\nmemory = 16M\ndisk = {name}\n"
    for name in (*UNCLEAR, "hybrid"):
        conf += f"[disk {name}]\ncontroller = memory\nimage = {name}.img\npartition = one\n"
        conf += f"[disk whole-{name}]\ncontroller = memory\nimage = {name}.img\n"
        conf += "".join(f"[vm {vm}-{name}]\nkernel = spin.bin\nmemory = 16M\ndisk = {disk}{name}\n"
                        for vm, disk in (("vm", ""), ("whole", "whole-")))
    images = {f"{name}.img": data for name, data in TABLES.items()} | {"good.img": GOOD}
    images |= {f"{name}.img": data for name, (data, _) in UNCLEAR.items()} | {"hybrid.img": HYBRID}
    files = bundle.make(tmp_path / "tables.cpio", conf, bundle.tiny(build, "spin") | images)
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        assert machine.command("vm create good") == "good: created"
        found = {row["driver"]: row for row in machine.objects("disk partitions")}
        assert found["good"] == {"driver": "good", "disk": "good", "name": "one", "first_sector": 64,
                                 "id": str(uuid.UUID(int=2)), "bytes": 64 * gpt.SECTOR}
        assert set(found) == {"good", "twice", "whole-twice", "hybrid", "whole-hybrid"}
        check_unclear(machine)
        taken = {}
        for name in TABLES:
            said = machine.command(f"vm create vm-{name}")
            print(said)
            if "error: " not in said:
                taken[name] = said
        assert not taken
        for row in machine.objects("disk stat"):
            assert row["requests"] == 0


def test_full_bundle(build, tmp_path):
    """
    More files than there is room for: the last files are named, and a disk of one of these is
    refused.
    """
    conf = ("[disk last]\ncontroller = memory\nimage = z-last.img\n"
            "[vm a]\nkernel = spin.bin\nmemory = 16M\ndisk = last\n"
            "[vm b]\nkernel = spin.bin\nmemory = 16M\n")
    files = bundle.tiny(build, "spin") | {"skerry.conf": conf.encode()}
    files |= {f"file{number:03}": b"x" for number in range(70)} | {"z-last.img": bytes(4096)}
    with Qemu(build, bundle=bundle.write(tmp_path / "full.cpio", files)) as machine:
        machine.wait_prompt()
        said = machine.command("log show")
        assert "z-last.img is left out, at most 64 files" in said, said
        assert 'image: there is no file "z-last.img" in the bundle' in \
            machine.command("vm create a")
        assert machine.command("vm create b") == "b: created"
