#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Where the instructions of a run in a clone go: QEMU says which blocks of instructions it executes in each part of runs of `true`
(tests/system/runs.py), and they are counted by program, by whom the kernel worked for, and by function.
"""
import argparse
import tempfile
import time
from collections import Counter, defaultdict
from pathlib import Path

import executed  # importing it puts tests/system into sys.path
import bundle
import runs
import test_runs
from anatomy import KERNEL, Program
from channel_v2 import Client
from machine import Qemu
from qemu_monitor import Monitor, option

IN_GUEST = 1 << 21  # of a block's flags, as QEMU writes them
PROGRAMS = ("manager", "monitor", "ramdisk")
PARTS = ("clone", "gate", "seed", "command", "destroy")
QUIET = 0.1         # seconds, in which what is left of a part is done


class Log:
    """QEMU's log, a part at a time; what it has said of a block's length is kept."""

    def __init__(self, path, monitor):
        self.path, self.monitor = path, monitor
        self.lengths = {}

    def read(self, counts):
        """Counts instructions by (address of the last block that was not the kernel's or 0 for a guest's, address)."""
        last = 0
        runs_of = Counter()
        for name in executed.names(self.path, self.lengths):
            _, at, flags, _ = name.split("/")
            if int(flags, 16) & IN_GUEST:
                last = name = 0
            elif at[0] == "0":
                last = int(at, 16) >> 20
            runs_of[last, name] += 1
        for (last, name), times in runs_of.items():
            if name:
                counts[last, int(name.split("/")[1], 16)] += times * self.lengths.get(name, 0)

    def of(self, act):
        """What `act` returns, and the counts while it worked."""
        counts = Counter()
        self.monitor.command(f"logfile {self.path}")
        self.monitor.command("log in_asm,exec,nochain")
        result = act()
        time.sleep(QUIET)
        self.monitor.command("log none")
        self.read(counts)
        self.path.unlink()
        return result, counts


def one_run(client, log, name):
    """{part: counts} of a run, from its clone to its end."""
    counts = {}

    def part(what, act):
        result, counts[what] = log.of(act)
        return result
    part("clone", lambda: client.result("vm clone", f"busybox@{runs.SNAPSHOT}", name))
    gate = part("gate", lambda: runs.Gate(client, name))
    part("seed", lambda: gate.seed(bytes(64)))

    def command():
        gate.send("C", runs.words(["true"]))
        return runs.talk(gate, b"")
    assert part("command", command).code == 0
    part("destroy", lambda: client.result("vm destroy", name))
    return counts


def by_function(counts, kernel, programs):
    """Instructions by (label, function); the kernel's label says for whom it worked."""
    sums, owners = Counter(), {0: "guest"}
    plain = Counter()
    for (_, at), count in counts.items():
        plain[at] += count
    for at, (program, base) in executed.owners(plain, programs).items():
        owners[at >> 20] = program.label
        sums[program.label, program.name(at - base)] += plain[at]
    for (last, at), count in counts.items():
        if at >= KERNEL:
            sums["kernel/" + owners.get(last, "?"), kernel.name(at)] += count
    return sums


def counted(build, folder, times):
    """[{part: counts}] of so many runs, when two have gone before."""
    parts = bundle.read(*(build / "runs" / name for name in test_runs.FILES))
    files = bundle.make(folder / "runs.cpio", test_runs.CONF, parts)
    with Qemu(build, bundle=files, channel=True, cmdline="nokaslr", extra=(
            "-icount", "shift=0,sleep=on", *option(folder / "monitor"))) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        runs.make_template(client, "busybox")
        for _ in range(2):
            runs.run(client, "busybox", "one", ["true"])
        with Monitor(folder / "monitor") as monitor:
            log = Log(folder / "log", monitor)
            return [one_run(client, log, "one") for _ in range(times + 1)][1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--runs", type=int, default=2)
    parser.add_argument("--least", type=int, default=10000, help="instructions worth a line")
    options = parser.parse_args()
    build = options.build.resolve()
    kernel = Program("kernel", build / "skerry.elf")
    programs = [Program(name, build / f"{name}.elf") for name in PROGRAMS]
    with tempfile.TemporaryDirectory(prefix="anatomy-", dir=build) as place:
        found = counted(build, Path(place), options.runs)
    table = defaultdict(lambda: [0] * len(PARTS))
    for place, part in enumerate(PARTS):
        for each in found:
            for (label, name), count in by_function(each[part], kernel, programs).items():
                for row in ((label, name), (label, ""), ("all", "")):
                    table[row][place] += count / len(found)
    print(f"{'':40}" + "".join(f"{part:>11}" for part in (*PARTS, "all")))
    for (label, name), row in sorted(table.items(), key=lambda found: (bool(found[0][1]), -sum(found[1]))):
        if sum(row) >= options.least:
            print(f"{label:14} {name:25}" + "".join(f"{count:11.0f}" for count in (*row, sum(row))))


if __name__ == "__main__":
    main()
