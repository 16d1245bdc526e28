# SPDX-License-Identifier: MIT
"""Least privilege: every handle of the manager and of each monitor is one that docs/abi.md names."""
import re
from collections import Counter
from pathlib import Path

import pytest

import bundle
from machine import Bochs, Qemu

ROOT = Path(__file__).resolve().parents[2]


def documented(heading):
    """{(type, rights): how many at most} of a table; what has no number comes once a vCPU."""
    text = (ROOT / "docs/abi.md").read_text()
    part = text[text.index(f"#### {heading}"):]
    rows = re.findall(r"^\| ([a-z]+) \| ([a-z ]+) \| (\d+|a vCPU|a VM|a file) \|",
                      part.split("####")[1], re.MULTILINE)
    return {(kind, " ".join(ALL) if rights == "all" else rights): count
            for kind, rights, count in rows}


ALL = "read write execute map bind create control destroy grant".split()


def check(rows, allowed, factors):
    for key, count in Counter((row["type"], row["rights"]) for row in rows).items():
        assert key in allowed, f"{count} times {key}, which docs/abi.md does not name"
        limit = allowed[key]
        limit = int(limit) if limit.isdigit() else factors.get(limit, 255)
        assert count <= limit, f"{count} times {key}, {limit} at most"


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_rights(build, tmp_path, emulator):
    conf = "".join(f"[vm {name}]\nkernel = spin.bin\nmemory = 16M\nvcpus = 2\nautostart = yes\n"
                   for name in ("one", "two"))
    files = bundle.make(tmp_path / "rights.cpio", conf, bundle.tiny(build, "spin"))
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        rows = machine.objects("handles")
    manager = [row for row in rows if row["process"] == "manager"]
    monitors = {row["id"]: [] for row in rows if row["process"] == "monitor"}
    assert len(monitors) == 2 and manager
    for row in rows:
        if row["process"] == "monitor":
            monitors[row["id"]].append(row)
    check(manager, documented("The manager"), {"a VM": 2, "a file": 10})
    for held in monitors.values():
        check(held, documented("A monitor"), {"a vCPU": 2})
        # nothing of the machine's: no root, no interrupt line, no other process
        assert not {"root", "irq"} & {row["type"] for row in held}
        assert sum(row["type"] == "process" for row in held) == 1
