#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Nothing that stays mapped needs code or constants of boot/, which do not (kernel_space_seal)."""
import glob
import os
import subprocess
import sys

STAYS = ("arch", "kernel", "lib", "mm")


def symbols(paths):
    """(object, type, name) of each symbol that links the objects with others."""
    out = subprocess.run(["nm", "-A", "-g", *paths], text=True, check=True, stdout=subprocess.PIPE)
    for line in out.stdout.splitlines():
        path, _, rest = line.partition(":")
        *_, kind, name = rest.split()
        yield path, kind, name


def objects(folder, top):
    return glob.glob(os.path.join(folder, top, "**/*.o"), recursive=True)


def main():
    folder = sys.argv[1]
    gone = {name for _, kind, name in symbols(objects(folder, "boot")) if kind in "TR"}
    staying = [path for top in STAYS for path in objects(folder, top)]
    errors = [f"{path}: needs {name}, which is unmapped once the kernel has started"
              for path, kind, name in symbols(staying) if kind == "U" and name in gone]
    if len(gone) < 10 or len(staying) < 10:
        errors.append(f"boot: found only {len(gone)} symbols, {len(staying)} objects in {folder}")
    print("\n".join(errors + [f"boot: {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
