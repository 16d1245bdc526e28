#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Makes a disk's image of its backups: a full one and the differential ones that follow it, in order.

    backup_image.py PLACE                   says what is there
    backup_image.py -o IMAGE FULL DIFF...   the disk as it was at the last of them

A PLACE is a file or block device that holds one backup and nothing else, or FILE@FIRST+BYTES: a
part of one, such as a partition. The format is in vmm/io/backup.h. What is read is checked first:
a backup that was cut off, one that does not follow the one before it, and blocks beyond the disk
are refused, and IMAGE is written only when all are there.
"""
import argparse
import os
import struct
import sys

HEADER = struct.Struct("<8sII16s16s16sIIQQQQQ32s32s")
HEADER_BYTES = 4096
BLOCK_BYTES = 0x10000
KINDS = {1: "full", 2: "diff"}


def crc32c(data):
    """RFC 3720, B.4."""
    check = 0xFFFFFFFF
    for byte in data:
        check ^= byte
        for _ in range(8):
            check = check >> 1 ^ (0x82F63B78 if check & 1 else 0)
    return check ^ 0xFFFFFFFF


class Broken(Exception):
    """A place does not hold what it should."""


class Backup:
    """One backup in its place."""

    def __init__(self, place):
        name, _, part = place.partition("@")
        first, _, count = part.partition("+")
        self.place = place
        self.file = open(name, "rb")  # closed with the process
        self.first = int(first or "0", 0)
        end = self.file.seek(0, os.SEEK_END)
        self.bytes = int(count, 0) if count else end - self.first
        if self.bytes < 2 * HEADER_BYTES or self.first + self.bytes > end:
            raise Broken(f"{place}: found {self.bytes} bytes from {self.first} on, of {end}")
        tail = self.bytes // HEADER_BYTES * HEADER_BYTES - HEADER_BYTES
        if not self.take_header(0, 2) and not self.take_header(tail, 1):
            raise Broken(f"{place}: there is no whole backup")
        self.check()

    def read(self, at, count):
        if at + count > self.bytes:
            raise Broken(f"{self.place}: it ends before {at + count}")
        self.file.seek(self.first + at)
        data = self.file.read(count)
        if len(data) != count:
            raise Broken(f"{self.place}: it cannot be read at {at}")
        return data

    def take_header(self, at, kind):
        raw = self.read(at, HEADER_BYTES)
        (magic, version, check, self.chain, self.id, self.base, self.sequence, self.kind,
         self.disk_bytes, block_bytes, self.blocks, self.data_at, self.seconds, vm,
         disk) = HEADER.unpack_from(raw)
        self.names = [name.split(b"\0")[0].decode("ascii", "replace") for name in (vm, disk)]
        return (magic == b"SKBACKUP" and version == 1 and block_bytes == BLOCK_BYTES and
                self.kind == kind and crc32c(raw[:12] + bytes(4) + raw[16:]) == check)

    def check(self):
        all_blocks = -(-self.disk_bytes // BLOCK_BYTES)
        if self.kind == 1:
            if self.disk_bytes > self.bytes - HEADER_BYTES:
                raise Broken(f"{self.place}: it is shorter than its disk")
            return
        if (self.blocks > all_blocks or self.data_at < HEADER_BYTES + 8 * self.blocks or
                self.data_at + self.blocks * BLOCK_BYTES > self.bytes):
            raise Broken(f"{self.place}: it ends before its blocks")
        index = self.read(HEADER_BYTES, 8 * self.blocks)
        self.index = struct.unpack(f"<{self.blocks}Q", index)
        if any(a >= b for a, b in zip(self.index, self.index[1:] + (all_blocks,))):
            raise Broken(f"{self.place}: its blocks do not rise, or are not the disk's")

    def follows(self, before):
        return (self.kind == 2 and self.chain == before.chain and self.base == before.id and
                self.sequence == before.sequence + 1 and self.disk_bytes == before.disk_bytes)

    def write_to(self, image):
        """Its blocks; of a full one, all."""
        numbers = range(-(-self.disk_bytes // BLOCK_BYTES)) if self.kind == 1 else self.index
        for place, number in enumerate(numbers):
            at = number * BLOCK_BYTES
            count = min(BLOCK_BYTES, self.disk_bytes - at)
            from_ = at if self.kind == 1 else self.data_at + place * BLOCK_BYTES
            image.seek(at)
            image.write(self.read(from_, count))

    def __str__(self):
        blocks = f", {self.blocks} blocks of 64 KiB" if self.kind == 2 else ""
        return (f"{self.place}: {KINDS[self.kind]} backup {self.sequence + 1} of the chain "
                f"{self.chain.hex()}, disk {self.names[1]} of VM {self.names[0]}, "
                f"{self.disk_bytes} bytes{blocks}, Unix time {self.seconds}")


def open_chain(places):
    chain = [Backup(place) for place in places]
    if chain[0].kind != 1:
        raise Broken(f"{places[0]}: it is differential; name a full one first")
    for before, backup in zip(chain, chain[1:]):
        if not backup.follows(before):
            raise Broken(f"{backup.place}: it does not follow {before.place}")
    return chain


def main():
    parser = argparse.ArgumentParser(description="Makes a disk's image of its backups.")
    parser.add_argument("-o", metavar="IMAGE", dest="image")
    parser.add_argument("place", nargs="+")
    arguments = parser.parse_args()
    try:
        if arguments.image is None:
            for place in arguments.place:
                print(Backup(place))
            return
        chain = open_chain(arguments.place)
        with open(arguments.image, "wb") as image:
            for backup in chain:
                backup.write_to(image)
            image.truncate(chain[0].disk_bytes)
    except (Broken, OSError, ValueError) as problem:
        sys.exit(f"error: {problem}")


if __name__ == "__main__":
    main()
