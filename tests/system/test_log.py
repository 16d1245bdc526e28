# SPDX-License-Identifier: MIT
"""The log: what it holds, what its levels do, where it goes."""
import json
import re
import textwrap
from pathlib import Path

import pytest

import bundle
import ring_3
from machine import Qemu

GUIDE = Path(__file__).resolve().parents[2] / "docs/guides/machine-channel.md"
FIELDS = {"time_ns", "cpu", "level", "category", "vm", "text"}


def make_bundle(build, tmp_path, host):
    conf = f"[host]\n{host}\n[vm tiny]\nkernel = cpuid.bin\nmemory = 16M\nautostart = no\n"
    return bundle.make(tmp_path / "log.cpio", conf, bundle.tiny(build, "cpuid"))


def run_tiny(machine):
    machine.command("vm create tiny")
    machine.type("vm start tiny\r")
    machine.wait_end("tiny")
    machine.vm("tiny") # the prompt is back
    machine.command("vm destroy tiny")


def test_show(build, tmp_path):
    host = "log = info\nlog.segments = 3\nlog.segment_size = 4K"
    with Qemu(build, bundle=make_bundle(build, tmp_path, host)) as machine:
        machine.wait_prompt()
        lines = machine.objects("log show")
        assert lines and all(FIELDS <= set(line) for line in lines)
        times = [line["time_ns"] for line in lines]
        assert any(line["category"] == "boot" for line in lines)
        assert {line["level"] for line in lines} <= {"info", "warning", "error"}
        assert times == sorted(times) and times[-1] > 0
        assert len(machine.objects("log show -n 2")) == 2
        run_tiny(machine)
        mine = machine.objects("log show -v tiny")
        assert mine and all(line["vm"] == "tiny" for line in mine)
        assert any("stopped" in line["text"] for line in mine)
        audit = machine.objects("log show -c audit")
        assert audit and all(line["category"] == "audit" for line in audit)
        check_chain(audit)
        assert not [line for line in lines if line["category"] != "audit" and "chain" in line]
        check_audit(machine, audit)
        check_times(machine)
        check_segments(machine)


def first_broken(lines, *chain):
    """Finds the first broken line of a chain, as the guide says."""
    code = re.search(r"^    import hashlib\n.*?return line\n", GUIDE.read_text(), re.M | re.S)[0]
    names = {}
    exec(textwrap.dedent(code), names)
    return names["first_broken"](lines, *chain)


def check_chain(lines):
    """The audit's lines form a chain, which shows each way of tampering with them."""
    assert len(lines) > 3 and first_broken(lines) is None
    assert first_broken(lines[2:]) is lines[2]
    assert first_broken(lines[2:], bytes.fromhex(lines[1]["chain"])) is None
    assert first_broken(lines[:1] + lines[2:]) is lines[2]
    for key, value in (("text", "console: nothing"), ("vm", "other"), ("time_ns", 1),
                       ("sequence", 1), ("level", "error")):
        changed = [dict(line) for line in lines]
        changed[2][key] = value
        assert first_broken(changed) is changed[2], key


def check_audit(machine, audit):
    """
    Checks that the audit entries say who did what, and that neither `log level` nor `log clear`
    removes them.
    """
    mine = [line["text"] for line in audit if line["vm"] == "tiny"]
    for deed in ("created", "start", "destroy"):
        assert f"console: {deed}" in mine, mine
    machine.command("log level off")
    machine.command("log clear")
    machine.command("vm create tiny")
    machine.command("vm set tiny weight=512")
    machine.command("vm destroy tiny")
    kept = machine.objects("log show")
    assert {line["category"] for line in kept} == {"audit"}
    texts = [line["text"] for line in kept]
    assert texts[:len(audit)] == [line["text"] for line in audit]
    for deed in ("log level off", "log clear", "created", "vm set tiny weight=512", "destroy"):
        assert f"console: {deed}" in texts[len(audit):], texts
    assert machine.command("log level audit error").startswith("error: ")
    machine.command("log level info")


