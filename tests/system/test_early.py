# SPDX-License-Identifier: MIT
"""Exceptions before the console is up, on every way into the kernel, provoked by a broken image."""
import re
import subprocess

import pytest

from machine import Bochs, Qemu, make_iso

LINK_BASE = 0xffffffff80200000
UD2 = b"\x0f\x0b"
PAGE_FAULT = b"\xc6\x04\x25\x00\x00\x00\xc0\x00"  # movb $0, 0xffffffffc0000000
PATHS = ["kernel", "iso", pytest.param("uefi", marks=pytest.mark.long),
         pytest.param("bochs", marks=pytest.mark.long)]


def symbol(build, name):
    """Offset of a symbol from the image's first byte, which is its offset in the file too."""
    text = subprocess.run(["nm", build / "skerry.elf"], text=True, check=True,
                          stdout=subprocess.PIPE).stdout
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", text, re.MULTILINE).group(1), 16) - LINK_BASE


def call(build, caller, callee):
    """Returns the offset of the first call of one function in another."""
    text = subprocess.run(["objdump", "-d", f"--disassemble={caller}", build / "skerry.elf"],
                          text=True, check=True, stdout=subprocess.PIPE).stdout
    at = re.search(rf"^([0-9a-f]+):.*\bcall\b.*<{callee}>$", text, re.MULTILINE).group(1)
    return int(at, 16) - LINK_BASE


def break_file(build, path, offset, code):
    """Puts other code at an offset of the image, in the image itself or in an ISO with it."""
    image = (build / "skerry.elf").read_bytes()
    data = path.read_bytes()
    good = image[offset:offset + 64]
    assert data.count(good) == 1
    path.write_bytes(data.replace(good, code + good[len(code):]))


def start(build, tmp_path, path, offset, code=UD2, **more):
    """A machine that boots the broken image."""
    if path == "kernel":
        broken = tmp_path / "skerry.elf"
        broken.write_bytes((build / "skerry.elf").read_bytes())
        break_file(build, broken, offset, code)
        return Qemu(build, kernel=broken, **more)
    iso = make_iso(build, tmp_path / "broken.iso")
    break_file(build, iso, offset, code)
    return Bochs(build, iso=iso) if path == "bochs" else Qemu(build, boot=path, iso=iso)


@pytest.mark.parametrize("path", PATHS)
def test_boot_code(build, tmp_path, path):
    at = symbol(build, "regions_normalise")
    with start(build, tmp_path, path, at) as machine:
        machine.wait(rf"skerry: exception 6 while booting, at image offset {at:#x}\r\n")


def test_error_code(build, tmp_path):
    """An error code lies before the RIP."""
    at = symbol(build, "kaslr_choose")
    with start(build, tmp_path, "kernel", at, PAGE_FAULT) as machine:
        machine.wait(rf"skerry: exception 14 while booting, at image offset {at:#x}\r\n")


@pytest.mark.parametrize("path", PATHS)
def test_kernel(build, tmp_path, path):
    """The kernel panics as at any other time before it has stacks of its own."""
    with start(build, tmp_path, path, symbol(build, "features_enable")) as machine:
        machine.wait(r"panic on CPU 0: exception 6, error code 0\r\n")
        machine.wait(r" features_enable\+0x0\r\n")
        machine.wait("halted")


def test_kernel_error_code(build, tmp_path):
    with start(build, tmp_path, "kernel", symbol(build, "page_init"), PAGE_FAULT) as machine:
        machine.wait(r"panic on CPU 0: page fault at ffffffffc0000000, error code 2\r\n")


def test_other_cpu(build, tmp_path):
    """A CPU that starts can report its exceptions before it turns on any feature."""
    at = call(build, "cpus_ap_main", "features_enable")
    with start(build, tmp_path, "kernel", at, extra=("-smp", "2")) as machine:
        machine.wait(r"panic on CPU 1: exception 6, error code 0\r\n")
