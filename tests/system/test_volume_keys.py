# SPDX-License-Identifier: MIT
"""Encrypted volumes: nothing plain is on the store's disk, and copies of a volume have its key."""
import pytest

import ring_3
from machine import Bochs, Qemu, wait_for
from test_encryption import BYTES, KEY, MAGIC, TEXT, ask, begin_guest, boot_with, disk_secret, end_guest, same, type_key

CONF = f"""[host]
state_key = {'5a' * 32}
[disk raw]
controller = nvme0 ide0.0
[store pool]
disk = raw
overcommit = yes

[vm alpha]
kernel = blocks.bin
memory = 16M
disk = pool/secret
"""
CHUNK = 64 << 10


def boot(emulator, build, folder, image, keys, conf=CONF):
    return boot_with(emulator, build, folder, image, keys, conf)


def zeros(machine, name="alpha"):
    return int(ask(machine, "z", r"ZEROS 0x([0-9a-f]+)\s", name).group(1), 16)


def volumes(machine):
    return {row["name"]: row for row in machine.objects("volume list")}


def trees(machine):
    """A clone and a clone of the clone read what alpha wrote, and write to volumes of their own."""
    machine.good("vm snapshot alpha one")
    machine.good("vm reset alpha --to one")
    assert same(machine) == 4
    machine.good("vm clone alpha@one beta")
    assert same(machine, "beta") == 4
    ask(machine, "w", r"WRITTEN 0x0 0x0\s", "beta")
    machine.good("vm snapshot beta two")
    machine.good("vm clone beta@two gamma")
    assert same(machine, "gamma") == 4
    # two snapshots, two clones and their source
    ids = [row["key_id"] for name, row in volumes(machine).items() if name != "plain"]
    assert len(ids) == 5 and len(set(ids)) == 1
    for name in ("gamma", "beta"):
        machine.good(f"vm destroy {name}")


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_volume(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    keys = f"vault = {KEY}\nother = {KEY[::-1]}\n"
    with boot(emulator, build, tmp_path / "first", image, keys) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        assert "its key none is missing" in machine.command("volume create pool/secret 4M encrypt=none")
        machine.good("volume create pool/plain 4M")
        machine.good("volume create pool/secret 4M encrypt=vault")
        assert "a copy has the key" in machine.command("volume create pool/x 4M from=plain encrypt=vault")
        begin_guest(machine)
        assert zeros(machine) == 4
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        assert (same(machine), zeros(machine)) == (4, 0)
        machine.good("driver restart " + ("ide0.0" if emulator is Bochs else "nvme0"))
        machine.good("vm renew alpha")
        assert same(machine) == 4
        trees(machine)
        assert same(machine) == 4
        end_guest(machine)
        machine.good("volume clone pool/secret copy")
        machine.good("volume create pool/new 4M encrypt=vault")
        made = volumes(machine)
        assert made["copy"]["encrypt"] == "vault" and made["copy"]["key_id"] == made["secret"]["key_id"]
        assert made["new"]["key_id"] != made["secret"]["key_id"] and made["plain"]["encrypt"] == ""
        assert made["copy"]["key_id"] in machine.command("volume list")
        for name in ("secret", "copy"):
            assert "it is encrypted, and what its store holds is of use with its key alone; copy it in a guest, or back it up" in \
                machine.command(f"volume export pool/{name} raw")
        for other in ("plain", "new"):
            assert "not encrypted by the same key" in machine.command(f"volume rollback pool/secret {other}")
        machine.good("volume rollback pool/secret copy")
        machine.good("volume rename pool/secret old")
        machine.good("volume rename pool/copy secret")
        begin_guest(machine)
        assert same(machine) == 4
        assert "0 found" in machine.command("audit")
        assert KEY not in machine.transcript()
    whole = image.read_bytes()
    assert TEXT not in whole
    # by another implementation, after the documented format
    chunks = [at for at in range(0, len(whole), CHUNK) if whole[at:at + len(MAGIC)] == MAGIC]
    assert chunks
    first = whole[chunks[0]:chunks[0] + CHUNK]
    disk = disk_secret.Disk(first, made["secret"]["key_id"], bytes.fromhex(KEY), "skerry volume 1 of")
    assert TEXT in disk.block(0)
    with boot(emulator, build, tmp_path / "wrong", image, f"vault = {KEY[::-1]}\n") as machine:
        machine.wait_prompt()
        assert "disk pool/secret: the key vault is wrong" in machine.command("vm create alpha")
        assert "the key vault is wrong" in machine.command("volume clone pool/secret more")
    with boot(emulator, build, tmp_path / "none", image, None) as machine:
        machine.wait_prompt()
        assert "disk pool/secret: its key vault is missing" in machine.command("vm create alpha")
        type_key(machine)


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_discard(emulator, build, tmp_path):
    """What a guest discards of an encrypted volume is free in the store, and zeros are zeros in the guest."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot(emulator, build, tmp_path / "one", image, f"vault = {KEY}\n") as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/secret 4M encrypt=vault")
        begin_guest(machine)
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        wait_for(lambda: volumes(machine)["secret"]["own_bytes"] == 4 * CHUNK)
        # half a block is refused; the chunk with the header and a place stays
        ask(machine, "d", r"EMPTIED 0x0 0x1 0x0\s")
        wait_for(lambda: volumes(machine)["secret"]["own_bytes"] == CHUNK)
        assert zeros(machine) >= 2
        ask(machine, "n", r"EMPTIED 0x0 0x1 0x0\s")
        assert zeros(machine) == 4
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        machine.good("vm renew alpha")
        assert same(machine) == 4


def test_only_encrypted(build, tmp_path):
    """With `encrypted = yes` a volume that the store calls plain, whoever made it so, is not used."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    keys = f"vault = {KEY}\n"
    with boot(Qemu, build, tmp_path / "any", image, keys) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/secret 4M")
    conf = CONF.replace("overcommit = yes\n", "overcommit = yes\nencrypted = yes\n")
    with boot(Qemu, build, tmp_path / "only", image, keys, conf) as machine:
        machine.wait_prompt()
        assert "says that it is not encrypted" in machine.command("vm create alpha")
        for command in ("create pool/new 4M", "clone pool/secret new", "create pool/new 4M from=secret"):
            assert "make one with encrypt=KEY" in machine.command(f"volume {command}"), command
        machine.good("volume drop pool/secret")
        machine.good("volume create pool/secret 4M encrypt=vault")
        machine.good("vm create alpha")
