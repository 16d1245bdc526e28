# SPDX-License-Identifier: MIT
"""Kernels besides Debian's for amd64: its i386 kernel, and memtest86+."""
import subprocess

import pytest

import bundle
from machine import ROOT, Bochs, Qemu

CELLS = pytest.mark.parametrize("emulator", [Qemu, pytest.param(Bochs, marks=pytest.mark.long)])


@pytest.fixture(scope="module")
def foreign(build):
    done = subprocess.run(["make", "-s", f"BUILD={build.relative_to(ROOT)}", "guests-foreign"],
                          cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return build


@CELLS
def test_i386(foreign, tmp_path, emulator):
    """It boots with PAE paging and two vCPUs, uses kvm-clock, and powers itself off."""
    conf = ("[vm old]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 256M\nvcpus = 2\n"
            "cmdline = console=ttyS0 quiet name=old\nautostart = yes\n")
    files = bundle.make(tmp_path / "i386.cpio", conf, bundle.debian(foreign / "guests-i386"))
    with emulator(foreign, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("old", 600)
        assert "i686" in machine.shell("uname -m")
        assert machine.shell("grep -c ^processor /proc/cpuinfo").strip() == "2"
        assert "kvm-clock" in machine.shell(
            "cat /sys/devices/system/clocksource/clocksource0/current_clocksource")
        machine.type("poweroff -f\n")
        machine.wait(r"\[the guest has ended\]", 120)
        machine.wait_prompt()
        assert machine.vm("old")["reason"] == "guest powered off"


@CELLS
def test_memtest(foreign, tmp_path, emulator):
    """It starts, and its first tests find no error."""
    conf = ("[vm mem]\nkernel = memtest.bin\nmemory = 16M\n"
            "cmdline = console=ttyS0,115200\nautostart = yes\n")
    files = bundle.make(tmp_path / "memtest.cpio", conf,
                        bundle.read(foreign / "memtest/memtest.bin"))
    with emulator(foreign, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("mem")
        machine.wait("Memtest86", 120)
        machine.wait(r"#6  \[Moving inversions", 600)
        machine.wait(r"Pass:  0 +Errors: (\d+)", 120)
        assert machine.match().group(1) == "0"
        machine.leave()
        assert machine.vm("mem")["state"] == "running"
