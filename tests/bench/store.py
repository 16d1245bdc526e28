#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
What a large store costs its driver: memory, instructions, requests to the disk and this host's time, by
simulation (tests/bench/store_scale.c). Instructions are callgrind's; times are reported, never judged.
"""
import argparse
import os
import re
import subprocess
import tempfile
from pathlib import Path

CALLGRIND = ("valgrind", "--tool=callgrind", "--instr-atstart=no", "--callgrind-out-file=out.%p")


def run(command, sizes, folder=None):
    return subprocess.run([str(word) for word in command], cwd=folder, stdout=subprocess.PIPE, text=True,
                          check=True, env=os.environ | sizes).stdout


def instructions(folder):
    """Returns how many instructions were executed for each thing measured, in the order of measuring."""
    found = []
    for path in sorted(folder.glob("out.*.*"), key=lambda name: int(name.suffix[1:])):
        text = path.read_text()
        if "Client Request: " in text:
            found.append((re.search(r"Client Request: (\S+)", text)[1],
                          int(re.search(r"^(?:totals|summary): (\d+)", text, re.MULTILINE)[1])))
    return found


def rows(text):
    """Returns the lines of store_scale, each as its name and its numbers by name."""
    for line in text.splitlines():
        name, *words = line.split()
        if name == "clones":
            words = ["clones", *words]
        yield name, dict(zip(words[::2], map(int, words[1::2])))


def show(text, counted):
    counted = list(counted)
    for name, row in rows(text):
        if "times" not in row:
            print(f"  {name}: " + ", ".join(f"{what} {number}" for what, number in row.items()))
            continue
        times = row["times"]
        called, count = counted.pop(0)
        assert called == name, (called, name)
        print(f"  {name:14} {count / times:14.0f} instructions {row['ns'] / times / 1000:12.1f} us " +
              " ".join(f"{what} {row[what] / times:.2f}" for what in ("reads", "writes", "flushes")))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--gib", type=int, default=16384, help="the store's size")
    parser.add_argument("--volumes", type=int, default=15, help="volumes that fill it")
    parser.add_argument("--clones", type=int, default=1000)
    options = parser.parse_args()
    program = options.build.resolve() / "tests/bench/store_scale"
    sizes = {"GIB": str(options.gib), "VOLUMES": str(options.volumes), "CLONES": str(options.clones)}
    print(f"a store of {options.gib} GiB, full", flush=True)
    text = run((program,), sizes)
    with tempfile.TemporaryDirectory(prefix="store-", dir=options.build) as place:
        run((*CALLGRIND, program), sizes, place)
        show(text, instructions(Path(place)))


if __name__ == "__main__":
    main()