def check_times(machine):
    """-s and -u take a time stamp, or how long ago."""
    stamps = [line["time_ns"] for line in machine.objects("log show -c audit")]
    middle = stamps[len(stamps) // 2]
    text = f"{middle // 10**9}.{middle % 10**9:09}"
    since = machine.objects(f"log show -c audit -s {text}")
    until = machine.objects(f"log show -c audit -u {text}")
    assert [line["time_ns"] for line in since] == [stamp for stamp in stamps if stamp >= middle]
    assert [line["time_ns"] for line in until] == [stamp for stamp in stamps if stamp <= middle]
    assert len(machine.objects("log show -c audit -s 3600s")) == len(stamps)
    assert machine.objects("log show -c audit -s 0ns") == []
    for word in ("x", "1.", "-1", "99999999999999999999", "1.1234567890"):
        assert machine.command(f"log show -s {word}").startswith("error: -s: \"") and "is not valid" in machine.command(f"log show -s {word}"), word


def check_segments(machine):
    """`log rotate` closes the segment; beyond log.segments the oldest is dropped."""
    machine.command("log clear")
    machine.command("log level console debug") # at this level each command makes a line
    for _ in range(4):
        rows = machine.objects("log rotate")
    assert len(rows) == 3 and all(row["bytes"] <= 4096 for row in rows), rows
    assert [row["segment"] for row in rows] == list(range(rows[0]["segment"],
                                                           rows[0]["segment"] + 3))
    stat = machine.objects("log stat")[0]
    assert stat["lines_rotated_out"] > 0 and stat["segments"] <= stat["segments_allowed"] == 3
    assert stat["segment_bytes"] == 4096 and stat["bytes_kept"] < stat["bytes"]
    assert stat["kernel_entries"] > 0 and stat["message_cycles_each"] > 0


def test_level(build, tmp_path):
    """Entries below the level are not kept; debug keeps more."""
    with Qemu(build, bundle=make_bundle(build, tmp_path, "log = error")) as machine:
        machine.wait_prompt()
        machine.command("log clear")
        run_tiny(machine)
        machine.command("vm create x kernel=none")
        assert {line["level"] for line in machine.objects("log show")
                if line["category"] != "audit"} == {"error"}
        machine.command("log level debug")
        assert {row["level"] for row in machine.objects("log level")} == {"debug"}
        machine.command("log clear")
        run_tiny(machine)
        kept = {line["level"] for line in machine.objects("log show")}
        assert "debug" in kept, f"only {kept} at level debug"
        exits = machine.objects("log show -c virt -l debug -v tiny")
        assert exits and all("to the monitor" in line["text"] for line in exits)
        assert machine.objects("log stat")[0]["kernel_write_cycles_each"] > 0
        machine.command("log level vm warning")
        machine.command("log clear")
        run_tiny(machine)
        assert not [line for line in machine.objects("log show")
                    if line["category"] == "vm" and line["level"] in ("debug", "info")]


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_export(build, tmp_path, emulator):
    """The log goes out on the second serial port as JSON lines, and on the first one when asked."""
    com2 = tmp_path / "com2"
    files = make_bundle(build, tmp_path, "export = com2")
    with emulator(build, bundle=files, com2=com2) as machine:
        machine.wait_prompt()
        machine.type("\x1b[31m\xe4\x01\x7f;;\r") # bytes that a terminal sends do not reach the log
        machine.wait_prompt()
        run_tiny(machine)
        machine.type("log export com1 json\r")
        machine.wait(r'"text":"console: log export com1 json"')
        machine.wait_prompt()
        machine.type("log export com1 text\r")
        machine.wait(r"audit   console: log export com1 text chain=([0-9a-f]{64})\r*\n")
        chained = machine.match().group(1)
        machine.wait_prompt()
        machine.command("log export com2")
        shown = machine.objects("log show")
        machine.type("poweroff now\r")
        assert machine.ended()
    lines = [json.loads(line) for line in com2.read_text().split("\n") if line.strip()]
    lines = [line for line in lines if "event" not in line]
    check_chain([line for line in shown if line["category"] == "audit"])
    assert chained in [line.get("chain") for line in shown]
    # lines that went to COM1 are not on COM2
    audit = [line for line in lines if line["category"] == "audit"]
    check_chain([line for line in audit if line["sequence"] < first_broken(audit)["sequence"]])
    assert all(FIELDS <= set(line) for line in lines)
    texts = [line["text"] for line in lines]
    for line in shown[:-6]: # the last lines may still have been on their way
        assert line["text"] in texts, line
    assert any(line["vm"] == "tiny" for line in lines)
    assert all(" " <= letter <= "~" for text in texts for letter in text)


def test_several(build, tmp_path):
    """
    A command on several VMs has an audit line with the asker for each of them, not for the
    first alone.
    """
    names = ("one", "two", "three")
    conf = "".join(f"[vm {name}]\nkernel = built-in\nmemory = 16M\nautostart = yes\n"
                   for name in names)
    with Qemu(build, bundle=bundle.make(tmp_path / "several.cpio", conf)) as machine:
        machine.wait_running(names)
        machine.command("vm pause one two three")
        machine.command("vm destroy *")
        audit = machine.objects("log show -c audit")
        for deed in ("pause", "destroy"):
            said = {line["vm"]: line["text"] for line in audit if line["text"].endswith(f": {deed}")}
            assert said == {name: f"console: {deed}" for name in names}, said
