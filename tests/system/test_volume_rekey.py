# SPDX-License-Identifier: MIT
"""`volume rekey`: a clone's key opens the volume no more, and a cut leaves the old key or the new one."""
import random
import sys

import pytest

import bundle
import ring_3
import write_log
from machine import ROOT, Qemu, plain_iso
from test_encryption import BYTES, KEY, TEXT, ask, begin_guest, disk_secret, end_guest, ready, same
from test_volume_keys import CONF, boot, volumes

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

KEYS = {"vault": KEY, "other": KEY[::-1]}
MODULE = "".join(f"{name} = {key}\n" for name, key in KEYS.items())


def known(machine):
    """Each volume's key; how much a volume has alone is counted late."""
    return {name: (row["encrypt"], row["key_id"]) for name, row in volumes(machine).items()}


def begin(machine):
    """A guest has written to an encrypted volume, and has ended."""
    machine.wait_prompt()
    machine.good("store format pool copies")
    machine.good("volume create pool/secret 4M encrypt=vault")
    begin_guest(machine)
    ask(machine, "w", r"WRITTEN 0x0 0x0\s")


def opened(image, name):
    """The volume, by another implementation of both formats: with the key that its record names."""
    store = store_check.Image(image)
    assert not store.faults()
    # each node that either superblock leads to has its copy, at any moment
    assert all(state.copies and not state.mended for state in store.states)
    key, number = store.keys()[name]
    return disk_secret.Disk(store.content(name), f"{number:016x}", bytes.fromhex(KEYS[key]), "skerry volume 1 of")


def refusals(machine):
    """What cannot be given another key says so, and stays as it was."""
    for volume, key, words in (("secret", "none", "its key none is missing"), ("plain", "other", "not encrypted"),
                               ("copy", "none", "its key none is missing"), ("copy", "?", "name of a key"),
                               ("kept", "other", "read-only"), ("nothing", "other", "no volume")):
        assert words in machine.command(f"volume rekey pool/{volume} {key}"), volume


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_rekey(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot(emulator, build, tmp_path / "first", image, MODULE) as machine:
        begin(machine)
        machine.good("volume create pool/plain 4M")
        machine.good("volume create pool/unused 4M encrypt=vault")
        machine.good("volume clone pool/secret copy")
        machine.good("volume snapshot pool/copy kept")
        before = known(machine)
        refusals(machine)
        assert known(machine) == before
        end_guest(machine)
        for name, key in (("secret", "other"), ("copy", "vault"), ("unused", "other")):
            assert "done" in machine.command(f"volume rekey pool/{name} {key}")
        after = known(machine)
        assert set(after) == set(before)
        assert [after[name][0] for name in ("secret", "copy", "kept")] == ["other", "vault", "vault"]
        assert after["kept"] == before["kept"]
        ids = {number for key, number in (*after.values(), *before.values()) if key}
        assert len(ids) == 5
        assert "not encrypted by the same key" in machine.command("volume rollback pool/secret kept")
        for name in ("secret", "copy"):
            machine.good(f"vm create alpha disk=pool/{name}")
            machine.good("vm start alpha")
            ready(machine)
            assert same(machine) == 4
            end_guest(machine)
        assert "0 found" in machine.command("audit")
    contents = [opened(image, name) for name in ("secret", "copy", "kept")]
    assert all(TEXT in disk.block(5) for disk in contents)
    assert len({bytes(disk.image[6 * 4096:7 * 4096]) for disk in contents}) == 3
    # the key of before is not needed any more
    with boot(emulator, build, tmp_path / "new", image, f"other = {KEYS['other']}\n") as machine:
        machine.wait_prompt()
        begin_guest(machine)
        assert same(machine) == 4


@pytest.mark.parametrize("cuts", [20, pytest.param(200, marks=pytest.mark.long)])
def test_cut(build, tmp_path, cuts):
    """After a cut between any two writes the volume has the old key or the new one, and all of its content."""
    disk, log = tmp_path / "disk.img", tmp_path / "disk.log"
    disk.write_bytes(bytes(16 * BYTES))
    before = disk.read_bytes()
    iso = plain_iso(build, tmp_path, bundle.make(tmp_path / "guests.cpio", CONF, bundle.tiny(build, "blocks")), "",
                    MODULE)
    with Qemu(build, boot="cd", iso=iso, extra=write_log.record(disk, log)) as machine:
        begin(machine)
        end_guest(machine)
        first = log.stat().st_size
        machine.good("volume rekey pool/secret other")
    entries = write_log.read(log)
    sizes = [write_log.SECTOR + len(entry.data) for entry in entries]
    begun = next(at for at in range(len(entries)) if sum(sizes[:at]) + write_log.SECTOR >= first)
    assert len(entries) - begun > 10
    chance = random.Random(cuts)
    found = set()
    for number in range(cuts):
        cut = len(entries) if number == 0 else chance.randrange(begun, len(entries))
        survives = (write_log.none, write_log.whole, write_log.torn)[number % 3]
        (tmp_path / "cut.img").write_bytes(write_log.image(before, entries, cut, survives, chance))
        content = opened(tmp_path / "cut.img", "secret")
        assert all(TEXT in content.block(at) for at in (0, 5, 47)), f"{cut} of {len(entries)}, {survives.__name__}"
        found.add(store_check.Image(tmp_path / "cut.img").keys()["secret"][0])
    assert found == {"vault", "other"}
