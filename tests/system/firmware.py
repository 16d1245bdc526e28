# SPDX-License-Identifier: MIT
"""Machines that start by firmware: Debian's SeaBIOS as it is, and disks with a boot sector of our own."""
import subprocess
from pathlib import Path

SEABIOS = Path("/usr/share/seabios/bios-256k.bin")
OVMF = Path("/usr/share/ovmf/OVMF.fd")
SECTOR = 512
SOURCE = Path(__file__).parent / "boot_sector.S"


def seabios():
    return {"seabios.bin": SEABIOS.read_bytes()}


def boot_sector(folder):
    """boot_sector.S as the 512 bytes that it is on a disk."""
    built = folder / "boot_sector.o"
    flat = folder / "boot_sector.bin"
    subprocess.run(["as", "--32", "-o", built, SOURCE], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "-e", "start", "--oformat", "binary",
                    "-o", flat, built], check=True)
    sector = flat.read_bytes()
    assert len(sector) == SECTOR, len(sector)
    return sector


def disk(folder, sectors=2048):
    """A disk with that boot sector, and with the text that it prints behind it."""
    second = b"SECOND sector\r\n\0".ljust(SECTOR, b"\0")
    return (boot_sector(folder) + second).ljust(sectors * SECTOR, b"\0")


def vm(name="pc", memory="32M", more=""):
    return (f"[vm {name}]\nboot = bios\nfirmware = seabios.bin\nmemory = {memory}\n"
            f"disk = root\n{more}")


MEMORY_DISK = "[disk root]\ncontroller = memory\nimage = disk.img\n"
