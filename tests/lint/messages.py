#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The one list of all messages of the product, with the file and line of each: what a person at the
console, in the log or at the machine channel may read. It checks that none is a form to be decoded
("found X, allowed: Y"): a message says in a sentence what is wrong and what would be right. With
the argument --list it shows them all, to be read through.
"""

import re
import sys

import files

TOPS = ("arch/", "boot/", "kernel/", "lib/", "mm/", "vmm/")
# Literals with nothing but blanks between them are one text; PRIu64 and the like stand for a word.
TOKEN = re.compile(r'/\*.*?\*/|"(?:\\.|[^"\\\n])*"(?:\s*"(?:\\.|[^"\\\n])*")*', re.DOTALL)
PART = re.compile(r'"((?:\\.|[^"\\\n])*)"')
# An attribute of the compiler, an instruction, an include.
OTHER = re.compile(r"(?:asm|volatile|__attribute__|section|include|_Static_assert)\b[^;{}]*$")
WORDS_MIN = 3
FORM = re.compile(r"\ballowed:|^(?:\S+ ){0,2}found [%\\\"]|\bfound %\w+, ")


def is_message(text):
    """A text of some words, most of them of letters: no row of a table and no list of symbols."""
    words = text.split()
    return len(words) >= WORDS_MIN and 2 * sum(word.strip(".,:;()`'").isalpha() for word in words) >= len(words)


def messages(text):
    """(line, text) of each message in the source."""
    for token in TOKEN.finditer(text):
        if token[0].startswith("/*"):
            continue
        if OTHER.search(text[max(0, token.start() - 200):token.start()]):
            continue
        joined = "".join(PART.findall(token[0])).replace('\\"', '"').replace("\\n", " ").strip()
        if is_message(joined):
            yield text.count("\n", 0, token.start()) + 1, joined


def main(arguments):
    count = 0
    errors = 0
    for path in sorted(files.files()):
        if not path.startswith(TOPS) or not path.endswith((".c", ".h")):
            continue
        with open(path, encoding="utf-8") as file:
            text = file.read()
        for line, message in messages(text):
            count += 1
            if "--list" in arguments:
                print(f"{path}:{line}: {message}")
            if FORM.search(message):
                errors += 1
                print(f"{path}:{line}: say in a sentence what is wrong and what would be right: {message}")
    print(f"messages: {count} messages, {errors} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
