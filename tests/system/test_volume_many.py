# SPDX-License-Identifier: MIT
"""More VMs on the volumes of one store than a driver once had clients: clones that run beside each other."""
import pytest

import ring_3
from machine import Bochs
from test_encryption import BYTES, ask, begin_guest, boot_with, same
from test_volume_keys import CONF

CLONES = 20


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_many(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot_with(emulator, build, tmp_path / "one", image, None, CONF) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/secret 4M")
        begin_guest(machine)
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        machine.good("vm snapshot alpha one")
        names = [f"c{number}" for number in range(CLONES)]
        for name in names:
            machine.good(f"vm clone alpha@one {name}")
        for name in (names[0], names[15], names[-1]):
            assert same(machine, name) == 4
            ask(machine, "w", r"WRITTEN 0x0 0x0\s", name)
        rows = {row["name"]: row["users"] for row in machine.objects("volume list")}
        assert all(rows[f"{name}.secret"] == name for name in names)
        machine.good("driver restart " + ("ide0.0" if emulator is Bochs else "nvme0"))
        for name in ("alpha", *names):
            assert same(machine, name) == 4, name
        for name in names:
            machine.good(f"vm destroy {name}")
        assert "0 found" in machine.command("audit")
