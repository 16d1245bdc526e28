# SPDX-License-Identifier: MIT
"""
Kernels besides Debian's for amd64: its i386 kernel, memtest86+ and Xen. Each has a disk on its PCI
bus, and finds it or has no driver for it.
"""
import subprocess

import pytest

import bundle
from machine import ROOT, Bochs, Qemu

DISK = "[disk data]\ncontroller = memory\nsize = 4M\n"
CELLS = pytest.mark.parametrize("emulator", [Qemu, pytest.param(Bochs, marks=pytest.mark.long)])


@pytest.fixture(scope="module")
def foreign(build):
    done = subprocess.run(["make", "-s", f"BUILD={build.relative_to(ROOT)}", "guests-foreign"],
                          cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return build


@CELLS
def test_i386(foreign, tmp_path, emulator):
    """It boots with PAE paging and two vCPUs, uses kvm-clock and its disk, and powers off."""
    conf = (DISK + "[vm old]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 256M\n"
            "vcpus = 2\ncmdline = console=ttyS0 quiet name=old\nautostart = yes\ndisk = data\n")
    files = bundle.make(tmp_path / "i386.cpio", conf, bundle.debian(foreign / "guests-i386"))
    with emulator(foreign, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("old", 600)
        assert "i686" in machine.shell("uname -m")
        assert machine.shell("grep -c ^processor /proc/cpuinfo").strip() == "2"
        assert "kvm-clock" in machine.shell(
            "cat /sys/devices/system/clocksource/clocksource0/current_clocksource")
        assert machine.shell("cat /sys/block/vda/serial").strip() == "data"
        assert "same" in machine.shell(
            "dd if=/dev/urandom of=/tmp/x bs=64k count=16; dd if=/tmp/x of=/dev/vda conv=fsync; "
            "echo 3 >/proc/sys/vm/drop_caches; "
            "head -c 1048576 /dev/vda | cmp /tmp/x - && echo sa''me")
        machine.type("poweroff -f\n")
        machine.wait(r"\[the guest has ended\]", 120)
        machine.wait_prompt()
        assert machine.vm("old")["reason"] == "guest powered off"


@CELLS
def test_memtest(foreign, tmp_path, emulator):
    """It starts, and its first tests find no error. It has no driver for the disk."""
    conf = (DISK + "[vm mem]\nkernel = memtest.bin\nmemory = 16M\n"
            "cmdline = console=ttyS0,115200\nautostart = yes\ndisk = data\n")
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


@CELLS
def test_xen(foreign, tmp_path, emulator):
    """It takes the bus as MCFG and E820 describe it. A disk is for its dom0 to find."""
    conf = (DISK + "[vm xen]\nkernel = xen.elf\ninitrd = vmlinuz\nmemory = 384M\n"
            "cmdline = xen com1=115200,8n1 console=com1 loglvl=all noreboot dom0_mem=200M\n"
            "autostart = yes\ndisk = data\n")
    files = bundle.make(tmp_path / "xen.cpio", conf,
                        bundle.read(foreign / "xen/xen.elf", foreign / "guests/vmlinuz"))
    with emulator(foreign, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("xen")
        machine.wait("PCI: MCFG area at e0000000 reserved in E820", 300)
        machine.wait("PCI: Using MCFG for segment 0000 bus 00-00", 60)
        machine.wait("Building a PV Dom0", 300)
