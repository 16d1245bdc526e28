# SPDX-License-Identifier: MIT
"""
The power is cut, and drivers end, while a guest writes to a volume and others are made of it: a
checker of its own finds nothing wrong with the store, and what was synced is there.
"""
import random
import sys
import uuid
from dataclasses import dataclass

import pytest

import bundle
import fio
import gpt
import write_log
from machine import ROOT, Qemu

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

SECTORS = 131072
STORE, NOTES = (2048, 124999), (125000, 131000)  # first and last sector
SMALL = (2048, 62499)  # of the store, until it grows
CONF = """
[disk raw]
controller = nvme0
partition = store

[disk notes]
controller = nvme0
partition = notes

[store pool]
disk = raw
overcommit = yes
checksum = yes
checksum_after = 1

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha
memory = 128M
disk = pool/one
disk = notes
"""
# Pieces of 20 KiB, which cross the boundaries of chunks; each is synced before it is noted.
PIECE, PLACES = 20480, 150
WRITER = ("n=0; until [ -e /tmp/enough ]; do n=$((n+1)); yes $(printf %08d $n) | head -c 20480 | "
          "dd of=/dev/vda bs=20k seek=$((n%150)) conv=notrunc,fsync 2>/dev/null; "
          "printf '%-511d\\n' $n | dd of=/dev/vdb bs=512 seek=$n oflag=direct 2>/dev/null; done; "
          "echo WRITES''DONE")


@dataclass
class Run:
    """What reached the disk: its bytes before, each write since, and the volumes that were made."""
    before: bytes
    entries: list
    made: set


def partitions(store):
    """A disk's bytes with a table that has these sectors as the store's."""
    return gpt.image(SECTORS, {"store": (*store, uuid.UUID(int=2)), "notes": (*NOTES, uuid.UUID(int=3))})


def grow(machine, disk):
    """The store's partition becomes larger; the driver sees that when it begins, then the store takes it."""
    with open(disk, "r+b") as file:
        file.write(partitions(STORE)[:34 * 512])
    fio.die(machine, "nvme0", "driver restart")
    machine.objects("store grow pool")


def record(build, programs, folder, rounds):
    """A guest writes, while volumes are made, copied, kept and dropped, the driver is restarted and the store grows."""
    disk, log = folder / "disk.img", folder / "disk.log"
    disk.write_bytes(partitions(SMALL))
    before = disk.read_bytes()
    chance = random.Random(rounds)
    made = {"one"}
    made_by = bundle.make(folder / "cut.cpio", CONF, bundle.debian(build / "guests"))
    with Qemu(programs, bundle=made_by, extra=write_log.record(disk, log)) as machine:
        machine.wait_prompt()
        assert "done" in machine.command("store format pool")
        machine.objects("volume create pool/one 8M")
        machine.objects("vm create alpha")
        machine.command("vm start alpha")
        machine.attach_shell("alpha", 300)
        machine.type(f"({WRITER}) &\n")
        machine.leave()
        for turn in range(rounds):
            for command, name in ((f"volume snapshot pool/one s{turn}", f"s{turn}"),
                                  (f"volume clone pool/s{turn} c{turn}", f"c{turn}"),
                                  (f"volume create pool/v{turn} 4M", f"v{turn}")):
                fio.wait_requests(machine, "notes", chance.randrange(1, 6))
                machine.objects(command)
                made.add(name)
            if turn == 0:
                grow(machine, disk)
            elif turn % 2 == 0:
                fio.die(machine, "nvme0", "driver restart")
            elif turn > 1:
                for name in (f"v{turn - 1}", f"s{turn - 2}"):
                    machine.command(f"volume drop pool/{name}")
                    made.discard(name)
        machine.attach("alpha")
        machine.type("touch /tmp/enough\n")
        machine.wait("WRITESDONE")
        machine.leave()
        assert {row["name"] for row in machine.objects("volume list")} == made
    return Run(before, write_log.read(log), made)


def noted(entries):
    """Returns the number of the last write that the guest knows to be safe."""
    return max((entry.sector - NOTES[0] for entry in entries
                if not entry.flush and NOTES[0] <= entry.sector <= NOTES[1]), default=0)


def piece(number):
    return (b"%08d\n" % number * (PIECE // 9 + 1))[:PIECE] if number > 0 else bytes(PIECE)


def lost(content, safe):
    """Returns the writes up to `safe` that are not there; the next one may be there in parts."""
    wrong = []
    for place in range(PLACES):
        last = safe - (safe - place) % PLACES
        old, new = piece(last), piece(last + PLACES if last + PLACES == safe + 1 else last)
        there = content[place * PIECE:(place + 1) * PIECE]
        if any(there[at:at + 512] not in (old[at:at + 512], new[at:at + 512])
               for at in range(0, PIECE, 512)):
            wrong.append(f"write {last} is not there")
    return wrong


def latest(content):
    """Returns the number of the last write that a volume's content begins to show."""
    found = [content[at:at + 8] for at in range(0, PLACES * PIECE, PIECE)]
    return max((int(number) for number in found if number.isdigit()), default=0)


def after_cut(run, cut, survives, chance, folder):
    """Returns what is wrong with the store after a cut; before its first commit there is none."""
    path = folder / "cut.img"
    path.write_bytes(write_log.image(run.before, run.entries, cut, survives, chance))
    image = store_check.Image(path, STORE[0])
    wrong = image.faults()
    if wrong:
        return wrong
    for _, name, _, _, _ in image.volumes():
        content = image.content(name)
        if name == "one":
            wrong += lost(content, noted(run.entries[:cut]))
        elif name[0] in "sc":
            # nobody writes to it: it is as the volume was between two writes
            last = latest(content)
            if lost(content, last):
                wrong += [f"{name}: {fault}" for fault in lost(content, max(last - 1, 0))]
        elif any(content):
            wrong.append(f"{name} shows what it was not given")
    return wrong


def cut_often(run, folder, cuts):
    """Cuts a run after some of the writes; returns {cut: what is wrong}."""
    chance = random.Random(cuts)
    first = next(at for at in range(len(run.entries)) if noted(run.entries[:at]) > 0)
    found = {}
    for number in range(cuts):
        cut = chance.randrange(first, len(run.entries))
        survives = (write_log.none, write_log.whole, write_log.torn)[number % 3]
        wrong = after_cut(run, cut, survives, chance, folder)
        if wrong:
            found[cut] = (survives.__name__, wrong)
    return found


@pytest.mark.parametrize("rounds, cuts", [
    (4, 15), pytest.param(24, 150, marks=pytest.mark.long)])
def test_cuts(build, tmp_path, rounds, cuts):
    """A run is recorded once and cut often."""
    run = record(build, build, tmp_path, rounds)
    assert not after_cut(run, len(run.entries), write_log.none, random.Random(1), tmp_path)
    image = store_check.Image(tmp_path / "cut.img", STORE[0])
    assert (image.states[-1].sizes, image.states[-1].sectors) == ([SMALL[1] - SMALL[0] + 1], STORE[1] - STORE[0] + 1)
    assert image.states[-1].sums  # which the checker compares with what the chunks hold, after each cut
    assert {volume[1] for volume in image.volumes()} == run.made
    assert not cut_often(run, tmp_path, cuts)


def test_no_flush(build, tmp_path):
    """With a driver that drops flushes the same cuts show a loss, so they would show one."""
    run = record(build, build / "tests/no-flush", tmp_path, 2)
    assert cut_often(run, tmp_path, 15)
