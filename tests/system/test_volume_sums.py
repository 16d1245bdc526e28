# SPDX-License-Identifier: MIT
"""Sums of what volumes hold: a scrub finds the byte that the disk has changed, and nothing else."""
import sys

import pytest

import ring_3
from machine import ROOT, wait_for
from test_encryption import BYTES, ask, begin_guest, boot_with, end_guest, same
from test_volume_keys import CHUNK, CONF

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

SUMMED = CONF.replace("overcommit = yes\n", "overcommit = yes\nchecksum = yes\nchecksum_after = 1\n")


def scrub(machine):
    """Returns how many chunks a scrub has compared, how many have no sum, and where which are damaged."""
    machine.good("store scrub pool")
    wait_for(lambda: machine.objects("store list")[0]["scrub"] == "ended")
    (row,) = machine.objects("store list pool")
    assert row["checksum"] and row["scrub_faults"] == len({(place["offset"]) for place in row["damaged"]})
    return row["scrub_chunks"], row["scrub_without_sum"], [(place["volume"], place["offset"]) for place in row["damaged"]]


def summed(machine):
    """Waits until all chunks have sums."""
    found = []
    wait_for(lambda: found.append(scrub(machine)) or (found[-1][0] > 0 and found[-1][1] == 0))
    return found[-1]


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_scrub(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot_with(emulator, build, tmp_path / "one", image, None, SUMMED) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/secret 4M")
        begin_guest(machine)
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        chunks, _, damaged = summed(machine)
        assert not damaged
        # what has sums is written to again, and is right
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        assert same(machine) == 4
        assert scrub(machine)[2] == []
        end_guest(machine)
        machine.good("volume clone pool/secret copy")
        assert summed(machine) == (chunks, 0, [])
    store = store_check.Image(image)
    assert not store.faults()
    state = store.states[-1]
    assert len(state.sums) == chunks
    chunk, = [chunk for chunk, index in state.place.items() if index == min(state.place.values())]
    place = (state.sector_of(chunk)) * 512 + 1234
    with open(image, "r+b") as disk:
        disk.seek(place)
        byte = disk.read(1)[0]
        disk.seek(place)
        disk.write(bytes([byte ^ 1]))
    assert "is not what its sum says" in store_check.Image(image).faults()[0]
    with boot_with(emulator, build, tmp_path / "two", image, None, SUMMED) as machine:
        machine.wait_prompt()
        before = image.read_bytes()
        offset = state.place[chunk] * CHUNK
        assert scrub(machine) == (chunks, 0, [("secret", offset), ("copy", offset)])
        assert f"volume copy is damaged in the 64 KiB from byte {offset}" in machine.command("log show")
        assert f"volume secret is damaged in the 64 KiB from byte {offset}" in machine.command("store list pool")
        (event,) = [row for row in machine.objects("events since 0") if row["event"] == "store_damaged"]
        assert "1 are damaged on the disk" in event["reason"] and event["vm"] == ""
        machine.good("store check pool")
        wait_for(lambda: machine.objects("store list")[0]["check"] == "ended")
        assert machine.objects("store list")[0]["check_faults"] == 0
        data = state.sector_of(0) * 512
        assert image.read_bytes()[data:] == before[data:]
