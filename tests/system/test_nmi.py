# SPDX-License-Identifier: MIT
"""NMIs at swept instants, by the PIT's one-shot and an I/O APIC entry that delivers NMIs: they must
hit nearly every instruction of the paths into the kernel and out of it, and change nothing.

While GIF is clear (SVM) an NMI is held: there QEMU's log of executed instructions shows before
which one the line was raised.
"""
import re
import subprocess

import pytest

import bundle
import qemu_monitor
from machine import COUNTED, Bochs, Qemu

PIT_LINE = "ioapic_set_irq vector: 0 level: 1"
STUBS = ("trap_common", "trap_return", "user_common", "syscall_common", "cpu_return_to_caller")
SYSCALL = ("syscall_stub", "syscall_entry")
SYSENTER = ("sysenter_entry",)
VMX = ("vmx_run", "vmx_exited")
HELD = ("svm_switch_in", "svm_run", "svm_switch_out")
ENOUGH = 0.9  # the part of the instructions that has to be hit
CLOSED_SWEEPS = 8  # the most sweeps of a closed piece
SYSCALL_STUB = 3  # the instructions of the stub; the rest of its page is padding
KICK_STUB = 0xf1 * 16  # the offset of the kick's stub in trap_stubs
STUB_BYTES = 16
NO_CODE = ("nop", "ud2")  # padding, and unreachable code
WORDS = {"neighbour": "neighbour.bin\nmemory = 64M\ncmdline = key=7",
         "mixed": "hostile_storm.bin\nmemory = 24M\ncmdline = mixed",
         "fast": "hostile_storm.bin\nmemory = 24M\ncmdline = cpuid"}


def disassembly(image):
    """{symbol: [(address, text)]}, without the instructions of NO_CODE."""
    out = subprocess.run(["objdump", "-d", "-j", ".text", "--no-show-raw-insn", image], text=True,
                         check=True, stdout=subprocess.PIPE).stdout
    names = subprocess.run(["nm", image], text=True, check=True, stdout=subprocess.PIPE).stdout
    code = {}
    for line in out.splitlines():
        if head := re.match(r"([0-9a-f]+) <(.*)>:$", line):
            lines = []
            # objdump shows one of the names that an address has
            code |= dict.fromkeys(re.findall(rf"^{head.group(1)} \w (\S+)$", names, re.M), lines)
        elif (row := re.match(r"\s*([0-9a-f]+):\s+(.*)", line)) and not any(
                word in row.group(2) for word in NO_CODE):
            lines.append((int(row.group(1), 16), row.group(2)))
    return code


def kick_stub(code):
    begin = code["trap_stubs"][0][0] + KICK_STUB
    return [row for row in code["trap_stubs"] if begin <= row[0] < begin + STUB_BYTES]


def way_back(code, sysenter):
    """
    Returns cpu_return_to_caller without the other vendor's return instruction and the code for
    it.
    """
    rows = code["cpu_return_to_caller"]
    end = [at for at, (_, text) in enumerate(rows) if text.startswith("sysret")][0] + 1
    begin = [at for at in range(end) if rows[at][1].startswith("jne")][-1] + 1
    return rows[:begin] + rows[end:] if sysenter else rows[:end]


def stubs(code, sysenter):
    rows = kick_stub(code) + way_back(code, sysenter)
    for name in STUBS[:-1] + ((SYSENTER + VMX) if sysenter else SYSCALL):
        rows += code[name][:SYSCALL_STUB] if name == "syscall_stub" else code[name]
    return rows


def start_guests(machine):
    machine.wait_running(WORDS)
    machine.command("vm pause fast")


def passes(machine):
    """Returns how often the neighbour has verified its memory."""
    machine.attach("neighbour")
    machine.type("p")
    machine.wait(r"PASSES (0x[0-9a-f]+)")
    count = int(machine.match().group(1), 16)
    machine.leave()
    return count


def sweep(machine, count):
    machine.command(f"fault nmi {count}")
    while (state := machine.objects("fault nmis")[0])["left"] != 0:
        pass
    assert state["taken"] == count


def verify_alive(machine):
    """Checks that all guests run; the neighbour verifies its memory two more times."""
    first = passes(machine)
    while passes(machine) < first + 2:
        pass
    assert [machine.vm(name)["state"] for name in WORDS] == ["running"] * 3


