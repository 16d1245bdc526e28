# SPDX-License-Identifier: MIT
"""
What VMs use of the machine: memory that is present, not promised, and CPU time, exits and requests
a second.
"""
import re

import bundle
from machine import Qemu

CONF = """[vm busy]
kernel = spin.bin
memory = 64M
[vm idle]
kernel = built-in
memory = 64M
autostart = yes
"""
MIB = 1 << 20


def test_top(build, tmp_path):
    files = bundle.make(tmp_path / "top.cpio", CONF, bundle.tiny(build, "spin"))
    with Qemu(build, bundle=files, channel=True) as machine:
        machine.wait_prompt()
        machine.command("vm create busy")
        machine.command("vm start busy")
        for name in ("busy", "idle"):
            vm = machine.vm(name)
            # pieces of 2 MiB, and what the monitor needs
            assert 0 < vm["resident_bytes"] < 32 * MIB < vm["memory_bytes"], vm
            rows = {row["reason"]: row["count"] for row in machine.objects(f"vm stat {name}")}
            assert 0 < rows["pages-resident"] * 4096 < 32 * MIB < rows["pages-used"] * 4096, rows
        assert all(len(line) <= 80 for line in machine.command("vm list").split("\n"))
        machine.type("top 1\r")
        for _ in range(2):
            machine.wait(r"2 VMs use [\d.]+% of 1 CPU, \d+ MiB free; Ctrl-C ends")
            machine.wait(r"NAME +STATE +CPU% +STEAL% +RESIDENT +MEMORY +EXITS/S\r*\n")
            machine.wait(r"busy +running +([\d.]+) +[\d.]+ +\d+M +64M +\d+\r*\n")
            assert float(machine.match().group(1)) > 30
            machine.wait(r"idle +running +([\d.]+) +[\d.]+ +\d+M +64M +\d+\r*\n")
            assert float(machine.match().group(1)) < 30
        machine.type("\x03")
        machine.wait_prompt()
        busy, idle = machine.channel.result("top 1")
        assert busy["name"] == "busy" and busy["cpu_permille"] > 300 > idle["cpu_permille"]
        # nothing is left of a VM that has ended
        machine.command("vm pause idle")
        machine.command("vm stop idle")
        assert machine.vm("idle")["resident_bytes"] == 0
        assert "use 1 to 3600 seconds" in machine.command("top 0")
        assert re.search("error: .*shows something", machine.command("watch 1 top"))
