#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Where the instructions of one exit go: steps through it and counts them by function.

QEMU is stepped by its GDB stub, Bochs by its own debugger. The guest is tests/bench/exits.c and the
exit that of the first instruction measured there that the pattern fits, when a few have gone before.
"""
import argparse
import re
import socket
import subprocess
import tempfile
from bisect import bisect_right
from collections import Counter
from itertools import groupby
from pathlib import Path

import run  # importing `run` puts tests/system into sys.path
import bundle
from bochs import configuration
from machine import EPYC, make_iso

WARM = 20
STEPS_MAX = 20000
KERNEL = 0xffff800000000000
STEP_ALONE = 7 # a setting of QEMU's stub: no interrupts and no timers while stepping
TRACED = re.compile(r"^\(0\)\.\[\d+\] \[0x[0-9a-f]+\] [0-9a-f]{4}:([0-9a-f]+)", re.MULTILINE)


class Program:
    """Functions and instructions of an ELF file."""

    def __init__(self, label, path):
        self.label = label
        self.base = 0
        text = subprocess.run(["objdump", "-d", "--no-show-raw-insn", path], capture_output=True,
                              text=True, check=True).stdout
        functions = re.findall(r"^([0-9a-f]+) <(.*)>:$", text, re.MULTILINE)
        self.starts = [int(start, 16) for start, _ in functions]
        self.names = [name for _, name in functions]
        self.code = {int(at, 16): words for at, words in
                     re.findall(r"^ *([0-9a-f]+):\t(.*)$", text, re.MULTILINE)}

    def name(self, address):
        return self.names[bisect_right(self.starts, address - self.base) - 1]

    def measured(self, pattern):
        """The first instruction that matches the pattern and comes soon after an RDTSC."""
        places = sorted(self.code)
        for i, at in enumerate(places):
            if re.match(pattern, self.code[at]) and any(self.code[before].startswith("rdtsc")
                                                        for before in places[max(i - 8, 0):i]):
                return at
        raise SystemExit(f"nothing that fits {pattern!r} is measured")

    def place(self, address, caller, instructions):
        """Finds the image's base: `address` is the instruction after a system call in `caller`."""
        after = [at for at, words in self.code.items() if self.name(at) == caller and
                 any(self.code.get(at - 2, "").startswith(name) for name in instructions)]
        self.base = next(address - at for at in after if (address - at) % 4096 == 0)


class Stub:
    """A client of QEMU's GDB stub, as far as stepping needs it."""

    def __init__(self, listener):
        self.socket, _ = listener.accept()
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def ask(self, text):
        self.socket.sendall(f"${text}#{sum(text.encode()) % 256:02x}".encode())
        data = b""
        while not (found := re.search(rb"\$([^#]*)#..", data)):
            data += self.socket.recv(65536)
        self.socket.sendall(b"+")
        return found[1].decode()

    def rip(self):
        return int.from_bytes(bytes.fromhex(self.ask("g"))[128:136], "little")


def qemu(build, folder, path, start):
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(60)
    port = listener.getsockname()[1]
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", EPYC, "-m", "512M",
               "-display", "none", "-nic", "none", "-no-reboot", "-serial", "null", *run.COUNTED,
               "-kernel", build / "skerry.elf", "-append", "nokaslr", "-initrd", path,
               "-chardev", f"socket,id=gdb,host=127.0.0.1,port={port}", "-S", "-gdb", "chardev:gdb"]
    with listener, open(folder / "qemu.log", "wb") as log, \
            subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=log) as process:
        try:
            stub = Stub(listener)
            stub.ask(f"qqemu.sstep={STEP_ALONE:#x}")
            stub.ask(f"Z1,{start:x},1")
            for _ in range(WARM):
                stub.ask("c")
                stub.ask("s") # one step, or the guest would stop at the same breakpoint again
            stub.ask("c")
            stub.ask(f"z1,{start:x},1")
            while True:
                yield stub.rip()
                stub.ask("s")
        finally:
            process.kill()


def bochs(build, folder, path, start):
    iso = make_iso(build, folder / "anatomy.iso", path, "nokaslr")
    command = configuration(folder, iso, 0, memory="512M")
    text = (folder / "bochsrc").read_text()
    (folder / "bochsrc").write_text(re.sub("com1: .*", "com1: enabled=1, mode=null", text))
    (folder / "rc").write_text(f"lb {start:#x}\n" + "c\n" * WARM + "d 1\ntrace on\n" +
                               f"s {STEPS_MAX}\nq\n")
    out = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT, text=True, errors="replace", check=False).stdout
    return (int(found, 16) for found in TRACED.findall(out))


def one_exit(addresses, guest, kernel, monitor):
    """(program, address) of each instruction from the one that exits to the guest's next."""
    first = None
    for address in addresses:
        if address >= KERNEL:
            yield kernel, address
        elif address in guest.code:
            first = first or address
            if address != first:
                return
            yield guest, address
        else:
            if not monitor.base:
                monitor.place(address, "fast_path_run", ("syscall", "sysenter"))
            yield monitor, address


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pattern", help="as objdump has it: 'in ', cpuid, rdmsr, 'mov +\\(%%r'")
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--emulator", choices=("qemu", "bochs"), default="qemu")
    parser.add_argument("--code", action="store_true", help="each instruction, too")
    options = parser.parse_args()
    build = options.build.resolve()
    programs = guest, kernel, monitor = (
        Program("guest", build / "tests/bench/exits.elf"),
        Program("kernel", build / "skerry.elf"), Program("monitor", build / "monitor.elf"))
    start = guest.measured(options.pattern)
    with tempfile.TemporaryDirectory(prefix="anatomy-", dir=build) as place:
        path = bundle.write(Path(place) / "exits.cpio", {
            "skerry.conf": run.EXITS.encode(),
            "exits.bin": (build / "tests/bench/exits.bin").read_bytes()})
        step = qemu if options.emulator == "qemu" else bochs
        rows = list(one_exit(step(build, Path(place), path, start), guest, kernel, monitor))

    for (program, name), stay in groupby(rows, lambda row: (row[0], row[0].name(row[1]))):
        stay = list(stay)
        print(f"{len(stay):5} {program.label:8} {name}")
        for _, address in stay if options.code else ():
            print(f"{'':15}{address - program.base:x}  {program.code.get(address - program.base)}")
    sums = Counter((program.label, program.name(address)) for program, address in rows)
    print("by function:")
    for (label, name), count in sums.most_common():
        print(f"{count:5} {label:8} {name}")
    for program in programs:
        print(f"{sum(1 for found, _ in rows if found is program):5} {program.label}")
    print(f"{len(rows):5} in all")


if __name__ == "__main__":
    main()
