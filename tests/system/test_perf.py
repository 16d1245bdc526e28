# SPDX-License-Identifier: MIT
"""Where time goes: the exit trace, the sampling profile, symbols."""
import re

import pytest

import bundle
from machine import Bochs, Qemu

EMULATORS = {"qemu": Qemu, "bochs": Bochs}


def check_trace(machine):
    machine.type("vm console demo\r")
    machine.wait("hello from 64-bit mode")
    machine.leave()
    exits = machine.objects("trace demo -n 64")
    assert len(exits) == 64
    port = [row for row in exits if row["reason"] == "io"]
    assert port and re.match(r"(in|out) 0x", port[0]["text"]), exits
    assert all(row["cost"] > 0 and 0 < row["rip"] < 0x10000 for row in port), port
    assert [row["time_ns"] for row in exits] == sorted(row["time_ns"] for row in exits)
    assert len(machine.objects("trace -n 5")) == 5
    assert "use 1 to 64" in machine.command("trace -n 0")


def check_cpus(rows, cpus, samples):
    """Every host CPU was sampled."""
    found = {row["cpu"]: row["samples"] for row in rows if "cpu" in row}
    assert set(found) == set(range(cpus)) and min(found.values()) > samples / cpus / 10, found
    assert sum(found.values()) == samples


def check_guest(machine):
    """The profile shows a guest that never exits under its name."""
    machine.command("vm create spin")
    machine.command("vm start spin")
    machine.objects("perf record 1")
    rows = machine.objects("perf report")
    guests = {row["where"]: row["permille"] for row in rows if row.get("guest")}
    assert guests["spin"] > 100, rows
    machine.command("vm destroy spin")


def check_profile(machine, cpus):
    assert "no profile yet" in machine.command("perf report")
    (done,) = machine.objects("perf record 2")
    assert done["samples"] > 10, done
    rows = machine.objects("perf report")
    check_cpus(rows, cpus, done["samples"])
    functions = [row for row in rows if "symbol" in row]
    assert sum(row["samples"] for row in functions) <= done["samples"]
    assert functions[0]["symbol"] == "cpu_loop_idle" and functions[0]["where"] == "kernel", rows
    exits = {row["reason"]: row for row in rows if "reason" in row}
    assert exits["io"]["count"] > 0 and exits["io"]["instructions"] > 0, rows
    # samples do not fill the log
    assert "NMI" not in machine.command("log show")
    assert "1 to 3600" in machine.command("perf record never")


CONF = """[vm demo]
kernel = built-in
memory = 16M
autostart = yes
[vm spin]
kernel = spin.bin
memory = 16M
"""


@pytest.mark.parametrize("emulator", EMULATORS)
def test_perf(build, tmp_path, emulator):
    files = bundle.write(tmp_path / "perf.cpio", {
        "spin.bin": (build / "tests/guest/spin.bin").read_bytes(), "skerry.conf": CONF.encode()})
    host = {"extra": ("-smp", "2")} if emulator == "qemu" else {}
    with EMULATORS[emulator](build, bundle=files, **host) as machine:
        machine.wait_prompt()
        check_trace(machine)
        check_profile(machine, 2 if emulator == "qemu" else 1)
        check_guest(machine)
        (symbol,) = machine.objects("sym kernel_main")
        assert machine.objects(f"sym {symbol['address']}") == [symbol]
