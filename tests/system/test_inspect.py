# SPDX-License-Identifier: MIT
"""Inspecting a guest: registers, control registers, page tables, memory."""
import re

import pytest

import bundle
from machine import Bochs, Qemu

EMULATORS = {"qemu": Qemu, "bochs": Bochs}


def error(machine, line):
    out = machine.command(line)
    assert out.startswith("error: "), f"{line}: {out}"
    assert out.count("error: ") == 1 and len(out.strip().split("\n")) == 1, out
    return out


def check_registers(machine):
    regs = {"mode": "real"}
    while regs["mode"] != "long":
        (regs,) = machine.objects("vm regs demo")
    assert regs["mode"] == "long" and regs["paging"] == "4-level"
    assert regs["cr0"] & 0x80000001 == 0x80000001 and regs["efer"] & 0x500 == 0x500
    assert 0x7c00 <= regs["rip"] < 0x8000, regs
    text = machine.command("vm regs demo 0")
    assert re.search(r"^rip 0000000000007[c-f]\w\w  rflags 0000000000000\w\w\w ", text, re.M), text
    (control,) = machine.objects("vm cr0 demo")
    assert control["cr0_bits"]["PG"] and control["cr0_bits"]["PE"]
    assert not control["cr0_bits"]["CD"] and control["caching"] == "on"
    assert control["cr4_bits"]["PAE"] and control["efer_bits"]["LMA"]
    assert control["pat"] == ["WB", "WT", "UC-", "UC"] * 2
    return control


def check_memory(machine, second):
    (walk,) = machine.objects("vm translate demo 0x7c10")
    assert [level["level"] for level in walk["guest"]] == [4, 3, 2]
    assert walk["guest"][0]["address"] == walk["cr3"]
    assert walk["mapped"] and walk["ram"] and walk["physical"] == 0x7c10
    assert walk["page_bytes"] == 2 << 20 and walk["type"] == "WB"
    levels = walk["second_stage"]
    assert levels[0]["level"] == 4 and levels[-1]["entry"] & second == second
    (walk,) = machine.objects("vm translate demo 0x7fffffff0000")
    assert walk["mapped"] is False and walk["error_code"] == 0
    # cli, cld: the demonstration guest's first bytes, by either kind of address
    for line in ("vm dump demo 0x7c00 4", "vm dump demo 0x7c00 4 0"):
        (piece,) = machine.objects(line)
        assert piece["hex"].startswith("fafc"), piece
    lines = machine.objects("vm dump demo 0 8K")
    assert [line["address"] for line in lines] == list(range(0, 8192, 16))
    assert machine.objects("vm dump demo 0 0x2000") == lines
    assert "|" in machine.command("vm dump demo 0x7c00 16")


def check_errors(machine):
    assert "no VM" in error(machine, "vm regs nobody")
    assert "use 0" in error(machine, "vm cr0 demo 1")
    assert "use 0" in error(machine, "vm regs demo " + "9" * 30)
    assert "canonical" in error(machine, "vm translate demo 0x1000000000000000")
    assert "a number" in error(machine, "vm translate demo main")
    for length in ("0", "0x1000001", "0x1K"):
        assert "1 to 16M" in error(machine, f"vm dump demo 0 {length}")
    assert "beyond" in error(machine, "vm dump demo 0xfffffffffffffff0 17")
    assert "no memory at physical" in error(machine, "vm dump demo 0xe000000000 16")
    assert "no memory at linear" in error(machine, "vm dump demo 0xffff800000000000 16")


def check_state(machine):
    """Checks that the fields of a paused guest's saved state agree with what other commands say."""
    (regs,) = machine.objects("vm regs demo")
    fields = {field["path"]: field for field in machine.objects("vm inspect demo")}
    # an instruction that is settled has yet to be stepped over: REQUEST_ADVANCE
    settled = fields["vcpu.0.request"]["value"] & 4 != 0
    rip = fields["vcpu.0.rip"]
    assert rip["value"] + settled * fields["vcpu.0.advance_length"]["value"] == regs["rip"]
    assert machine.objects("vm inspect demo vcpu.0.rip") == [rip]
    assert fields["vcpu.0.cr3"]["value"] == regs["cr3"]
    assert fields["vcpu.0.efer"]["value"] == regs["efer"]
    assert fields["policy.0.vcpu_count"]["value"] == 1
    assert fields["lapic.0.reg[3].value"]["value"] & 0xff == 0x14
    assert len(fields["rtc.0.byte[0]"]["hex"]) == 32
    assert fields["time.0.elapsed_tsc"]["value"] > 0
    for part in ("pit.0", "pic.0.chip[1]"):
        some = machine.objects(f"vm inspect demo {part}")
        assert some and some == [field for path, field in fields.items() if path.startswith(part)]
    assert re.search(r"^vcpu\.0\.rip +0x7[c-f]\w\w$", machine.command("vm inspect demo vcpu.0.rip"), re.M)
    assert "use one that" in error(machine, "vm inspect demo pit.1")
    assert "use one that" in error(machine, "vm inspect demo " + "x" * 90)


@pytest.mark.parametrize("emulator", EMULATORS)
def test_nothing_there(build, tmp_path, emulator):
    """Accesses of a running guest to nothing are counted, and the last address is shown."""
    conf = "[vm lost]\nkernel = spin.bin\nmemory = 16M\ncmdline = around\nautostart = yes\n"
    files = bundle.make(tmp_path / "lost.cpio", conf, bundle.tiny(build, "spin"))
    with EMULATORS[emulator](build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("lost")
        machine.wait("started")
        machine.leave()
        rows = {row["reason"]: row["count"] for row in machine.objects("vm stat lost")}
        assert rows["unknown-ports"] == 6 and rows["unknown-ports-last"] == 0x5f02
        assert rows["unknown-memory"] == 8 and rows["unknown-memory-last"] == 0xfed4000c
        assert re.search(r"unknown-memory-last +0xfed4000c", machine.command("vm stat lost"))


@pytest.mark.parametrize("emulator", EMULATORS)
def test_inspect(build, emulator):
    with EMULATORS[emulator](build) as machine:
        machine.wait_prompt()
        control = check_registers(machine)
        if emulator == "qemu":
            # CR8's, while an interrupt waits on a CPU that does not save the next RIP
            assert control["intercepts"]["cr_write"] in (0, 1 << 8)
        else:
            # CD and NW are the host's (SDM vol. 3, 25.6.6)
            assert control["cr0_mask"] & 0x60000000 == 0x60000000
        check_memory(machine, 1 if emulator == "qemu" else 7)
        check_errors(machine)
        assert machine.command("vm pause demo") .strip() == "demo: paused"
        (paused,) = machine.objects("vm regs demo")
        assert machine.objects("vm regs demo") == [paused]
        check_state(machine)
        machine.command("vm destroy demo")
        assert "demo does not exist yet" in error(machine, "vm dump demo 0 16")
