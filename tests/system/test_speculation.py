# SPDX-License-Identifier: MIT
"""
The measures against attacks by speculation are executed, on CPUs that need them and on no others.
No emulator speculates: that the measures work is not tested here, but what ring 3's tables map is.
"""
import re
import subprocess
import time

import pytest

import bundle
import qemu_monitor
from machine import Bochs, Qemu, wait_for

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


def symbols(image, kinds="tT"):
    """[(address, name)] of the image's functions, or symbols of other kinds, in order."""
    text = subprocess.run(["nm", "-n", "--defined-only", image], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return [(int(address, 16), name)
            for address, name in re.findall(rf"^(\w+) [{kinds}] (\w+)$", text, re.MULTILINE)]


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
# Two of Bochs' CPUs: one supports none of the measures, the other needs all of them.
PLAIN, DEFENDED = "corei7_skylake_x", "tigerlake"
# The instructions of an exit that the kernel settles: 32 calls, the branches that overwrite
# history, VERW and what is round them.
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
    """After an exit the return stack is filled and history overwritten; history at calls too."""
    plain = exit_counts(build, tmp_path, PLAIN)
    counts = exit_counts(build, tmp_path, DEFENDED)
    more = {name: counts[name] - plain[name] for name in plain}
    print(f"{DEFENDED}: {more} instructions more than {PLAIN}'s {plain}")
    assert LEAST < more["cpuid"] < MOST, more
    # a trip to the monitor has an exit and a system call
    assert more["port-in"] > more["cpuid"] + 50, more


# The pages of each CPU: its struct cpu, the upper page of four stacks, the stub above the first of
# these.
PAGES_PER_CPU = 3 + 4 + 1


def user_view(monitor, cpus):
    """
    Returns what is mapped for ring 0 on a CPU that runs a process: {page: flags}; None: the CPU
    runs none.
    """
    monitor.command("stop")
    try:
        for cpu in range(cpus):
            monitor.command(f"cpu {cpu}")
            registers = monitor.command("info registers")
            # guests of tests/guest and tests/bench lie below 4 GiB
            if "CPL=3" in registers and int(re.search(r"RIP=(\w+)", registers)[1], 16) >> 32:
                found = re.findall(r"^(\w+): \w+ (\S+)$", monitor.command("info tlb"),
                                   re.MULTILINE)
                return {int(at, 16): flags for at, flags in found if "U" not in flags}
    finally:
        monitor.command("cont")
    return None


def test_user_view(build, tmp_path):
    """
    On a CPU open to Meltdown ring 3 runs on tables that have only the part of ring 0 that an
    entry needs.
    """
    cpus = 2
    files = bundle.make(tmp_path / "exits.cpio", BENCH, bundle.read(
        build / "tests/bench/exits.bin"))
    place = {name: at for at, name in symbols(build / "skerry.elf", "tTdDrRbB")}
    code = range(place["__text_start"], place["__entry_text_end"], 4096)
    data = range(place["__ro_after_init_start"], place["__entry_data_end"], 4096)
    views = []
    with Qemu(build, cpu="Nehalem,+svm,+npt", bundle=files, cmdline="nokaslr", extra=(
            "-smp", str(cpus), *qemu_monitor.option(tmp_path / "monitor"))) as machine, \
            qemu_monitor.Monitor(tmp_path / "monitor") as monitor:
        machine.wait_prompt()
        machine.attach("bench")
        machine.wait("BENCH cpuid")
        machine.leave()

        def look():
            machine.type("audit\r")  # which keeps the manager busy in ring 3 when the bench has ended
            time.sleep(len(views) % 20 / 1000)  # some time or other it is
            views.append(user_view(monitor, cpus))
            return views[-1]
        wait_for(look)
        # The stops find ring 3, the stubs or a guest.
        for _ in range(200):
            monitor.command("nmi")
        assert "NMI: ring" in machine.command("log show")
    view = views[-1]
    assert {at for at in view if at >= code[0]} == {*code, *data}
    # QEMU's X is the table's no-execute bit
    assert all("W" not in view[at] and "X" not in view[at] for at in code)
    assert all("W" not in view[at] and "X" in view[at] for at in data)
    others = [view[at] for at in view if at < code[0]]
    # one page more: the interrupt table, for all CPUs
    assert len(others) == cpus * PAGES_PER_CPU + 1
    assert sum("X" not in flags for flags in others) == cpus
    assert not any("W" in flags and "X" not in flags for flags in view.values())
    print(f"{len(view)} pages of ring 0 in the user view of {cpus} CPUs")
