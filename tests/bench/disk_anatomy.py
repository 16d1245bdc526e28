#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
What a disk's request of 4 KiB, or with `--operation large` of 128 KiB, makes Skerry execute, in QEMU: by
process, by function with --least, and from one process to another. The guest (tests/bench/disk_load.c in
Debian) makes few and many requests in one boot; the difference, per request, has neither waiting nor what
the guest executes.
"""
import argparse
import os
import re
import subprocess
import tempfile
import threading
from collections import Counter
from pathlib import Path

import disks  # importing `disks` puts tests/system into sys.path
import bundle
import executed
import run
from anatomy import Program
from machine import Qemu

FEW = 64
MANY = {1: 320, 4: 960, 32: 3200}
WARM = "write 32 512" # touches memory for the first time
VTD = ("-device", "intel-iommu,aw-bits=48,intremap=on")
STORE_MEBIBYTES = 128
STORE_NVME = ("-drive", f"if=none,id=disk0,driver=null-co,size={STORE_MEBIBYTES}M,read-zeroes=on",
              "-device", "nvme,drive=disk0,serial=one")
BLANK = ("-drive", f"if=none,id=disk0,driver=null-co,size={disks.MEBIBYTES}M,read-zeroes=on", "-device")
VIRTIO = "virtio-blk-pci,drive=disk0,disable-legacy=on,iommu_platform=on"
# {kind: (controller, options of QEMU)}
KINDS = {"memory": (disks.CONTROLLERS["memory"], ()),
         "NVMe": ("controller = nvme0", (*VTD, *disks.NVME)),
         "NVMe, copy": ("controller = nvme0", disks.NVME),
         "virtio": ("controller = virtio0", (*VTD, *BLANK, VIRTIO)),
         "memory, volume": (f"controller = memory\nsize = {STORE_MEBIBYTES}M", ()),
         "NVMe, volume": ("controller = nvme0", (*VTD, *STORE_NVME)),
         "NVMe, shared": ("controller = nvme0", (*VTD, *STORE_NVME)),
         "memory, 64 guests": (disks.CONTROLLERS["memory"], ()),
         "NVMe, 64 guests": ("controller = nvme0", (*VTD, *disks.NVME)),
         "AHCI": ("controller = ahci0.0", (*VTD, *BLANK, "ide-hd,drive=disk0,bus=ide.0"))}
VOLUME_KINDS = ("memory", "memory, volume", "NVMe", "NVMe, volume", "NVMe, shared")
# The volume has all its chunks before the load begins: the guest writes to each first, or, where a snapshot is to
# have each of them, too, another guest has. Nobody reads the store again in this boot, so that a disk that keeps
# nothing is good enough.
STORE_CONF = """
[store pool]
disk = data

