# SPDX-License-Identifier: MIT
"""Hostile guests against their disks, rng and console, beside a neighbour with a disk of its own.

On QEMU both disks are partitions of one NVMe, behind one driver; on Bochs each is one in memory. The
neighbour writes its disk and verifies it all the time, as it does with its memory.
"""
import uuid

import pytest

import bundle
import gpt
from machine import Bochs, Qemu, on_disk
from test_hostile import GOOD, Yard

SECTORS = 32768
PARTITIONS = {"victim": (2048, 10239, uuid.UUID(int=2)), "mine": (10240, 20479, uuid.UUID(int=3))}
IMAGES = ("neighbour", "hostile_virtio", "hostile_virtio_race", "hostile_fatal")
DISK = {
    "qemu": "[disk {name}]\ncontroller = nvme0\npartition = {name}\n",
    "bochs": "[disk {name}]\ncontroller = memory\nsize = 5M\n",
}
NEIGHBOUR = ("[vm neighbour]\nautostart = yes\nkernel = neighbour.bin\nmemory = 64M\n"
             "cmdline = key=20261122 disk\ndisk = mine\n")
PLAYS = {
    "virtio": ("hostile_virtio", "vcpus=1 rng=yes console=virtio disk=victim"),
    "race": ("hostile_virtio_race", "vcpus=2 disk=victim"),
}
# What no list tells apart on Bochs: the tables of a disk in memory, one for each 2 MiB that its
# 5 MiB touch, and the pages of a link's 256 slots (vmm/io/slots.h) once they are used.
TABLES, LINK_PAGES = 4, 256 * (192 + 16) // 4096


class DiskYard(Yard):
    """Disks in memory keep the pages that were written to."""

    def pages_but_neighbour(self):
        drivers = self.machine.objects("driver list")
        return super().pages_but_neighbour() + sum(row["resident_kib"] // 4 for row in drivers)

    def verify_clean(self):
        """
        Checks that the VM's pages are free, without the drivers' tables and the pages of slots
        that the neighbour's link has used since the last count.
        """
        unsure = len(PARTITIONS) * TABLES + LINK_PAGES if self.words == "bochs" else 0
        assert abs(self.settled_free() - self.free) <= unsure
        self.verify_neighbour()


@pytest.fixture(scope="module", params=[
    pytest.param(("qemu", False), id="qemu"), pytest.param(("bochs", False), id="bochs"),
    pytest.param(("qemu", True), id="qemu-full", marks=pytest.mark.long),
    pytest.param(("bochs", True), id="bochs-full", marks=pytest.mark.long)])
def yard(request, build, tmp_path_factory):
    emulator, full = request.param
    folder = tmp_path_factory.mktemp("yard")
    conf = "".join(DISK[emulator].format(name=name) for name in PARTITIONS) + NEIGHBOUR
    files = bundle.make(folder / "io.cpio", conf, bundle.tiny(build, *IMAGES))
    if emulator == "qemu":
        image = folder / "nvme.img"
        image.write_bytes(gpt.image(SECTORS, PARTITIONS))
        machine = on_disk(Qemu, build, image, bundle=files)
    else:
        image = None
        machine = Bochs(build, bundle=files)
    try:
        made = DiskYard(machine, emulator, full)
        made.image = image
        yield made
    finally:
        machine.close()


def check_image(yard):
    """Checks that nothing was written but to the two partitions."""
    if yard.image is None:
        return
    whole, made = yard.image.read_bytes(), gpt.image(SECTORS, PARTITIONS)
    first, last = PARTITIONS["victim"][0], PARTITIONS["mine"][1] + 1
    assert whole[:first * gpt.SECTOR] == made[:first * gpt.SECTOR]
    assert whole[last * gpt.SECTOR:] == made[last * gpt.SECTOR:]


def check_drivers(yard):
    """Checks that no driver has died."""
    assert all(row["starts"] == 1 and row["state"] == "ready"
               for row in yard.machine.objects("driver list"))


@pytest.mark.parametrize("play", PLAYS)
def test_play(yard, play):
    """Breaks every rule; each time it gets an error or has to reset the device, which then works."""
    image, more = PLAYS[play]
    yard.create(play, image, "ms=2000" if yard.full else "ms=200", more)
    yard.start(play)
    state, why = yard.machine.wait_end(play, 1800 if yard.full else None)
    text = yard.console_of(play)
    failed = [line for line in text.split("\n") if line.startswith(("FAIL", "trap"))]
    assert not failed, "\n".join(failed)
    assert state == "stopped" and yard.machine.vm(play)["exit_code"] == GOOD, f"{why}\n{text}"
    yard.destroy(play)
    yard.verify_clean()
    check_drivers(yard)
    check_image(yard)
