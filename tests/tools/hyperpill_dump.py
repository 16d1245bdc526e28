#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Writes a snapshot of a Skerry under Bochs at a VM exit, for fuzzers that begin there, as HyperPill
does: `mem`, an ELF core of physical memory; `regs`, the CPU's registers as text; `vmcs`, the current
VMCS's address. The image must have been made with CMDLINE=nokaslr.
"""
import argparse
import re
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import pexpect

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bochs # pylint: disable=wrong-import-position

DIRECT_MAP = 0xffff800000000000 # the base of the direct map with nokaslr: docs/memory-map.md
PAGE = 4096
PT_LOAD = 1
PROMPT = "<bochs:[0-9]+>"


class Console:
    """COM1: collects what is printed."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.socket = None
        self.text = b""

    def accept(self):
        self.socket, _ = self.listener.accept()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self):
        while data := self.socket.recv(4096):
            self.text += data

    def wait(self, words, limit):
        end = time.monotonic() + limit
        while words not in self.text:
            if time.monotonic() > end:
                sys.exit(f"no {words!r} in:\n{self.text.decode(errors='replace')}")
            time.sleep(0.2)


class Debugger:
    """Bochs's own, at a terminal."""

    def __init__(self, command, log):
        self.child = pexpect.spawn(str(command[0]), [str(word) for word in command[1:]],
                                   encoding="latin-1", timeout=60, logfile=log)
        self.child.expect(PROMPT)

    def say(self, command, limit=3600):
        self.child.sendline(command)
        self.child.expect(PROMPT, timeout=limit)
        return self.child.before

    def interrupt(self):
        self.child.sendintr()
        self.child.expect(PROMPT)

    def end(self):
        self.child.terminate(force=True)


def symbols(kernel):
    lines = subprocess.run(["nm", kernel], check=True, capture_output=True, text=True).stdout
    return {words[2]: int(words[0], 16) for words in map(str.split, lines.splitlines())
            if len(words) == 3}


def read_memory(debugger, size, folder):
    """Physical memory through the kernel's direct map; what that leaves out stays zero."""
    memory = bytearray(size)
    address = 0
    part = folder / "part"
    while address < size:
        said = debugger.say(f'writemem "{part}" {DIRECT_MAP + address:#x} {size - address:#x}')
        data = part.read_bytes()
        memory[address:address + len(data)] = data
        missing = re.search(r"not available for linear (0x[0-9a-f]+)", said)
        if not missing:
            break
        address = (int(missing[1], 16) - DIRECT_MAP | PAGE - 1) + 1
    part.unlink()
    return memory


def write_core(path, memory):
    """Writes a core file of one segment, whose virtual address is the physical one."""
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\2\1\1", 4, 62, 1, 0, 64, 0, 0, 64, 56, 1,
                         0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", PT_LOAD, 7, PAGE, 0, 0, len(memory), len(memory), PAGE)
    with open(path, "wb") as file:
        file.write((header + segment).ljust(PAGE, b"\0"))
        file.write(memory)


def parse_tree(text):
    """Parses what `show "cpu0"` prints, with the names of lists before those in them: CS.base."""
    values, lists = {}, []
    for line in text.splitlines():
        line = line.strip()
        if match := re.fullmatch(r"(\w+) = \{", line):
            lists.append(match[1])
        elif line == "}" and lists:
            lists.pop()
        elif match := re.fullmatch(r"(\w+) = (\w+)", line):
            number = {"true": "1", "false": "0"}.get(match[2], match[2])
            values[".".join(lists[1:] + [match[1]])] = int(number, 0)
    return values


def segment_line(name, cpu, prefix):
    def field(key):
        return cpu.get(f"{prefix}.{key}", 0)

    rights = (field("type") | field("segment") << 4 | field("dpl") << 5 | field("p") << 7 |
              field("avl") << 12 | field("l") << 13 | field("d_b") << 14 |
              field("granularity") << 15) << 8
    line = (f"{name:3}={field('selector'):04x} {field('base'):016x} "
            f"{field('limit_scaled'):08x} {rights:08x}")
    return line + (f" DPL={field('dpl')}" if field("valid") else "")


def registers(cpu):
    """Returns the registers as QEMU's `info registers` shows them, and the MSRs."""
    lines = [f"{name}={cpu[name]:016x}" for name in
             ["RIP", "RSP", "RAX", "RCX", "RDX", "RBX", "RBP", "RSI", "RDI"] +
             [f"R{n}" for n in range(8, 16)]]
    lines.append(f"RFL={cpu['EFLAGS']:08x}")
    lines += [segment_line(name, cpu, name) for name in ["ES", "CS", "SS", "DS", "FS", "GS"]]
    lines += [segment_line("LDT", cpu, "LDTR"), segment_line("TR", cpu, "TR")]
    lines += [f"{name}= {cpu[name + 'R.base']:016x} {cpu[name + 'R.limit']:08x}"
              for name in ["GDT", "IDT"]]
    lines += [f"{name}={cpu[name]:x}" for name in ["DR0", "DR1", "DR2", "DR3", "DR6", "DR7",
                                                   "CR0", "CR2", "CR3", "CR4", "XCR0"]]
    lines.append(f"EFER={cpu['MSR.EFER']:x}")
    lines += [f"{name}={cpu['MSR.' + source]:x}" for name, source in [
        ("kernelgsbase", "kernelgsbase"), ("sysenter_cs", "sysenter_cs_msr"),
        ("sysenter_esp", "sysenter_esp_msr"), ("sysenter_eip", "sysenter_eip_msr"),
        ("star", "star"), ("lstar", "lstar"), ("cstar", "cstar"), ("fmask", "fmask"),
        ("tsc_aux", "tsc_aux"), ("pat", "pat"), ("apicbase", "apicbase")]]
    lines.append("tsc_deadline=0")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--iso", type=Path, required=True)
    parser.add_argument("--kernel", type=Path, required=True, help="build/skerry.elf, of the ISO")
    parser.add_argument("--memory", default="256M")
    parser.add_argument("--say", default="", help="typed at the prompt first: `vm console alpha`")
    parser.add_argument("--until", default="skerry> ", help="the guest is ready when COM1 shows it")
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()
    with tempfile.TemporaryDirectory() as name, open(options.out / "log", "w",
                                                     encoding="latin-1") as log:
        command = bochs.configuration(Path(name), options.iso.resolve(), console.port,
                                      memory=options.memory)
        debugger = Debugger(command[:command.index("-rc")], log)
        debugger.child.sendline("c")
        console.accept()
        console.wait(b"skerry> ", 300)
        if options.say:
            console.socket.sendall(options.say.encode() + b"\r")
        console.wait(options.until.encode(), 1800)
        debugger.interrupt()
        debugger.say(f"lb {symbols(options.kernel)['vmx_exited']:#x}")
        debugger.say("c")
        cpu = parse_tree(debugger.say('show "cpu0"'))
        (options.out / "regs").write_text(registers(cpu))
        (options.out / "vmcs").write_text(f"{cpu['VMX.vmcsptr']:#x}\n")
        write_core(options.out / "mem",
                   read_memory(debugger, bochs.megabytes(options.memory) << 20, options.out))
        debugger.end()


if __name__ == "__main__":
    main()
