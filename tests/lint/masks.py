#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Indices from ring 3 are masked where a branch guards them (Spectre v1): the mask is in the code.

A function of MASKED whose compare is not followed by the subtraction that makes the mask would do
the same, except on a CPU that speculates past the branch: no test that runs can tell.
"""
import re
import subprocess
import sys

MASKED = ("syscall_dispatch", "handle_lookup", "handle_rights", "handle_close")
MASK = re.compile(r"\bcmp\b.*\n.*\bsbb +%(\w+),%\1\n")


def check(path):
    text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    code = dict(re.findall(r"^[0-9a-f]+ <(\w+)>:\n((?:.+\n)+)", text, re.MULTILINE))
    for name in MASKED:
        if name not in code:
            yield f"masks: there is no function {name}"
        elif not MASK.search(code[name]):
            yield f"masks: {name} uses an index that it does not mask"


def main():
    errors = list(check(sys.argv[1]))
    print("\n".join(errors + [f"masks: {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
