# SPDX-License-Identifier: MIT
"""Machines that start by firmware: Debian's SeaBIOS as it is, and disks with a boot sector of our own."""
import re
import struct
import subprocess
from pathlib import Path

SEABIOS = Path("/usr/share/seabios/bios-256k.bin")
OVMF = Path("/usr/share/ovmf/OVMF.fd")
SECTOR = 512
SOURCE = Path(__file__).parent / "boot_sector.S"


def seabios():
    return {"seabios.bin": SEABIOS.read_bytes()}


def boot_sector(folder, source=SOURCE):
    """boot_sector.S, or another one, as the 512 bytes that it is on a disk."""
    built = folder / "boot_sector.o"
    flat = folder / "boot_sector.bin"
    subprocess.run(["as", "--32", "-I", source.parent, "-o", built, source], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0x7c00", "-e", "start", "--oformat", "binary",
                    "-o", flat, built], check=True)
    sector = flat.read_bytes()
    assert len(sector) == SECTOR, len(sector)
    return sector


def disk(folder, sectors=2048):
    """A disk with that boot sector, and with the text that it prints behind it."""
    second = b"SECOND sector\r\n\0".ljust(SECTOR, b"\0")
    return (boot_sector(folder) + second).ljust(sectors * SECTOR, b"\0")


def seed_disk(folder, sectors=2048):
    """A disk whose boot sector prints the user-data on the CD for cloud-init."""
    return boot_sector(folder, SOURCE.with_name("seed_sector.S")).ljust(sectors * SECTOR, b"\0")


FLASH_SOURCE = Path(__file__).parent / "flash_rom.S"
FLASH_BLOCK = 4096
VARIABLES_BYTES = 128 << 10
VARIABLES_LIST = bytes.fromhex("782cf3aa7b949a43a1802e144ec37792")
VARIABLES_SYSTEM = bytes.fromhex("8d2bf1ff96768b4ca9852747075b4f50")


def variables(used=b"", size=VARIABLES_BYTES, block=FLASH_BLOCK):
    """A volume of UEFI firmware's variables (PI 1.7, volume 3, 3.2.1), whose list begins with `used`."""
    head = bytearray(bytes(16) + VARIABLES_SYSTEM + struct.pack("<Q4sIHHHBB", size, b"_FVH", 0x4feff, 72, 0, 0, 0, 2) +
                     struct.pack("<IIII", size // block, block, 0, 0))
    head[50:52] = struct.pack("<H", -sum(struct.unpack("<36H", head)) & 0xffff)
    room = 14 * FLASH_BLOCK - len(head)
    return (bytes(head) + VARIABLES_LIST + struct.pack("<IBBHI", room, 0x5a, 0xfe, 0, 0) + used).ljust(size, b"\xff")


def flash_rom(folder):
    """Firmware that tries out its flash: variables, then nothing, then flash_rom.S in the last 64 KiB."""
    built = folder / "flash_rom.o"
    flat = folder / "flash_rom.bin"
    subprocess.run(["gcc", "-m32", "-c", "-o", built, FLASH_SOURCE], check=True)
    subprocess.run(["ld", "-m", "elf_i386", "-Ttext", "0xffff0000", "-e", "start", "--oformat", "binary",
                    "-o", flat, built], check=True)
    return variables() + flat.read_bytes().rjust((1 << 20) - VARIABLES_BYTES, b"\xff")


UEFI_SOURCE = Path(__file__).parent / "uefi_program.S"


def uefi_program(folder):
    """uefi_program.S as the file that UEFI starts."""
    built = folder / "uefi_program.o"
    program = folder / "BOOTX64.EFI"
    subprocess.run(["gcc", "-c", "-o", built, UEFI_SOURCE], check=True)
    subprocess.run(["ld", "-Ttext", "0", "-e", "start", "--oformat", "binary", "-o", program, built], check=True)
    return program


def esp(image, loader, size=48 << 20):
    """A FAT file system with a boot loader where UEFI firmware looks for that of a removable disk."""
    image.write_bytes(bytes(size))
    for command in (["mformat", "-F", "::"], ["mmd", "::/EFI", "::/EFI/BOOT"],
                    ["mcopy", loader, "::/EFI/BOOT/BOOTX64.EFI"]):
        subprocess.run([command[0], "-i", image, *command[1:]], check=True)
    return image.read_bytes()


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


def grub_says(text):
    """
    Returns a pattern of a text that GRUB shows. SeaBIOS's serial console sends the screen from time to time: in
    the middle of a text it may end the line and place the cursor anew.
    """
    return r"(?:\s|\x1b\[[0-9;]*H)*".join(map(re.escape, text.replace(" ", "")))


def whole_pages(content):
    """The content as a disk in memory may be: in steps of 4 KiB."""
    return content.ljust(-(-len(content) // 4096) * 4096, b"\0")


def vm(name="pc", memory="32M", more="", disk="root"):
    return (f"[vm {name}]\nboot = bios\nfirmware = seabios.bin\nmemory = {memory}\n"
            f"disk = {disk}\n{more}")


MEMORY_DISK = "[disk root]\ncontroller = memory\nimage = disk.img\n"
