#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs every console example in the documentation: it must print what the page shows.

An example is a code block with lines `skerry> COMMAND`; the lines below, up to the next, are what
it prints. Numbers and the width of blanks may differ, `...` stands for any lines; after a
command two blanks and a '#' begin a remark. A command with nothing below it need only succeed.
A comment `<!-- console: WHAT -->` says which machine the blocks after it run on, a new one for each
page and each comment: `demo` (no boot module, the default), `bundle` (the demonstration bundle) or
`none` (not run: another machine, or another program's prompt).
"""
import argparse
import glob
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests/system"))
from machine import Qemu  # noqa: E402

MARK = re.compile(r"^<!-- console: (\w+) -->$")
COMMAND = re.compile(r"^skerry> (.*?)(?: {2,}#.*)?$")
SHELL = re.compile(r"^(\w+)# (.*?)(?: {2,}\(Ctrl-\] pressed\))?$")
LOOKS = 100
NUMBER = re.compile(r"0x[0-9a-f]+|\b[0-9a-f]{8,}\b|\d+")


def blocks(path):
    """(line number, machine, lines) of each code block that has a console command in it."""
    machine, lines, start = "demo", [], 0
    with open(path, encoding="utf-8") as file:
        text = file.read().split("\n") + ["end"]
    for number, line in enumerate(text, 1):
        if line.startswith("    ") or (lines and not line):
            if not lines:
                start = number
            lines.append(line[4:].rstrip())
            continue
        if any(COMMAND.match(each) for each in lines):
            yield start, machine, lines
        lines = []
        mark = MARK.match(line)
        if mark:
            machine = f"{mark[1]} {number}"


def plain(line):
    return re.sub(r"\s+", " ", NUMBER.sub("#", line)).strip()


def same(shown, printed):
    """Whether the lines printed match those shown."""
    if not shown:
        return not printed
    if shown[0] == "...":
        return any(same(shown[1:], printed[i:]) for i in range(len(printed) + 1))
    return bool(printed) and plain(shown[0]) == plain(printed[0]) and same(shown[1:], printed[1:])


def lines_of(text):
    lines = [line.rstrip() for line in text.replace("\r", "").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    while lines and not lines[0]:
        lines.pop(0)
    return lines


def steps(lines):
    """(number, kind, words, shown) of each command in a block."""
    step = None
    for number, line in enumerate(lines):
        command, shell = COMMAND.match(line), SHELL.match(line)
        if command or shell:
            if step:
                yield step
            step = (number, "command", command[1], []) if command else \
                (number, "leave" if "(Ctrl-]" in line else "shell", shell[0], [])
        elif step:
            step[3].append(line)
    if step:
        yield step


class Runner:
    def __init__(self, build):
        self.build = build
        self.machine = None
        self.attached = False
        self.errors = 0
        self.count = 0

    def fail(self, text):
        self.errors += 1
        print(text, flush=True)

    def close(self):
        if self.machine is not None:
            self.machine.close()
        self.machine = None

    def devices(self):
        """The demonstration's, as `make run` has them; what is written is lost at the end."""
        return ("-device", "intel-iommu,intremap=on,aw-bits=48",
                "-netdev", "user,id=n", "-device", "e1000e,netdev=n",
                "-device", "nvme,drive=data,serial=data", "-drive",
                f"if=none,id=data,file={self.build / 'data.img'},format=raw,snapshot=on")

    def boot(self, kind):
        self.close()
        bundle = self.build / "guests.cpio" if kind.startswith("bundle") else None
        self.attached = False
        self.machine = Qemu(self.build, bundle=bundle, extra=self.devices() if bundle else ())
        self.machine.wait_prompt()
        # The prompt may appear before the first guests have started.
        for _ in range(LOOKS):
            if all(vm["state"] != "created" for vm in self.machine.objects("vm list")):
                break

    def printed(self, kind, words):
        machine = self.machine
        if kind == "leave" or (kind == "command" and self.attached):
            machine.leave()
            self.attached = False
        if kind == "leave":
            return []
        if kind == "shell":
            return self.shell(words.partition("# ")[2])
        if words.startswith("vm console "):
            name = words.split()[-1]
            machine.attach(name)
            machine.type("\n")
            machine.wait(f"{name}# ")
            self.attached = True
            return None
        if words in ("poweroff", "reboot"):
            machine.type(words + "\r")
            return [] if machine.ended() else ["(does not end)"]
        return lines_of(machine.command(words))

    def shell(self, line):
        """Runs a line at a guest's shell; `poweroff`, which ends the guest, leaves its console."""
        if not line.startswith("poweroff"):
            return lines_of(self.machine.shell(line))
        self.machine.type(line + "\n")
        self.machine.wait(r"\[the guest has ended\]\r*\n")
        self.machine.wait_prompt()
        self.attached = False
        return None

    def check(self, where, kind, words, shown):
        printed = self.printed(kind, words)
        self.count += 1
        shown = lines_of("\n".join(shown))
        if printed is None:  # what a guest prints at boot is not compared
            return
        if shown and not same(shown, printed):
            self.fail(f"{where}: `{words}` prints\n    " + "\n    ".join(printed or ["(nothing)"]))
        elif not shown and printed and printed[0].startswith("error: "):
            self.fail(f"{where}: `{words}`: {printed[0]}")

    def page(self, path):
        at = None
        for start, kind, lines in blocks(path):
            if kind.startswith("none"):
                continue
            if kind != at:
                self.boot(kind)
                at = kind
            for number, step, words, shown in steps(lines):
                self.check(f"{path}:{start + number}", step, words, shown)
        self.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("pages", nargs="*")
    options = parser.parse_args()
    runner = Runner(options.build.resolve())
    pages = options.pages or ["README.md"] + sorted(glob.glob("docs/**/*.md", recursive=True))
    for page in pages:
        try:
            runner.page(page)
        except Exception as error:  # no prompt: the last output says why
            said = runner.machine.transcript()[-600:] if runner.machine else ""
            runner.fail(f"{page}: {type(error).__name__} behind\n{said}")
            runner.close()
    print(f"examples: {runner.count} commands, {runner.errors} errors")
    return 1 if runner.errors else 0


if __name__ == "__main__":
    sys.exit(main())
