#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Estimates cycles of real CPUs from counted instructions: the table of docs/performance/model.md."""
import json
from pathlib import Path

BASELINE = Path(__file__).parent / "baseline.json"

# Cycles that the CPU takes to leave a guest and enter it again, and for one system call (SYSCALL
# and SYSRET or SYSENTER and SYSEXIT); with page tables split against Meltdown two loads of CR3 come
# on top. docs/performance/model.md says where the figures are from.
CPUS = (
    ("AMD Zen 2", "qemu", 1360, 120),
    ("Intel, not open to Meltdown", "bochs", 1000, 150),
    ("Intel Skylake, split tables", "bochs", 1000, 150 + 2 * 200),
)
# Instructions per cycle on the exit path: first when it is cold in the caches, then when it is hot.
IPC = (0.7, 1.5)

# The measured actions, and how often each leaves the guest and goes to ring 3.
EXITS = {
    "CPUID": ("cpuid", 1, 0),
    "port handled in ring 3": ("port-in", 1, 1),
    "device memory handled in ring 3": ("mmio-read-ioapic", 1, 1),
}


def cycles(count, exits, calls, switch, call):
    """[cycles at the lower IPC, at the higher]."""
    return [round(exits * switch + calls * call + count / ipc, -1) for ipc in IPC]


def main():
    known = json.loads(BASELINE.read_text())
    print("| CPU | exit | Skerry | KVM |\n|---|---|---|---|")
    for cpu, emulator, switch, call in CPUS:
        for name, (key, exits, calls) in EXITS.items():
            cells = []
            for counts in (known[emulator], known["kvm-" + emulator]):
                slow, fast = cycles(counts[key], exits, calls, switch, call) \
                    if key in counts else (0, 0)
                cells.append(f"{fast:.0f} to {slow:.0f}" if slow else "")
            print(f"| {cpu} | {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
