# SPDX-License-Identifier: MIT
"""`vm renew`: a new monitor under a guest that goes on."""
import random
import re
import time

import pytest

import bundle
import fio
from machine import Bochs, Qemu, wait_for

EMULATORS = {"qemu": Qemu, "bochs": Bochs}
COUNTER = "[vm count]\nkernel = counter.bin\nmemory = 16M\nautostart = yes\n{more}"


def renew(machine, name):
    """The microseconds that its guest stood still."""
    (answer,) = machine.objects(f"vm renew {name}")
    assert answer["name"] == name
    return answer["held_us"]


def refused(machine, line):
    out = machine.command(line)
    assert out.startswith("error: "), out
    return out


def check_count(machine):
    """The guest has said every number once, in order."""
    machine.attach("count")
    machine.type("q")
    machine.wait("DONE")
    text = machine.transcript()
    counts = [int(n, 16) for n in re.findall(r"COUNT 0x(\w+)\s", text)]
    assert counts == list(range(counts[0], counts[0] + len(counts))), counts
    assert "FAIL" not in text
    return counts[-1]


@pytest.mark.parametrize("emulator", EMULATORS)
def test_counter(build, tmp_path, emulator):
    files = bundle.make(tmp_path / "renew.cpio", COUNTER.format(more=""),
                        bundle.tiny(build, "counter"))
    with EMULATORS[emulator](build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        held = [renew(machine, "count") for _ in range(20)]
        print(f"held: {held} us")
        # a paused one stays paused
        machine.command("vm pause count")
        renew(machine, "count")
        assert machine.vm("count")["state"] == "paused"
        machine.command("vm resume count")
        # what the new monitor does on its own: a reset loads the kernel anew
        check_count(machine)
        machine.wait_end("count")
        machine.wait_prompt()
        assert "only a running or paused VM" in refused(machine, "vm renew count")
        said = machine.command("log show -n 1000")
        assert len(re.findall(r"count.*renewed, its guest stood still", said)) == 21, said
