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


CD_BLOCK = 2048


def cdrom(folder):
    """A CD that boots by El Torito: the same boot sector, and in block 1 the text that it prints."""
    tree = folder / "cd"
    tree.mkdir()
    (tree / "boot.bin").write_bytes(boot_sector(folder).ljust(CD_BLOCK, b"\0"))
    area = folder / "area.bin"
    area.write_bytes(bytes(CD_BLOCK) + b"SECOND sector\r\n\0".ljust(CD_BLOCK, b"\0"))
    out = folder / "cd.iso"
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-G", area, "-b", "boot.bin", "-no-emul-boot",
                    "-boot-load-size", "4", "-o", out, tree],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return whole_pages(out.read_bytes())


def whole_pages(content):
    """The content as a disk in memory may be: in steps of 4 KiB."""
    return content.ljust(-(-len(content) // 4096) * 4096, b"\0")


def vm(name="pc", memory="32M", more="", disk="root"):
    return (f"[vm {name}]\nboot = bios\nfirmware = seabios.bin\nmemory = {memory}\n"
            f"disk = {disk}\n{more}")


MEMORY_DISK = "[disk root]\ncontroller = memory\nimage = disk.img\n"
