# SPDX-License-Identifier: MIT
"""Keys that change intercepts and controls: `trap` while a VM runs, the others at its next boot."""
import pytest

import bundle
from machine import Bochs, Qemu, wait_for

EMULATORS = {"qemu": Qemu, "bochs": Bochs}

CR3_LOAD, MOV_DR, MSR_BITMAPS = 1 << 15, 1 << 23, 1 << 28
TIMER, VPID, UNRESTRICTED = 1 << 6, 1 << 5, 1 << 7


def words(machine, name="demo"):
    return {row["reason"]: row["count"] for row in machine.objects(f"vm stat {name}")}


def wait_hello(machine):
    """Waits until the demonstration guest has gone from real mode to 64-bit mode."""
    machine.type("vm console demo\r")
    machine.wait("hello from 64-bit mode")
    machine.leave()


def press(machine, key):
    machine.type("vm console demo\r")
    machine.wait(r"\[console of demo, [^\n]*\n")
    machine.type(key)
    machine.wait(f"you pressed '{key}'")
    machine.leave()


def check_running(machine, svm):
    before = words(machine)
    (changed,) = machine.objects("vm set demo trap=cr,dr,exceptions,msr,io")
    assert changed["trap"] == "cr dr exceptions msr io"
    # The intercepts stand there from the guest's next entry on.
    word = "intercept-exceptions" if svm else "exception-bitmap"
    wait_for(lambda: words(machine).get(word) == 0xFFFBFFFB | 1 << 18)
    now = words(machine)
    if svm:
        # CR8's bit comes and goes while an interrupt waits
        assert now["intercept-cr-write"] & ~(1 << 8) == 0x19
        assert now["intercept-dr-write"] == 0xFFFF
    else:
        primary = before["primary-controls"]
        assert now["primary-controls"] == (primary | CR3_LOAD | MOV_DR) & ~MSR_BITMAPS
    press(machine, "x")
    assert words(machine)["trapped-io"] > 0
    assert "trap: out to port 0x3f8" in machine.command("log show -n 20")
    machine.command("vm set demo trap=none")
    wait_for(lambda: words(machine).get(word) == before.get(word))
    after = words(machine)
    for name in ("intercept-exceptions", "primary-controls",
                 "exception-bitmap"):
        assert after.get(name) == before.get(name), name
    press(machine, "y")
    assert words(machine)["trapped-io"] == after["trapped-io"]


def check_boot(machine, svm):
    """The way into 64-bit mode with every write of a control register or MSR trapped."""
    machine.type("vm console demo\r")
    machine.wait(r"\[console of demo, [^\n]*\n")
    machine.type("q")
    machine.wait_prompt()
    machine.command("vm set demo trap=cr,msr tlb_flush=full preemption_timer=off pages=4k")
    machine.command("vm start demo")
    wait_hello(machine)
    now = words(machine)
    assert now["trapped-cr"] >= 3, now
    assert now["trapped-msr"] >= 1, now
    if svm:
        assert now["tlb-control"] == 1
    else:
        assert now["secondary-controls"] & VPID == 0 and now["pin-controls"] & TIMER == 0
    (walk,) = machine.objects("vm translate demo 0x7c00")
    assert walk["second_stage"][-1]["level"] == 1
    press(machine, "z")


@pytest.mark.parametrize("emulator", EMULATORS)
def test_trap(build, emulator):
    with EMULATORS[emulator](build) as machine:
        machine.wait_prompt()
        wait_hello(machine)
        check_running(machine, emulator == "qemu")
        check_boot(machine, emulator == "qemu")


@pytest.mark.long
def test_restricted(build, tmp_path):
    """Linux, entered in 64-bit mode, without unrestricted guest and with loads of CR3 trapped."""
    conf = ("[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
            "cmdline = console=ttyS0 quiet name=alpha\nautostart = yes\n"
            "unrestricted = off\ntrap = cr\n")
    files = bundle.make(tmp_path / "trap.cpio", conf, bundle.debian(build / "guests"))
    with Bochs(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 600)
        machine.leave()
        now = words(machine, "alpha")
        assert now["secondary-controls"] & UNRESTRICTED == 0
        assert now["primary-controls"] & CR3_LOAD
        assert now["trapped-cr"] > 0
        # the shell's work from now on switches between few address spaces
        machine.attach("alpha")
        machine.shell("i=0; while [ $i -lt 200 ]; do echo $i > /dev/null; i=$((i+1)); done")
        machine.leave()
