# SPDX-License-Identifier: MIT
"""The product's kernel with hostile programs as its ring 3: tests/hostile.

Random system calls with what a manager and a monitor hold, vCPU pages rewritten while the kernel
reads them, processes that make processes, forbidden instructions, addresses anywhere. The group of
each child can be destroyed, at the end every page is back, and an audit finds nothing.
"""
import re

import pytest

from machine import Bochs, Qemu

CALLS_MIN = 100000

BEDS = {
    "qemu": lambda build, words: Qemu(build, cmdline=words),
    "qemu-smp": lambda build, words: Qemu(build, cmdline=words, extra=("-smp", "2")),
    "qemu-max": lambda build, words: Qemu(build, cpu="max", cmdline=words),
    "bochs-smp": lambda build, words: Bochs(build, cmdline=words, cpus=2),
}
SHORT = ("qemu", "qemu-smp", "bochs-smp")
PANIC = r"panic on CPU \d+: [^\r\n]*"


def play(build, bed, seed, generations):
    with BEDS[bed](build / "tests/hostile", f"seed={seed} generations={generations}") as machine:
        machine.wait(rf"hostile: seed {seed}, {generations} generations")
        machine.wait(rf"(?:HOSTILE DONE calls (\d+) runs (\d+)|{PANIC})[\r\n]",
                     limit=600 + 10 * generations)
        text = machine.transcript()
        assert "HOSTILE DONE" in machine.match().group(0), text[-4000:]
        calls, runs = int(machine.match().group(1)), int(machine.match().group(2))
    print(f"{bed} seed {seed}: {calls} calls, {runs} runs of a guest")
    assert not re.findall(r"HOSTILE FAIL[^\r\n]*", text), text[-4000:]
    made, wanted = map(int, re.search(r"processes (\d+) of (\d+)", text).groups())
    assert 0 < made < wanted, text[-4000:]  # the quota ends the chain of processes
    # most calls are refused, but enough succeed to reach the second half of each
    statuses = [int(word) for word in re.search(r"statuses:([ \d]+)", text).group(1).split()]
    assert statuses[0] > CALLS_MIN / 100, statuses
    return calls, runs


@pytest.mark.parametrize("bed", SHORT)
def test_hostile_process(build, bed):
    calls, runs = play(build, bed, 1, 40)
    assert calls > CALLS_MIN and runs > 5


@pytest.mark.long
@pytest.mark.parametrize("bed", BEDS)
def test_hostile_process_long(build, bed):
    """Hundreds of millions of calls; each seed takes another ten minutes."""
    for seed in range(1, 11):
        play(build, bed, seed, 2000)
