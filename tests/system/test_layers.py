# SPDX-License-Identifier: MIT
"""The product's kernel with a manager that freezes, copies and resets a running guest's RAM: tests/layers.

Every page that a vCPU reads is the one that the others write, a copy is what was frozen, a reset
brings it back, and an audit finds nothing.
"""
import re

import pytest

from machine import Bochs, Qemu

BEDS = {
    "qemu": lambda build: Qemu(build),
    "qemu-smp": lambda build: Qemu(build, extra=("-smp", "2")),
    "bochs": lambda build: Bochs(build),
    "bochs-smp": lambda build: Bochs(build, cpus=2),
}
FOUR = {"qemu-four": lambda build: Qemu(build, extra=("-smp", "4"))}
PANIC = r"panic on CPU \d+: [^\r\n]*"


@pytest.mark.parametrize("bed", [*BEDS, *(pytest.param(bed, marks=pytest.mark.long) for bed in FOUR)])
def test_layers(build, bed):
    with (BEDS | FOUR)[bed](build / "tests/layers") as machine:
        machine.wait(rf"LAYERS DONE|LAYERS FAILED|{PANIC}", limit=300)
        text = machine.transcript()
    assert "LAYERS DONE" in text and "LAYERS FAIL " not in text, text[-4000:]
    counts = [int(word) for word in re.findall(r" at (\d+)", text)]
    assert len(counts) == 4 and all(counts), text[-4000:]
