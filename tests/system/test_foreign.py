# SPDX-License-Identifier: MIT
"""
Kernels besides Debian's for amd64: its i386 kernel, memtest86+, Xen and GRUB. Each has a disk on its
PCI bus, and finds it or has no driver for it; that for i386 has a network card too.
"""
import hashlib
import random
import re
import subprocess

import pytest

import bundle
from machine import ROOT, Bochs, Qemu
from net import boot, guest, host_page, shell, way_out

DISK = "[disk data]\ncontroller = memory\nsize = 4M\n"
CELLS = pytest.mark.parametrize("emulator", [Qemu, pytest.param(Bochs, marks=pytest.mark.long)])


def make(build, target):
    done = subprocess.run(["make", "-s", f"BUILD={build.relative_to(ROOT)}", target],
                          cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return build


@pytest.fixture(scope="module")
def foreign(build):
    return make(build, "guests-foreign")


@pytest.fixture(scope="module")
def grub(build):
    """Takes minutes the first time: it is built from source."""
    return make(build, "guests-grub")


@CELLS
def test_i386(foreign, tmp_path, emulator):
    """
    An i386 Linux boots with PAE paging and two vCPUs, knows kvm-clock, uses its disk, and its
    network card through the machine's own, and powers off.
    """
    conf = DISK + "[net lan]\nuplink = net0\n" + guest("old", "10.0.2.15", "lan\ndisk = data")
    conf += "vcpus = 2\n"
    files = bundle.make(tmp_path / "i386.cpio", conf, bundle.debian(foreign / "guests-i386"))
    data = random.Random(1).randbytes(1 << 18)
    with host_page(data) as port, emulator(foreign, bundle=files, **way_out(emulator)) as machine:
        machine.wait_prompt()
        machine.attach_shell("old", 600)
        assert "i686" in machine.shell("uname -m")
        assert machine.shell("grep -c ^processor /proc/cpuinfo").strip() == "2"
        # where the TSC is said not to stop, on Bochs, Linux turns to it after a while
        assert "kvm-clock" in machine.shell(
            "cat /sys/devices/system/clocksource/clocksource0/available_clocksource")
        assert machine.shell("cat /sys/block/vda/serial").strip() == "data"
        assert "same" in machine.shell(
            "dd if=/dev/urandom of=/tmp/x bs=64k count=16; dd if=/tmp/x of=/dev/vda conv=fsync; "
            "echo 3 >/proc/sys/vm/drop_caches; "
            "head -c 1048576 /dev/vda | cmp /tmp/x - && echo sa''me")
        assert "3 packets received" in machine.shell("ping -c 3 -i 0.2 -W 5 10.0.2.2")
        said = machine.shell(f"wget -q -O - http://10.0.2.2:{port}/ | md5sum")
        assert hashlib.md5(data).hexdigest() in said
        machine.type("poweroff -f\n")
        machine.wait(r"\[the guest has ended\]")
        machine.wait_prompt()
        assert machine.vm("old")["reason"] == "guest powered off"


OLD = """[vm old]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=old no_timer_check acpi=off pci=nomsi
memory = 128M
vcpus = 2
disk = data
autostart = yes
"""


@CELLS
def test_mp_table(foreign, tmp_path, emulator):
    """
    A kernel that reads no ACPI tables and has no MSI finds by the MP table its second vCPU, and the pin of its
    disk: slot 16, pin 16.
    """
    conf = DISK + OLD
    files = bundle.make(tmp_path / "mp_table.cpio", conf, bundle.debian(foreign / "guests-i386"))
    with emulator(foreign, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("old", 600)
        assert "MultiProcessor Specification v1.4" in machine.shell("dmesg")
        assert machine.shell("grep -c ^processor /proc/cpuinfo").strip() == "2"
        interrupts = machine.shell("dd if=/dev/vda of=/dev/null bs=64k count=16 iflag=direct 2>/dev/null; "
                                   "cat /proc/interrupts")
        (counts,) = re.findall(r"^ *16: +(\d+ +\d+) .*IO-APIC +16-fasteoi +virtio0", interrupts, re.MULTILINE)
        assert sum(map(int, counts.split())) > 0, interrupts


FORK = "crng reseeded due to virtual machine fork"
URANDOM = "head -c 16 /dev/urandom | hexdump -v -e '1/1 \"%02x\"'"


def test_twins(foreign, tmp_path):
    """
    A kernel with a driver for the generation ID reseeds: what clones, and a guest that was set back,
    draw then is not the same.
    """
    conf = "[net lan]\n" + guest("alpha", "10.0.2.15", "lan\nrng = yes")
    files = bundle.make(tmp_path / "twins.cpio", conf, bundle.debian(foreign / "guests-i386"))
    with Qemu(foreign, bundle=files) as machine:
        boot(machine, "alpha")
        machine.good("vm snapshot alpha ready")
        machine.good("vm renew alpha")
        assert shell(machine, "alpha", f"dmesg | grep -c '{FORK}'") == "0\n"
        drawn = set()
        for name in ("beta", "gamma"):
            machine.good(f"vm clone alpha@ready {name}")
        for _ in range(2):
            machine.good("vm reset alpha --to ready")
            for name in ("alpha", "beta", "gamma"):
                machine.attach(name)
                machine.shell(f"while ! dmesg | grep '{FORK}'; do sleep 1; done")
                assert machine.shell(f"dmesg | grep -c '{FORK}'") == "1\n"
                drawn.add(machine.shell(URANDOM))
                machine.leave()
        assert len(drawn) == 6, drawn
        assert all(re.fullmatch("[0-9a-f]{32}", each) for each in drawn), drawn


@CELLS
def test_memtest(foreign, tmp_path, emulator):
    """Memtest starts, and its first tests find no error. It has no driver for the disk."""
    conf = (DISK + "[vm mem]\nkernel = memtest.bin\nmemory = 16M\n"
            "cmdline = console=ttyS0,115200\nautostart = yes\ndisk = data\n")
    files = bundle.make(tmp_path / "memtest.cpio", conf,
                        bundle.read(foreign / "memtest/memtest.bin"))
    with emulator(foreign, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("mem")
        machine.wait("Memtest86")
        machine.wait(r"#6  \[Moving inversions", 600)
        machine.wait(r"Pass:  0 +Errors: (\d+)")
        assert machine.match().group(1) == "0"
        machine.leave()
        assert machine.vm("mem")["state"] == "running"


@CELLS
def test_xen(foreign, tmp_path, emulator):
    """Xen takes the bus as MCFG and E820 describe it. A disk is for its dom0 to find."""
    conf = (DISK + "[vm xen]\nkernel = xen.elf\ninitrd = vmlinuz\nmemory = 384M\n"
            "cmdline = xen com1=115200,8n1 console=com1 loglvl=all noreboot dom0_mem=200M\n"
            "autostart = yes\ndisk = data\n")
    files = bundle.make(tmp_path / "xen.cpio", conf,
                        bundle.read(foreign / "xen/xen.elf", foreign / "guests/vmlinuz"))
    with emulator(foreign, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("xen")
        machine.wait("PCI: MCFG area at e0000000 reserved in E820", 300)
        machine.wait("PCI: Using MCFG for segment 0000 bus 00-00")
        machine.wait("Building a PV Dom0", 300)


@pytest.mark.long
@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_grub(grub, tmp_path, emulator):
    """GRUB lists the bus and the tables; none of its drivers takes the disk for its own."""
    conf = (DISK + "[vm grub]\nkernel = grub.elf\nmemory = 64M\nautostart = yes\nrng = yes\n"
            "disk = data\n")
    files = bundle.make(tmp_path / "grub.cpio", conf, bundle.read(grub / "grub/grub.elf"))
    with emulator(grub, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("grub")
        machine.wait("functions:")
        functions = machine.wait("disks:")
        assert re.findall(r"00:\d\d\.0 1af4:\w{4} \[\w{4}\]", functions) == \
            ["00:00.0 1af4:0f00 [0600]", "00:02.0 1af4:1044 [ff00]", "00:10.0 1af4:1042 [0180]"]
        assert machine.wait("tables:").strip() == ""
        tables = machine.wait("memory:").replace("\r", "")
        assert set(re.findall(r"^(\w{4}) +\d+B rev=", tables, re.MULTILINE)) >= \
            {"XSDT", "FACP", "APIC", "MCFG"}
        assert "(valid)" in tables and not re.search(r"not valid|invalid", tables)
        assert "base_addr = 0xe0000000, length = 0x100000, reserved RAM" in \
            machine.wait(r"\[the guest has ended\]").replace("\r", "")
        machine.wait_prompt()
        assert machine.vm("grub")["reason"] == "guest powered off"
