# SPDX-License-Identifier: MIT
"""Least privilege: each process holds only the handles that docs/abi.md names, and reaches no more."""
import re
from collections import Counter
from pathlib import Path

import pytest

import bundle
from machine import Bochs, Qemu, wait_for

ROOT = Path(__file__).resolve().parents[2]


def documented(heading):
    """
    Returns {(type, rights): terms whose sum is the most there may be} of a table in
    docs/abi.md.
    """
    text = (ROOT / "docs/abi.md").read_text()
    part = text[text.index(f"#### {heading}"):]
    rows = re.findall(r"^\| ([a-z]+) \| ([a-z ]+) \| (\d+|a vCPU|a VM|a file|a disk|a client|a driver) \|",
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
        limit = sum(int(term) if term.isdigit() else factors.get(term, 0) for term in allowed[key])
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


def of_kind(rows, kind):
    """Returns {id: its rows} of every process of that kind."""
    found = {}
    for row in rows:
        if row["process"] == kind:
            found.setdefault(row["id"], []).append(row)
    return found


def of_monitors(rows):
    return of_kind(rows, "monitor")


def check_monitors(rows, disks=0):
    vcpus = []
    for held in of_monitors(rows).values():
        vcpus.append(sum(row["type"] == "vcpu" for row in held))
        check(held, documented("A monitor"), {"a vCPU": vcpus[-1] or 1, "a disk": disks})
        # a monitor has nothing of the machine: no root, so neither ports nor physical memory nor
        # the log; no interrupt line; and of processes, VMs and groups only its own
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
        # Skerry as a guest finds no virtualization, and may have ended by now. Others may still be making vCPUs.
        wait_for(lambda: check_monitors(machine.objects("handles")) in ([1, 1, 1, 1, 2, 3], [1, 1, 1, 2, 3]))
        rows = machine.objects("handles")
        check_monitors(rows)
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


DISKS = """[disk memory]
controller = memory
size = 1M
[disk nvme]
controller = nvme0
[disk ide]
controller = ide0.0
[vm one]
kernel = spin.bin
memory = 16M
autostart = yes
disk = memory
disk = nvme
disk = ide ro
[vm two]
kernel = spin.bin
memory = 16M
autostart = yes
disk = ide ro
"""


def with_disks(tmp_path):
    """QEMU's arguments: a controller of each kind, with a disk."""
    (tmp_path / "disk.img").write_bytes(bytes(1 << 20))
    drive = f"if=none,format=raw,file.locking=off,file={tmp_path / 'disk.img'}"
    return ("-drive", f"{drive},id=d0", "-device", "nvme,drive=d0,serial=n1,addr=4",
            "-drive", f"{drive},id=d1", "-device", "piix3-ide,id=old,addr=5",
            "-device", "ide-hd,drive=d1,bus=old.0")


def test_drivers(build, tmp_path):
    """A driver has its own interrupt, its clients' events, and what it makes."""
    files = bundle.make(tmp_path / "disks.cpio", DISKS, bundle.tiny(build, "spin"))
    with Qemu(build, bundle=files, extra=with_disks(tmp_path)) as machine:
        machine.wait_prompt()
        rows = machine.objects("handles")
        clients = {"memory": 1, "nvme0": 1, "ide0.0": 2}
        assert {row["name"]: row["clients"] for row in machine.objects("driver list")} == clients
        drivers = of_kind(rows, "driver").values()
        for held in drivers:
            types = Counter(row["type"] for row in held)
            check(held, documented("A driver"), {"a client": (types["event"] - 2) // 2})
            assert set(types) <= {"process", "group", "event", "irq", "queue"}, types
        events = [sum(row["type"] == "event" for row in held) for held in drivers]
        assert sorted(events) == [4, 4, 6]
        irqs = [sum(row["type"] == "irq" for row in held) for held in drivers]
        assert sorted(irqs) == [0, 1, 1]
        check_monitors(rows, disks=3)
        manager = [row for row in rows if row["process"] == "manager"]
        check(manager, documented("The manager"),
              {"a VM": 2, "a driver": 3, "a client": 4, "a file": 24})
        assert "error" not in machine.command("audit")


def test_driver_tries(build, tmp_path):
    """Ports and memory that are not its own, and its canary, end a driver; system calls with what it has are refused."""
    conf = "[disk ide]\ncontroller = ide0.0\nrestart_limit = 9\n"
    files = bundle.make(tmp_path / "tries.cpio", conf, {})
    with Qemu(build, bundle=files, kernel=build / "tests/rights/skerry.elf",
              extra=with_disks(tmp_path)) as machine:
        machine.wait_prompt()
        wait_for(lambda: "all is as it should be" in machine.objects("driver list")[0]["reason"])
        said = machine.objects("driver list")[0]
        assert said["starts"] == 6
