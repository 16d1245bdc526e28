#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The image's ELF file: no segment is writable and executable, and it is flat, as GRUB needs it."""

import struct
import sys

PT_LOAD = 1
FLAG_X, FLAG_W = 1, 2
ET_DYN = 3
LOAD_BASE = 0x200000
LINK_BASE = 0xFFFFFFFF80200000
PAGE = 4096


def segments(data):
    offset, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    for index in range(count):
        yield struct.unpack_from("<IIQQQQQQ", data, offset + index * size)


def check(data):
    if data[:6] != b"\x7fELF\x02\x01":
        return ["not a little-endian ELF64 file"]
    errors = []
    if struct.unpack_from("<H", data, 16)[0] != ET_DYN:
        errors.append("not a position-independent file")
    end = LINK_BASE
    for kind, flags, offset, virtual, physical, file_size, memory_size, _ in segments(data):
        if flags & FLAG_X and flags & FLAG_W:
            errors.append(f"segment at {virtual:#x} is writable and executable")
        if kind != PT_LOAD:
            continue
        if virtual - LINK_BASE != physical - LOAD_BASE:
            errors.append(f"segment at {virtual:#x} is loaded elsewhere than linked")
        if file_size and offset != physical - LOAD_BASE:
            errors.append(f"segment at {virtual:#x} makes the file not flat")
        if virtual % PAGE or virtual < end:
            errors.append(f"segment at {virtual:#x} shares a page with the one before")
        end = virtual + memory_size
    return errors


def main():
    with open(sys.argv[1], "rb") as file:
        errors = check(file.read())
    print("\n".join(errors + [f"image: {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
