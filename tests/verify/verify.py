#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proofs and models. Frama-C's EVA runs each prove_* function of tests/verify/*.c over the sources
that ship and must not raise an alarm; Spin searches every state of each *.pml, and must find the
mistake in the variant that has one (BROKEN)."""
import argparse
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
LIMIT_S = 1200
EVA = ["-c11", "-machdep", "gcc_x86_64", "-eva", "-eva-no-results",
       "-eva-auto-loop-unroll", "300", "-eva-split-limit", "300", "-eva-interprocedural-splits",
       "-eva-split-return", "full", "-eva-msg-key=-initial-state,-final-states",
       "-cpp-extra-args=-I. -include lib/hidden.h"]
SLEVEL = {"handle": 2000, "walk": 150}  # states kept apart
SLEVEL_USUAL = 600


def run(command, folder):
    try:
        done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT_S)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return 1, f"not done in {LIMIT_S} s"


def proofs():
    for path in sorted(HERE.glob("*.c")):
        for name in re.findall(r"^void (prove_\w+)\(void\)", path.read_text(), re.MULTILINE):
            yield path, name


def prove(path, name):
    """No alarm, and the analysis has come to its end."""
    slevel = str(SLEVEL.get(path.stem, SLEVEL_USUAL))
    code, output = run(["frama-c", *EVA, "-eva-slevel", slevel, "-main", name,
                        str(path.relative_to(ROOT))], ROOT)
    ended = "ANALYSIS SUMMARY" in output
    return code == 0 and ended and "[eva:alarm]" not in output and "0 alarms" in output, output


def search(model, folder, broken):
    """Whether safety and the LTL formula hold in every state."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    code, output = run(["spin", *(["-DBROKEN"] if broken else []), "-a", str(model)], folder)
    errors, states = 0, 0
    for options, search_options in ((["-DSAFETY", "-DNOCLAIM"], []), ([], ["-a", "-f"])):
        code, text = run(["gcc", "-w", "-O2", *options, "-o", "pan", "pan.c"], folder)
        if code != 0:
            return None, output + text
        code, text = run(["./pan", "-m1000000", *search_options], folder)
        output += text
        found = re.search(r"errors: (\d+)", text)
        if not found or "max search depth too small" in text:
            return None, output
        errors += int(found[1])
        states += int(re.search(r"(\d+) states, stored", text)[1])
    return (errors, states), output


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="only what contains one of these")
    parser.add_argument("--build", type=Path, required=True)
    options = parser.parse_args()
    wanted = lambda name: not options.names or any(part in name for part in options.names)
    passed = failed = 0

    def tell(good, what, began, output):
        nonlocal passed, failed
        passed += good
        failed += not good
        print(f"{what}: {'holds' if good else 'DOES NOT HOLD'} ({time.monotonic() - began:.0f} s)",
              flush=True)
        if not good:
            print(output[-3000:])

    for path, name in proofs():
        if wanted(f"{path.stem} {name}"):
            began = time.monotonic()
            good, output = prove(path, name)
            tell(good, f"{path.stem}.c {name}", began, output)
    for model in sorted(HERE.glob("*.pml")):
        if not wanted(model.stem):
            continue
        began = time.monotonic()
        found, output = search(model, options.build / model.stem, False)
        tell(found is not None and found[0] == 0,
             f"{model.name} ({found[1] if found else '?'} states)", began, output)
        began = time.monotonic()
        found, output = search(model, options.build / model.stem, True)
        tell(found is not None and found[0] > 0, f"{model.name} notices its mistake", began,
             output)
    print(f"verify: {passed} hold, {failed} do not")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
