# SPDX-License-Identifier: MIT
"""Where the time goes: trace, the sampling profile, symbols."""
import re

import pytest

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
    assert "allowed" in machine.command("trace -n 0")


def check_profile(machine):
    assert "no profile yet" in machine.command("perf report")
    (done,) = machine.objects("perf record 2")
    assert done["samples"] > 10, done
    rows = machine.objects("perf report")
    functions = [row for row in rows if "symbol" in row]
    assert sum(row["samples"] for row in functions) <= done["samples"]
    assert functions[0]["symbol"] == "idle" and functions[0]["where"] == "kernel", rows
    exits = {row["reason"]: row for row in rows if "reason" in row}
    assert exits["io"]["count"] > 0 and exits["io"]["instructions"] > 0, rows
    # samples do not fill the log
    assert "NMI" not in machine.command("log show")
    assert "1 to 3600" in machine.command("perf record never")


@pytest.mark.parametrize("emulator", EMULATORS)
def test_perf(build, emulator):
    with EMULATORS[emulator](build) as machine:
        machine.wait_prompt()
        check_trace(machine)
        check_profile(machine)
        (symbol,) = machine.objects("sym kernel_main")
        assert machine.objects(f"sym {symbol['address']}") == [symbol]
