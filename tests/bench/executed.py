# SPDX-License-Identifier: MIT
"""
Counts executed instructions by what QEMU logs of the blocks that it runs, between two calls of a
function of the guest: by process, function, and journey through the kernel. A CPU that waits executes
nothing, so waiting costs nothing here; a guest's blocks are left out by their addresses.
"""
from bisect import bisect_right
from collections import Counter

from anatomy import KERNEL

USER = 1 << 32 # the processes lie at random places from this address on
GAP = 4 << 20 # the least gap between two programs
IMAGE_PAGES = 256
IMAGE = (0xffffffff80200000, 0xffffffff80ffffff) # Skerry's kernel, below a Linux guest's


def options(log, *more):
    """Returns QEMU's options for a log of the kernel's and the processes' blocks, and more ranges."""
    ranges = ((USER, KERNEL - 1), IMAGE, *more)
    return ("-d", "in_asm,exec,nochain", "-D", str(log),
            "-dfilter", ",".join(f"{first:#x}..{last:#x}" for first, last in ranges))


def names(path, lengths):
    """Yields the name of each block that is run; sets lengths[name] where the block is listed."""
    fresh = 0
    with open(path, encoding="ascii", errors="replace") as log:
        for line in log:
            if line.startswith("Trace"):
                name = line[line.index("[") + 1:line.index("]")]
                if fresh:
                    lengths[name] = fresh
                    fresh = 0
                yield name
            elif line.startswith("IN:"):
                fresh = 0
            elif line.startswith("0x"):
                fresh += 1


def blocks(path):
    """Yields (address, instructions) of each run of a block: a block is listed when it is first run."""
    lengths = {}
    for name in names(path, lengths):
        yield int(name.split("/")[1], 16), lengths.get(name, 0)


class Journeys:
    """Counts what the kernel executes between two processes, when no guest runs in between."""

    def __init__(self, kernel):
        at = bisect_right(kernel.starts, kernel.starts[kernel.names.index("svm_run")])
        self.enters = range(kernel.starts[at - 1], kernel.starts[at])
        self.counts = Counter()
        self.times = Counter()
        self.place = self.spent = 0

    def add(self, address, instructions):
        if address in self.enters:
            self.place = 0
        elif address >= KERNEL:
            self.spent += instructions
        else:
            if self.place and self.spent:
                self.counts[self.place, address] += self.spent
                self.times[self.place, address] += 1
            self.place, self.spent = address, 0


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


def owners(counts, programs):
    """{address: (program, base)} of all addresses of processes."""
    return {at: found for places in images(counts)
            for found in [find_program(places, programs)] for at in places}


def by_function(counts, kernel, programs):
    sums = Counter()
    found = owners(counts, programs)
    for at, count in counts.items():
        if at >= KERNEL:
            sums["kernel", kernel.name(at)] += count
        elif at in found:
            program, base = found[at]
            name = program.names[bisect_right(program.starts, at - base) - 1]
            sums[program.label, name] += count
    return sums
