# SPDX-License-Identifier: MIT
"""Equal shares of the CPU, idleness, repeatable runs; the ACPI tables that a guest finds."""
import re
import subprocess

import pexpect
import pytest

import bundle
from machine import COUNTED, EPYC, Bochs, Qemu


def tiny_bundle(build, tmp_path, names, guest, words=""):
    conf = "".join(f"[vm {name}]\nkernel = {guest}.bin\nmemory = 16M\nautostart = yes\n"
                   f"cmdline = {words}\n" for name in names)
    return bundle.make(tmp_path / f"{guest}.cpio", conf, bundle.tiny(build, guest))


def cpu_times(machine):
    return {vm["name"]: vm["cpu_ns"] for vm in machine.objects("vm list")}


def share_of_one(machine):
    """Returns what the first guest has of the CPU time that both use in some two seconds."""
    first = cpu_times(machine)
    while True:
        now = cpu_times(machine)
        used = {name: now[name] - first[name] for name in now}
        if sum(used.values()) > 2e9:
            return used["one"] / sum(used.values())


@pytest.mark.parametrize("emulator, words", [(Qemu, "on"), (Qemu, "off"), (Bochs, "off")])
def test_fairness(build, tmp_path, emulator, words):
    """Two guests that never wait get half of the CPU each, whatever their interrupt flag."""
    files = tiny_bundle(build, tmp_path, ("one", "two"), "spin", words)
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        # a guest that runs when the host has no time for QEMU is charged for that: which guest is chance
        shares = []
        while len(shares) < 5 and not (shares and 0.45 < shares[-1] < 0.55):
            shares.append(share_of_one(machine))
        assert 0.45 < shares[-1] < 0.55, shares
        assert {vm["state"] for vm in machine.objects("vm list")} == {"running"}


def quiet(machine, seconds):
    """Nothing is typed, and nothing may be printed."""
    assert machine.console.expect([pexpect.TIMEOUT, r"\S"], timeout=seconds) == 0


def test_idle(build, tmp_path):
    """With only two guests, which wait for a key, the CPU halts."""
    conf = "".join(f"[vm {name}]\nkernel = built-in\nmemory = 16M\nautostart = yes\n"
                   for name in ("one", "two"))
    files = bundle.make(tmp_path / "idle.cpio", conf)
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        for name in ("one", "two"):
            machine.attach(name)
            machine.wait("press keys")
            machine.leave()
        before = machine.objects("cpu")[0]
        start = machine.vm("one")["uptime_ns"]
        quiet(machine, 5)
        after = machine.objects("cpu")[0]
        seconds = (machine.vm("one")["uptime_ns"] - start) / 1e9
        assert after["exits"] - before["exits"] < 20, "idle guests exit"
        # The bytes of the console's own commands wake it too: some 60, in and out.
        assert (after["wakeups"] - before["wakeups"] - 100) / seconds < 20
        assert after["load_percent"] < 20


def test_acpi_tables(build, tmp_path):
    """The tables that a guest finds disassemble, and compile again without errors or warnings."""
    folder = "/sys/firmware/acpi/tables"
    with Qemu(build, bundle=build / "guests.cpio") as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        names = machine.shell(f"cd {folder}; ls -p | grep -v /").split()
        assert {"APIC", "DSDT", "FACP", "FACS"} <= set(names)
        texts = {name: machine.shell(f"base64 {name}") for name in names}
        machine.leave()
    for name, text in texts.items():
        table = tmp_path / f"{name}.dat"
        subprocess.run(["base64", "-d"], input=text.encode(), stdout=table.open("wb"), check=True)
        run_iasl("-d", table)
        said = run_iasl("-we", "-p", tmp_path / f"{name}-again", table.with_suffix(".dsl"))
        found = re.search(r"Compilation successful\. 0 Errors, 0 Warnings, (\d+) Remarks", said)
        assert found, f"{name}:\n{said}"


def run_iasl(*words):
    done = subprocess.run(["iasl", *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return done.stdout


def counted_run(build, files, out):
    """A run without any input from outside; the TSC counts instructions."""
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", EPYC, "-m", "512M",
               "-display", "none", "-no-reboot", "-nic", "none", "-serial", f"file:{out}",
               *COUNTED, "-seed", "1",
               "-rtc", "base=2024-01-01,clock=vm", "-kernel", build / "skerry.elf",
               "-initrd", files, "-append", 'run="vm list; mem; vm stat one; log show; poweroff now"']
    subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, timeout=300,
                   check=True, stderr=subprocess.DEVNULL)
    return out.read_bytes()


def test_determinism(build, tmp_path):
    """Two runs print the same bytes, times included."""
    files = tiny_bundle(build, tmp_path, ("one",), "cpuid")
    first = counted_run(build, files, tmp_path / "first")
    second = counted_run(build, files, tmp_path / "second")
    assert b"skerry> poweroff now" in first
    assert first == second
