# SPDX-License-Identifier: MIT
"""The power is cut under a guest that writes: what it synced is there, its file system whole."""
import gzip
import random
import subprocess
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

import bundle
import gpt
import write_log
from machine import Qemu, wait_for

SECTORS = 98304
DATA, NOTES = (2048, 83967), (84000, 90000) # first and last sector
CUTS = 20
KEPT = 5 # rounds that a file new.N stays
CONF = """
[disk data]
controller = nvme0
partition = data

[disk notes]
controller = nvme0
partition = notes

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha
memory = 128M
autostart = yes
disk = data
disk = notes
"""
SCRIPT = Path(__file__).with_name("power_cut.sh")


@dataclass
class Run:
    """What a guest did to a disk: the disk's bytes before, and every write since."""
    before: bytes
    entries: list


def tool(name, *words, good=(0,)):
    """Runs one of e2fsprogs, which need not be in PATH."""
    done = subprocess.run([f"/sbin/{name}", *words], capture_output=True, text=True,
                          errors="replace", check=False)
    assert done.returncode in good, done.stdout + done.stderr
    return done


def make_disk(path):
    """Two partitions: an ext4 file system, and notes."""
    path.write_bytes(gpt.image(SECTORS, {"data": (*DATA, uuid.UUID(int=2)),
                                         "notes": (*NOTES, uuid.UUID(int=3))}))
    options = f"offset={DATA[0] * gpt.SECTOR},lazy_itable_init=0"
    tool("mke2fs", "-q", "-t", "ext4", "-E", options, path, f"{(DATA[1] - DATA[0] + 1) // 2}k")
    return path.read_bytes()


def make_bundle(build, folder):
    files = bundle.debian(build / "guests")
    script = bundle.member(1, "power_cut.sh", SCRIPT.read_bytes()) + bundle.pack({})
    files["initramfs.cpio.gz"] += gzip.compress(script, mtime=0)
    return bundle.make(folder / "cut.cpio", CONF, files)


def is_up(driver, starts):
    return driver["state"] == "ready" and driver["starts"] == starts


def requests_of(machine):
    return machine.objects("disk stat")[0]["requests"]


def restart_driver(machine, times):
    """
    Restarts the driver several times, each time after the guest has had some more of its disk;
    on a slow host the guest may have all it wants by then.
    """
    machine.leave()
    for starts in range(2, times + 2):
        requests, end = requests_of(machine), time.monotonic() + 20
        while requests_of(machine) < requests + 20 and time.monotonic() < end:
            pass
        machine.command("driver restart nvme0")
        wait_for(lambda: is_up(machine.objects("driver list")[0], starts))
    machine.attach("alpha")


def record(build, programs, folder, rounds, restarts=0):
    """Boots the image in `programs`, whose guest writes; returns what reached the disk."""
    disk, log = folder / "disk.img", folder / "disk.log"
    before = make_disk(disk)
    with Qemu(programs, bundle=make_bundle(build, folder),
              extra=write_log.record(disk, log)) as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        machine.wait("DATA on vda")
        machine.wait("READY alpha")
        machine.type(f"sh /power_cut.sh {rounds}\n")
        restart_driver(machine, restarts)
        machine.wait("ROUNDSDONE")
    return Run(before, write_log.read(log))


def notes(entries):
    """{number of a note: how many entries there are up to it}."""
    found = {}
    for at, entry in enumerate(entries, 1):
        if not entry.flush and NOTES[0] <= entry.sector <= NOTES[1]:
            number = entry.sector - NOTES[0]
            assert int(entry.data) == number
            # the same note may come again, as its driver died before it could answer
            found.setdefault(number, at)
    assert list(found) == sorted(found)
    return found


