# SPDX-License-Identifier: MIT
"""Backups by the key `backup` of a VM: made, kept, dropped and restored, over a boot of the host as well."""
import hashlib
import sys

import pytest

import ring_3
from machine import ROOT, Bochs, wait_for
from test_encryption import BYTES, ask, begin_guest, boot_with, end_guest, same
from test_volume_keys import CONF, volumes

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402


def boot(emulator, build, folder, image, plan):
    return boot_with(emulator, build, folder, image, None, f"{CONF}backup = {plan}\n")


def rows(machine, state):
    return [row for row in machine.objects("vm backup list alpha") if row["state"] == state]


def moments(machine):
    return [row["moment"] for row in rows(machine, "kept")]


def after_two(machine):
    """Waits for two more backups: the second one was begun after the call. Returns its moment."""
    last = max(moments(machine), default="")
    wait_for(lambda: len([each for each in moments(machine) if each > last]) >= 2)
    return moments(machine)[-1]


def restored(machine, words):
    """Restores the volume, and returns the SHA-256 of what it holds then."""
    assert "done" in machine.command(f"disk restore pool/secret{words}")
    return machine.objects("volume digest pool/secret")[0]["sha256"]


def fails_at_first(machine):
    """What goes beyond a quota is said, and tried again at the next moment."""
    machine.good('store quota set pool "alpha* 1M"')
    begin_guest(machine)
    wait_for(lambda: any("quota alpha*" in row["problem"] for row in rows(machine, "failed")))
    assert not moments(machine)
    machine.good("store quota set pool none")
    wait_for(lambda: moments(machine))
    assert rows(machine, "planned")[0]["target"] == "pool"


def at_once(machine):
    """One that is asked for, though none is due for an hour; and another plan, while the VM runs."""
    before = len(moments(machine))
    machine.good("vm backup now alpha")
    wait_for(lambda: len(moments(machine)) == before + 1)
    machine.good('vm set alpha backup="pool every 1s chain 1 keep 1"')
    wait_for(lambda: len(moments(machine)) == 1)
    machine.good("vm set alpha backup=none")
    assert "it has no schedule" in machine.command("vm backup now alpha")
    machine.good('vm set alpha backup="pool every 1h"')
    machine.good("vm kill alpha")
    assert "backups are made while it runs or is paused" in machine.command("vm backup now alpha")


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_schedule(emulator, build, tmp_path):
    """Three moments, a drop by retention, and a restore of the second one."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot(emulator, build, tmp_path / "one", image, "pool every 3s chain 2 keep 3") as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/secret 4M")
        machine.good("volume create pool/alpha.mine 4M")
        fails_at_first(machine)
        first = moments(machine)[0]
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        second = after_two(machine)
        ask(machine, "n", r"EMPTIED 0x0 0x0 0x0\s")
        after_two(machine)
        wait_for(lambda: first not in moments(machine))
        end_guest(machine)
        kept = [name for name in volumes(machine) if ":" in name]
        assert all(name.startswith("alpha:pool:secret@") for name in kept), kept
        assert [name[-1] for name in kept].count("0") <= 3
        assert "use at=" in machine.command("disk restore pool/secret at=yesterday")
        assert "no backup of it of that moment" in machine.command(f"disk restore pool/secret at={first}")
        assert "no backup of it" in machine.command("disk restore pool/alpha.mine")
        assert "is not valid" in machine.command(f"volume resize pool/{kept[0]} 8M")
        machine.good(f"volume clone pool/{kept[-1]} old")
        assert restored(machine, "") == hashlib.sha256(bytes(BYTES)).hexdigest()
        assert restored(machine, f" at={second}") != hashlib.sha256(bytes(BYTES)).hexdigest()
        begin_guest(machine)
        assert same(machine) == 4
        end_guest(machine)
        newest = max(name for name in volumes(machine) if ":" in name)
        machine.good(f"volume drop pool/{min(name for name in volumes(machine) if ':' in name)}")
        assert {"alpha.mine", "old"} < set(volumes(machine))
        assert "0 found" in machine.command("audit")
    assert not store_check.Image(image).faults()
    if emulator is Bochs:
        return
    with boot(emulator, build, tmp_path / "two", image, "pool every 1h") as machine:
        machine.wait_prompt()
        begin_guest(machine)
        # the store says that the last backup is minutes old
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        assert max(name for name in volumes(machine) if ":" in name) == newest
        assert rows(machine, "planned")
        at_once(machine)
