#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""named.py ONLY NAME: whether any test has that name, before anything is installed or built for it."""
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Of each shelf: files of which each is a test, and those that have tests in them.
FILES = {"lint": (), "proofs": (), "unit": ("unit/**/*_test.c", "unit/mutants.py"), "fuzz": ("fuzz/*.c",), "guest": ("guest/*.c",),
         "system": (), "gateway": ("../gateway/tests/unit/**/*_test.c", "../gateway/tests/fuzz/*.c")}
TEXTS = {"guest": "guest/*.py", "system": "system/*.py", "gateway": "../gateway/tests/system/*.py"}


def has(shelf, word):
    """By the file's name, or by what stands in it: a test's parameters are part of its name."""
    if shelf == "lint":
        return word in "lint docs-static"
    if shelf == "proofs":
        return word in "proofs"
    return any(word in path.stem for pattern in FILES[shelf] for path in HERE.glob(pattern)) or \
        any(word in path.stem or word in path.read_text(encoding="utf-8").lower()
            for path in HERE.glob(TEXTS.get(shelf, "none")))


def main(only, name):
    # pytest takes the name as an expression: `net and not vlan`
    words = set(re.findall(r"[^\s()]+", name.lower())) - {"and", "or", "not"}
    for word in sorted(words):
        if not any(has(shelf, word) for shelf in ([only] if only in FILES else FILES)):
            sys.exit(f"NAME: {word} is in no test's name; use a part of one such "
                     "as walk; `find tests/unit tests/system` shows them")


main(*sys.argv[1:3])
