# SPDX-License-Identifier: MIT
"""Stock GDB on COM3 debugs a guest."""
import re
import socket

import pytest

import bundle
import debugger
from debugger import value
from machine import Bochs, Qemu
from test_password import hashed

EMULATORS = {"qemu": Qemu, "bochs": Bochs}


def wait_long_mode(machine):
    while True:
        (regs,) = machine.objects("vm regs demo")
        if regs["halted"]:
            return regs


def check_look(machine, regs):
    out = debugger.run(machine, "info threads", "p/x $pc", "p/x $cr0", "p/x $efer",
                       "x/2xb 0x7c00", "detach")
    assert "Thread 1" in out, out
    assert value(out, 1) == regs["rip"], out
    assert value(out, 2) == regs["cr0"] and value(out, 3) == regs["efer"], out
    assert re.search(r"0x7c00:\s+0xfa\s+0xfc", out), out


def check_steps(machine, regs):
    """Two steps from after HLT: each goes to another address; registers and memory can be set."""
    out = debugger.run(machine, "p/x $pc", "stepi", "p/x $pc", "stepi", "p/x $pc",
                       "set var $rbx = 77", "p $rbx", "set var *(char *)0x6000 = 33",
                       "p *(char *)0x6000", "detach")
    assert value(out, 1) == regs["rip"], out
    assert len({value(out, n) for n in (1, 2, 3)}) == 3, out
    assert value(out, 4) == 77 and value(out, 5) == 33, out
    (piece,) = machine.objects("vm dump demo 0x6000 1")
    assert piece["hex"] == "21"


def check_breakpoints(machine, regs, kind):
    """
    A key wakes the guest, which then hits a breakpoint where it was halted. GDB would step over a
    breakpoint at the current address, so it makes two steps first. The key is typed when the guest
    is halted again: one that it finds while it runs wakes nobody.
    """
    gdb = debugger.start(machine, "stepi", "stepi", f"{kind} *{regs['rip']}", "echo going\\n",
                         "continue", "p/x $pc", "delete", "detach")
    debugger.wait_running(machine, gdb)
    wait_long_mode(machine)
    machine.attach("demo")
    machine.type("x")
    assert value(debugger.rest(machine, gdb), 1) == regs["rip"]
    machine.wait("you pressed 'x'")
    machine.leave()


@pytest.mark.parametrize("emulator", EMULATORS)
def test_gdb(build, emulator):
    with EMULATORS[emulator](build, com3=True) as machine:
        machine.wait_prompt()
        regs = wait_long_mode(machine)
        assert "waiting" in str(machine.objects("gdb demo"))
        check_look(machine, regs)
        check_steps(machine, regs)
        assert "waiting" in str(machine.objects("gdb"))
        check_breakpoints(machine, wait_long_mode(machine), "break")
        if emulator == "bochs": # docs/platforms.md: QEMU arms no DR7 that VMRUN loads
            check_breakpoints(machine, wait_long_mode(machine), "hbreak")
        (state,) = machine.objects("gdb off")
        assert state["state"] == "off"
        assert "the VMs are demo" in machine.command("gdb nobody")


WORD = "open sesame"


class Terminal:
    """The terminal of a person at COM3."""

    def __init__(self, machine):
        self.link = socket.create_connection(("127.0.0.1", machine.com3.port))
        self.link.settimeout(120)
        self.said = b""

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.link.close()

    def type(self, text, answer):
        self.link.sendall(text.encode())
        self.wait(answer)

    def wait(self, answer):
        while answer not in self.said:
            data = self.link.recv(4096)
            assert data, self.said
            self.said += data
        self.said = self.said.partition(answer)[2]


def state(machine):
    return machine.objects("gdb")[0]["state"]


@pytest.mark.parametrize("emulator", EMULATORS)
def test_locked(build, tmp_path, emulator):
    """With a password COM3 asks for it before anything else, and again after `lock`."""
    conf = (f"[host]\npassword = {hashed(WORD)}\n"
            "[vm demo]\nkernel = built-in\nmemory = 16M\nautostart = yes\n")
    files = bundle.make(tmp_path / "locked.cpio", conf)
    with EMULATORS[emulator](build, bundle=files, com3=True) as machine:
        machine.wait("password: ")
        machine.type(WORD + "\r")
        machine.wait_prompt()
        regs = wait_long_mode(machine)
        assert machine.objects("gdb demo")[0]["state"] == "locked"
        out = debugger.run(machine, "p/x $pc")
        assert "E.locked" in out and "$1" not in out, out
        with Terminal(machine) as terminal:
            terminal.type("\x15close barley\r", b"error: wrong password")
            terminal.type(WORD + "\r", b"open: GDB may attach now")
        assert state(machine) == "waiting"
        check_look(machine, regs)
        # a GDB that waits for a stop is told that there will be none, and the guest goes on
        gdb = debugger.start(machine, "echo going\\n", "continue")
        debugger.wait_running(machine, gdb)
        machine.type("lock\r")
        machine.wait("password: ")
        debugger.rest(machine, gdb)
        with Terminal(machine) as terminal:
            terminal.type("\r", b"password: ")
        machine.type(WORD + "\r")
        machine.wait_prompt()
        assert state(machine) == "locked"
        assert machine.vm("demo")["state"] == "running"
        assert "E.locked" in debugger.run(machine, "p/x $pc")
        audit = machine.command("log show -c audit")
        for line in ("console: gdb on COM3", "COM3: locked", "COM3: wrong password, 1 in a row",
                     "COM3: unlocked"):
            assert line in audit, audit