def lines(number, size):
    text = b"%08d\n" % number
    return (text * (size // len(text) + 1))[:size]


def latest(note, step):
    """
    Returns the last round whose step `step` is noted when the last note is `note`; 0: no
    round's is.
    """
    return max((note - step) // 4, 0)


def lost(files, note):
    """Yields a line for each thing that is not as note `note`, and all notes before it, promise."""
    wrong = []
    for number in range(1, latest(note, 0) + 1):
        name, removal = f"new.{number}", 4 * (number + KEPT) + 3
        there = files.get(name)
        if note < removal - 1 and there != lines(number, number * 7919 % 150000):
            wrong.append(f"{name} is not what was synced")
        if note >= removal and there is not None:
            wrong.append(f"{name} was removed")
    swap = latest(note, 1)
    if files.get("swap") not in (lines(swap, 30000), lines(swap + 1, 30000)):
        wrong.append(f"swap is not of round {swap} or the next")
    same = files.get("same", b"")
    old, new = (lines(latest(note, 2) + more, 65536) for more in (0, 1))
    if len(same) != 65536 or any(same[at:at + 512] not in (old[at:at + 512], new[at:at + 512])
                                 for at in range(0, 65536, 512)):
        wrong.append(f"same is not of round {latest(note, 2)} or the next")
    return wrong


def check_file_system(path):
    """
    Replays the file system's journal, as a mount does; nothing is left to repair then. Returns
    what is wrong.
    """
    replayed = tool("e2fsck", "-p", path, good=range(9))
    checked = tool("e2fsck", "-fn", path, good=range(9))
    if replayed.returncode > 1 or checked.returncode != 0:
        return [replayed.stdout + checked.stdout]
    return []


def read_files(path, folder):
    folder.mkdir()
    tool("debugfs", "-R", f"rdump / {folder}", path)
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


def after_cut(run, cut, survives, chance, folder):
    """Yields a line for each thing that is wrong with the disk after a cut."""
    folder.mkdir()
    path = folder / "data.img"
    disk = write_log.image(run.before, run.entries, cut, survives, chance)
    path.write_bytes(disk[DATA[0] * gpt.SECTOR:(DATA[1] + 1) * gpt.SECTOR])
    wrong = check_file_system(path)
    noted = list(notes(run.entries[:cut]))
    if noted:
        wrong += lost(read_files(path, folder / "files"), noted[-1])
    path.unlink()
    return wrong


def pending(run, cut):
    """Returns how many writes before a cut were not flushed."""
    return cut - write_log.durable(run.entries, cut)


def cut_often(run, folder, cuts=CUTS, seed=22):
    """
    Cuts the run this often, half of the times right behind a note, half where much is lost;
    returns {cut: what is wrong}.
    """
    chance = random.Random(seed)
    behind_notes = list(notes(run.entries).values())
    # after the first round: ext4 writes its superblock at the mount, and counts on its two sectors
    # being written both or neither
    places = chance.sample(behind_notes[1:], cuts // 2)
    others = sorted(range(behind_notes[1], len(run.entries)), key=lambda cut: pending(run, cut))
    places += chance.sample(others[-len(others) // 4:], cuts - len(places))
    found = {}
    for number, cut in enumerate(places):
        survives = (write_log.none, write_log.whole, write_log.torn)[number % 3]
        wrong = after_cut(run, cut, survives, chance, folder / f"cut{number}")
        print(f"cut behind write {cut} of {len(run.entries)}, {pending(run, cut)} not flushed, "
              f"{survives.__name__} of them kept: {wrong or 'all there'}")
        if wrong:
            found[cut] = wrong
    return found


@pytest.mark.parametrize("rounds, cuts", [
    (12, CUTS), pytest.param(100, 200, marks=pytest.mark.long)])
def test_power_cut(build, tmp_path, rounds, cuts):
    """
    A run is recorded once, with its driver restarted, and cut often: nothing that was synced is
    lost.
    """
    run = record(build, build, tmp_path, rounds, restarts=3)
    assert len(notes(run.entries)) == 4 * rounds + 1
    assert not cut_often(run, tmp_path, cuts)


def test_no_flush(build, tmp_path):
    """With a driver that drops flushes the same cuts show a loss, so they would show one."""
    run = record(build, build / "tests/no-flush", tmp_path, 6)
    assert not any(entry.flush for entry in run.entries)
    assert cut_often(run, tmp_path)
