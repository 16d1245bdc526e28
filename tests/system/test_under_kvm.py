# SPDX-License-Identifier: MIT
"""Skerry as a guest of KVM with nested virtualization, as on a PC that runs Linux."""
import pytest

import kvm
from machine import EPYC, Bochs, Qemu

RUN = "run -M q35 -m 384M -kernel /skerry.elf -initrd /guests.cpio"
# QEMU's CPU has no intercept for XSETBV: KVM would not learn its guests' XCR0.
CPU = f"{EPYC},-xsave"
LIMIT = 1800 # seconds for the whole test


@pytest.mark.parametrize("emulator", (Qemu, pytest.param(Bochs, marks=pytest.mark.long)))
def test_guests_under_kvm(build, tmp_path, emulator):
    files = {path.name: path for path in (build / "skerry.elf", build / "guests.cpio")}
    with kvm.boot(emulator, build, tmp_path, RUN, files, cpu=CPU) as machine:
        machine.wait_prompt(LIMIT)
        for guest in ("alpha", "beta"):
            machine.attach_shell(guest, LIMIT)
            assert "hypervisor" in machine.shell("grep -m1 ^flags /proc/cpuinfo", LIMIT)
            machine.leave()
        assert "FOUND" not in machine.command("audit", LIMIT)
        machine.type("poweroff now\r")
        machine.wait("Power down", LIMIT)
