#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""programs.py OUT FILE...: puts images of ring-3 programs into one file, as kernel/abi/programs.h has it."""

import os
import struct
import sys

PAGE = 4096
ENTRY = struct.Struct("<48sQQ")


def main(out, *files):
    if len(files) > PAGE // ENTRY.size:
        sys.exit(f"programs: {len(files)} programs, at most {PAGE // ENTRY.size}")
    directory, images, first = b"", b"", 1
    for path in files:
        name = os.path.basename(path).removesuffix(".bin").encode()
        image = open(path, "rb").read()
        pages = -(-len(image) // PAGE)
        directory += ENTRY.pack(name, first, pages)
        images += image.ljust(pages * PAGE, b"\0")
        first += pages
    with open(out, "wb") as file:
        file.write(directory.ljust(PAGE, b"\0") + images)


main(*sys.argv[1:])
