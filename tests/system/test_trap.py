# SPDX-License-Identifier: MIT
"""The keys that change control words: trap while a VM runs, the others at its next boot."""
import pytest

from machine import Bochs, Qemu

EMULATORS = {"qemu": Qemu, "bochs": Bochs}

CR3_LOAD, MOV_DR, MSR_BITMAPS = 1 << 15, 1 << 23, 1 << 28
TIMER, VPID = 1 << 6, 1 << 5


def words(machine):
    return {row["reason"]: row["count"] for row in machine.objects("vm stat demo")}


def wait_hello(machine):
    """Until the demonstration guest has gone from real mode to 64-bit mode."""
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
    now = words(machine)
    if svm:
        assert now["intercept-cr-write"] == 0x19 and now["intercept-dr-write"] == 0xFFFF
        assert now["intercept-exceptions"] == 0xFFFBFFFB | 1 << 18
    else:
        primary = before["primary-controls"]
        assert now["primary-controls"] == (primary | CR3_LOAD | MOV_DR) & ~MSR_BITMAPS
        assert now["exception-bitmap"] == 0xFFFBFFFB | 1 << 18
    press(machine, "x")
    assert words(machine)["trapped-io"] > 0
    assert "trap: out to port 0x3f8" in machine.command("log show -n 20")
    machine.command("vm set demo trap=none")
    after = words(machine)
    for name in ("intercept-cr-write", "intercept-exceptions", "primary-controls",
                 "exception-bitmap"):
        assert after.get(name) == before.get(name), name
    press(machine, "y")
    assert words(machine)["trapped-io"] == after["trapped-io"]


def check_boot(machine, svm):
    """The way into 64-bit mode with every CR write seen."""
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
