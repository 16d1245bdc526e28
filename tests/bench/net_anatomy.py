#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Where the instructions of a frame go: QEMU says which blocks of instructions it has executed in a
short and a long run of tests/bench/net.c, and the difference is counted by function and frame.
"""
import argparse
import os
import tempfile
import threading
from collections import Counter
from pathlib import Path

import executed
import nets  # importing `nets` puts tests/system into sys.path
import run
from anatomy import Program
from machine import Qemu

FEW, MANY = 450, 550 # rounds; before that the rings are touched for the first time


def counted(build, folder, load, rounds, wired):
    log = folder / "log"
    os.mkfifo(log)
    counts = Counter()

    def count():
        for address, instructions in executed.blocks(log):
            counts[address] += instructions

    reader = threading.Thread(target=count)
    reader.start()
    path = nets.bundle_of(build, folder, load, rounds, wired=wired)
    run.run(lambda line: Qemu(build, bundle=path, memory="1G", cmdline=line, extra=(
        *run.COUNTED, *(nets.CARDS if wired else ()), *executed.options(log))),
            ["vm console first"], "nokaslr")
    reader.join()
    log.unlink()
    return counts


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
        few, many = (executed.by_function(counted(build, Path(place), load, rounds, options.wired),
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
