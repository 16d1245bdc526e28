# SPDX-License-Identifier: MIT
"""Machine checks, injected by QEMU's monitor (SDM vol. 3, 16.3): what each of them ends."""
import re

import pytest

import bundle
import qemu_monitor
from machine import Qemu, wait_for

# MCi_STATUS: valid, with ADDR and MISC; corrected; uncorrected; the CPU's own context is corrupt
CORRECTED = 0x8c00000000000000
UNCORRECTED = 0xbc00000000000000
CORRUPT = 0xbe00000000000000
RESTARTABLE, IN_PROGRESS = 1, 4  # bits of MCG_STATUS
PHYSICAL = 2 << 6 | 6  # MCi_MISC: the address is physical, and known except for its lower six bits
BANK = 3


def check(monitor, status, address, glob=RESTARTABLE | IN_PROGRESS):
    said = monitor.command(f"mce 0 {BANK} {status:#x} {glob:#x} {address:#x} {PHYSICAL:#x}")
    assert said.strip() == "", said


def two_guests(build, tmp_path, way):
    """
    Starts two guests, by default halted nearly always: QEMU delivers a machine check to the
    running guest, which real CPUs never do when the exception is intercepted.
    """
    conf = "".join(f"[vm {name}]\nkernel = hostile_fatal.bin\nmemory = {mib}M\nautostart = yes\n"
                   f"cmdline = {way} qemu\n" for name, mib in (("a", 24), ("b", 28)))
    return bundle.make(tmp_path / "checks.cpio", conf,
                       bundle.tiny(build, "hostile_fatal", "greedy"))


def machine_of(build, tmp_path, path, way="halt-for-ever"):
    return Qemu(build / "tests/faults", bundle=two_guests(build, tmp_path, way), cmdline="nokaslr",
                extra=qemu_monitor.option(path))


def states(machine):
    return {name: machine.vm(name)["state"] for name in "ab"}


def all_run(machine):
    return set(states(machine).values()) == {"running"}


def wait_running(machine):
    machine.wait_prompt()
    wait_for(lambda: all_run(machine))


def fault_page(machine, number):
    """A page of a VM's RAM or, from 2 on, of its monitor, that VM's name, and the other VM's."""
    return machine.objects(f"fault page {number}")[0]["page"], "ab"[number % 2], "ba"[number % 2]


def pages(machine, owner):
    return [row["pages"] for row in machine.objects("mem") if row.get("owner") == owner][0]


def findings(machine):
    return [row["found"] for row in machine.objects("audit") if "found" in row]


def use_all(machine):
    """Lets one more VM write to all the memory that is left for guests."""
    said = machine.command("vm create huge kernel=greedy.bin memory=512G")
    left = int(re.search(r"only (\d+) MiB are promised to nobody", said).group(1))
    mib = (left - 4) * 128 // 129  # docs/guides/write-a-configuration.md: besides RAM, RAM / 128 and 512 pages, 64 a vCPU
    said = machine.command(f"vm create greedy kernel=greedy.bin memory={mib}M cmdline=mib={mib}")
    assert said == "greedy: created", said
    machine.type("vm start greedy\r")
    machine.attach("greedy")
    machine.wait("PASS all-memory")
    machine.leave()


@pytest.mark.parametrize("number", [0, 1, 3])
def test_page_of_vm(build, tmp_path, number):
    """An uncorrected error in a page of a guest or of its monitor ends that VM alone; the page is
    never used again."""
    path = tmp_path / "monitor"
    with machine_of(build, tmp_path, path) as machine, qemu_monitor.Monitor(path) as monitor:
        wait_running(machine)
        set_aside = pages(machine, "reserved")
        page, ended, other = fault_page(machine, number)
        check(monitor, UNCORRECTED, page + 0x123)
        wait_for(lambda: not all_run(machine))
        assert states(machine) == {ended: "crashed", other: "running"}
        said = machine.command("log show -c process")
        assert re.search(rf"machine check: bank {BANK}, status {UNCORRECTED:#x}: page {page:#x} is "
                         "lost", said), said
        machine.command(f"vm destroy {ended}")
        wait_for(lambda: pages(machine, "reserved") == set_aside + 1)
        assert findings(machine) == []
        machine.command(f"vm create {ended}")
        machine.command(f"vm start {ended}")
        wait_for(lambda: all_run(machine))
        use_all(machine)
        assert pages(machine, "reserved") == set_aside + 1
        assert findings(machine) == []


@pytest.mark.parametrize("number", [0, 1])
def test_shutdown_of_guest(build, tmp_path, number):
    """An error that shuts the CPU down in a guest ends the VM that the page belongs to. If that is
    another VM, the guest is reset: its state is unknown."""
    path = tmp_path / "monitor"
    with machine_of(build, tmp_path, path, "check-nowhere") as machine, \
            qemu_monitor.Monitor(path) as monitor:
        wait_running(machine)
        for name in "ab":
            machine.attach(name)
            machine.wait("PASS ready")
            machine.leave()
        page, ended, other = fault_page(machine, number)
        check(monitor, UNCORRECTED, page)
        while "crashed" not in states(machine).values():
            if "triple fault" in machine.command("log show"):
                break
        said = machine.command("log show -c process")
        assert re.search(rf"machine check: bank {BANK}, status {UNCORRECTED:#x}: page {page:#x} is "
                         "lost", said), said
        wait_for(lambda: states(machine) == {ended: "crashed", other: "running"})


def test_corrected(build, tmp_path):
    """A corrected error is logged, and that is all."""
    path = tmp_path / "monitor"
    with machine_of(build, tmp_path, path) as machine, qemu_monitor.Monitor(path) as monitor:
        wait_running(machine)
        check(monitor, CORRECTED, 0x1234000)
        wait_for(lambda: "harmless machine check" in machine.command("log show -c cpu"))
        said = machine.command("log show -c cpu")
        assert f"bank {BANK}, status {CORRECTED:#x}, address 0x1234000" in said, said
        assert set(states(machine).values()) == {"running"}


def panic_of(build, tmp_path, status, address, glob=RESTARTABLE | IN_PROGRESS):
    path = tmp_path / "monitor"
    with machine_of(build, tmp_path, path) as machine, qemu_monitor.Monitor(path) as monitor:
        wait_running(machine)
        base = machine.objects("sym cpu_loop")[0]["address"]
        if address is None:
            address = monitor.number(f"gva2gpa {base:#x}", r"gpa: 0x([0-9a-f]+)")
        else:
            address = fault_page(machine, address)[0]
        check(monitor, status, address, glob)
        machine.wait(r"panic on CPU 0: machine check on CPU 0: ([^\r\n]*)[\r\n]")
        said = machine.match().group(1)
        machine.wait(r"halted\r*\n")
    assert said.startswith(f"bank {BANK}, status {status:#x}, address {address:#x}: "), said
    return said.rpartition(": ")[2]


def test_page_of_kernel(build, tmp_path):
    said = panic_of(build, tmp_path, UNCORRECTED, None)
    assert said == "the page is the kernel's"


def test_corrupt(build, tmp_path):
    """A corrupt CPU context is a panic, even if the page is a guest's."""
    said = panic_of(build, tmp_path, CORRUPT, 0)
    assert said == "the CPU's own state is corrupt"


def test_not_restartable(build, tmp_path):
    said = panic_of(build, tmp_path, UNCORRECTED, 0, IN_PROGRESS)
    assert said == "the interrupted code cannot be resumed"
