# SPDX-License-Identifier: MIT
"""
A Linux under VMX, on Bochs: each test begins at its prompt. Times are virtual: Bochs counts
instructions.
"""
import re

import pytest

import bundle
from machine import Bochs
from prompt import Prompt
from test_ends import panics, sleep_until_alarm

BUSY = ("one", "two", "three", "four")
SLICE_US = 5000
MS = 1000000


@pytest.fixture(scope="module")
def prompt(build, tmp_path_factory):
    conf = ("[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
            "cmdline = console=ttyS0 quiet name=alpha\nautostart = yes\n")
    conf += "".join(f"[vm {name}]\nkernel = busy.bin\nmemory = 4M\n" for name in BUSY)
    files = bundle.make(tmp_path_factory.mktemp("linux") / "linux.cpio", conf,
                        bundle.debian(build / "guests") | bundle.tiny(build, "busy"))
    with Bochs(build, bundle=files) as machine:
        machine.limit = 400
        yield Prompt(machine)


def test_panic_restarts(prompt):
    with prompt.guest("beta") as machine:
        panics(machine, "beta")


def test_sleeps(prompt):
    """In suspend-to-idle a guest hears its RTC's alarm."""
    with prompt.guest("beta") as machine:
        machine.attach("beta")
        sleep_until_alarm(machine)
        machine.leave()


def clocks(machine):
    """(guest's clock, host's) in ns, from the try in which the two were read closest together."""
    best = None
    for _ in range(6):
        machine.attach("beta")
        machine.type("work clock\n")
        machine.wait(r"clock: (\d+) ns")
        guest = int(machine.match().group(1))
        machine.leave()
        host = machine.vm("beta")["uptime_ns"]
        if best is None or host - guest < best[1] - best[0]:
            best = guest, host
    return best


def test_clock(prompt):
    """Four busy guests share the CPU with Linux: its clock is right, and its sleeps end in time."""
    with prompt.guest("beta") as machine:
        for name in BUSY:
            machine.command(f"vm create {name}")
            machine.command(f"vm start {name}")
        guest, host = clocks(machine)
        machine.attach("beta")
        over = []
        while len(over) < 5:
            out = machine.shell("work sleep 10000")
            over.append(int(re.search(r"sleep: over by (\d+) us", out).group(1)))
        machine.shell("sleep 11")
        log = machine.shell("dmesg")
        machine.leave()
        guest_end, host_end = clocks(machine)
        busy = [machine.vm(name) for name in BUSY]
        machine.command("vm destroy " + " ".join(BUSY))
    passed = host_end - host
    assert passed > 60000 * MS
    assert abs(guest_end - guest - passed) < passed / 1000, (guest, host, guest_end, host_end)
    # The delay is at most one round of the others' time slices.
    assert max(over) < len(BUSY) * SLICE_US, over
    assert not re.search(r"soft lockup|stall|clocksource watchdog|skew", log), log
    assert all(vm["cpu_ns"] > 0.15 * vm["uptime_ns"] for vm in busy), busy
