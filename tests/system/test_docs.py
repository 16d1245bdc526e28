# SPDX-License-Identifier: MIT
"""The console examples of README and docs/ print what they show (`make docs`)."""
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_examples(build):
    done = subprocess.run([sys.executable, ROOT / "docs/examples.py", "--build", build], cwd=ROOT,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert done.returncode == 0, done.stdout
