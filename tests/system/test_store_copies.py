# SPDX-License-Identifier: MIT
"""A store with copies of its metadata: blocks that the disk has spoiled are read from their copies, and mended."""
import sys

import pytest

import ring_3
from machine import ROOT, wait_for
from test_encryption import BYTES, ask, begin_guest, boot_with, end_guest, same
from test_volume_keys import CONF

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402


def spoil(path, places):
    """Changes a byte in each block of 4 KiB that begins there."""
    with open(path, "r+b") as image:
        for place in places:
            image.seek(place + 123)
            byte = image.read(1)[0]
            image.seek(place + 123)
            image.write(bytes([byte ^ 16]))


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_copies(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot_with(emulator, build, tmp_path / "one", image, None, CONF) as machine:
        machine.wait_prompt()
        assert "use copies or overwrite" in machine.command("store format pool twice")
        machine.good("store format pool copies")
        machine.good("volume create pool/secret 4M")
        begin_guest(machine)
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        end_guest(machine)
        for number in range(40):
            machine.good(f"volume clone pool/secret c{number}")
    store = store_check.Image(image)
    state = store.states[-1]
    assert not store.faults() and state.copies and not state.mended
    nodes = sorted(state.nodes)
    assert len(nodes) >= 3
    copies = state.sector_of(state.copies - 1) * 512
    spoil(image, [node * 4096 for node in nodes])
    # the checker of its own reads the copies, too
    spoiled = store_check.Image(image)
    assert not spoiled.faults() and sorted(spoiled.states[-1].mended) == nodes
    with boot_with(emulator, build, tmp_path / "two", image, None, CONF) as machine:
        machine.wait_prompt()
        wait_for(lambda: f"{len(nodes)} blocks of its metadata were damaged" in machine.command("log show"))
        begin_guest(machine)
        assert same(machine) == 4
        machine.good("store check pool")
        wait_for(lambda: machine.objects("store list")[0]["check"] == "ended")
        assert machine.objects("store list")[0]["check_faults"] == 0
    mended = store_check.Image(image)
    assert not mended.faults() and not mended.states[-1].mended
    spoil(image, [nodes[0] * 4096, copies + nodes[0] * 4096])
    before = image.read_bytes()
    with boot_with(emulator, build, tmp_path / "three", image, None, CONF) as machine:
        machine.wait_prompt()
        assert "a block of its metadata is damaged" in machine.command("store list")
    assert image.read_bytes() == before
