# SPDX-License-Identifier: MIT
"""What a guest and a process leave in the CPU is not there any more when another group's process runs.

tests/registers takes the place of the RAM disk's driver: two of them, beside a guest that never waits
and has filled TSC_AUX, XCR0 and vector registers with values of its own.
"""
import re
import time

import pytest

import bundle
import qemu_monitor
from machine import Bochs, Qemu, wait_for

CONF = """[disk one]
controller = memory
size = 1M
[disk two]
controller = memory
size = 1M
[vm guest]
kernel = registers.bin
memory = 16M
autostart = yes
"""
# tests/registers/driver.c
MARK = "6d6172696e657273"
REPORT = (r"driver (?:one|two): died: tsc_aux (\w+) xcr0 (\w+) to (\w+) xinuse (\w+) "
          r"selectors (\w+) data (\w+)")
SAMPLES = 5


def reports(machine):
    return re.findall(REPORT, machine.command("log show -c device"))


def vectors(monitor):
    """The vector registers at moments when one of the two runs, by QEMU's own word."""
    found = []
    limit = time.monotonic() + 600
    while time.monotonic() < limit:
        monitor.command("stop")
        text = monitor.command("info registers")
        monitor.command("cont")
        if f"R15={MARK}" in text and "CPL=3" in text:
            found.append(re.findall(r"(?:[XYZ]MM\d+|FPR\d)=((?:[0-9a-f]{4,} ?)+)", text))
        if len(found) == SAMPLES:
            return found
    raise AssertionError(f"one of the two ran at {len(found)} of the moments looked at")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_registers(build, tmp_path, emulator):
    files = bundle.make(tmp_path / "registers.cpio", CONF, bundle.tiny(build, "registers"))
    more = {"extra": qemu_monitor.option(tmp_path / "monitor")} if emulator is Qemu else {}
    with emulator(build / "tests/registers", bundle=files, **more) as machine:
        machine.wait_prompt()
        machine.attach("guest")
        machine.wait("PASS filled")
        machine.leave()
        machine.command("log clear")
        wait_for(lambda: len(reports(machine)) >= 2)
        found = reports(machine)
        if emulator is Qemu:
            with qemu_monitor.Monitor(tmp_path / "monitor") as monitor:
                samples = vectors(monitor)
            assert [len(values) for values in samples] == [24] * SAMPLES, samples
            left = [value for values in samples for value in values if value.strip(" 0")]
            assert not left, f"vector registers: {left}"
        for aux, least, most, xinuse, selectors, data in found:
            assert aux == "0"
            # all AVX state that there is, and no guest's choice
            assert least == most and int(most, 16) > 3
            # QEMU does not track what is in use, and says that all is
            assert emulator is Qemu or int(xinuse, 16) & ~1 == 0
            assert (selectors, data) == ("0", "0")
