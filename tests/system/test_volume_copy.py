# SPDX-License-Identifier: MIT
"""`volume import` makes a volume of a disk, `volume export` writes one to a disk, beside running VMs."""
import hashlib
import random
import sys
import uuid

import pytest

import bundle
import gpt
import ring_3
from channel_v2 import Client
from machine import ROOT, Qemu, wait_for
from test_save import boot as boot_with

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

SECTORS = 131072
STORE, OLD, OUT, TINY = (2048, 40959), (40960, 49151), (49152, 61439), (61440, 63487)  # first and last sector
MIB = 1 << 20
CONF = """[channel com2]
rights = view operate configure {right}
[disk raw]
controller = nvme0 ide0.0
partition = store
[store pool]
disk = raw
""" + "".join(f"""[disk {name}]
controller = nvme0 ide0.0
partition = {name}
""" for name in ("old", "out", "tiny")) + """[vm alpha]
kernel = blocks.bin
memory = 16M
autostart = no
disk = tiny
[vm beta]
kernel = blocks.bin
memory = 16M
autostart = no
disk = pool/moved
"""


def content():
    """4 MiB, of which 128 KiB at the beginning and at the end are no zeros."""
    chance = random.Random(3)
    return chance.randbytes(131072) + bytes(4 * MIB - 262144) + chance.randbytes(131072)


def boot(build, tmp_path, emulator, image, right="content"):
    files = bundle.make(tmp_path / "copy.cpio", CONF.format(right=right), bundle.tiny(build, "blocks"))
    return boot_with(build, files, image, emulator, channel=True)


def make(tmp_path, old, sectors=OLD):
    """A disk with the partitions; `old` is what that partition holds."""
    image = tmp_path / "disk.img"
    disk = bytearray(gpt.image(SECTORS, {name: (*part, uuid.UUID(int=number)) for number, (name, part) in enumerate(
        (("store", STORE), ("old", sectors), ("out", OUT), ("tiny", TINY)), 2)}))
    disk[sectors[0] * 512:sectors[0] * 512 + len(old)] = old
    disk[OUT[0] * 512:(OUT[1] + 1) * 512] = b"\xee" * ((OUT[1] + 1 - OUT[0]) * 512)
    image.write_bytes(disk)
    return image


def volume(client, name):
    return next((row for row in client.result("volume list") if row["name"] == name), None)


def refused(machine):
    """A sentence for each, and nothing is begun."""
    machine.good("volume create pool/large 12M")
    machine.good("vm create alpha")
    machine.good("vm start alpha")
    machine.good("vm create beta")
    machine.good("vm start beta")
    for words, said in (("export pool/large tiny", "it takes 12288 KiB, and disk tiny has 1024 KiB"),
                        ("export pool/large raw", "store pool lies on it"),
                        ("export pool/large none", 'there is no disk "none"'),
                        ("export pool/none out", 'no volume "none"'),
                        ("export pool/moved out", "beta uses it"),
                        ("import pool/moved old", "a volume of that name exists"),
                        ("import pool/two tiny", "disk tiny: alpha uses it"),
                        ("import pool/two raw", "store pool lies on it"),
                        ("import pool/@two old", "is not valid"),
                        ("import two old", "use STORE/VOLUME"),
                        ("copy cancel", "no volume is being copied")):
        assert said in machine.command(f"volume {words}"), words
    machine.good("store quota set pool \"small* 64K\"")
    assert "64 KiB" in machine.command("volume import pool/small old")
    machine.good("vm kill beta")
    machine.good("volume drop pool/large")


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_there_and_back(build, tmp_path, emulator):
    old = content()
    image = make(tmp_path, old)
    with boot(build, tmp_path, emulator, image) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        client = Client.over(machine.channel)
        client.result("volume import", "pool/moved", "old", limit=120)
        row = client.result("volume digest", "pool/moved", limit=120)[0]
        assert row["sha256"] == hashlib.sha256(old).hexdigest()
        assert wait_for(lambda: volume(client, "moved")["own_bytes"]) == 4 * 65536  # zeros take no space
        refused(machine)
        client.result("volume snapshot", "pool/moved", "kept")
        client.result("volume export", "pool/kept", "out", limit=120)
        assert client.result("volume copy list") == [{
            "store": "pool", "volume": "kept", "disk": "out", "copy": "export", "state": "done",
            "copied_bytes": 4 * MIB, "all_bytes": 4 * MIB, "reason": ""}]
        assert "0 found" in machine.command("audit")
    disk = image.read_bytes()
    out = disk[OUT[0] * 512:(OUT[1] + 1) * 512]
    assert out[:4 * MIB] == old and set(out[4 * MIB:]) == {0xee}
    found = store_check.Image(image, STORE[0])
    assert found.faults() == [] and found.content("moved") == old


def test_meanwhile(build, tmp_path):
    """A copy goes on over the end of the driver; one that is given up, or cut off, leaves no volume."""
    old = random.Random(4).randbytes(12 * MIB)
    image = make(tmp_path, old, (65536, 90111))
    begin = "volume import pool/moved old\r"
    with boot(build, tmp_path, Qemu, image) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        client = Client.over(machine.channel)

        def last():
            return client.result("volume copy list")[0]

        machine.type(begin)
        wait_for(lambda: client.result("volume copy list"))
        wait_for(lambda: last()["copied_bytes"] > 0)
        client.result("driver restart", "nvme0")
        machine.wait("pool: done")
        machine.wait_prompt()
        assert client.result("volume digest", "pool/moved", limit=60)[0]["sha256"] == hashlib.sha256(old).hexdigest()
        client.result("volume drop", "pool/moved")
        machine.type(begin)
        wait_for(lambda: last()["state"] == "copies" and last()["copied_bytes"] > 0)
        assert client.ask("volume import", "pool/two", "old")["code"] == "bad-state"
        client.result("volume copy cancel")
        machine.wait("it was cancelled")
        machine.wait_prompt()
        assert (last()["state"], last()["reason"]) == ("failed", "it was cancelled")
        wait_for(lambda: client.result("volume list") == [])
        machine.type(begin)
        wait_for(lambda: last()["state"] == "copies" and last()["copied_bytes"] > 0)
    assert {row[1][:8] for row in store_check.Image(image, STORE[0]).volumes()} == {"@import-"}
    with boot(build, tmp_path, Qemu, image) as machine:
        machine.wait_prompt()
        wait_for(lambda: machine.objects("volume list") == [])


def test_the_right(build, tmp_path):
    """Who may not see contents copies none, to no disk either."""
    with boot(build, tmp_path, Qemu, make(tmp_path, content()), right="") as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        client = Client.over(machine.channel)
        machine.good("volume create pool/one 64K")
        for words in (("volume export", "pool/one", "out"), ("volume import", "pool/two", "old")):
            assert client.code(*words) == "no-right", words
