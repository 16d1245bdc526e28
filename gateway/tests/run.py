#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the gateway's tests; the last line is the total: "N passed, M failed"."""
import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "tests"))
import older  # noqa: E402
import pytest_run  # noqa: E402


def run_unit(build, name):
    """Runs each unit test, a cmocka program whose closing lines are counted."""
    passed = failed = 0
    for source in sorted((HERE / "unit").rglob("*_test.c")):
        if name not in source.stem or not older.has_file(source.stem):
            continue
        done = subprocess.run([build / "tests" / source.stem], text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        good = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
        bad = re.search(r"\[  FAILED  \] \w*:? *(\d+) test", done.stdout)
        wrong = int(bad.group(1)) if bad else int(done.returncode != 0)
        passed += int(good.group(1)) if good else 0
        failed += wrong
        if wrong:
            print(done.stdout[-6000:], flush=True)
    return passed, failed


def run_fuzz(build, name, seconds):
    """Runs each fuzz target for a short time from its seeds; a finding is a failure."""
    passed = failed = 0
    for source in sorted((HERE / "fuzz").glob("*.c")):
        if name not in f"fuzz-{source.stem}" or not older.has_file(source.stem):
            continue
        corpus = build / "tests" / f"{source.stem}.corpus"
        corpus.mkdir(parents=True, exist_ok=True)
        seeds = HERE / "fuzz/seeds" / source.stem
        done = subprocess.run([build / "tests" / f"fuzz-{source.stem}", "-timeout=10", "-seed=1",
                               f"-max_total_time={seconds}", "-max_len=4096", corpus,
                               *([seeds] if seeds.exists() else [])], cwd=build / "tests",
                              text=True, errors="replace", stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT)
        passed += done.returncode == 0
        failed += done.returncode != 0
        if done.returncode:
            print(f"fuzz/{source.stem}: FOUND SOMETHING\n{done.stdout[-6000:]}", flush=True)
    return passed, failed


def run_system(build, name, long_run):
    where = [HERE / "system", *(["-k", name] if name else []), *(["--long"] if long_run else [])]
    passed, wrong = pytest_run.run(HERE.parents[1], where, build / "tests/system.xml",
                                   "-rf", f"--gateway={build}")
    print("".join(f"failed: {test}\n" for test in wrong), end="", flush=True)
    return passed, len(wrong)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--gateway", type=Path, default=HERE.parent / "build")
    parser.add_argument("--name", default="")
    parser.add_argument("--seconds", type=int, default=1, help="of each fuzz target")
    parser.add_argument("--long", action="store_true", help="also the tests marked long")
    options = parser.parse_args()
    build = options.gateway.resolve()
    passed = failed = 0
    for shelf, run in (("unit", lambda: run_unit(build, options.name)),
                       ("fuzz", lambda: run_fuzz(build, options.name, options.seconds)),
                       ("system", lambda: run_system(build, options.name, options.long))):
        began = time.monotonic()
        good, wrong = run()
        print(f"gateway/{shelf}: {good} passed, {wrong} failed ({time.monotonic() - began:.0f} s)",
              flush=True)
        passed += good
        failed += wrong
    print(f"gateway: {passed} passed, {failed} failed")
    sys.exit(failed != 0 or passed == 0)


if __name__ == "__main__":
    main()
