# SPDX-License-Identifier: MIT
"""Where the image, its physical place and the direct map lie, over many boots, bit by bit."""
import re
import socket
import subprocess

import pytest

import bundle
from machine import Qemu

# docs/boot.md: the bits that differ from boot to boot on a machine with 1 GiB.
CLAIMED = {
    "image, virtual": range(14, 45),
    "image, physical": range(12, 28),
    "direct map": range(30, 45),
}
BOOTS_LONG = 64
# 64 tosses of a fair coin: outside of these once in 3 million.
ONES = range(12, 53)


def symbols(build):
    out = subprocess.run(["nm", build / "skerry.elf"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in out.splitlines()
            if len(line.split()) == 3}


class Monitor:
    """QEMU's own view of tables and memory."""

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.connect(str(path))
        self.link.settimeout(30)

    def ask(self, line, pattern):
        self.link.sendall(line.encode() + b"\n")
        out = ""
        while not (found := re.search(pattern, out)):
            out += self.link.recv(4096).decode(errors="replace")
        return int(found.group(1), 16)


def boot(build, files, path, linked):
    """The three bases of a fresh boot, and what all listings of the console say."""
    with Qemu(build, bundle=files,
              extra=("-monitor", f"unix:{path},server=on,wait=off")) as machine:
        machine.wait_prompt()
        main = machine.objects("sym kernel_main")[0]["address"]
        said = "".join(machine.command(line) for line in
                       ("log show", "vm list", "mem", "cpu", "config show", "audit",
                        "vm stat demo", "vm regs demo", "vm cr0 demo"))
        base = main - linked["kernel_main"] + linked["__image_start"]
        monitor = Monitor(path)
        physical = monitor.ask(f"gva2gpa {base:#x}", r"gpa: 0x([0-9a-f]+)\r?\n")
        variable = linked["direct_map_base"] - linked["__image_start"] + physical
        direct = monitor.ask(f"xp /gx {variable:#x}", r": 0x([0-9a-f]{16})\r?\n")
    return {"image, virtual": base, "image, physical": physical, "direct map": direct}, said


def check_silent(bases, said):
    """No address of the image or of the direct map in anything that the console lists."""
    for name in ("image, virtual", "direct map"):
        high = f"{bases[name] >> 32:x}"
        assert high not in said, f"{name} {bases[name]:#x} shows:\n{said}"


def check_bits(name, values):
    ones = {bit: sum(value >> bit & 1 for value in values) for bit in CLAIMED[name]}
    print(f"{name}: {len(ones)} bits claimed, ones in {len(values)} boots: "
          + " ".join(f"{bit}:{count}" for bit, count in ones.items()))
    if len(values) == BOOTS_LONG:
        assert all(count in ONES for count in ones.values()), (name, ones)


@pytest.mark.parametrize("boots", [4, pytest.param(BOOTS_LONG, marks=pytest.mark.long)])
def test_kaslr(build, tmp_path, boots):
    files = bundle.make(tmp_path / "demo.cpio",
                        "[vm demo]\nkernel = built-in\nmemory = 16M\nautostart = yes\n")
    linked = symbols(build)
    found = {name: [] for name in CLAIMED}
    for number in range(boots):
        bases, said = boot(build, files, tmp_path / f"monitor-{number}", linked)
        check_silent(bases, said)
        for name, base in bases.items():
            found[name].append(base)
    for name, values in found.items():
        check_bits(name, values)
        if name != "direct map": # of 2^15 places
            assert len(set(values)) == len(values), f"{name}: the same twice"
    assert len(set(found["direct map"])) > 1
