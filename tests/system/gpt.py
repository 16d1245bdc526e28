# SPDX-License-Identifier: MIT
"""Disk images with a GUID partition table (UEFI 2.10, 5.3), good ones and broken ones."""
import struct
import uuid
import zlib

SECTOR = 512
ENTRIES = 128
ENTRY_BYTES = 128
FIRST_USABLE = 34
LINUX_DATA = uuid.UUID("0FC63DAF-8483-4772-8E79-3D69D8477DE4")


def entries(partitions):
    """{name: (first sector, last sector, UUID)} as a table's entries."""
    table = b""
    for name, (first, last, identifier) in partitions.items():
        table += LINUX_DATA.bytes_le + identifier.bytes_le + struct.pack("<QQQ", first, last, 0)
        table += name.encode("utf-16-le").ljust(72, b"\0")
    return table.ljust(ENTRIES * ENTRY_BYTES, b"\0")


def header(sectors, table):
    fields = struct.pack("<8sIIIIQQQQ16sQIII", b"EFI PART", 0x10000, 92, 0, 0, 1, sectors - 1,
                         FIRST_USABLE, sectors - FIRST_USABLE, uuid.UUID(int=1).bytes_le, 2,
                         ENTRIES, ENTRY_BYTES, zlib.crc32(table))
    return fields[:16] + struct.pack("<I", zlib.crc32(fields)) + fields[20:]


def first_sector(*rows):
    """With a DOS partition table of (type, first sector, sectors)."""
    table = b"".join(struct.pack("<B3xB3xII", 0, kind, first, count) for kind, first, count in rows)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def image(sectors, partitions, spoil=None):
    """An image's bytes; `spoil` is the offset of a byte of the table to be changed."""
    disk = bytearray(sectors * SECTOR)
    table = entries(partitions)
    disk[SECTOR:SECTOR + 92] = header(sectors, table)
    disk[2 * SECTOR:2 * SECTOR + len(table)] = table
    if spoil is not None:
        disk[spoil] ^= 0x40
    return bytes(disk)
