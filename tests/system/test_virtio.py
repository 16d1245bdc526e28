# SPDX-License-Identifier: MIT
"""A stock Debian kernel finds the PCI bus and what is on it, by MSI-X and by interrupt pins."""
import re

import pytest

import bundle
from machine import Bochs, Qemu

VM = ("[vm {name}]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
      "cmdline = console=ttyS0 quiet name={name} {words}\nautostart = {autostart}\n{keys}\n")
SCAN_EXITS_MAX = 250
# The lines of a kernel about a bus, or tables, that it does not like.
COMPLAINTS = re.compile(r".*(?:PCI: Fatal|ACPI (?:BIOS )?(?:Error|Warning)|firmware bug|\[Firmware"
                        r"|can't claim|no compatible bridge|BAR \d.*(?:failed|bogus|no space)"
                        r"|virtio.*(?:fail|error)).*", re.IGNORECASE)


def section(name, words="", keys="", autostart="no"):
    return VM.format(name=name, words=words, keys=keys, autostart=autostart)


def start(machine, name):
    machine.command(f"vm create {name}")
    machine.command(f"vm start {name}")
    machine.attach_shell(name)


def check_rng(machine):
    """Checks that the rng gives bytes, and other bytes each time."""
    first, second = (machine.shell("head -c 32 /dev/hwrng | hexdump -v -e '1/1 \"%02x\"'")
                     for _ in range(2))
    assert len(first.strip()) == 64 and first != second


def check_devices(machine, interrupt):
    said = machine.shell("dmesg")
    assert not COMPLAINTS.findall(said)
    assert "PCI: MMCONFIG" in said
    assert machine.shell("cat /sys/bus/pci/devices/*/class").split() == \
        ["0x060000", "0x078000", "0xff0000"]
    assert machine.shell("cat /sys/class/misc/hw_random/rng_current") == "virtio_rng.0\n"
    check_rng(machine)
    assert machine.shell("tty") == "/dev/hvc0\n"
    interrupts = machine.shell("cat /proc/interrupts")
    assert len(re.findall(rf"{interrupt}.*virtio[01]", interrupts)) >= 2, interrupts


INTERRUPTS = {"msix": "PCI-MSI", "pin": "IO-APIC.*fasteoi"}


# On VMX test_ide.py has disks that interrupt by messages.
@pytest.mark.parametrize("emulator, names", [
    pytest.param(Qemu, ("msix", "pin"), id="Qemu"), pytest.param(Bochs, ("pin",), id="Bochs"),
    pytest.param(Bochs, ("msix",), id="Bochs-msix", marks=pytest.mark.long)])
def test_devices(build, tmp_path, emulator, names):
    keys = "rng = yes\nconsole = virtio"
    conf = section("msix", "console=hvc0", keys) + section("pin", "console=hvc0 pci=nomsi", keys)
    files = bundle.make(tmp_path / "virtio.cpio", conf, bundle.debian_virtio(build / "guests"))
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        for name in names:
            start(machine, name)
            check_devices(machine, INTERRUPTS[name])
            machine.leave()
            machine.command(f"vm destroy {name}")


@pytest.mark.parametrize("emulator", [Qemu, pytest.param(Bochs, marks=pytest.mark.long)])
def test_ports(build, tmp_path, emulator):
    """Ports by name: bytes in both directions, beside a console on the serial port."""
    conf = section("alpha", keys="port = agent, notes", autostart="yes")
    files = bundle.make(tmp_path / "ports.cpio", conf, bundle.debian_virtio(build / "guests"))
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        assert machine.shell("cat /sys/class/virtio-ports/*/name").split() == ["agent", "notes"]
        assert machine.shell("tty") == "/dev/ttyS0\n"
        machine.shell("port=/dev/$(basename $(dirname $(grep -l agent "
                      "/sys/class/virtio-ports/*/name)))")
        machine.shell("exec 3<>$port; (while read -r line <&3; do echo \"heard $line\" >&3; "
                      "done) & true")
        machine.leave()
        machine.type("vm console alpha agent\r")
        machine.wait(r"\[port agent of alpha, [^\n]*\n")
        machine.type("who is there\n")
        machine.wait(r"heard who is there\r*\n")
        machine.leave()
        assert machine.command("vm console alpha agnt") == \
            "error: alpha has no port agnt; its ports are agent, notes"
        machine.attach("alpha")
        assert machine.shell("echo still here") == "still here\n"
        machine.leave()
        machine.command("vm reset alpha")
        machine.attach_shell("alpha")
        assert machine.shell("cat /sys/class/virtio-ports/*/name").split() == ["agent", "notes"]


def exits(machine, name):
    """By reason, of a guest that has booted."""
    start(machine, name)
    machine.leave()
    counts = {row["reason"]: row["count"] for row in machine.objects(f"vm stat {name}")
              if "reason" in row}
    machine.command(f"vm destroy {name}")
    return counts["io"] + counts["memory"]


def test_empty_bus(build, tmp_path):
    """Without devices the bus costs little; a VM can also have no bus."""
    conf = section("none", keys="pci = off") + section("empty")
    files = bundle.make(tmp_path / "empty.cpio", conf, bundle.debian(build / "guests"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        # a busy host makes a kernel look more often whether something has come, and never less often
        without, with_bus = [], []
        while len(with_bus) < 4 and not (with_bus and min(with_bus) - min(without) <= SCAN_EXITS_MAX):
            without.append(exits(machine, "none"))
            with_bus.append(exits(machine, "empty"))
        print(f"accesses to devices: {without} without PCI, {with_bus} with an empty bus")
        assert min(with_bus) - min(without) <= SCAN_EXITS_MAX, (without, with_bus)
        start(machine, "none")
        assert "PCI: Fatal" in machine.shell("dmesg")
        assert machine.shell("ls /sys/bus/pci/devices").strip() == ""
        machine.leave()


def test_refused(build, tmp_path):
    """Devices on a bus that is not there."""
    files = bundle.make(tmp_path / "off.cpio", section("a", "", "pci = off\nrng = yes"),
                        bundle.tiny(build, "spin"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        assert "rng = yes does not go with pci = off; set pci = on" in \
            machine.command("log show")
