# SPDX-License-Identifier: MIT
"""Least privilege: the manager and the monitors hold only the handles that docs/abi.md names."""
import re
from collections import Counter
from pathlib import Path

import pytest

import bundle
from machine import Bochs, Qemu

ROOT = Path(__file__).resolve().parents[2]


def documented(heading):
    """{(type, rights): terms whose sum is the most there may be} of a table in docs/abi.md."""
    text = (ROOT / "docs/abi.md").read_text()
    part = text[text.index(f"#### {heading}"):]
    rows = re.findall(r"^\| ([a-z]+) \| ([a-z ]+) \| (\d+|a vCPU|a VM|a file) \|",
                      part.split("####")[1], re.MULTILINE)
    allowed = {}
    for kind, rights, count in rows:
        key = (kind, " ".join(ALL) if rights == "all" else rights)
        allowed.setdefault(key, []).append(count)
    return allowed


ALL = "read write execute map bind create control destroy grant".split()


def check(rows, allowed, factors):
    for key, count in Counter((row["type"], row["rights"]) for row in rows).items():
        assert key in allowed, f"{count} times {key}, which docs/abi.md does not name"
        limit = sum(int(term) if term.isdigit() else factors[term] for term in allowed[key])
        assert count <= limit, f"{count} times {key}, {limit} at most"


# VMs with each kind of kernel, with one vCPU and with several, in each state that has a monitor.
KINDS = {
    "multiboot": "kernel = spin.bin\nmemory = 16M\nvcpus = 2\nautostart = yes\n",
    "linux": "kernel = vmlinuz\ninitrd = initramfs.cpio.gz\ncmdline = console=ttyS0 quiet\n"
             "memory = 96M\nvcpus = 3\nautostart = yes\n",
    "builtin": "kernel = built-in\nmemory = 16M\nautostart = yes\n",
    "pvh": "kernel = skerry.elf\nmemory = 64M\nautostart = yes\n",
    "paused": "kernel = spin.bin\nmemory = 16M\ntrap = cr msr io\nautostart = yes\n",
    "created": "kernel = spin.bin\nmemory = 16M\npages = 4k\n",
}


def of_monitors(rows):
    """{id: its rows} of every monitor."""
    found = {}
    for row in rows:
        if row["process"] == "monitor":
            found.setdefault(row["id"], []).append(row)
    return found


def check_monitors(rows):
    vcpus = []
    for held in of_monitors(rows).values():
        vcpus.append(sum(row["type"] == "vcpu" for row in held))
        check(held, documented("A monitor"), {"a vCPU": vcpus[-1] or 1})
        # nothing of the machine: no root, so neither ports nor physical memory nor the log; no
        # interrupt line; and of processes, VMs and groups only its own
        types = Counter(row["type"] for row in held)
        assert not {"root", "irq", "thread"} & set(types)
        assert types["process"] == types["vm"] == types["group"] == 1, types
    return sorted(vcpus)


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_rights(build, tmp_path, emulator):
    conf = "\n".join(f"[vm {name}]\n{keys}" for name, keys in KINDS.items())
    files = bundle.make(tmp_path / "rights.cpio", conf,
                        bundle.tiny(build, "spin") | bundle.read(build / "skerry.elf")
                        | bundle.debian(build / "guests"))
    with emulator(build, bundle=files, channel=True) as machine:
        machine.wait_prompt()
        machine.command("vm pause paused")
        machine.command("vm create created")
        rows = machine.objects("handles")
        vcpus = check_monitors(rows)
        # Skerry as a guest finds no virtualization, and may have ended by now.
        assert vcpus in ([1, 1, 1, 1, 2, 3], [1, 1, 1, 2, 3]), vcpus
        manager = [row for row in rows if row["process"] == "manager"]
        check(manager, documented("The manager"), {"a VM": len(KINDS), "a file": 16})
        # Being looked at, traced and profiled gives a monitor nothing more.
        for line in ("vm regs linux", "vm dump multiboot 0 16", "trace", "perf record 1"):
            machine.command(line)
        check_monitors(machine.objects("handles"))
        # No memory is reachable by two owners: the audit looks at all that these handles map.
        assert "error" not in machine.command("audit")
        for name in KINDS:
            machine.command(f"vm destroy {name}")
        rows = machine.objects("handles")
        assert not of_monitors(rows)
        left = Counter((row["type"], row["rights"]) for row in rows)
        most = Counter((row["type"], row["rights"]) for row in manager)
        assert left <= most and left[("group", " ".join(ALL))] == 1, left
