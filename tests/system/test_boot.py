# SPDX-License-Identifier: MIT
"""Booting: the built-in guest, random bases, machines that Skerry cannot use, the command line."""
import re
import subprocess

import pytest

import bundle
import qemu_monitor
from machine import EPYC, PROMPT, Bochs, Qemu, make_iso

EMPTY = {"skerry.conf": b"[host]\nlog = info\n"}


@pytest.fixture
def empty(tmp_path):
    return bundle.write(tmp_path / "empty.cpio", EMPTY)


def check_demo(machine):
    machine.wait_prompt()
    machine.attach("demo")
    machine.wait("press keys; [^\n]*\n")
    machine.type("k")
    machine.wait("you pressed 'k'")
    machine.leave()
    assert machine.vm("demo")["state"] == "running"
    machine.type("poweroff now\r")
    assert machine.ended()


def test_no_module(build):
    with Qemu(build) as machine:
        check_demo(machine)


def test_no_module_bochs(build, tmp_path):
    with Bochs(build, iso=make_iso(build, tmp_path / "test.iso")) as machine:
        check_demo(machine)


def bases(build, empty, cmdline, path):
    """Virtual and physical address of cpu_loop in a fresh boot."""
    with Qemu(build, bundle=empty, cmdline=cmdline,
              extra=qemu_monitor.option(path)) as machine:
        machine.wait_prompt()
        address = machine.objects("sym cpu_loop")[0]["address"]
        with qemu_monitor.Monitor(path) as monitor:
            physical = monitor.number(f"gva2gpa {address:#x}", r"gpa: 0x([0-9a-f]+)")
        back = machine.command(f"sym {address:#x}")
        assert "cpu_loop" in back
        return address, physical


def link_address(build):
    out = subprocess.run(["nm", build / "skerry.elf"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return int(re.search(r"^([0-9a-f]+) \w cpu_loop$", out, re.MULTILINE).group(1), 16)


def test_bases(build, empty, tmp_path):
    first = bases(build, empty, "", tmp_path / "monitor-1")
    second = bases(build, empty, "", tmp_path / "monitor-2")
    assert first[0] != second[0], "two boots have the same virtual base"
    assert first[1] != second[1], "two boots have the same physical base"


def test_nokaslr(build, empty, tmp_path):
    address, _ = bases(build, empty, "nokaslr", tmp_path / "monitor")
    assert address == link_address(build)


def refusal(build, cpu=EPYC, memory="1G"):
    """Returns what Skerry prints on a machine that it cannot use; there is no prompt."""
    with Qemu(build, cpu=cpu, memory=memory) as machine:
        out = machine.wait(r"skerry: [^\r\n]*\r*\n|" + PROMPT)
        said = out + machine.match().group(0)
        assert "skerry> " not in said
        return said


def test_without_svm(build):
    assert "SVM" in refusal(build, cpu="EPYC,-svm")


def test_without_nested_paging(build):
    assert "nested paging" in refusal(build, cpu="EPYC,+svm,-npt")


def test_without_local_apic(build):
    assert "no local APIC" in refusal(build, cpu="EPYC,+svm,+npt,-apic")


def test_without_long_mode(build):
    with Qemu(build, cpu="qemu32") as machine:
        machine.wait("no 64-bit mode")


def test_without_acpi(build):
    """No I/O APIC is known and no device interrupt arrives; the console works all the same."""
    with Qemu(build, extra=("-M", "pc,acpi=off")) as machine:
        machine.wait_prompt()
        assert "no usable ACPI tables" in machine.command("log show -l warning")
        assert machine.command("help").count("\n") > 30


def test_too_little_memory(build):
    assert "too little memory" in refusal(build, memory="24M")


def test_command_line(build, empty):
    """Commands on the kernel's command line run after start-up; a mistake there is named."""
    with Qemu(build, bundle=empty, cmdline='run="version; mem" nonsense=1 log=debug') as machine:
        machine.wait(r'error: command line: "nonsense=1" is not valid; use [^\n]*config=FILE')
        machine.wait(r"skerry> version")
        machine.wait(r"ABI \d+, SVM/NPT")
        machine.wait(r"skerry> mem")
        machine.wait(r"free\s+\d+")
        machine.wait_prompt()
        levels = {row["level"] for row in machine.objects("log level")}
        assert levels == {"debug"}


def test_other_configuration(build, tmp_path):
    files = bundle.write(tmp_path / "other.cpio", {
        "other.conf": b"[vm demo2]\nkernel = built-in\n", "vmlinuz": b"MZ and more", "web.yaml": b"#cloud-config\n"})
    with Qemu(build, bundle=files, cmdline="config=other.conf") as machine:
        machine.wait_prompt()
        assert "demo2" in machine.command("config show")
        assert machine.objects("file list") == [
            {"name": "other.conf", "bytes": 29, "uses": "kernel initrd"},
            {"name": "vmlinuz", "bytes": 11, "uses": "kernel"}, {"name": "web.yaml", "bytes": 14, "uses": "seed"}]


def test_reboot(build, empty):
    """`reboot` resets the machine, which starts again; `poweroff` then ends the emulator."""
    with Qemu(build, bundle=empty, extra=("-action", "reboot=reset")) as machine:
        machine.wait_prompt()
        for _ in range(2):
            machine.type("reboot now\r")
            machine.wait(r"Skerry [0-9.]+, SVM")
            machine.wait_prompt()
        machine.type("poweroff now\r")
        assert machine.ended()


def test_emulator_ends(build):
    """A test that fails because its emulator has ended tells what that said last."""
    with Qemu(build) as machine:
        machine.wait_prompt()
        machine.process.terminate()
        with pytest.raises(AssertionError, match="terminating on signal 15"):
            machine.wait_prompt()


def test_help(build, empty):
    """Every command has its help; commands that show something take -j; an error says so."""
    with Qemu(build, bundle=empty) as machine:
        machine.wait_prompt()
        names = [row["name"] for row in machine.objects("help")]
        assert {"version", "vm list", "mem", "cpu", "log show", "sym", "poweroff"} <= set(names)
        for name in names:
            assert not machine.command(f"help {name}").startswith("error"), name
        for name in ("version", "mem", "cpu", "log level", "log stat", "config show"):
            assert machine.objects(name), f"{name} -j gives nothing"
        version = machine.objects("version")[0]
        assert {"name", "version", "abi", "backend"} <= set(version)
        assert "error: " in machine.command("nonsense")
        assert "error: " in machine.command("vm start nobody")
