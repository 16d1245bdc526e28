#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks a store of volumes in an image, by what docs/components/store.md says of the format.

It shares no code with the store. Both superblocks are followed, as both of their states must be
whole. Prints a line for each volume of the newer state and a sentence for each fault.

    store_check.py IMAGE [FIRST_SECTOR]
"""
import functools
import struct
import sys

BLOCK = 4096
MAGIC = int.from_bytes(b"SKYSTOR1", "little")
FAN = 504
RECORDS = 31
RECORD_NODES = (4096 + RECORDS - 1) // RECORDS
LEAF, INNER, VOLUMES, SUMS = 1, 2, 3, 4
NEED_LEASE, NEED_SUMS, NEED_GROWN = 1, 2, 4  # bits of `needs`
NEEDS = NEED_LEASE | NEED_SUMS | NEED_GROWN  # those that this program knows


def crc_table():
    table = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
        table.append(value)
    return table


TABLE = crc_table()


@functools.lru_cache(maxsize=512)
def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc = crc >> 8 ^ TABLE[(crc ^ byte) & 255]
    return crc ^ 0xFFFFFFFF


def sum_of(block):
    return crc32c(bytes(block[:8]) + bytes(4) + bytes(block[12:]))


def sum_is_right(block):
    return sum_of(block) == struct.unpack_from("<I", block, 8)[0]


def metadata_blocks(chunks):
    """Returns how many blocks of metadata a store gets whose disk has room for that many chunks."""
    return max(min(chunks // 4, chunks // 64 + 4096), 64)


def levels(chunks):
    """Returns how many levels of nodes lead to that many chunks."""
    level = 1
    while FAN ** level < chunks:
        level += 1
    return level


class State:
    """What one superblock leads to."""

    def __init__(self, read, block):
        self.read = read
        self.faults = []
        self.volumes = []
        self.keys = {}  # name of an encrypted volume: its key's name and ID
        self.nodes = {}  # number of a node: what it was used as
        self.place = {}  # number of a chunk: its index in all volumes that have it
        (self.version, self.generation) = struct.unpack_from("<IQ", block, 12)
        (self.sectors, self.next_id, self.chunk_sectors, self.blocks, self.chunks) = (
            struct.unpack_from("<QQIII", block, 72))
        self.id, self.host, self.epoch, self.lease, self.needs = struct.unpack_from("<16s16sQII", block, 24)
        self.records = struct.unpack_from(f"<{RECORD_NODES}I", block, 104)
        (copied, copies, self.sums_root, self.session) = struct.unpack_from("<QIIQ", block, 104 + 4 * RECORD_NODES + 12)
        sizes = struct.unpack_from("<32Q", block, 104 + 4 * RECORD_NODES + 36)
        self.sizes = list(sizes[:(*sizes, 0).index(0)])
        self.sizes_end = not any(sizes[len(self.sizes):])
        self.areas = [(0, 0)]  # first block of each row of blocks, and the chunk in which that lies
        self.kept = set()  # chunks in which metadata lies
        self.sums = {}  # number of a chunk: what its content's CRC32C has to be
        # the chunk from which copies lie, plus 1; who leaves an earlier generation keeps none
        self.copies = copies if copied == self.generation else 0
        self.mended = []  # blocks whose copies were used

    def fault(self, text):
        self.faults.append(f"generation {self.generation}: {text}")

    def node(self, number, kind, use):
        """Returns the node's payload, or None if it is not usable or was walked as this before."""
        if not 2 <= number < self.blocks:
            self.fault(f"{use} is block {number}, which cannot be")
            return None
        if number in self.nodes:
            if self.nodes[number] != use or kind == VOLUMES:
                self.fault(f"block {number} is {use} and {self.nodes[number]}")
            return None
        self.nodes[number] = use
        block = self.whole(number, kind)
        magic, _, there, own, _, generation = struct.unpack_from("<QIIIIQ", block)
        if magic != MAGIC or not sum_is_right(block):
            self.fault(f"block {number} ({use}) is damaged")
        elif (there, own) != (kind, number) or generation > self.generation:
            self.fault(f"block {number} is not {use}: kind {there}, number {own}")
        else:
            return block[64:]
        return None

    def sector_of(self, chunk):
        """Returns the first sector of a chunk; chunks lie behind all blocks."""
        return self.first_sector + chunk * self.chunk_sectors

    def chunks_for(self, blocks):
        return -(-blocks * 8 // self.chunk_sectors)

    def place_of(self, number, copy=False):
        """Returns where a block, or its copy, lies, in blocks from the store's first sector on."""
        first, chunk = max(area for area in self.areas if area[0] <= number)
        if first == 0:
            return number + (self.sector_of(self.copies - 1) // 8 if copy else 0)
        behind = self.chunks_for(self.area_blocks[first]) if copy else 0
        return self.sector_of(chunk + behind) // 8 + number - first

    def lay_out(self):
        """Finds where blocks and chunks lie by the sizes that the store has had. Returns if that can be."""
        sizes = self.sizes + [self.sectors]
        blocks = metadata_blocks(sizes[0] // self.chunk_sectors)
        self.first_sector = self.chunks_for(blocks) * self.chunk_sectors
        chunks = (sizes[0] - self.first_sector) // self.chunk_sectors
        self.area_blocks = {}
        if self.copies:
            if self.copies != chunks - self.chunks_for(blocks) + 1:
                self.fault(f"its copies cannot lie from chunk {self.copies - 1} on")
                return False
            self.kept.update(range(self.copies - 1, chunks))
        for before, size in zip(sizes, sizes[1:]):
            more = metadata_blocks(size // self.chunk_sectors) - blocks
            filled = self.chunks_for(more) * (2 if self.copies else 1)
            if more:
                self.areas.append((blocks, chunks))
                self.area_blocks[blocks] = more
                self.kept.update(range(chunks, chunks + filled))
            grown = (size - self.first_sector) // self.chunk_sectors
            if size <= before or grown <= chunks + filled:
                self.fault(f"it cannot have grown from {before} to {size} sectors")
                return False
            blocks, chunks = blocks + more, grown
        if (blocks, chunks) != (self.blocks, self.chunks):
            self.fault(f"it has {self.blocks} blocks and {self.chunks} chunks, its sizes say {blocks} and {chunks}")
        return not self.faults

    def is_node(self, block, number, kind):
        magic, _, there, own, _, generation = struct.unpack_from("<QIIIIQ", block)
        return (magic == MAGIC and sum_is_right(block) and (there, own) == (kind, number) and
                generation <= self.generation)

    def whole(self, number, kind):
        """Returns a node, or its copy if it is damaged; with copies both have to be there or are noted."""
        block = self.read(self.place_of(number))
        if not self.copies:
            return block
        copy = self.read(self.place_of(number, copy=True))
        if block != copy:
            self.mended.append(number)
        return block if self.is_node(block, number, kind) else copy

    def tree(self, number, level, first, end):
        """Walks the node whose first word is for chunk `first` of a volume of `end` chunks."""
        use = f"the node of level {level} for chunk {first}"
        payload = self.node(number, LEAF if level == 1 else INNER, use)
        span = FAN ** (level - 1)
        for i, word in enumerate(struct.unpack(f"<{FAN}Q", payload) if payload else ()):
            at = first + i * span
            if word == 0:
                continue
            if at >= end:
                self.fault(f"block {number} has chunk {at} of a volume of {end}")
            if level > 1:
                self.tree(word, level - 1, at, end)
            elif word > self.chunks or word - 1 in self.kept:
                self.fault(f"block {number} leads to chunk {word - 1} of {self.chunks}")
            elif self.place.setdefault(word - 1, at) != at:
                self.fault(f"chunk {word - 1} is chunk {at} and {self.place[word - 1]} of volumes")

    def read_sums(self, number, level, first):
        """Walks the tree of sums below a node, which begins with that of chunk `first`."""
        use = f"the node of level {level} for the sums from chunk {first} on"
        payload = self.node(number, SUMS if level == 1 else INNER, use)
        for i, word in enumerate(struct.unpack(f"<{FAN}Q", payload) if payload else ()):
            at = first + i * FAN ** (level - 1)
            if word and level > 1:
                self.read_sums(word, level - 1, at)
            elif word > 1 << 32:
                self.fault(f"the sum of chunk {at} is {word - 1:#x}")
            elif word and at in self.place:
                self.sums[at] = word - 1

    def compare_sums(self, read_bytes, known):
        """Compares all chunks that a volume has and that have a sum; `known` has sums computed before."""
        size = self.chunk_sectors * 512
        for chunk, right in self.sums.items():
            if chunk not in known:
                known[chunk] = crc32c(read_bytes(self.sector_of(chunk) * 512, size))
            if known[chunk] != right:
                self.fault(f"chunk {chunk}, which is chunk {self.place[chunk]} of a volume, is not what its sum says")

    def check(self):
        if self.version not in (1, 2):
            self.fault(f"its format has version {self.version}")
            return
        if self.version == 1 and self.needs:
            self.fault(f"a store of version 1 cannot need {self.needs:#x}")
            return
        if bool(self.needs & NEED_LEASE) != bool(self.lease):
            self.fault(f"its lease is {self.lease} s, and it needs {self.needs:#x}")
            return
        if self.needs & ~NEEDS:
            self.fault(f"it needs {self.needs & ~NEEDS:#x}, which this program does not know")
            return
        if not 128 <= self.chunk_sectors <= 8192 or self.chunk_sectors & self.chunk_sectors - 1:
            self.fault(f"its chunks have {self.chunk_sectors} sectors")
            return
        if bool(self.needs & NEED_GROWN) != bool(self.sizes):
            self.fault(f"it has had {len(self.sizes)} smaller sizes, and it needs {self.needs:#x}")
            return
        if not self.sizes_end:
            self.fault("its list of sizes goes on behind a 0")
            return
        if not self.lay_out():
            return
        for number in filter(None, self.records):
            payload = self.node(number, VOLUMES, "a node of records") or b""
            for at in range(0, len(payload) // 128 * 128, 128):
                self.volume(payload[at:at + 128])
        if self.sums_root and not self.needs & NEED_SUMS:
            self.fault("it has sums, which it does not need")
        elif self.sums_root:
            self.read_sums(self.sums_root, levels(self.chunks), 0)
        for what in (0, 1):
            known = [volume[what] for volume in self.volumes]
            if len(set(known)) != len(known):
                self.fault("two volumes have the same " + ("number", "name")[what])

    def volume(self, record):
        number, _, sectors, _, flags, root = struct.unpack_from("<QQQQII", record)
        if number == 0:
            return
        name = record[56:56 + 40].split(b"\0")[0].decode("latin-1")
        self.volumes.append((number, name, sectors, flags, root))
        key_id, key = struct.unpack_from("<Q", record, 40)[0], record[96:].split(b"\0")[0].decode("latin-1")
        if key_id:
            self.keys[name] = (key, key_id)
        if bool(key_id) != bool(key):
            self.fault(f"the record of volume {number} ({name}) has a key's name or ID alone")
        chunks = -(-sectors // self.chunk_sectors)
        if number >= self.next_id or not 0 < sectors < 1 << 40 or sectors % 8 or flags > 3:
            self.fault(f"the record of volume {number} ({name}) cannot be right")
            return
        if root:
            self.tree(root, levels(chunks), 0, chunks)


    def content(self, read_bytes, name):
        """Returns what a volume of a state without faults holds."""
        (sectors, root), = [(volume[2], volume[4]) for volume in self.volumes if volume[1] == name]
        size = self.chunk_sectors * 512
        chunks = -(-sectors // self.chunk_sectors)
        data = bytearray(chunks * size)
        span = 1
        while span * FAN < chunks:
            span *= FAN
        nodes = [(root, span, 0)] if root else []
        while nodes:
            node, span, first = nodes.pop()
            kind = INNER if span > 1 else LEAF
            for i, word in enumerate(struct.unpack(f"<{FAN}Q", self.whole(node, kind)[64:])):
                at = first + i * span
                if word and span > 1:
                    nodes.append((word, span // FAN, at))
                elif word:
                    data[at * size:(at + 1) * size] = read_bytes(self.sector_of(word - 1) * 512, size)
        return bytes(data[:sectors * 512])


class Image:
    """A store in an image: the two states that its superblocks lead to, the older one first."""

    def __init__(self, path, first_sector=0):
        self.path, self.first = path, first_sector * 512
        self.states = []
        for number in (0, 1):
            block = self.block(number)
            right = struct.unpack_from("<Q", block)[0] == MAGIC and sum_is_right(block)
            if right and struct.unpack_from("<Q", block, 16)[0] % 2 == number:
                self.states.append(State(self.block, block))
        known = {}
        for state in self.states:
            state.check()
            if not state.faults:
                state.compare_sums(self.bytes, known)
        self.states.sort(key=lambda state: (state.epoch, state.generation))

    def bytes(self, at, size):
        with open(self.path, "rb") as image:
            image.seek(self.first + at)
            return image.read(size).ljust(size, b"\0")

    def block(self, number):
        return self.bytes(number * BLOCK, BLOCK)

    def volumes(self):
        return self.states[-1].volumes if self.states else []

    def keys(self):
        return self.states[-1].keys if self.states else {}

    def faults(self):
        if not self.states:
            return ["no superblock is whole"]
        return [fault for state in self.states for fault in state.faults]

    def content(self, name):
        return self.states[-1].content(self.bytes, name)


def set_owner(path, host):
    """Makes another host the owner of a store, as if that host had taken it and were gone."""
    state = Image(path).states[-1]
    place = state.generation % 2 * BLOCK
    with open(path, "r+b") as image:
        image.seek(place)
        block = bytearray(image.read(BLOCK))
        struct.pack_into("<16sQ", block, 40, host, state.epoch + 1)
        struct.pack_into("<I", block, 8, sum_of(block))
        image.seek(place)
        image.write(block)


def check(path, first_sector=0):
    """Returns the volumes of the newer state and all faults."""
    image = Image(path, first_sector)
    return image.volumes(), image.faults()


def main():
    volumes, faults = check(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    for number, name, sectors, flags, _ in volumes:
        print(f"volume {number}: {name}, {sectors} sectors, flags {flags}")
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
