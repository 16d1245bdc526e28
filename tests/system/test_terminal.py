# SPDX-License-Identifier: MIT
"""A guest at the operator's terminal: what of it gets there, and what stays when it is left."""
import re

import pytest

import bundle
import ring_3
from machine import DETACH, PROMPT, Bochs
CONF = "[vm echo]\nkernel = echo.bin\nmemory = 16M\nautostart = yes\n"
RESET = "\x1b[0m\x1b(B\x0f\x1b[4l\x1b[?1l\x1b>\x1b[?5l\x1b[?7h\x1b[?25h"
# The answer to a query, as a terminal gives it; here it would be a command.
ANSWER = "vm pause echo\r"


def print_at(machine, *pieces):
    """Lets the guest, which prints what is typed, print the pieces; returns what was seen of it."""
    for piece in (*pieces, b"|end\n"): # a line is shown once it is whole
        machine.link.sendall(piece)
    return machine.wait(r"\|end\n")


def attach(machine, options=""):
    machine.type(f"vm console {options}echo\r")
    machine.wait(r"\[console of echo, [^\n]*\n")
    print_at(machine, b"|begin")


def check_filter(machine):
    attach(machine)
    drawn = "\x1b[1;31mred\x1b[0m \x1b[2J\x1b[5;7H\x1b[K\u00e9\u2500\x1b[?25l"
    assert print_at(machine, drawn.encode()) == drawn
    # the bytes come in pieces, each of which the manager may see by itself
    assert print_at(machine, b"\x1b", b"[", b"3", b"2", b"m\xe2", b"\x94", b"\x82") == \
        "\x1b[32m\u2502"
    for hidden in (b"\x1b[6n", b"\x1b[c", b"\x1b[>0c", b"\x05", b"\x1b]0;owned\x07",
                   b"\x1b]52;c;aGk=\x1b\\", b"\x1bP$qm\x1b\\", b"\x1b_x\x1b\\", b"\x1b^x\x1b\\",
                   b"\x1bXx\x1b\\", b"\x1b[?1000;2004h", b"\x1b[5i", b"\x1b[21t", b"\x1b[3J", b"\x1b G"):
        assert print_at(machine, b"<", hidden, b">") == "<>", hidden
    # nothing of eight bits but UTF-8
    assert print_at(machine, b"\x9b6n\xc2\x9b6n\xff") == "?6n?6n?"
    # the line graphics of dialog and the like, with the terminal's own set as it was
    assert print_at(machine, b"\x1b(0lqk\x1b(Bq") == "\u250c\u2500\u2510q"
    machine.type(DETACH)
    assert machine.wait(PROMPT).startswith(RESET)


def check_alternate(machine):
    """Leaving in the middle of what a full-screen program shows brings the own screen back."""
    attach(machine)
    print_at(machine, b"\x1b[?1049h\x1b[1;20r\x1b[?1h")
    machine.type(DETACH)
    assert machine.wait(PROMPT).startswith("\x1b[?6l\x1b[r\x1b[999;1H\x1b[?1049l" + RESET)
    # of text alone nothing stays
    attach(machine)
    print_at(machine, b"plain")
    machine.type(DETACH)
    assert "\x1b" not in machine.wait(PROMPT)


def check_answers(machine):
    """
    Checks that bytes right behind the end of a guest's console are no command, whatever brought
    them.
    """
    for options in ("", "-r "):
        attach(machine, options)
        seen = print_at(machine, b"\x1b[6n")
        assert ("\x1b[6n" in seen) == (options == "-r ")
        machine.type(DETACH + ANSWER)
        said = machine.wait_prompt()
        assert "pause" not in said and "error" not in said, said
        assert machine.vm("echo")["state"] == "running"


def is_taken_later(machine):
    """
    Returns whether an answer that comes when the terminal has just got its state back is a
    command.
    """
    attach(machine)
    print_at(machine, b"\x1b[1m")
    machine.type(DETACH)
    machine.wait(re.escape(RESET))
    machine.type(ANSWER)
    machine.wait_prompt()
    taken = machine.vm("echo")["state"] == "paused"
    machine.command("vm resume echo")
    return taken


def check_raw(machine):
    attach(machine, "-r ")
    everything = b"\x1b[6n\x1b]0;mine\x07\x1b[?1000h\x1b[?2004h\x1b(0q\x1b[?1049h"
    assert print_at(machine, everything) == everything.decode()
    machine.type(DETACH)
    said = machine.wait(PROMPT)
    for taken_back in ("\x18\x1b\\", "\x1b[?1049l", "\x1b[?1000l", "\x1b[?2004l", RESET):
        assert taken_back in said, repr(said)


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_terminal(build, tmp_path, emulator):
    files = bundle.make(tmp_path / "terminal.cpio", CONF, bundle.tiny(build, "echo"))
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        check_filter(machine)
        check_alternate(machine)
        check_answers(machine)
        # a busy host may need more than the 200 ms, Bochs's clock is not the host's
        assert emulator is Bochs or not all(is_taken_later(machine) for _ in range(5))
        check_raw(machine)
        # the guest polls, and QEMU 7.2 forgets interrupts of a machine that does
        # (docs/platforms.md)
        machine.command("vm pause echo")
        said = [line["text"] for line in machine.objects("log show -c audit -v echo")]
        assert "console: vm console -r echo" in said and "console: console left" in said
        for line in ("vm console -r", "vm console echo a b"):
            assert "give that of a VM, or those of a VM and its port" in machine.command(line)
        assert "echo has no port x" in machine.command("vm console echo -r x")
        machine.type("vm console -r ec\t\r")
        machine.wait(r"\[console of echo, ")
        machine.leave()