def hits(machine, base, rows):
    """Returns the addresses of those rows that an NMI has interrupted."""
    found = set()
    first, last = min(rows)[0] - base, max(rows)[0] - base
    for row in machine.objects(f"fault hits {first:#x} {last + 1 - first:#x}"):
        word = row["low"] | row["high"] << 32
        found |= {base + row["offset"] + bit for bit in range(64) if word >> bit & 1}
    return found & {address for address, _ in rows}


def held(log, rows):
    """
    Returns the addresses of those rows before which the line was raised while GIF was clear:
    the log has the row before as well. The row after VMRUN does not count: the guest runs
    before it.
    """
    after = {rows[at - 1][0]: rows[at][0] for at in range(1, len(rows))
             if "vmrun" not in rows[at - 1][1]}
    found, before, raised = set(), None, False
    with open(log, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if PIT_LINE in line:
                raised = True
            elif line.startswith("Trace "):
                address = int(line.split("/", 2)[1], 16)
                if raised and after.get(before) == address:
                    found.add(address)
                before, raised = address, False
    return found


def sweep_closed(machine, monitor, count, log, rows):
    """Sweeps one instruction at a time until nearly all of those rows were met: of 30,000 NMIs most
    of them get five or so, some one, and four none: the first, VERW and the two behind it."""
    monitor.command("singlestep on")
    for _ in range(CLOSED_SWEEPS):
        monitor.command("log exec,nochain,trace:ioapic_set_irq")
        sweep(machine, count)
        monitor.command("log none")
        found = held(log, rows)  # read again, as QEMU appends to its log
        if len(found) >= ENOUGH * len(rows):
            break
    monitor.command("singlestep off")
    return found


def show(what, rows, found):
    missed = [f"{address:#x} {text}" for address, text in rows if address not in found]
    print(f"{what}: NMIs on {len(rows) - len(missed)} of {len(rows)} instructions; "
          f"hit: {' '.join(f'{address:x}' for address in sorted(found))}; not: {missed}")


def guests(build, tmp_path, emulator):
    conf = "".join(f"[vm {name}]\nkernel = {words} {emulator}\nautostart = yes\n"
                   for name, words in WORDS.items())
    return bundle.make(tmp_path / "nmi.cpio", conf,
                       bundle.tiny(build, "neighbour", "hostile_storm"))


@pytest.mark.parametrize("count", [150000, pytest.param(1000000, marks=pytest.mark.long)])
def test_svm(build, tmp_path, count):
    image = build / "tests/faults"
    code = disassembly(image / "skerry.elf")
    path, log = tmp_path / "monitor", tmp_path / "executed.log"
    rows, closed = stubs(code, False), sum((code[name] for name in HELD), [])
    base = code["syscall_stub"][0][0] & ~0xfffff
    words = (*COUNTED, "-D", log, "-dfilter",
             f"{min(closed)[0]:#x}..{max(closed)[0]:#x}", *qemu_monitor.option(path))
    with Qemu(image, bundle=guests(build, tmp_path, "qemu"), cmdline="nokaslr",
              extra=words) as machine, qemu_monitor.Monitor(path) as monitor:
        start_guests(machine)
        sweep(machine, count)
        found = hits(machine, base, rows)
        for line in ("vm resume fast", "vm pause mixed", "vm pause neighbour"):
            machine.command(line)  # the log has nothing but entries and exits from now on
        late = sweep_closed(machine, monitor, count // 5, log, closed)
        for line in ("vm resume mixed", "vm resume neighbour"):
            machine.command(line)
        verify_alive(machine)
    show("stubs", rows, found)
    show("GIF clear", closed, late)
    assert len(found) >= ENOUGH * len(rows)
    assert len(late) >= ENOUGH * len(closed)


@pytest.mark.parametrize("count", [60000, pytest.param(600000, marks=pytest.mark.long)])
def test_vmx(build, tmp_path, count):
    image = build / "tests/faults"
    code = disassembly(image / "skerry.elf")
    rows = stubs(code, True)
    base = code["syscall_stub"][0][0] & ~0xfffff
    with Bochs(image, bundle=guests(build, tmp_path, "bochs")) as machine:
        start_guests(machine)
        sweep(machine, count)
        found = hits(machine, base, rows)
        machine.command("vm resume fast")
        verify_alive(machine)
    show("stubs", rows, found)
    assert len(found) >= ENOUGH * len(rows)
