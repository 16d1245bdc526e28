# SPDX-License-Identifier: MIT
"""Snapshots of a guest into whose RAM a disk writes page by page, all the time (tests/guest/dma.c)."""
import re

import pytest

import bundle
from machine import Bochs, Qemu, on_disk, wait_for
from test_iommu import UNITS
from test_snapshot import one

CONF = ("[disk data]\ncontroller = {controller}\n[vm dma]\nkernel = dma.bin\ncmdline = pages={pages} span={span}\nmemory = 16M\n"
        "autostart = yes\ndisk = data\n")
BLOCKS = 1024
WORD = 0x9e3779b97f4a7c15


def start(build, folder, bed, span):
    """
    Starts the guest, whose requests have that many blocks each, on a disk with the same word all
    over each block, and other words in other blocks.
    """
    image = folder / "disk.img"
    image.write_bytes(b"".join(((block * WORD) & (2**64 - 1)).to_bytes(8, "little") * 512
                               for block in range(1, BLOCKS + 1)))
    conf = CONF.format(controller="ide0.0", pages=64, span=span) if bed == "bochs" else \
        CONF.format(controller="nvme0", pages=512, span=span)
    files = bundle.make(folder / "dma.cpio", conf, bundle.tiny(build, "dma"))
    if bed == "bochs":
        return on_disk(Bochs, build, image, bundle=files)
    return on_disk(Qemu, build, image, bundle=files, extra=("-device", UNITS[bed]))


def passes(machine, name, count=1):
    """Waits until all pages have been written to this often."""
    machine.attach(name)
    for _ in range(count):
        machine.wait(r"PASS 0x[0-9a-f]+\s")
    machine.leave()


def end(machine, name):
    machine.attach(name)
    machine.type("q")
    machine.wait("DONE")
    machine.wait_end(name)
    machine.wait_prompt()


@pytest.mark.parametrize("bed, span", [
    *((unit, 1) for unit in UNITS), ("VT-d", 32), pytest.param("bochs", 1, marks=pytest.mark.long)])
def test_snapshots(build, tmp_path, bed, span):
    """
    Each page holds what was read into it, in the guest that goes on, back at a snapshot, and in
    a clone; without a snapshot the device writes to the page itself again.
    """
    direct = bed != "bochs"
    with start(build, tmp_path, bed, span) as machine:
        machine.wait_prompt()
        passes(machine, "dma", 2)
        for name in ("one", "two", "three"):
            before = one(machine, "disk stat")
            wait_for(lambda: one(machine, "disk stat")["requests"] > before["requests"] + 20)
            after = one(machine, "disk stat")
            assert (after["direct"] > before["direct"]) == direct
            # a request of the guest is one of the disk's, whatever its size
            assert after["read_bytes"] - before["read_bytes"] > \
                (after["requests"] - before["requests"]) * span * 4096 * 3 / 4
            one(machine, f"vm snapshot dma {name}")
            assert machine.objects("audit")[-1]["device_guest_pages"] == 0
            for _ in range(3):
                passes(machine, "dma", 2)
                one(machine, f"vm reset dma --to {name}")
            if name == "two":
                one(machine, "vm clone dma@two beta")
                passes(machine, "beta", 2)
                end(machine, "beta")
                machine.command("vm destroy beta")
            passes(machine, "dma")
            one(machine, f"vm snapshot drop dma {name}")
            if direct:
                wait_for(lambda: one(machine, "disk stat")["window"] == "open")
        assert machine.objects("audit")[-1]["findings"] == 0
        passes(machine, "dma", 2)
        end(machine, "dma")
        text = machine.transcript()
        assert "FAIL" not in text and len(re.findall("PASS pages", text)) == 2, text[-3000:]
