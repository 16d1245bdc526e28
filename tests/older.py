# SPDX-License-Identifier: MIT
"""
Which tests there were at an earlier commit: `make test KNOWN_AT=COMMIT` runs these of today's tests alone, so
that what they take can be compared with what they took. run.py and the gateway's ask it about programs; pytest
loads it as a plugin.
"""
import functools
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("tests", "gateway/tests")


def asked():
    return os.environ.get("KNOWN_AT", "")


def git(*words):
    return subprocess.run(["git", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout


@functools.cache
def files():
    """The names, without their ends, of all files of tests at that commit."""
    return {Path(name).stem for name in git("ls-tree", "-r", "--name-only", asked(), *FOLDERS).splitlines()}


@functools.cache
def functions():
    """The names of all functions of pytest at that commit."""
    return set(re.findall(r"def (test_\w+)", git("grep", "-hE", "def test_", asked(), "--", *FOLDERS)))


@functools.cache
def words_of(path):
    """All texts in quotes in that file at that commit; none: the file was not there."""
    done = subprocess.run(["git", "show", f"{asked()}:{path}"], cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True)
    return set(re.findall(r'"([^"\n]*)"', done.stdout))


def has_shelf(shelf):
    """Returns whether `make test` ran that shelf."""
    return not asked() or shelf in words_of("tests/run.py")


def has_mutant(what):
    """Returns whether there was that mutant of tests/unit/mutants.py."""
    return not asked() or what in words_of("tests/unit/mutants.py")


def has_file(stem):
    """Returns whether a program or fuzz target of that name runs: all do if no commit was asked for."""
    return not asked() or stem in files()


def pytest_collection_modifyitems(config, items):
    new = [item for item in items if item.originalname not in functions()]
    config.hook.pytest_deselected(items=new)
    items[:] = [item for item in items if item not in new]
