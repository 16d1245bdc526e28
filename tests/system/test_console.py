# SPDX-License-Identifier: MIT
"""The console as a person uses it, and as somebody abuses it."""
import re

import bundle
from machine import PROMPT, Qemu

LEFT, HOME = "\x1b[D", "\x1b[H"
MORE = re.escape("--more--")


def test_console(build):
    with Qemu(build) as machine:
        machine.wait_prompt()
        check_json(machine)
        check_keys(machine)
        check_completion(machine)
        check_watch(machine)
        check_ends(machine)
        check_pages(machine)
        check_lines(machine)
        check_refusals(machine)
        machine.command("vm destroy demo")
        assert machine.objects("vm list") == []


def entered(machine, keys, line):
    """Types keys that make a line; returns what the line prints."""
    machine.type(keys + "\r")
    machine.wait(re.escape(line) + r" *[\b]*\r*\n")
    return machine.wait_prompt().replace("\r", "")


def check_json(machine):
    """-j goes anywhere in a line."""
    for line in ("vm list -j", "vm -j list", "-j vm list"):
        assert machine.command(line).startswith('{"name":"demo",'), line


def check_keys(machine):
    machine.command("version")
    assert "OWNER" in entered(machine, f"me{LEFT}{LEFT}{LEFT}\x05m", "mem")
    assert "OWNER" in entered(machine, "x\x1b[A\x7f\x7f\x7f\x7fmem", "mem")
    assert "Skerry" in entered(machine, "\x12vers", "version")
    assert "NAME" in entered(machine, f"list{HOME}vm ", "vm list")
    assert "Skerry" in entered(machine, "mem all\x17\x17version", "version")


def check_completion(machine):
    assert "demo: paused" in entered(machine, "vm pa\td\t", "vm pause demo ")
    assert "demo: running" in entered(machine, "vm resu\td\t", "vm resume demo ")
    assert "weight = 300" in entered(machine, "vm set d\twei\t300", "vm set demo weight=300")
    assert "kernel_main" in entered(machine, "sym kernel_main\t", "sym kernel_main")
    machine.type("log show -\tc \t")
    machine.wait(r"-n  -l  -c  -v  -s  -u  -w  -f")
    machine.wait(r"boot  cpu  memory .* audit")
    machine.wait(r"skerry> log show -c ")
    machine.type("\x03")
    machine.wait_prompt()


def check_refusals(machine):
    """A refusal says what would be allowed."""
    assert "it exists already, running; `vm set demo` changes it" in machine.command("vm create demo")
    assert "there is no COM3: a third serial port is needed" in machine.command("gdb demo")
    for address in (0, 1 << 32, (1 << 64) - 1):
        said = machine.command(f"sym {address:#x}")
        assert said.startswith(f"error: {address:#x} lies outside the kernel; use an address from 0x"), said


def check_watch(machine):
    """`watch` and `log show -f` run until Ctrl-C; what is typed meanwhile is dropped."""
    machine.type("watch 1 vm list\r")
    for _ in range(4):
        machine.wait(r"--- every 1 s, Ctrl-C ends: vm list\r*\n")
        machine.wait(r"demo +running")
    machine.type("mem\x03")
    machine.wait(r"\^C\r*\n")
    machine.wait_prompt()
    for line in ("vm destroy demo", "gdb demo", "gdb off", "perf record 1", "log level off", "nothing"):
        assert "use a command that shows" in machine.command(f"watch 1 {line}"), line
    assert machine.command("watch 0 mem").startswith("error: ")
    machine.type("watch 1 gdb\r")
    for _ in range(4):
        machine.wait("no VM is on COM3")
    machine.type("\x03")
    machine.wait_prompt()
    machine.type("log show -f -n 1\r")
    machine.wait(r"audit|vm ")
    machine.type("\x03")
    machine.wait(PROMPT)


def check_ends(machine):
    """Ctrl-C and Ctrl-] work even after input that nobody reads, and none of that input is run."""
    machine.type("log show -f -n 1\r")
    machine.wait(r"audit|vm ")
    machine.type("x" * 300 + "\x03")
    machine.wait(r"\^C\r*\n")
    machine.wait_prompt()
    assert "demo: paused" in machine.command("vm pause demo")
    # the second count is more than guest and port hold
    for count, lost in ((5000, False), (14000, True)):
        machine.attach("demo")
        machine.type("x" * count)
        machine.leave()
        machine.type("version\r")
        assert ("bytes of input were lost" in machine.wait("Skerry ")) == lost
        machine.wait_prompt()
    machine.command("vm resume demo")


def check_pages(machine):
    """With ten rows nine lines are shown at a time; with `term off` all are."""
    assert "term on, 10 rows" in machine.command("term on 10")
    machine.type("help\r")
    machine.wait(r"help\r*\n")
    assert machine.wait(MORE).count("\n") == 9
    machine.type("\r")
    assert machine.wait(MORE).count("\n") == 1
    machine.type(" ")
    assert machine.wait(MORE).count("\n") == 9
    machine.type("q")
    machine.wait_prompt()
    machine.type("term auto\r")
    machine.wait(r"\x1b\[6n")
    machine.wait_prompt()
    machine.type("\x1b[10;132R")
    assert "term on, 10 rows, 132 columns" in machine.command("term")
    assert "\x1b[31merror: \x1b[0m" in machine.command("nothing")
    assert "term off" in machine.command("term off")
    out = machine.command("help")
    assert "watch " in out and "\x1b" not in out
    assert machine.command("nothing").startswith("error: ")


def check_lines(machine):
    """A malformed line is refused as a whole, with the reason."""
    for line, said in (("vm \u00e4 list", "error: the byte 0xc3 at column 4"),
                       ("a\x1b[31m", "error: the byte 0x1b at column 2"),
                       ("\0version", "error: the byte 0x00 at column 1"),
                       ("x" * 5000, "error: the line is too long"),
                       ('vm create "x', "error: a quote is not closed"),
                       ("help " + "x " * 40, "error: there are too many words")):
        machine.type(line + "\r")
        machine.wait(re.escape(said))
        machine.wait_prompt()
    assert not [line for line in machine.objects("log show") if not line["text"].isprintable()]


def test_kept_output(build, tmp_path):
    """The output of a guest that nobody attached saw is kept when the guest is booted again."""
    conf = ("[vm falls]\nkernel = hostile_fatal.bin\nmemory = 32M\nautostart = no\n"
            "cmdline = idt-nothing\non_crash = restart\n"
            "[vm ends]\nkernel = hostile_fatal.bin\nmemory = 32M\nautostart = no\n"
            "cmdline = sleep-state\n")
    files = bundle.make(tmp_path / "kept.cpio", conf, bundle.tiny(build, "hostile_fatal"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.command("vm create falls")
        machine.type("vm start falls\r")
        machine.wait(r"falls: not restarted, it crashed 5 times")
        assert kept(machine, "falls").count("PASS idt-nothing") == 5
        machine.command("vm create ends")
        for _ in range(2):
            machine.type("vm start ends\r")
            machine.wait_end("ends")
        assert kept(machine, "ends").count("PASS sleep-state") == 2
        # Output that was seen once is not shown again.
        machine.type("vm start ends\r")
        machine.wait_end("ends")
        assert kept(machine, "ends").count("PASS sleep-state") == 1
        assert kept(machine, "ends").count("PASS") == 0


def kept(machine, name):
    """Returns what attaching to a guest that has ended shows."""
    machine.attach(name)
    out = machine.wait(r"\[the guest has ended\]")
    machine.wait_prompt()
    return out
