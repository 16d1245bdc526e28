#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Where the instructions of a frame go: QEMU says which blocks of instructions it has executed in a
short and a long run of tests/bench/net.c, and the difference is counted by function and frame.
"""
import argparse
import os
import re
import tempfile
import threading
from bisect import bisect_right
from collections import Counter
from pathlib import Path

import nets  # importing `nets` puts tests/system into sys.path
import run
from anatomy import KERNEL, Program
from machine import Qemu

FEW, MANY = 450, 550 # rounds; before that the rings are touched for the first time
USER = 1 << 32 # the processes lie at random places below this address
GAP = 4 << 20 # the least gap between two programs
IMAGE_PAGES = 256
BLOCK = re.compile(r"\[([^]]+)\]")


def count_blocks(path, counts):
    """Counts by address, as QEMU's log says them: a block is listed, then named at each run."""
    lengths, runs = {}, Counter()
    fresh = 0
    with open(path, encoding="ascii", errors="replace") as log:
        for line in log:
            if line.startswith("Trace"):
                name = BLOCK.search(line)[1]
                if fresh:
                    lengths.setdefault(name, fresh)
                    fresh = 0
                runs[name] += 1
            elif line.startswith("IN:"):
                fresh = 0
            elif line.startswith("0x"):
                fresh += 1
    for name, times in runs.items():
        counts[int(name.split("/")[1], 16)] += times * lengths.get(name, 0)


def counted(build, folder, load, rounds, wired):
    log = folder / "log"
    os.mkfifo(log)
    counts = Counter()
    reader = threading.Thread(target=count_blocks, args=(log, counts))
    reader.start()
    path = nets.bundle_of(build, folder, load, rounds, wired=wired)
    run.run(lambda line: Qemu(build, bundle=path, memory="1G", cmdline=line, extra=(
        *run.COUNTED, *(nets.CARDS if wired else ()), "-d", "in_asm,exec,nochain", "-D", log)),
            ["vm console first"], "nokaslr")
    reader.join()
    log.unlink()
    return counts


def images(counts):
    """The addresses of each process."""
    places = sorted(at for at in counts if USER <= at < KERNEL)
    found = []
    for at in places:
        if not found or at - found[-1][-1] > GAP:
            found.append([])
        found[-1].append(at)
    return found


def find_program(places, programs):
    """Finds (program, base) to which all these instructions belong."""
    first = places[0] & ~4095
    return max(((program, first - page * 4096) for program in programs
                for page in range(IMAGE_PAGES)),
               key=lambda found: sum(at - found[1] in found[0].code for at in places))


def by_function(counts, kernel, programs):
    sums = Counter()
    for at, count in counts.items():
        if at >= KERNEL:
            sums["kernel", kernel.name(at)] += count
    for places in images(counts):
        program, base = find_program(places, programs)
        for at in places:
            name = program.names[bisect_right(program.starts, at - base) - 1]
            sums[program.label, name] += counts[at]
    return sums


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("load", help=", ".join(nets.LOADS))
    parser.add_argument("--wired", action="store_true", help="by the wire and back")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--least", type=float, default=5, help="instructions worth a line")
    options = parser.parse_args()
    build = options.build.resolve()
    load = nets.LOADS[options.load]
    kernel = Program("kernel", build / "skerry.elf")
    programs = [Program(name, build / f"{name}.elf")
                for name in ("monitor", "switch", "manager", "e1000")]
    with tempfile.TemporaryDirectory(prefix="anatomy-", dir=build) as place:
        few, many = (by_function(counted(build, Path(place), load, rounds, options.wired),
                                  kernel, programs)
                     for rounds in (FEW, MANY))
    many.subtract(few)
    frames = (MANY - FEW) * nets.frames_of(load)
    parts = Counter()
    for (label, name), count in many.most_common():
        parts[label] += count
        if count >= options.least * frames:
            print(f"{count / frames:9.1f} {label:8} {name}")
    for label, count in parts.most_common():
        print(f"{count / frames:9.1f} {label}")


if __name__ == "__main__":
    main()
