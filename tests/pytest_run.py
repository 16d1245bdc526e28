# SPDX-License-Identifier: MIT
"""Tests on emulators share the host's CPUs with each other, and now and then one of them meets a
limit because of that. The few that failed run once more, alone. Both runs' output is shown, and who
looks at the end of it sees their names: a fault that comes once in ten runs shows only there."""
import subprocess
import xml.etree.ElementTree as xml

# More than these are no accident: there is no second run.
MOST = 3
# What passed in a second run only, of all shelves.
not_at_once = []


def results(report):
    """How many of a report of pytest's passed, and the names of those that did not."""
    passed, wrong = 0, []
    for case in xml.parse(report).getroot().iter("testcase"):
        # A test that cannot run has not passed.
        if any(case.find(kind) is not None for kind in ("failure", "error", "skipped")):
            wrong.append(case.get("classname").replace(".", "/") + ".py::" + case.get("name"))
        else:
            passed += 1
    return passed, wrong


def run(shelf, command, folder, where, report):
    """
    Runs pytest with what it shall run, then again with what failed; how many passed, and the names
    of those that failed both times.
    """
    def once(report, *more):
        report.unlink(missing_ok=True)
        code = subprocess.run([*command, f"--rootdir={folder}", f"--junitxml={report}",
                               *more], cwd=folder).returncode
        # 5: there was no test of that name
        return code in (0, 1, 5) and report.exists()

    if not once(report, *where):
        return 0, [f"{shelf}: pytest itself"]
    passed, wrong = results(report)
    if not 0 < len(wrong) <= MOST:
        return passed, wrong
    print(f"{shelf}: a second run, alone, of {' '.join(wrong)}", flush=True)
    second = report.with_suffix(".second.xml")
    if not once(second, "--numprocesses=0", *wrong):
        return passed, wrong
    again, still = results(second)
    print(f"{shelf}: {again} of {len(wrong)} passed in the second run", flush=True)
    late = [test for test in wrong if test not in still]
    print("".join(f"not at once: {test}\n" for test in late), end="", flush=True)
    not_at_once.extend(late)
    return passed + again, still
