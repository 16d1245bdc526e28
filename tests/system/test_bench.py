# SPDX-License-Identifier: MIT
"""What exits and a context switch cost, against tests/bench/baseline.json: a growth of more than 2 % fails."""
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "bench"))
import run as bench  # noqa: E402


@pytest.mark.parametrize("emulator", ["qemu", pytest.param("bochs", marks=pytest.mark.long)])
def test_baseline(build, tmp_path, emulator):
    counts = bench.counts_of(build, tmp_path, emulator)
    assert counts, "the benchmark guests say nothing"
    assert bench.grown(emulator, counts) == []
