#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Checks of each file by itself: licence line, opening comment, size, unfinished work, whether Python can
read it; and the sizes of the parts.
"""

import ast
import os
import re
import sys

TOPS = ("Makefile", "linker.ld", "arch", "boot", "iso", "kernel", "lib", "mm", "tests", "vmm", ".ci",
        "gateway")
# Folders that are made or fetched, and not looked at.
SKIPPED = {"build", "dist", "node_modules"}
SUFFIXES = (".c", ".h", ".S", ".ld", ".py", ".sh", ".mk", ".cfg")
# Ring 0 by part; the last three belong to ring 3 too.
PARTS = ("arch/x86_64/cpu", "arch/x86_64/iommu", "arch/x86_64/virt", "mm", "kernel", "lib",
         "arch/x86_64/hw", "kernel/abi")
# Runs once and is unmapped (tests/lint/boot.py, test_sealed): counted apart.
ONCE = "boot"
# 13,300 was the goal before IOMMUs and layers, 14,990 is it with them; it must not grow.
RING0_LIMIT = 14886
LINES_LIMIT = 500
COLUMNS_LIMIT = 100
# The page that shows the sizes, and how far they may be off there, in percent.
PAGE = "docs/performance/size.md"
PAGE_PERCENT = 1
LICENCE = "SPDX-License-Identifier: MIT"
# The comment right below the licence line of each source: what it is for, who calls it, what it may
# touch.
OPENING = re.compile(r"[^\n]*\n/\*(.*?)\*/", re.DOTALL)
OPENING_WORDS_MIN = 8
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|XX" r"X)\b")
TESTS = ("tests/unit/", "tests/fuzz/")
RENAMING = re.compile(r"#define ([a-z]\w*)\s+([a-z]\w*)\s*(/\*.*)?$")
# Names of functions that stand in for an instruction of the CPU, a kernel's function, and so on.
STAND_IN = re.compile(r"_of_cpu$|_of_stack$|_of_thread$|^(?:fake|hidden|machine|program|real|watched)_|^card_main$")
COMMENT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.DOTALL)


def files():
    for top in TOPS:
        if os.path.isfile(top):
            yield top
        for place, folders, names in os.walk(top):
            folders[:] = [folder for folder in folders if folder not in SKIPPED]
            for name in names:
                if name.endswith(SUFFIXES):
                    yield os.path.join(place, name)


def is_renamed(path, line):
    """
    Whether a test gives a function of the sources it includes another name, as two of the
    sources have a function with that name. A function that stands in for another says so by its
    name, and does not count.
    """
    found = RENAMING.match(line) if path.startswith(TESTS) else None
    return found is not None and not STAND_IN.search(found[2])


def opening_error(path, text):
    """Returns what is wrong with the opening comment of a source, or None."""
    found = OPENING.match(text)
    words = [word for word in found[1].split() if word != "*"] if found else []
    if not words:
        return "no comment right below the licence line: say what the file is for and who calls it"
    if words[0].rstrip(":") in (path, os.path.basename(path)):
        return "the opening comment begins with the file's name: say what the file is for"
    if len(words) < OPENING_WORDS_MIN or not words[-1].endswith("."):
        return f"the opening comment is no sentence of {OPENING_WORDS_MIN} words or more"
    return None


def check_openings(sources):
    for path, text in sources.items():
        error = None if path.endswith(".h") else opening_error(path, text)
        if error:
            yield f"{path}:2: {error}"


def python_error(path, text):
    """Says where Python would stop reading the file: a test that cannot be read is a test that is not run."""
    try:
        ast.parse(text, path)
    except SyntaxError as error:
        yield f"{path}:{error.lineno}: Python cannot read it: {error.msg}"


def check(path, text):
    lines = text.splitlines()
    if path.endswith(".py"):
        yield from python_error(path, text)
    if not any(LICENCE in line for line in lines[:2]):
        yield f"{path}:1: no line '{LICENCE}' at the top"
    if len(lines) > LINES_LIMIT:
        yield f"{path}: {len(lines)} lines, {LINES_LIMIT} at most"
    for number, line in enumerate(lines, 1):
        if UNFINISHED.search(line):
            yield f"{path}:{number}: unfinished work"
        if path.endswith((".c", ".h", ".S")) and len(line.expandtabs(8)) > COLUMNS_LIMIT:
            yield f"{path}:{number}: longer than {COLUMNS_LIMIT} columns"
        if is_renamed(path, line):
            yield f"{path}:{number}: renames a function: give it its file's prefix instead"
        if line != line.rstrip():
            yield f"{path}:{number}: blanks at the end"


def code_lines(text):
    """The number of lines that are neither blank nor only comment."""
    bare = COMMENT.sub(lambda match: match[0] if match[0][0] == '"' else " ", text)
    return sum(1 for line in bare.splitlines() if line.strip())


def part_of(path):
    matches = [part for part in (*PARTS, ONCE) if path.startswith(part + "/")]
    return max(matches, key=len) if matches else None


def ring0_counts(sources):
    return {part: sum(code_lines(text) for path, text in sources.items() if part_of(path) == part)
            for part in (*PARTS, ONCE)}


def check_page(page, counts):
    for part, count in counts.items():
        row = re.search(rf"^\| [`*]*{re.escape(part)}/?[`*]* .*\| \**(\d+)\** \|$", page,
                        re.MULTILINE)
        if not row or abs(int(row[1]) - count) * 100 > count * PAGE_PERCENT:
            yield f"{PAGE}: {part} has {count} lines, it shows {row[1] if row else 'none'}"


def main():
    errors = []
    sources = {}
    for path in sorted(files()):
        with open(path, encoding="utf-8") as file:
            text = file.read()
        errors += check(path, text)
        if path.endswith((".c", ".h", ".S")):
            sources[path] = text
    errors += check_openings(sources)
    counts = ring0_counts(sources)
    once = counts.pop(ONCE)
    total = sum(counts.values())
    ring3 = sum(code_lines(text) for path, text in sources.items() if path.startswith("vmm/"))
    if total > RING0_LIMIT:
        errors.append(f"ring 0 has {total} lines of code, {RING0_LIMIT} at most")
    with open(PAGE, encoding="utf-8") as file:
        errors += check_page(file.read(), {**counts, "ring 0": total, ONCE: once, "ring 3": ring3})
    print("\n".join(errors))
    print("files: ring 0 " + " + ".join(f"{part} {count}" for part, count in counts.items()),
          f"= {total} lines, {ONCE} {once} lines, ring 3 {ring3} lines")
    print(f"files: {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
