#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a symbol table (lib/symbols.h) of the functions and objects in `nm -n` output."""

import struct
import sys

MAGIC = 0x736C6F626D795373
BASE = "__image_start"
KINDS = "tTdDbBrRwWvV"
LOG_TEXT = "log_text."  # kernel/log.h: found by their place, not by name


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


def table(base, symbols):
    names = b""
    entries = b""
    for offset, name in symbols:
        entries += struct.pack("<II", offset, len(names))
        names += name.encode("ascii") + b"\0"
    head = struct.pack("<QQII", MAGIC, base, len(symbols), len(names))
    return head + entries + names


if __name__ == "__main__":
    with open(sys.argv[2], "wb") as output:
        output.write(table(*read_symbols(sys.argv[1])))
