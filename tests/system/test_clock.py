# SPDX-License-Identifier: MIT
"""A guest's clock on a CPU shared with others. Times are virtual: Bochs counts instructions."""
import re

import bundle
from machine import Bochs

BUSY = ("one", "two", "three", "four")
SLICE_US = 5000
MS = 1000000


def shared_bundle(build, tmp_path):
    conf = ("[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
            "cmdline = console=ttyS0 quiet name=alpha\nautostart = yes\n")
    conf += "".join(f"[vm {name}]\nkernel = busy.bin\nmemory = 4M\n" for name in BUSY)
    return bundle.make(tmp_path / "shared.cpio", conf,
                       bundle.debian(build / "guests") | bundle.tiny(build, "busy"))


def clocks(machine):
    """(guest's clock, host's) in ns, from the try in which the two were read closest together."""
    best = None
    for _ in range(6):
        machine.attach("alpha")
        machine.type("work clock\n")
        machine.wait(r"clock: (\d+) ns")
        guest = int(machine.match().group(1))
        machine.leave()
        host = machine.vm("alpha")["uptime_ns"]
        if best is None or host - guest < best[1] - best[0]:
            best = guest, host
    return best


def test_overcommitted(build, tmp_path):
    """Four busy guests share the CPU with Linux: its clock is right, and its sleeps end in time."""
    with Bochs(build, bundle=shared_bundle(build, tmp_path)) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 400)
        machine.leave()
        for name in BUSY:
            machine.command(f"vm create {name}")
            machine.command(f"vm start {name}")
        guest, host = clocks(machine)
        machine.attach("alpha")
        over = []
        while len(over) < 5:
            out = machine.shell("work sleep 10000", 400)
            over.append(int(re.search(r"sleep: over by (\d+) us", out).group(1)))
        machine.shell("sleep 11", 400)
        log = machine.shell("dmesg")
        machine.leave()
        guest_end, host_end = clocks(machine)
        passed = host_end - host
        assert passed > 60000 * MS
        assert abs(guest_end - guest - passed) < passed / 1000, (guest, host, guest_end, host_end)
        # At most one round of the others' time slices.
        assert max(over) < len(BUSY) * SLICE_US, over
        assert not re.search(r"soft lockup|stall|clocksource watchdog|skew", log), log
        busy = [machine.vm(name) for name in BUSY]
        assert all(vm["cpu_ns"] > 0.15 * vm["uptime_ns"] for vm in busy), busy
