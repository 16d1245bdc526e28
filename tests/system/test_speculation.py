# SPDX-License-Identifier: MIT
"""What is done against attacks by speculation is executed, on CPUs that need it and on no others.

No emulator speculates: that it works is not tested here.
"""
import re
import subprocess

import pytest

import bundle
from machine import Bochs, Qemu

# A VM's monitor and its guest take turns with a driver and the manager.
CONF = """[disk memory]
controller = memory
size = 1M
[vm guest]
kernel = spin.bin
memory = 16M
autostart = yes
disk = memory
"""


def symbols(image):
    """[(address, name)] of the image's functions, in order."""
    text = subprocess.run(["nm", "-n", "--defined-only", image], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return [(int(address, 16), name)
            for address, name in re.findall(r"^(\w+) [tT] (\w+)$", text, re.MULTILINE)]


def functions_with(mnemonic, log, image):
    """The functions of the kernel in which QEMU has translated such an instruction."""
    known = symbols(image)
    found = set()
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            match = re.match(rf"0x(\w+): .*\s{mnemonic}\b", line)
            if match:
                address = int(match[1], 16)
                found |= {[name for start, name in known if start <= address][-1:][0]}
    return found


@pytest.mark.parametrize("cpu, functions", [
    ("EPYC", set()), ("EPYC-Milan", {"svm_run", "speculation_clear"})])
def test_verw(build, tmp_path, cpu, functions):
    """Before an entry, and before the process of another group."""
    files = bundle.make(tmp_path / "spin.cpio", CONF, bundle.tiny(build, "spin"))
    log = tmp_path / "translated.log"
    with Qemu(build, cpu=f"{cpu},+svm,+npt", bundle=files, cmdline="nokaslr",
              extra=("-d", "in_asm", "-D", log)) as machine:
        machine.wait_prompt()
        machine.attach("guest")
        machine.wait("PASS started")
        machine.leave()
        assert ("verw" in machine.objects("cpu")[0]["speculation"]) == bool(functions)
    assert functions_with("verw", log, build / "skerry.elf") == functions


BENCH = """[vm bench]
kernel = exits.bin
memory = 64M
autostart = yes
"""
# Bochs' CPUs: one has nothing that it could be given, the other needs all of it.
PLAIN, DEFENDED = "corei7_skylake_x", "tigerlake"
# Of an exit that the kernel settles: 32 calls, the branches that overwrite history, VERW and what is
# round them.
LEAST, MOST = 100, 180


def exit_counts(build, tmp_path, model):
    """{exit: instructions} of some exits; Bochs' TSC counts them."""
    files = bundle.make(tmp_path / f"{model}.cpio", BENCH, bundle.read(
        build / "tests/bench/exits.bin"))
    counts = {}
    with Bochs(build, bundle=files, model=model) as machine:
        machine.wait_prompt()
        machine.attach("bench")
        for name in ("cpuid", "port-in"):
            machine.wait(rf"BENCH {name} (\d+) ")
            counts[name] = int(machine.match()[1])
    return counts


def test_exits(build, tmp_path):
    """After an exit the return stack is filled and history overwritten; the latter at calls too."""
    plain = exit_counts(build, tmp_path, PLAIN)
    counts = exit_counts(build, tmp_path, DEFENDED)
    more = {name: counts[name] - plain[name] for name in plain}
    print(f"{DEFENDED}: {more} instructions more than {PLAIN}'s {plain}")
    assert LEAST < more["cpuid"] < MOST, more
    # a trip to the monitor has an exit and a system call
    assert more["port-in"] > more["cpuid"] + 50, more
