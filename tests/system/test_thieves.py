# SPDX-License-Identifier: MIT
"""The product's kernel with time thieves as its ring 3: tests/thief.

An attacker that has what a monitor has plays one pattern after the other. Beside each its victim
keeps 98 % of what it has beside a mere loop (less with several CPUs), a light neighbour wakes up in
time, the console answers, and the attacker can be destroyed. All times are TSC ticks of -icount: instructions.
"""

import pytest

import bundle
from machine import COUNTED, Bochs, Qemu
from test_scheduling import measure

REPEATED = (*COUNTED, "-seed", "1", "-rtc", "base=2024-01-01,clock=vm")
PATTERNS = ("big", "sleep-burst", "sleep-stagger", "threads", "wave", "yield", "yield-vcpu",
            "unmap", "touch", "teardown", "hoard", "ring", "kick", "kick-event", "again",
            "reserve-busy", "reserve-nap", "reserve-more", "fuzz")

SHARE_PERMILLE = 980
RESERVE_NS = 6000  # the kernel's SCHED_RESERVE_NS
WAKE_TICKS = 1000000
ANSWER_TICKS = 50000000
# The most that the end of another group of 64 MiB may take, as a multiple of what it takes beside a
# mere loop.
BIG_TIMES = 4
# On several CPUs, per second, on the victim's: a little more than beside a mere loop (some 900).
INTERRUPTS = 1500

MS, LONG_MS = 500, 60000
SMP_MS, SMP_LONG_MS = 300, 2000
SMP_SHORT = ("unmap", "ring")
# The seconds for a pattern, and for each virtual second of it, after which the machine counts as
# stopped.
PATIENCE, PATIENCE_PER_SECOND = 300, 60
LINE = r"THIEF (DONE|FAIL[^\r\n]*|([a-z-]+) ([a-z]\w*=[^\r\n]*))[\r\n]"


class Figures:
    """The lines of one boot after the other: a pattern that stops the machine ends one boot."""

    def __init__(self, boot, ms):
        self.boot = boot # (words of the command line) -> machine
        self.ms = ms
        self.lines = {}

    def limit(self):
        return PATIENCE + PATIENCE_PER_SECOND * self.ms // 1000

    def read(self, machine):
        """Reads one boot's lines, until the last line or until no more come."""
        while True:
            try:
                machine.wait(LINE, limit=self.limit())
            except AssertionError as error:
                return str(error)
            said, name, words = machine.match().groups()
            if said == "DONE":
                return None
            if name is None:
                return said
            self.lines[name] = {key: value if "/" in value else int(value) for key, value in
                                (word.split("=") for word in words.split())}
            print(name, words)

    def play(self, patterns):
        left = [name for name in patterns if name not in self.lines]
        while left:
            with self.boot(f"ms={self.ms} only={','.join(left)}") as machine:
                problem = self.read(machine)
            missing = [name for name in left if name not in self.lines]
            if missing and problem: # the pattern has stopped the machine, or itself
                self.lines[missing.pop(0)] = {"problem": problem}
            left = missing # the other patterns get another boot

    def of(self, name):
        figures = self.lines[name]
        assert "problem" not in figures, f"{name}: {figures['problem']}"
        return figures


def check(figures, name, share=SHARE_PERMILLE):
    row = figures.of(name)
    text = f"{name}: {row}"
    # Reserved time, with its switches, comes first.
    left = 1 - row["reserved"] * (row["budget"] + RESERVE_NS) / max(row["period"], 1)
    assert row["permille"] >= share * left, f"the victim keeps {row['permille']} permille, {text}"
    first = row["reserved"] * (row["budget"] + RESERVE_NS)
    assert row["late"] <= WAKE_TICKS + first, f"a wake-up {row['late']} ticks late, {text}"
    assert row["answer"] <= ANSWER_TICKS, f"an answer after {row['answer']} ticks, {text}"
    assert row["destroy"] <= ANSWER_TICKS, f"destroyed in {row['destroy']} ticks, {text}"
    if row["big_calls"]:
        big = figures.of("big")
        assert row["big"] <= BIG_TIMES * big["big"], f"a large group takes {row['big']}, {text}"


def boot_counted(build, seed):
    return lambda words: Qemu(build / "tests/thief", cmdline=f"{words} seed={seed}", extra=REPEATED)


PLAYED = {}


@pytest.fixture
def figures(build, request):
    """
    Returns what (make, argument, ms, patterns) gives: a machine plays all patterns before the
    first test.
    """
    make, argument, ms, patterns = request.param
    if request.param not in PLAYED:
        PLAYED[request.param] = Figures(make(build, argument), ms)
        PLAYED[request.param].play(patterns)
    return PLAYED[request.param]


def each(*sets):
    """Parameters of a test: each pattern of each (name, what `figures` takes, marks)."""
    return pytest.mark.parametrize("figures, name", [
        pytest.param(what, name, id=title + name, marks=marks)
        for title, what, marks in sets for name in what[-1]],
        indirect=["figures"])


@each(("", (boot_counted, 1, MS, PATTERNS), ()),
      ("long-", (boot_counted, 2, LONG_MS, PATTERNS), pytest.mark.long))
def test_thief(figures, name):
    check(figures, name)


def boot_pinned(build, cpus):
    """The victim is a guest, alone on CPU 0; the attacker has all the others."""
    return lambda words: Bochs(build / "tests/thief", cpus=cpus, cmdline=words +
                               f" guest=1 victim=1 attacker={(1 << cpus) - 2}")


@each(("", (boot_pinned, 2, SMP_MS, SMP_SHORT), ()),
      ("long-2-", (boot_pinned, 2, SMP_LONG_MS, PATTERNS), pytest.mark.long),
      ("long-4-", (boot_pinned, 4, SMP_LONG_MS, PATTERNS), pytest.mark.long))
def test_pinned(figures, name):
    check(figures, name)
    row = figures.of(name)
    interrupts = int(row["cpu0"].split("/")[0])
    assert interrupts <= INTERRUPTS, f"{interrupts} interrupts a second on CPU 0, {name}: {row}"


def share_beside(build, tmp_path, kernel):
    """Measures what a guest that never waits has of a CPU, beside another guest."""
    conf = "".join(f"[vm {name}]\nkernel = {file}.bin\nmemory = 4M\nautostart = yes\n"
                   for name, file in (("victim", "busy"), ("rival", kernel)))
    files = bundle.make(tmp_path / f"{kernel}.cpio", conf, bundle.tiny(build, "busy", kernel))
    with Qemu(build, bundle=files, extra=REPEATED) as machine:
        machine.wait_running(("victim", "rival"))
        spent, passed = measure(machine, 700)["victim"]
        assert machine.command("vm destroy rival") == "rival: destroyed"
    return spent / passed


def test_flood(build, tmp_path):
    """
    A guest that prints without end pays for the manager's work. The commands that measure fall where the host
    lets them, and are paid for as well: a share that is short is measured once more.
    """
    alone = share_beside(build, tmp_path, "busy")
    for _ in range(2):
        kept = share_beside(build, tmp_path, "flood") / alone
        print(f"a neighbour keeps {kept:.3f}")
        if kept >= SHARE_PERMILLE / 1000:
            return
    raise AssertionError(f"beside a guest that prints, a neighbour keeps {kept:.3f} twice")
