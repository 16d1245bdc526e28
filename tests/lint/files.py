#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Each file by itself: licence line, size, unfinished work; and how much code runs in ring 0."""

import os
import re
import sys

TOPS = ("Makefile", "linker.ld", "arch", "boot", "iso", "kernel", "lib", "mm", "tests", "vmm", ".ci")
SUFFIXES = (".c", ".h", ".S", ".ld", ".py", ".sh", ".mk", ".cfg")
RING0 = ("boot/", "arch/", "mm/", "kernel/")
RING0_LIMIT = 10000
LINES_LIMIT = 500
COLUMNS_LIMIT = 100
LICENCE = "SPDX-License-Identifier: MIT"
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def files():
    for top in TOPS:
        if os.path.isfile(top):
            yield top
        for place, _, names in os.walk(top):
            for name in names:
                if name.endswith(SUFFIXES):
                    yield os.path.join(place, name)


def check(path, text):
    lines = text.splitlines()
    if not any(LICENCE in line for line in lines[:2]):
        yield f"{path}:1: no line '{LICENCE}' at the top"
    if len(lines) > LINES_LIMIT:
        yield f"{path}: {len(lines)} lines, {LINES_LIMIT} at most"
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: unfinished work"
        if path.endswith((".c", ".h", ".S")) and len(line.expandtabs(8)) > COLUMNS_LIMIT:
            yield f"{path}:{number}: longer than {COLUMNS_LIMIT} columns"
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end"


def code_lines(text):
    """Lines that are neither blank nor only comment."""
    bare = COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else " ", text)
    return sum(1 for line in bare.splitlines() if line.strip())


def main():
    errors = []
    counts = {"ring 0": 0, "ring 3": 0, "lib": 0}
    for path in sorted(files()):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        errors += check(path, text)
        if not path.endswith((".c", ".h", ".S")):
            continue
        if path.startswith(RING0):
            counts["ring 0"] += code_lines(text)
        elif path.startswith("vmm/"):
            counts["ring 3"] += code_lines(text)
        elif path.startswith("lib/"):
            counts["lib"] += code_lines(text)
    if counts["ring 0"] > RING0_LIMIT:
        errors.append(f"ring 0 has {counts['ring 0']} lines of code, {RING0_LIMIT} at most")
    print("\n".join(errors))
    print("files: " + ", ".join(f"{name} {count} lines" for name, count in counts.items()))
    print(f"files: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
