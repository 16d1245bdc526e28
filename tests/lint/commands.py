#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Each command of the manager has all that `help` and its caller read without asking: a name, which its
identifier says too, a right, its arguments ("" for none), a summary, an example, and what runs it.
"""

import re
import sys

import files

TOPS = ("vmm/manager/", "tests/faults/manager/")
COMMAND = re.compile(r"^COMMAND\((\w+),(.*?)\);$", re.MULTILINE | re.DOTALL)
TEXT = r'"[^"\n]'
# The fields, and how the value of each begins: NULL is none, and the name and the example say something.
NEEDED = {"name": TEXT, "right": r"MAY_[A-Z]+\b", "arguments": r'"', "summary": TEXT, "example": TEXT, "run": r"command_\w+"}


def faults(identifier, fields):
    """What a command with these fields lacks, a sentence each."""
    for field, value in NEEDED.items():
        if not re.search(rf"(?<!\w)\.{field} = {value}", fields):
            yield f"has no .{field}"
    name = re.search(r'(?<!\w)\.name = "([^"\n]*)"', fields)
    if name and re.sub(r"\W", "_", name[1]) != identifier:
        yield f'is named "{name[1]}": its identifier is to be that with _ for each space'


def main():
    count = 0
    errors = []
    for path in sorted(files.files()):
        if not path.startswith(TOPS) or not path.endswith(".c"):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        commands = COMMAND.findall(text)
        count += len(commands)
        if len(commands) != len(re.findall(r"^COMMAND\(", text, re.MULTILINE)):
            errors.append(f"{path}: a COMMAND does not end with `);` at the end of a line")
        errors += [f"{path}: the command {identifier} {fault}"
                   for identifier, fields in commands for fault in faults(identifier, fields)]
    if count == 0:
        errors.append("no command is found, the pattern is out of date")
    print("\n".join(errors + [f"commands: {count} commands, {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
