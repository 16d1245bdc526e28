#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs the shelves of tests one after the other; the last line is the total."""
import argparse
import concurrent.futures
import os
import re
import subprocess
import sys
import time
from pathlib import Path

# Programs at a time, each one busy thread.
WORKERS = min(os.cpu_count() or 1, 2)
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "fuzz"))
import fuzz  # noqa: E402
import older  # noqa: E402
import pytest_run  # noqa: E402

# (what failed, the end of what it said), shown once more before the total: whoever looks at the end
# of a long run sees it.
failures = []
SHOWN = 2000
# `make lint` and the static part of `make docs` belong to the set; the examples of `make docs` are
# a system test.
LINTS = ("lint", "docs-static")
# Seconds of a target in the fuzz shelf, where a second is too short: mm/ beside its reference model.
LONGER = {"mm": 60}


def in_order(function, items):
    """function's results for each item, WORKERS at a time."""
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        yield from pool.map(function, items)


def run_program(program):
    """Runs a cmocka program; returns its output, and how long it took."""
    began = time.monotonic()
    done = subprocess.run([program.resolve()], cwd=HERE.parent, text=True, errors="replace",
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return program, done, time.monotonic() - began


def run_unit(build, name):
    """Runs each unit test, a cmocka program whose own closing lines are counted."""
    passed = failed = 0
    programs = [build / "tests/unit" / source.stem
                for source in sorted((HERE / "unit").rglob("*_test.c"), key=lambda source: source.stem)
                if name in source.stem and older.has_file(source.stem)]
    for program, done, seconds in in_order(run_program, programs):
        ok = re.search(r"\[  PASSED  \] (\d+) test", done.stdout)
        bad = re.search(r"\[  FAILED  \] \w*:? *(\d+) test", done.stdout)
        good = int(ok.group(1)) if ok else 0
        wrong = int(bad.group(1)) if bad else 0
        if done.returncode != 0 and wrong == 0:
            wrong = 1
        passed += good
        failed += wrong
        print(f"unit/{program.name}: {good} passed, {wrong} failed ({seconds:.1f} s)", flush=True)
        if wrong:
            print(done.stdout[-6000:], flush=True)
            failures.append((f"unit/{program.name}", done.stdout))
    return passed, failed


def run_mutants(name):
    """Runs the mutants: tests of the tests (tests/unit/mutants.py and the like)."""
    if name not in "mutants":
        return 0, 0
    done = subprocess.run([sys.executable, HERE / "unit/mutants.py"], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout.rstrip(), flush=True)
    count = re.search(r"^unit/mutants: (\d+) passed, (\d+) failed", done.stdout, re.MULTILINE)
    if done.returncode != 0:
        failures.append(("unit/mutants", done.stdout))
    return (int(count.group(1)), int(count.group(2))) if count else (0, 1)


def run_machines(build, shelves, name, long_run):
    """Runs the tests that boot machines, of all these shelves side by side."""
    where = [*(HERE / shelf for shelf in shelves), *(["-k", name] if name else []),
             *(["--long"] if long_run else [])]
    passed, wrong = pytest_run.run(HERE.parent, where, (build / "tests/machines.xml").resolve(),
                                   "--durations=25", "-rA" if os.environ.get("VERBOSE") else "-rf",
                                   f"--build={build.resolve()}")
    failures.extend((test, "") for test in wrong)
    return passed, len(wrong)


def run_fuzz(build, name, long_run):
    """A short run of each target from its seeds; what it finds is a failure."""
    def run_target(target):
        began = time.monotonic()
        good, line = fuzz.fuzz_target(build / "fuzz", target,
                                      100 if long_run else LONGER.get(target, 1),
                                      None if long_run else 1, long_run)
        return target, good, line, time.monotonic() - began

    passed = failed = 0
    for target, good, line, seconds in in_order(run_target, [target for target in fuzz.targets()
                                                             if name in target and older.has_file(target)]):
        passed += good
        failed += not good
        print(f"fuzz/{target}: {line}, {'nothing found' if good else 'FOUND SOMETHING'} "
              f"({seconds:.1f} s)", flush=True)
        if not good:
            failures.append((f"fuzz/{target}", line))
    return passed, failed


def run_gateway(name, long_run):
    """skerryd's tests count themselves."""
    done = subprocess.run([sys.executable, HERE.parent / "gateway/tests/run.py", "--name", name,
                           "--seconds", "100" if long_run else "1", *(["--long"] if long_run else [])], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    print(done.stdout.rstrip(), flush=True)
    if done.returncode != 0:
        failures.append(("gateway", done.stdout))
        failures.extend((test, "") for test in re.findall(r"^failed: (.+)$", done.stdout, re.MULTILINE))
    count = re.search(r"^gateway: (\d+) passed, (\d+) failed$", done.stdout, re.MULTILINE)
    return (int(count.group(1)), int(count.group(2))) if count else (0, 1)


def run_make(begin, *arguments):
    """Runs make on its own; shows each line behind `begin`. Returns whether it succeeded, and its lines."""
    flags = {"MAKEFLAGS", "MAKELEVEL", "MFLAGS", "MAKEOVERRIDES"}
    done = subprocess.Popen(["make", "--no-print-directory", *arguments], cwd=HERE.parent, text=True,
                            errors="replace", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT,
                            env={key: value for key, value in os.environ.items() if key not in flags})
    said = ""
    for line in done.stdout:
        said += line
        print(f"{begin}: {line}", end="", flush=True)
    return done.wait() == 0, said


def run_lint(build, name):
    """The checks of the sources and of the documentation: a target of make each."""
    passed = failed = 0
    for target in LINTS:
        if name not in target:
            continue
        good, said = run_make(target, f"-j{os.cpu_count()}", f"BUILD={build}", target)
        passed += good
        failed += not good
        if not good:
            failures.append((f"make {target}", said))
    return passed, failed


def run_proofs(build, name):
    """The quick ones among proofs and models; those whose tool this release of Debian has."""
    if name not in "proofs":
        return 0, 0
    good, said = run_make("proofs", "verify", "QUICK=1", f"BUILD={build}")
    count = re.search(r"^verify: (\d+) hold, (\d+) do not$", said, re.MULTILINE)
    passed, failed = map(int, count.groups()) if count else (0, 1)
    if not good:
        failures.append(("make verify QUICK=1", said))
        failed = max(failed, 1)
    return passed, failed


def run_bed(suite, build, name, asked, long_run):
    """
    Runs what another release of Debian is tried with, in its chroot, where the tests are
    counted. The chroot takes longer to make than the tests there: unless somebody asks for
    them, only one that is there is used.
    """
    if not (asked or long_run or (build / f"beds/{suite}/made").exists()):
        print(f"{suite}: the tests in this release of Debian are left out: `make bed SUITE={suite}` "
              f"makes the chroot that they need, `make test ONLY=bed` makes and uses it", flush=True)
        return 0, 0
    check = subprocess.run([HERE.parent / "iso/bed.sh", "check"], text=True, stderr=subprocess.PIPE)
    good, problem = check.returncode == 0, check.stderr.strip()
    if good:
        good, problem = run_make(suite, "bed", f"SUITE={suite}")
    if not good:
        said = f"{suite}: the tests in this release of Debian are left out: {problem}"
        print(said, flush=True)
        failures.extend([(f"bed {suite}", said)] if asked else [])
        return 0, int(asked)
    good, said = run_make(suite, "test-bed", f"BED={suite}", f"NAME={name}",
                          *(["LONG=1"] if long_run else []))
    count = re.findall(r"^(\d+) passed, (\d+) failed$", said, re.MULTILINE)
    passed, failed = map(int, count[-1]) if count else (0, 1)
    if not good:
        failures.append((f"bed {suite}", said))
        failed = max(failed, 1)
    return passed, failed


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--only", default="")
    parser.add_argument("--name", default="")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--beds", default="", help="other releases of Debian, besides this one's tests")
    parser.add_argument("--beds-asked", type=bool, default=False,
                        help="not empty: it is a failure where they cannot be had")
    options = parser.parse_args()
    passed = failed = 0
    for shelves in (("lint",), ("proofs",), ("unit",), ("fuzz",), ("guest", "system"), ("gateway",), ("bed",)):
        shelves = [shelf for shelf in shelves if options.only in ("", shelf) and older.has_shelf(shelf)]
        shelf = " and ".join(shelves)
        if not shelves:
            continue
        began = time.monotonic()
        if shelf == "lint":
            good, wrong = run_lint(options.build, options.name)
        elif shelf == "proofs":
            good, wrong = run_proofs(options.build, options.name)
        elif shelf == "unit":
            good, wrong = map(sum, zip(run_unit(options.build, options.name),
                                       run_mutants(options.name)))
        elif shelf == "fuzz":
            good, wrong = run_fuzz(options.build, options.name, options.long)
        elif shelf == "gateway":
            good, wrong = run_gateway(options.name, options.long)
        elif shelf == "bed":
            good, wrong = map(sum, zip((0, 0), *(run_bed(suite, options.build, options.name, options.beds_asked, options.long)
                                                 for suite in options.beds.split())))
        else:
            good, wrong = run_machines(options.build, shelves, options.name, options.long)
        print(f"{shelf}: {good} passed, {wrong} failed ({time.monotonic() - began:.0f} s)",
              flush=True)
        passed += good
        failed += wrong
    if passed + failed == 0:
        print("no test has that name")
        failed = 1
    for what, said in failures:
        if said:
            print(f"{what} said:\n{said[-SHOWN:]}".rstrip())
    # Whoever sees only the end of a long run sees all names.
    for what, _ in failures:
        print(f"failed: {what}")
    print(f"{passed} passed, {failed} failed")
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
