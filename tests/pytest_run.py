# SPDX-License-Identifier: MIT
"""Runs pytest on folders of tests, several files at a time, and counts what its report says."""
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

import older

# Machines and servers wait for time to pass nearly half of the time: twice as many of them as there
# are CPUs keep these busy.
WORKERS = min(2 * (os.cpu_count() or 1), 4)


def results(report):
    """
    Returns how many tests of a report of pytest's passed, and the names of those that did not.
    """
    passed, wrong = 0, []
    for case in xml.parse(report).getroot().iter("testcase"):
        # A test that cannot run has not passed.
        if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")):
            wrong.append(case.get("classname").replace(".", "/") + ".py::" + case.get("name"))
        else:
            passed += 1
    return passed, wrong


def run(folder, where, report, *options):
    """
    Runs what is at `where`, with names as seen from the folder; how many passed, and the names of
    those that did not. None is run twice: what fails now and then has a fault, or its test has.
    What the tests wrote to their folders is gone at the end.
    """
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    # Sockets are among what tests write, and a socket's path has 107 bytes at most.
    with tempfile.TemporaryDirectory(prefix="skerry-", ignore_cleanup_errors=True) as written:
        # A file's tests stay together: some share a machine that one of them booted.
        code = subprocess.run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                               *(["-p", "older"] if older.asked() else []),
                               "--tb=short", f"--numprocesses={WORKERS}", "--dist=loadfile",
                               f"--rootdir={folder}", f"--junitxml={report}",
                               f"--basetemp={written}/t", *options, *where],
                              cwd=folder, env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parent)}).returncode
    # code 5 says that there was no test of that name
    if code not in (0, 1, 5) or not report.exists():
        return 0, [f"pytest itself, {report.stem}"]
    return results(report)
