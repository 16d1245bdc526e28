#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""libraries.py TO PROGRAM: copies the shared libraries that this machine would run TO/PROGRAM with, and the
program that loads them, under TO. Nothing here knows their names or versions."""
import re
import shutil
import subprocess
import sys
from pathlib import Path

FOLDER = "lib/x86_64-linux-gnu"


def main(target, program):
    said = subprocess.run(["ldd", target / program], check=True, capture_output=True, text=True).stdout
    missing = re.findall(r"(\S+) => not found", said)
    if missing:
        sys.exit(f"{program} needs {', '.join(missing)}, which this machine lacks: make run WEB=1 installs it")
    files = {f"{FOLDER}/{name}": path for name, path in re.findall(r"(\S+) => (/\S+)", said)}
    files |= {path[1:]: path for path in re.findall(r"^\s+(/\S+) \(", said, re.MULTILINE)}
    for name, path in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target / name)


main(Path(sys.argv[1]), sys.argv[2])