[vm fill]
kernel = vmlinuz
initrd = fill.cpio.gz
cmdline = console=ttyS0 quiet
memory = 128M
disk = pool/data
"""
OTHERS = 63 # guests that have the disk too, and ask nothing of it
OTHER_CONF = """
[vm other{number}]
kernel = asleep.bin
memory = 4M
autostart = yes
disk = data ro
"""
STORE_RUN = ["store format pool", f"volume create pool/data {disks.MEBIBYTES}M"]
SHARED_RUN = ["vm create fill", "vm start fill", "vm console fill", "volume snapshot pool/data kept"]
EACH = "each 1 512" # all of the volume's chunks
LIMIT = 1500 # seconds a boot may take, of which each block that is executed is logged
DRIVERS = ("ramdisk", "nvme", "virtio_blk", "ahci")


def mark_of(load):
    """Returns the address at which the load marks the beginning and the end of a run."""
    text = subprocess.run(["nm", load], capture_output=True, text=True, check=True).stdout
    return int(re.search(r"^([0-9a-f]+) t mark$", text, re.MULTILINE)[1], 16)


def store_conf(conf):
    """Returns the configuration with a volume in place of the disk, for alpha and for a VM that fills it."""
    return conf.replace("autostart = yes\n", "").replace("disk = data\n", "disk = pool/data\n") + STORE_CONF


def boot(build, folder, kind, words, log, mark):
    """Boots Skerry with a guest that makes these requests, and logs what is executed."""
    controller, extra = KINDS[kind]
    files = bundle.read(build / "guests/vmlinuz")
    files["initramfs.cpio.gz"] = disks.initramfs(build, f"go {words}")
    conf = disks.CONF.format(controller=controller)
    commands = ["vm console alpha"]
    if of_many(kind):
        files |= bundle.read(build / "tests/bench/asleep.bin")
        conf = conf.replace("disk = data", "disk = data ro") + "".join(
            OTHER_CONF.format(number=number) for number in range(OTHERS))
    if of_store(kind):
        files["fill.cpio.gz"] = disks.initramfs(build, f"go {EACH}")
        conf = store_conf(conf)
        commands = [*STORE_RUN, *(SHARED_RUN if kind.endswith("shared") else ()), "vm create alpha",
                    "vm start alpha", *commands]
    path = bundle.make(folder / "disk.cpio", conf, files)
    run.run(lambda line: Qemu(build, bundle=path, memory="1536M", cmdline=line, extra=(
        *run.COUNTED, *extra, *executed.options(log, (mark, mark)))), commands, "nokaslr", LIMIT)


def of_store(kind):
    return kind.endswith(("volume", "shared"))


def of_many(kind):
    return kind.endswith("guests")


def counted(build, folder, kind, loads, kernel):
    """Returns of each load {address: instructions} and its journeys, as many requests as it has more."""
    log = folder / "log"
    mark = mark_of(build / "tests/bench/disk_load")
    runs = [(Counter(), executed.Journeys(kernel)) for _ in range(2 * len(loads))]
    marks = 0
    before = 4 if of_store(kind) and not kind.endswith("shared") else 2 # what makes ready has marks, too

    def count():
        nonlocal marks
        for address, instructions in executed.blocks(log):
            if address == mark:
                marks += 1
            elif marks > before and marks % 2 == 1:
                counts, journeys = runs[(marks - before) // 2]
                counts[address] += instructions
                journeys.add(address, instructions)

    os.mkfifo(log)
    reader = threading.Thread(target=count)
    reader.start()
    warm = WARM.replace("write", "read") if of_many(kind) else WARM
    words = " ".join([warm] + [f"{operation} {depth} {number}" for operation, depth in loads
                               for number in (FEW, MANY[depth])])
    if kind.endswith("shared"):
        words = words.removeprefix(WARM + " ") # the first writes are what is measured
    elif of_store(kind):
        words = f"{EACH} {words}"
    boot(build, folder, kind, words, log, mark)
    reader.join()
    log.unlink()
    for few, many in zip(runs[::2], runs[1::2]):
        many[0].subtract(few[0])
        many[1].counts.subtract(few[1].counts)
        many[1].times.subtract(few[1].times)
    return runs[1::2]


def show_journeys(ways, owner, requests, least):
    """Shows how many instructions the kernel takes from one process to another, and how often."""
    counts, times = Counter(), Counter()
    for (before, after), number in ways.times.items():
        name = f"{owner[before][0].label} to {owner[after][0].label}"
        counts[name] += ways.counts[before, after]
        times[name] += number
    for name, number in times.most_common():
        if number >= least * requests:
            print(f"{counts[name] / number:9.1f} kernel, {name}, {number / requests:.2f} times")


def show(kind, load, counts, ways, kernel, programs, options):
    requests = MANY[load[1]] - FEW
    parts = Counter()
    sums = executed.by_function(counts, kernel, programs)
    for (label, name), count in sums.most_common():
        parts[label] += count
        if options.least and count >= options.least * requests:
            print(f"{count / requests:9.1f} {label:10} {name}")
    if options.least:
        owner = executed.owners(counts, programs)
        show_journeys(ways, owner, requests, 0.05)
    print(f"  {kind:10} {load[0]:5} QD{load[1]:<3} {sum(parts.values()) / requests:8.0f} " +
          " ".join(f"{label} {count / requests:.0f}" for label, count in parts.most_common()
                   if count > requests / 2), flush=True)


def operations_of(kind, wanted):
    """A disk that many have is read only."""
    return (wanted,) if wanted else ("read",) if of_many(kind) else ("read", "write")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--disk", default="", help=", ".join(KINDS))
    parser.add_argument("--volumes", action="store_true", help="volumes of a store, and the disks that these lie on")
    parser.add_argument("--depth", type=int, choices=MANY)
    parser.add_argument("--operation", default="", help="read, write or large: 128 KiB are read into 32 pages")
    parser.add_argument("--least", type=float, default=0,
                        help="instructions a request by which a function is worth a line")
    options = parser.parse_args()
    build = options.build.resolve()
    kernel = Program("kernel", build / "skerry.elf")
    programs = [Program(name, build / f"{name}.elf") for name in ("monitor", "manager", *DRIVERS)]
    kinds = VOLUME_KINDS if options.volumes else [kind for kind in KINDS if not of_store(kind)]
    for kind in (options.disk,) if options.disk else kinds:
        loads = [("each", 1)] if kind.endswith("shared") else [
            (operation, depth) for operation in operations_of(kind, options.operation) for depth in MANY
            if options.depth in (None, depth)]
        with tempfile.TemporaryDirectory(prefix="anatomy-", dir=build) as place:
            for load, run_ in zip(loads, counted(build, Path(place), kind, loads, kernel)):
                show(kind, load, *run_, kernel, programs, options)


if __name__ == "__main__":
    main()
