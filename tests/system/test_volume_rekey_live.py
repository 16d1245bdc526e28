# SPDX-License-Identifier: MIT
"""`volume rekey` of a volume that a running VM writes to: the guest notices nothing, and a cut leaves the old key or the new."""
import random
import re
import struct

import pytest

import bundle
import fio
import ring_3
import write_log
from machine import Qemu, plain_iso, wait_for
from test_encryption import BYTES, TEXT, ask, begin_guest, end_guest, ready, same
from test_volume_keys import CONF, boot
from test_volume_rekey import KEYS, MODULE, known, opened, store_check

FEW = 96  # blocks to which the guest writes numbers after `c`
STRIDE = 37  # how far each of them is from the one before
STOP_WAITING = "\x03"


def begin(machine):
    machine.wait_prompt()
    machine.good("store format pool copies")
    machine.good("volume create pool/secret 4M encrypt=vault")
    begin_guest(machine)
    ask(machine, "w", r"WRITTEN 0x0 0x0\s")


def counts(machine, key="c"):
    """The guest writes numbers from now on, one after another."""
    ask(machine, key, r"COUNTS\s")


def counted(machine):
    """It stops; returns how many it has written. Each that it has read was what it had written."""
    number = int(ask(machine, "c", r"COUNTED 0x([0-9a-f]+) BAD 0x0\s").group(1), 16)
    ask(machine, "v", r"VERIFIED 0x[0-9a-f]+ BAD 0x0\s")
    return number


def last(machine):
    return machine.objects("volume rekey list")[0]


def rekey_in_background(machine, key):
    machine.type(f"volume rekey pool/secret {key}\r")
    machine.wait(r"rekey pool/secret \w+\r*\n")
    machine.type(STOP_WAITING)
    machine.wait_prompt()


def ended(machine):
    wait_for(lambda: last(machine)["state"] in ("done", "failed"))
    return last(machine)


def numbers(disk, blocks):
    """What these of the volume's blocks hold: a number each, unless it is what was written before, or nothing."""
    found = []
    for at in blocks:
        if not any(disk.image[4096 * (at + 1):4096 * (at + 2)]):
            continue
        block = disk.block(at)
        words = set(struct.unpack("<1024I", block))
        assert TEXT in block or len(words) == 1, f"block {at} is no number"
        if len(words) == 1:
            found.append(words.pop())
    return found


