# SPDX-License-Identifier: MIT
"""Backups of a VM whose disk is a volume, to disks and to volumes, and volumes restored from them."""
import sys

import pytest

import ring_3
from machine import ROOT, Qemu, wait_for
from test_encryption import BYTES, KEY, TEXT, ask, begin_guest, boot_with, end_guest, same
from test_volume_keys import CONF, volumes, zeros

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

VAULT = """
[disk vault]
controller = memory
size = 5M
"""
EMPTY = CONF.replace("overcommit = yes\n", "") + VAULT


def boot(emulator, build, folder, image):
    return boot_with(emulator, build, folder, image, f"vault = {KEY}\n", EMPTY)


def backup(machine, words):
    """Makes a backup and waits for its end; returns the row of its only disk."""
    before = set(volumes(machine))
    machine.good(f"vm backup alpha {words}")
    wait_for(lambda: machine.objects("vm backup list alpha")[0]["state"] not in ("begins", "copying"))
    row, = machine.objects("vm backup list alpha")
    assert row["state"] == "done", row
    # what was kept for it is dropped when nobody reads it any more
    wait_for(lambda: set(volumes(machine)) == before)
    return row


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_backup(emulator, build, tmp_path):
    """A chain of a volume of each kind: the full one shows what the volume held then, the next one what it held later."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot(emulator, build, tmp_path / "one", image) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        for name, size in (("full", "5M"), ("diff", "3M"), ("zeros", "5M"), ("small", "64K")):
            machine.good(f"volume create pool/{name} {size}")
        for kind in ("", " encrypt=vault"):
            machine.good(f"volume create pool/secret 4M{kind}")
            begin_guest(machine)
            assert "make a full one" in machine.command("vm backup alpha diff pool/secret=pool/diff")
            assert "no volume" in machine.command("vm backup alpha full pool/secret=pool/none")
            assert "one writer" in machine.command("vm backup alpha full pool/secret=pool/secret overwrite")
            machine.good("vm snapshot alpha kept")  # a store has any number of them
            row = backup(machine, "full pool/secret=pool/full overwrite")
            assert (row["disk"], row["target"], row["all_bytes"]) == ("pool/secret", "pool/full", BYTES)
            ask(machine, "w", r"WRITTEN 0x0 0x0\s")
            row = backup(machine, "diff pool/secret=pool/diff overwrite")
            # 4 places of the guest lie in 3 blocks of 64 KiB
            assert (row["number"], row["all_bytes"] <= 4 * 65536) == (2, True), row
            # what the guest has emptied is a change as what it has written
            ask(machine, "n", r"EMPTIED 0x0 0x[01] 0x0\s")
            row = backup(machine, "diff pool/secret=pool/zeros overwrite")
            assert (row["number"], zeros(machine)) == (3, 4), row
            ask(machine, "w", r"WRITTEN 0x0 0x0\s")
            row = backup(machine, "full pool/secret=vault overwrite")
            assert row["target"] == "vault"
            machine.good("vm reset alpha --to kept")
            assert "make a full one" in machine.command("vm backup alpha diff pool/secret=pool/diff overwrite")
            assert zeros(machine) == 4
            assert "uses it" in machine.command("disk restore pool/secret pool/full")
            end_guest(machine)
            assert "its own backups" in machine.command("disk restore pool/full pool/full")
            assert "no volume" in machine.command("disk restore pool/none pool/full")
            assert "not restored" in machine.command("disk restore pool/small pool/full")
            for words, written in (("pool/full", 0), ("pool/full pool/diff", 4), ("pool/full pool/diff pool/zeros", 0), ("vault", 4)):
                assert "done" in machine.command(f"disk restore pool/secret {words}")
                begin_guest(machine)
                assert (same(machine), zeros(machine)) == (written, 4 - written), words
                end_guest(machine)
            if not kind:
                machine.good("volume drop pool/secret")
        assert "0 found" in machine.command("audit")
    store = store_check.Image(image)
    assert not store.faults()
    # the copies of the encrypted volume are encrypted
    assert TEXT not in store.content("full") + store.content("diff") + store.content("secret")


def test_moment(build, tmp_path):
    """What a guest writes meanwhile is in no backup: it has one moment, and the next one has the rest."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot(Qemu, build, tmp_path / "one", image) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        for name, size in (("secret", "4M"), ("full", "5M"), ("diff", "5M"), ("again", "4M")):
            machine.good(f"volume create pool/{name} {size}")
        begin_guest(machine)
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        machine.attach("alpha")
        machine.type("l")
        machine.wait("LOAD")
        machine.leave()
        backup(machine, "full pool/secret=pool/full")
        machine.good("driver restart nvme0")
        machine.attach("alpha")
        machine.type("l")
        machine.wait(r"ROUNDS 0x([0-9a-f]+) BAD 0x0\s")
        machine.leave()
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        backup(machine, "diff pool/secret=pool/diff")
        end_guest(machine)
        digest = machine.objects("volume digest pool/secret")
        assert "done" in machine.command("disk restore pool/again pool/full pool/diff")
        assert machine.objects("volume digest pool/again") == digest
