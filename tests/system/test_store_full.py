# SPDX-License-Identifier: MIT
"""A store that promises more than it has: who runs over it is paused with a reason, and goes on when there is room."""
import pytest

import ring_3
from machine import Bochs, wait_for
from test_encryption import ask, begin_guest, boot_with, same
from test_volume_keys import CHUNK, CONF

BETA = CONF[CONF.index("[vm alpha]"):].replace("alpha", "beta").replace("pool/secret", "pool/beta")
# Each guest writes to three chunks of its volume: two are left.
CHUNKS = 3 + 3 + 2
METADATA = 64 * 4096


def stopped(machine):
    """Returns why alpha is paused, or nothing if it is not."""
    row = machine.vm("alpha")
    return row["reason"] if row["state"] == "paused" else ""


def run_over(machine):
    """alpha writes to what a snapshot holds, too, for which there is too little room."""
    machine.good("volume snapshot pool/secret kept")
    machine.attach("alpha")
    machine.type("w")
    machine.leave()
    assert "store pool has no room for what it writes; drop a volume" in wait_for(lambda: stopped(machine))


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_full(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(METADATA + CHUNKS * CHUNK))
    with boot_with(emulator, build, tmp_path / "one", image, None, CONF + BETA) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        assert machine.objects("store list")[0]["bytes"] == CHUNKS * CHUNK
        for name in ("secret", "beta"):
            machine.good(f"volume create pool/{name} 4M")
        for name in ("alpha", "beta"):
            begin_guest(machine, name)
        for name in ("alpha", "beta"):
            ask(machine, "w", r"WRITTEN 0x0 0x0\s", name)
        run_over(machine)
        assert "paused: store pool has no room" in machine.command("log show")
        # the neighbour goes on, and so does what alpha has
        ask(machine, "w", r"WRITTEN 0x0 0x0\s", "beta")
        assert same(machine, "beta") == 4
        machine.good("driver restart " + ("ide0.0" if emulator is Bochs else "nvme0"))
        wait_for(lambda: machine.objects("store list")[0]["state"] == "ready")
        wait_for(lambda: stopped(machine))
        machine.good("volume drop pool/kept")
        machine.attach("alpha")
        machine.wait(r"0x0 0x0\s")  # WRITTEN stands before the write
        machine.leave()
        assert machine.vm("alpha")["state"] == "running"
        assert same(machine) == 4
        run_over(machine)
        machine.good("vm kill alpha")
        machine.good("volume drop pool/kept")
        assert same(machine, "beta") == 4
        assert "0 found" in machine.command("audit")
