#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a symbol table (lib/symbols.h) from the functions and objects in the output of `nm -n`, and
the lines in that of `readelf --wide --debug-dump=decodedline`, if it is given."""

import re
import struct
import sys

MAGIC = 0x736C6F626D795373
BASE = "__image_start"
KINDS = "tTdDbBrRwWvV"
# the sections of log formats (kernel/log/log.h), which are found by their address, not by name
LOG_TEXT = "log_text."
FILE = re.compile(r"^(?:CU: )?(\S+\.[chS]):$")
LINE = re.compile(r"^\S+\s+(\d+|-)\s+(0x[0-9a-f]+|0)(\s|$)")


def read_symbols(path):
    symbols = []
    base = 0
    with open(path, encoding="ascii") as lines:
        for line in lines:
            fields = line.split()
            if len(fields) != 3 or fields[1] not in KINDS or fields[2].startswith(LOG_TEXT):
                continue
            address, name = int(fields[0], 16), fields[2]
            if name == BASE:
                base = address
            symbols.append((address, name))
    symbols = [(address - base, name) for address, name in symbols if address >= base]
    return base, sorted(symbols)


def read_lines(path, base):
    """Yields (offset, file, line) wherever the file or the line changes; line 0 ends a sequence."""
    rows = {}
    file = ""
    with open(path, encoding="utf-8") as lines:
        for text in lines:
            found = FILE.match(text.strip())
            if found:
                file = found.group(1).removeprefix("./")
                continue
            found = LINE.match(text)
            if found:
                number, address = found.group(1), int(found.group(2), 16)
                rows[address - base] = ("", 0) if number == "-" else (file, int(number))
    kept = []
    for offset, row in sorted(rows.items()):
        if offset >= 0 and (not kept or kept[-1][1:] != row):
            kept.append((offset, *row))
    return kept


def table(base, symbols, lines):
    names = b""
    entries = b""
    for offset, name in symbols:
        entries += struct.pack("<II", offset, len(names))
        names += name.encode("ascii") + b"\0"
    places = {}
    files = b""
    rows = b""
    for offset, file, line in lines:
        if file not in places:
            places[file] = len(files)
            files += file.encode() + b"\0"
        rows += struct.pack("<II", offset, places[file] << 16 | min(line, 0xFFFF))
    head = struct.pack("<QQIIII", MAGIC, base, len(symbols), len(names), len(lines), len(files))
    whole = head + entries + names
    if lines:
        whole += b"\0" * (-len(whole) % 8) + rows + files
    return whole + b"\0" * (-len(whole) % 16)


if __name__ == "__main__":
    image_base, image_symbols = read_symbols(sys.argv[1])
    image_lines = read_lines(sys.argv[3], image_base) if len(sys.argv) > 3 else []
    with open(sys.argv[2], "wb") as output:
        output.write(table(image_base, image_symbols, image_lines))
