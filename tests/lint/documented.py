#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What the code offers is in the documentation: calls, codes, commands, keys, ports."""

import glob
import re
import sys

COMMANDS = "docs/manager/commands.md"
# (source, pattern of a name, page, how the page writes the name)
OFFERED = (
    ("kernel/abi/syscall.h", r"^\t(SYS_[A-Z_]+),", "docs/abi.md", "`{}`"),
    ("kernel/abi/vcpu.h", r"^\t(EXIT_[A-Z_]+),", "docs/abi.md", "`{}`"),
    ("kernel/abi/start.h", r"^\t(START_[A-Z_]+),", "docs/abi.md", "`{}`"),
    ("kernel/abi/object.h", r"^\t(RIGHT_[A-Z]+) = 1", "docs/abi.md", "`{}`"),
    ("lib/status.h", r"^\t(STATUS_[A-Z_]+) = ", "docs/abi.md", "`{}`"),
    ("vmm/manager/commands/*.c", r'(?<!\w)\.name = "([a-z0-9 ]+)",', COMMANDS, "| `{}"),
    ("vmm/manager/config/config_keys.c", r'^\t\{"([a-z_]+)", VALUE',
     "docs/manager/configuration.md", "| `{}` |"),
)
PARTS = ("arch", "boot", "kernel", "lib", "mm", "vmm")
NOT_OFFERED = {"SYS_COUNT", "EXIT_REASON_COUNT", "START_NONE", "RIGHT_ALL"}


def read(pattern):
    texts = []
    for path in sorted(glob.glob(pattern)):
        with open(path, encoding="utf-8") as file:
            texts.append(file.read())
    return "\n".join(texts)


def numbered(source, pattern):
    """The names of an enumeration that counts from 0, in order."""
    return [name for name in re.findall(pattern, read(source), re.MULTILINE)
            if name not in NOT_OFFERED]


def check_numbers(page, source, pattern):
    """The first column of the table is the number in the code."""
    for number, name in enumerate(numbered(source, pattern)):
        if not re.search(rf"^\| {number} \| `{name}` \|", page, re.MULTILINE):
            yield f"docs/abi.md: {name} does not have the number {number}"


def check_bits(page, source, pattern):
    """The first column of the table is the bit in the code."""
    for name, bit in re.findall(pattern, read(source), re.MULTILINE):
        if not re.search(rf"^\| {bit} \| `{name}` \|", page, re.MULTILINE):
            yield f"docs/abi.md: {name} is not bit {bit}"


def check_version(page):
    """
    Checks that the page says which version it describes, and that the list of changes ends with
    that version.
    """
    version = re.search(r"SKERRY_ABI_VERSION (\d+)", read("kernel/abi/version.h"))[1]
    for path, pattern in (("docs/abi.md", rf"ABI version {version}\b"),
                          ("CHANGELOG.md", rf"^First version. ABI {version}\.$")):
        if not re.search(pattern, page if path == "docs/abi.md" else read(path), re.MULTILINE):
            yield f"{path}: ABI version {version} is not named"


def check_offsets(page):
    """Tables that begin with an offset agree with the reference, which the compiler's offsets are in."""
    known = set(re.findall(r"^\| (\d+) \| `(\w+)` \|", read("docs/reference/abi.md"), re.MULTILINE))
    rows = 0
    for table in re.findall(r"^\| offset \|.*?\n\n", page, re.MULTILINE | re.DOTALL):
        for offset, field in re.findall(r"^\| (\d+) \| `(\w+)", table, re.MULTILINE):
            rows += 1
            if (offset, field) not in known:
                yield f"docs/abi.md: {field} is not at offset {offset}"
    if rows == 0:
        yield "docs/abi.md: no table of offsets is found, the pattern is out of date"


def check_changeable(page):
    """The keys that `vm set` takes at any time are those that its row in the table names."""
    words = re.search(r'^#define VM_KEYS_AT_ANY_TIME\s+((?:\\\n|\s|"[a-z_. ]+")+)',
                      read("vmm/manager/vm/vm_keys.h"), re.MULTILINE)
    row = re.search(r"^\| `vm set .*\| changes (.*) at any time", page, re.MULTILINE)
    if not words or not row:
        yield f"{COMMANDS}: the keys of vm set are not found, the pattern is out of date"
        return
    wanted = "".join(re.findall(r'"([^"]*)"', words[1])).split()
    if re.findall(r"`([a-z_.]+)`", row[1]) != wanted:
        yield f"{COMMANDS}: vm set changes {wanted} at any time, found: {row[1]}"


def check_folders(page):
    """
    Checks that each folder with sources has its line: whole, or behind another folder of the
    same parent's row.
    """
    rows = re.findall(r"^\| (`[a-z0-9_/]+/`(?:, `[a-z0-9_/]+/`)*) \|", page, re.MULTILINE)
    known = set()
    for row in rows:
        names = re.findall(r"`([a-z0-9_/]+)/`", row)
        parent = names[0].rpartition("/")[0]
        known |= set(names) | {f"{parent}/{name}" for name in names[1:]}
    sources = [path for part in PARTS for path in glob.glob(f"{part}/**/*.[chS]", recursive=True)]
    folders = sorted({path.rpartition("/")[0] for path in sources})
    return [f"docs/architecture.md: {folder}/ is missing" for folder in folders
            if folder not in known]


def main():
    errors = []
    for source, pattern, page, form in OFFERED:
        names = numbered(source, pattern)
        if not names:
            errors.append(f"{source}: nothing found, the pattern is out of date")
        text = read(page)
        errors += [f"{page}: {name} of {source} is missing" for name in names
                   if form.format(name) not in text]
    page = read("docs/abi.md")
    errors += check_numbers(page, "kernel/abi/syscall.h", OFFERED[0][1])
    errors += check_numbers(page, "kernel/abi/vcpu.h", OFFERED[1][1])
    errors += check_numbers(page, "lib/status.h", r"^\t(STATUS_[A-Z_]+) = ")
    errors += check_bits(page, "kernel/abi/object.h", r"^\t(RIGHT_[A-Z]+) = 1(?:u?l*) << (\d+)")
    errors += check_offsets(page)
    errors += check_version(page)
    errors += check_changeable(read(COMMANDS))
    errors += check_folders(read("docs/architecture.md"))
    print("\n".join(errors + [f"documented: {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
