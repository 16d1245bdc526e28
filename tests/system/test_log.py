# SPDX-License-Identifier: MIT
"""The log: what it holds, what its levels do, where it goes."""
import json

import pytest

import bundle
from machine import Bochs, Qemu

FIELDS = {"time_ns", "cpu", "level", "category", "vm", "text"}


def make_bundle(build, tmp_path, host):
    return bundle.write(tmp_path / "log.cpio", {
        "cpuid.bin": (build / "tests/guest/cpuid.bin").read_bytes(),
        "skerry.conf": f"[host]\n{host}\n[vm tiny]\nkernel = cpuid.bin\nmemory = 16M\n"
                       "autostart = no\n".encode(),
    })


def run_tiny(machine):
    machine.command("vm create tiny")
    machine.type("vm start tiny\r")
    machine.wait_end("tiny")
    machine.vm("tiny") # the prompt is back
    machine.command("vm destroy tiny")


def test_show(build, tmp_path):
    with Qemu(build, bundle=make_bundle(build, tmp_path, "log = info")) as machine:
        machine.wait_prompt()
        lines = machine.objects("log show")
        assert lines and all(FIELDS <= set(line) for line in lines)
        times = [line["time_ns"] for line in lines]
        assert any(line["category"] == "boot" for line in lines)
        assert {line["level"] for line in lines} <= {"info", "warning", "error"}
        assert min(times) >= 0 and max(times) > 0
        assert len(machine.objects("log show -n 2")) == 2
        run_tiny(machine)
        mine = machine.objects("log show -v tiny")
        assert mine and all(line["vm"] == "tiny" for line in mine)
        assert any("stopped" in line["text"] for line in mine)
        audit = machine.objects("log show -c audit")
        assert audit and all(line["category"] == "audit" for line in audit)


def test_level(build, tmp_path):
    """What is below the level is not kept; debug keeps more."""
    with Qemu(build, bundle=make_bundle(build, tmp_path, "log = error")) as machine:
        machine.wait_prompt()
        machine.command("log clear")
        run_tiny(machine)
        assert {line["level"] for line in machine.objects("log show")
                if line["category"] != "audit"} <= {"error"}
        machine.command("log level debug")
        assert {row["level"] for row in machine.objects("log level")} == {"debug"}
        machine.command("log clear")
        run_tiny(machine)
        kept = {line["level"] for line in machine.objects("log show")}
        assert "debug" in kept, f"only {kept} at level debug"
        machine.command("log level vm warning")
        machine.command("log clear")
        run_tiny(machine)
        assert not [line for line in machine.objects("log show")
                    if line["category"] == "vm" and line["level"] in ("debug", "info")]


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_export(build, tmp_path, emulator):
    """The second serial port carries the stream as JSON lines."""
    com2 = tmp_path / "com2"
    files = make_bundle(build, tmp_path, "export = com2")
    with emulator(build, bundle=files, com2=com2) as machine:
        machine.wait_prompt()
        run_tiny(machine)
        shown = machine.objects("log show")
        machine.type("poweroff\r")
        assert machine.ended()
    lines = [json.loads(line) for line in com2.read_text().split("\n") if line.strip()]
    lines = [line for line in lines if "event" not in line]
    assert all(FIELDS <= set(line) for line in lines)
    texts = [line["text"] for line in lines]
    for line in shown[:-5]: # the last may still have been on its way
        assert line["text"] in texts, line
    assert any(line["vm"] == "tiny" for line in lines)
