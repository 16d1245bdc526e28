# SPDX-License-Identifier: MIT
"""What a request costs, in instructions of both processes under callgrind, against a baseline.

A change that makes it dearer by more than the tolerance fails; `UPDATE=1` writes a new baseline. Times are no part of
it, but on a busy host a request takes more steps: TLS, and ticks between two requests. The baseline is a busy host's.
"""
import json
import os
import signal
import sys
from pathlib import Path

BENCH = Path(__file__).resolve().parents[1] / "bench"
BASELINE = BENCH / "baseline.json"
TOLERANCE = 0.10
REQUESTS, WARM = 100, 30

sys.path.insert(0, str(BENCH))

import bench  # noqa: E402


def test_instructions(program):
    baseline = json.loads(BASELINE.read_text())
    signal.alarm(300)   # valgrind is some fifty times slower
    with bench.under_callgrind(program, Path(program).parent) as (server, take):
        counts = {path: sum(bench.counted(server, take, path, REQUESTS, WARM)[:2]) for path in baseline}
    if os.environ.get("UPDATE"):
        BASELINE.write_text(json.dumps(counts, indent=1) + "\n")
    print(counts)
    for path, count in counts.items():
        assert count / baseline[path] - 1 < TOLERANCE, f"GET {path}: {count} instructions, baseline {baseline[path]}"
