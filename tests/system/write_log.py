# SPDX-License-Identifier: MIT
"""
What a disk held at any moment of a recorded run: reads the log of QEMU's blklogwrites, whose format
is that of Linux' dm-log-writes (drivers/md/dm-log-writes.c).

QEMU appends an entry when the write or flush has ended. So a flush has made durable whatever stands
before it. Writes behind the last flush may be lost, each of its own, or in parts: an NVMe
controller promises no more than that one logical block is whole.
"""
import struct
from dataclasses import dataclass

SECTOR = 512
MAGIC = 0x6a736677736872
FLUSH, DISCARD = 1, 4


@dataclass
class Entry:
    """One write, or a flush, which has no data."""
    sector: int
    data: bytes
    flush: bool


def record(disk, log):
    """QEMU's arguments for an NVMe controller over the file `disk`, with its writes in `log`."""
    log.touch()
    return ("-blockdev", f"driver=file,node-name=disk,filename={disk},cache.no-flush=on",
            "-blockdev", f"driver=file,node-name=log,filename={log},cache.no-flush=on",
            "-blockdev", "driver=blklogwrites,node-name=recorded,file=disk,log=log,"
                         "log-super-update-interval=1",
            "-device", "nvme,drive=recorded,serial=recorded,write-cache=on")


def read(path):
    """The log's entries, oldest first. What a discarded sector holds is not said, so it stays."""
    raw = path.read_bytes()
    magic, version, count, sector_bytes = struct.unpack_from("<QQQI", raw)
    assert (magic, version, sector_bytes) == (MAGIC, 1, SECTOR)
    entries = []
    at = SECTOR
    for _ in range(count):
        sector, sectors, flags, _ = struct.unpack_from("<QQQQ", raw, at)
        at += SECTOR
        size = 0 if flags & DISCARD else sectors * SECTOR
        entries.append(Entry(sector, raw[at:at + size], bool(flags & FLUSH)))
        at += size
    return entries


def durable(entries, cut):
    """Returns how many of the first `cut` entries a flush has made durable."""
    return next((at for at in range(cut, 0, -1) if entries[at - 1].flush), 0)


def none(_entry, _random):
    """Nothing of what was not flushed survives the cut."""
    return []


def whole(entry, random):
    """Each write survives the cut or does not."""
    return [(0, entry.data)] if random.random() < 0.5 else []


def torn(entry, random):
    """Each sector of each write survives the cut or does not."""
    return [(at, entry.data[at:at + SECTOR]) for at in range(0, len(entry.data), SECTOR)
            if random.random() < 0.5]


def image(before, entries, cut, survives, random):
    """
    The disk's bytes after a cut behind the first `cut` entries; `before` is what it held when the
    recording began, `survives` says what is left of a write that was not flushed.
    """
    disk = bytearray(before)
    safe = durable(entries, cut)
    for number, entry in enumerate(entries[:cut]):
        for at, data in [(0, entry.data)] if number < safe else survives(entry, random):
            start = entry.sector * SECTOR + at
            disk[start:start + len(data)] = data
    return bytes(disk)