def held_us(machine):
    found = re.findall(r"alpha: renewed, its guest stood still for (\d+) us|renewed, its guest stood still for (\d+) us",
                       machine.command("log show"))
    return int("".join(found[-1]))


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_live(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot(emulator, build, tmp_path / "first", image, MODULE) as machine:
        begin(machine)
        machine.good("vm snapshot alpha before")
        old = known(machine)["secret"]
        assert machine.objects("volume rekey list") == []
        counts(machine)
        assert "done" in machine.command("volume rekey pool/secret other")
        row = last(machine)
        assert (row["store"], row["volume"], row["key"], row["state"]) == ("pool", "secret", "other", "done")
        assert row["round"] >= 2 and row["reason"] == ""
        fio.wait_requests(machine, "pool/secret", 40)  # the guest may be slow
        print(f"{emulator.__name__}: {row['round']} rounds, {row['copied_bytes'] >> 10} KiB in the last, "
              f"held for {held_us(machine)} us")
        written = counted(machine)
        assert written >= 16
        new = known(machine)["secret"]
        assert new[0] == "other" and new != old
        # snapshots of before have the old key, which the VM's monitor has no more
        for line in ("vm reset alpha --to before", "vm clone alpha@before beta"):
            assert "it has got another key since the snapshot" in machine.command(line), line
        machine.good("vm snapshot drop alpha before")
        # what it was refused in the middle it can do now, by the new key
        machine.good("vm renew alpha")
        machine.good("vm snapshot alpha after")
        machine.good("vm reset alpha --to after")
        ask(machine, "v", r"VERIFIED 0x[0-9a-f]+ BAD 0x0\s")
        # paused it needs no round but the first and the last; the same named key again is another key
        machine.good("vm pause alpha")
        assert "done" in machine.command("volume rekey pool/secret other")
        machine.good("vm resume alpha")
        ask(machine, "v", r"VERIFIED 0x[0-9a-f]+ BAD 0x0\s")
        assert known(machine)["secret"] != new and known(machine)["secret"][0] == "other"
        machine.good("vm snapshot drop alpha after")
        end_guest(machine)
        assert "0 found" in machine.command("audit")
        assert not any(name.startswith("@") for name in known(machine))
    some = range(0, FEW, 8)
    had_turn = {STRIDE * number % FEW for number in range(1, written + 1)}
    assert len(numbers(opened(image, "secret"), some)) == len(had_turn.intersection(some))
    # the key of before is not needed any more
    with boot(emulator, build, tmp_path / "new", image, f"other = {KEYS['other']}\n") as machine:
        machine.wait_prompt()
        machine.good("vm create alpha")


def test_deaths(build, tmp_path):
    """Whatever ends in the middle, the guest or the volume goes on with the old key or with the new one."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    chance = random.Random(7)
    with boot(Qemu, build, tmp_path / "first", image, MODULE) as machine:
        begin(machine)
        # a guest that writes everywhere may be faster than the copy; it loses nothing, and its volume keeps its key then
        counts(machine, "C")
        before = known(machine)["secret"]
        said = machine.command("volume rekey pool/secret other")
        assert "writes faster than it is copied" in said or said.endswith(": done"), said
        assert (known(machine)["secret"] == before) == ("faster" in said)
        before = known(machine)["secret"]
        rekey_in_background(machine, "other")
        for _ in range(8):  # it may have ended before, on a busy host
            if "error: " not in machine.command("volume rekey cancel pool/secret"):
                break
            before = known(machine)["secret"]
            rekey_in_background(machine, "other")
        assert "does not get another key now" in machine.command("volume rekey cancel pool/secret")
        assert ended(machine)["reason"] == "it keeps its key: it was cancelled"
        counted(machine)
        assert known(machine)["secret"] == before
        counts(machine)
        for _ in range(3):
            rekey_in_background(machine, chance.choice(("vault", "other")))
            for _ in range(chance.randrange(1, 4)):
                machine.command("mem")
                machine.good("driver restart nvme0")
            print(ended(machine))
        counted(machine)
        assert "0 found" in machine.command("audit")
        # the VM is killed at some moment, and its volume can be used again by the key that it then has
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        for round_ in range(4):
            rekey_in_background(machine, chance.choice(("vault", "other")))
            for _ in range(round_ * chance.randrange(1, 8)):
                machine.command("mem")
            end_guest(machine)
            print(ended(machine))
            machine.good("vm create alpha")
            machine.good("vm start alpha")
            ready(machine)
            assert same(machine) == 4
        wait_for(lambda: not any(name.startswith("@") for name in known(machine)))


@pytest.mark.parametrize("cuts", [20, pytest.param(200, marks=pytest.mark.long)])
def test_cut(build, tmp_path, cuts):
    """After a cut between any two writes the volume is whole, by the old key or by the new one."""
    disk, log = tmp_path / "disk.img", tmp_path / "disk.log"
    disk.write_bytes(bytes(8 * BYTES))
    before = disk.read_bytes()
    iso = plain_iso(build, tmp_path, bundle.make(tmp_path / "guests.cpio", CONF, bundle.tiny(build, "blocks")), "",
                    MODULE)
    with Qemu(build, boot="cd", iso=iso, extra=write_log.record(disk, log)) as machine:
        begin(machine)
        counts(machine)
        first = log.stat().st_size
        machine.good("volume rekey pool/secret other")
        written = counted(machine)
    entries = write_log.read(log)
    sizes = [write_log.SECTOR + len(entry.data) for entry in entries]
    begun = next(at for at in range(len(entries)) if sum(sizes[:at]) + write_log.SECTOR >= first)
    chance = random.Random(cuts)
    found = set()
    for number in range(cuts):
        cut = len(entries) if number == 0 else chance.randrange(begun, len(entries))
        # a block of 4 KiB survives or does not; what a torn one holds nobody knows, with any key
        survives = (write_log.none, write_log.whole)[number % 2]
        (tmp_path / "cut.img").write_bytes(write_log.image(before, entries, cut, survives, chance))
        content = opened(tmp_path / "cut.img", "secret")
        # a slow guest has not been to all blocks by the end
        had_turn = {STRIDE * number % FEW for number in range(1, (FEW if cut < len(entries) else written) + 1)}
        some = numbers(content, chance.sample(sorted(had_turn), min(3, len(had_turn))))
        assert some or cut < len(entries), f"{cut} of {len(entries)}, {survives.__name__}"
        assert TEXT in content.block(1022)
        found.add(store_check.Image(tmp_path / "cut.img").keys()["secret"][0])
    assert found == {"vault", "other"}
