# SPDX-License-Identifier: MIT
"""Faults made on purpose, by the commands that a TEST=1 image has more (tests/faults)."""
import pytest

import bundle
from machine import Bochs, Qemu

# What is broken, and what an audit must say of it.
BROKEN = {
    "owner": "belongs to two memory objects",
    "two-guests": "is writable by a VM and by somebody else",
    "process": "is writable by a VM and by somebody else",
    "guest": "(kernel) is reached at 0x800000000, but no memory object has it",
    "ring3": "(table) is writable from ring 3 or a guest",
    "executable": "is writable and executable",
    "alias": "is executable at one address and writable at another",
    "user": "is open to ring 3",
    "references": "counts 1 references more than there are",
    "quota": "is charged 1 pages (guest) more than it has",
}


def spinning(build, tmp_path, names):
    conf = "".join(f"[vm {name}]\nkernel = spin.bin\nmemory = 24M\nautostart = yes\n"
                   for name in names)
    return bundle.make(tmp_path / "faults.cpio", conf,
                       bundle.read(build / "tests/guest/spin.bin"))


def findings(machine):
    return [row["found"] for row in machine.objects("audit") if "found" in row]


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_audit_catches(build, tmp_path, emulator):
    """Each invariant broken on a machine that works: the audit says so, and not without; and the
    kernel's stack overflows into its guard page, which is said."""
    with emulator(build / "tests/faults", bundle=spinning(build, tmp_path, "ab")) as machine:
        machine.wait_prompt()
        while any(machine.vm(name)["state"] != "running" for name in "ab"):
            pass
        assert findings(machine) == []
        for what, text in BROKEN.items():
            machine.command(f"fault break {what}")
            found = findings(machine)
            assert any(text in line for line in found), (what, found)
            machine.command("fault mend")
            assert findings(machine) == [], what
        machine.type("fault stack\r")
        machine.wait(r"panic on CPU 0: ([^\r\n]*)[\r\n]")
        assert machine.match().group(1) == "kernel stack overflow"
        machine.wait(r"halted\r*\n")
