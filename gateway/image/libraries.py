#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libraries.py FROM TO PROGRAM: copies the shared libraries that TO/PROGRAM needs, and the program
that loads them, from the tree FROM of unpacked packages to the same places under TO."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDERS = ("lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu")


def needed(path):
    """The names of the libraries of one file, and of its interpreter."""
    text = subprocess.run(["readelf", "--wide", "--dynamic", "--program-headers", path],
                          check=True, capture_output=True, text=True).stdout
    names = re.findall(r"\(NEEDED\).*\[(.+)\]", text)
    return names, re.findall(r"interpreter: /(\S+)\]", text)


def find(source, name):
    for folder in FOLDERS:
        if (source / folder / name).exists():
            return source / folder / name
    sys.exit(f"{name}: in none of the packages; its package belongs into SERVICE_LIBRARIES")


def main(source, target, program):
    queue, seen = [target / program], set()
    _, loaders = needed(target / program)
    for loader in loaders:
        place = find(source, Path(loader).name)
        (target / loader).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(place, target / loader)
        seen.add(Path(loader).name)
    while queue:
        for name in needed(queue.pop())[0]:
            if name in seen:
                continue
            seen.add(name)
            copy = target / "lib/x86_64-linux-gnu" / name
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(find(source, name), copy)
            queue.append(copy)


main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
