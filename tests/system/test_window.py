# SPDX-License-Identifier: MIT
"""Windows that VMs share, and resets that a guest asks for by the device of its window."""
import re

import pytest

import bundle
from machine import COUNTED, Bochs, Qemu, wait_for

EMULATORS = {"qemu": Qemu, "bochs": Bochs}
VM = "[vm {0}]\nkernel = window.bin\nmemory = 4M\nautostart = yes\nwindow = fuzz 64K\ncmdline = {1}\n"
# Instructions of the monitor and the kernel for going back with 100 dirty pages.
LIMITS = {"qemu": 60000, "bochs": 60000}
FUZZED = VM.format("harness", "harness") + VM.format("target", "target")


def counted(emulator):
    """One processor whose TSC counts instructions."""
    return {"extra": COUNTED} if emulator == "qemu" else {}


def start(build, folder, emulator, conf, **how):
    files = bundle.make(folder / "window.cpio", conf, bundle.tiny(build, "window"))
    return EMULATORS[emulator](build, bundle=files, **how)


def good(machine, name):
    """Waits until the guest has ended; returns what it has printed, which has no failed check."""
    wait_for(lambda: machine.vm(name)["state"] != "running")
    at = len(machine.transcript())
    machine.attach(name)
    machine.wait("the guest has ended")
    machine.wait_prompt()
    text = machine.transcript()[at:]
    assert "DONE" in text and "FAIL" not in text, text
    return text


@pytest.mark.parametrize("emulator", EMULATORS)
def test_two_guests(build, tmp_path, emulator):
    """Each reads what the other has written, and is told by a bell."""
    conf = VM.format("one", "first") + VM.format("two", "second")
    with start(build, tmp_path, emulator, conf) as machine:
        machine.wait_prompt()
        good(machine, "one")
        good(machine, "two")
        machine.command("vm destroy one")
        machine.command("vm destroy two")
        assert ": 0 found" in machine.command("audit")


def said(text, what):
    (number,) = re.findall(rf"^{what} ?0x([0-9a-f]+)", text, re.MULTILINE)
    return int(number, 16)


@pytest.mark.parametrize("emulator", EMULATORS)
def test_runs(build, tmp_path, emulator):
    """
    A target goes back some 400 times, with all that it has written; what that costs in
    instructions of the host, and its refusals.
    """
    with start(build, tmp_path, emulator, FUZZED, **counted(emulator)) as machine:
        machine.wait_prompt()
        text = good(machine, "harness")
        figures = {what: said(text, what) for what in ("RESET-0", "RUN-0", "RESET-100", "RUN-100")}
        print(figures)
        assert figures["RESET-100"] < LIMITS[emulator], figures
        assert "on-request" in machine.command("vm snapshot list target")
        assert ": 0 found" in machine.command("audit")


def test_later_snapshots(build, tmp_path):
    """A target whose snapshot is covered or dropped while it goes back is told so, and asks for another."""
    with start(build, tmp_path, "qemu", FUZZED) as machine:
        machine.wait_prompt()
        for name in ("one", "two", "three"):
            wait_for(lambda: "on-request" in machine.command("vm snapshot list target"))
            machine.command(f"vm snapshot target {name}")
            machine.command(f"vm snapshot drop target {name}")
            assert machine.vm("target")["state"] == "running", machine.vm("target")["reason"]
        good(machine, "harness")


def test_audit(build, tmp_path):
    """A window that two running VMs write to is no finding."""
    with start(build, tmp_path, "qemu", FUZZED) as machine:
        machine.wait_prompt()
        good(machine, "harness")
        assert machine.vm("target")["state"] == "running"
        machine.command("vm start harness")
        wait_for(lambda: machine.vm("harness")["exits"] > 20)
        assert ": 0 found" in machine.command("audit")
