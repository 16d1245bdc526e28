# SPDX-License-Identifier: MIT
"""Encrypted disks: what a guest writes is nowhere in the image, and another boot reads it with the key."""
import sys

import pytest

import bundle
import fio
from machine import ROOT, Bochs, Qemu, nvme, plain_iso

sys.path.insert(0, str(ROOT / "tests/tools"))
import disk_secret  # noqa: E402

KEY = "00112233445566778899aabbccddeeff" * 2
TEXT = b"A TEXT THAT NO THIEF"
BYTES = 4 << 20
MAGIC = b"SKERRY ENCRYPTED"
CONF = f"""[host]
state_key = {'5a' * 32}
[disk saves]
controller = memory
size = 24M
[disk secret]
controller = nvme0 ide0.0
encrypt = vault

[vm alpha]
kernel = blocks.bin
memory = 16M
disk = secret
autostart = yes
"""


def boot_with(emulator, build, folder, image, keys, conf):
    """A machine with that image as its disk and a module with those lines; no module without them."""
    folder.mkdir()
    files = bundle.make(folder / "guests.cpio", conf, bundle.tiny(build, "blocks"))
    iso = plain_iso(build, folder, files, "", keys)
    if emulator is Bochs:
        return Bochs(build, iso=iso, disk=image)
    return Qemu(build, boot="cd", iso=iso, extra=nvme(image))


def boot(emulator, build, folder, image, key):
    return boot_with(emulator, build, folder, image, f"# keys\nvault = {key}\n" if key else None, CONF)


def type_key(machine):
    """Types the key at the console; the guest then reads what it wrote with it."""
    machine.type("disk key vault\r")
    machine.wait("disk key: ")
    machine.type(KEY + "\r")
    machine.wait("the key is taken")
    machine.wait_prompt()
    begin_guest(machine)
    assert same(machine) == 4


def ready(machine, name="alpha"):
    """The guest listens: a key that comes before is lost when it sets up its UART."""
    machine.attach(name)
    machine.wait("READY")
    machine.leave()


def begin_guest(machine, name="alpha"):
    machine.good(f"vm create {name}")
    machine.good(f"vm start {name}")
    ready(machine, name)


def end_guest(machine):
    machine.good("vm kill alpha")
    machine.good("vm destroy alpha")


def ask(machine, key, pattern, name="alpha"):
    machine.attach(name)
    machine.type(key)
    machine.wait(pattern)
    found = machine.match()
    machine.leave()
    return found


def same(machine, name="alpha"):
    return int(ask(machine, "r", r"SAME 0x([0-9a-f]+)\s", name).group(1), 16)


def restart_under_load(machine, disk):
    """The driver ends while the guest writes and reads what it has written: all of it is right."""
    machine.attach("alpha")
    machine.type("l")
    machine.wait("LOAD")
    machine.leave()
    for _ in range(5):
        fio.die(machine, disk, "driver restart")
    fio.wait_requests(machine, "secret", 20)  # a slow guest has some of the disk, too
    machine.attach("alpha")
    machine.type("l")
    machine.wait(r"ROUNDS 0x([0-9a-f]+) BAD 0x0\s")
    assert int(machine.match().group(1), 16) > 0
    machine.leave()


@pytest.mark.parametrize("emulator", (Qemu, Bochs))
def test_disk(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(BYTES))
    disk = "ide0.0" if emulator is Bochs else "nvme0"
    with boot(emulator, build, tmp_path / "first", image, KEY) as machine:
        machine.wait_prompt()
        assert "is encrypted from now on" in machine.command("log show")
        ready(machine)
        assert same(machine) == 0
        ask(machine, "w", r"WRITTEN 0x0 0x0\s")
        assert same(machine) == 4
        # whole blocks alone; zeros written below would be no zeros above
        ask(machine, "o", r"REFUSED 0x1 0x1 0x2 0x2\s")
        machine.good(f"driver restart {disk}")
        assert same(machine) == 4
        machine.good("vm renew alpha")
        assert same(machine) == 4
        machine.good("vm snapshot alpha one")
        assert same(machine) == 4
        machine.good("vm reset alpha --to one")
        assert same(machine) == 4
        # a clone has the same key, and writes to pieces of its own
        machine.good("vm clone alpha@one beta")
        assert same(machine, "beta") == 4
        ask(machine, "w", r"WRITTEN 0x0 0x0\s", "beta")
        assert same(machine, "beta") == 4
        machine.good("vm destroy beta")
        machine.good("vm snapshot drop alpha one")
        # a saved VM holds no key: its monitor is given it anew
        assert "stopped: saved" in machine.command("vm save alpha saves")
        assert "alpha: running" in machine.command("vm restore alpha saves")
        assert same(machine) == 4
        restart_under_load(machine, disk)
        assert "0 found" in machine.command("audit")
        assert KEY not in machine.command("config show")
        assert KEY not in machine.transcript()
    first = image.read_bytes()
    assert TEXT not in first and first.startswith(MAGIC)
    # by another implementation, after the documented format
    disk = disk_secret.Disk(first, "secret", bytes.fromhex(KEY))
    for number in (0, 5, 47, len(disk) - 1):
        assert TEXT in disk.block(number), number
    with boot(emulator, build, tmp_path / "wrong", image, KEY[::-1]) as machine:
        machine.wait("VM alpha: disk secret: the key is wrong")
        machine.wait_prompt()
    assert image.read_bytes() == first
    with boot(emulator, build, tmp_path / "none", image, None) as machine:
        machine.wait("its key vault is missing")
        machine.wait_prompt()
        type_key(machine)
        assert KEY not in machine.transcript()


def test_other_contents(build, tmp_path):
    """A disk with something on it is left alone, wherever that is."""
    for place in (1024, BYTES - 512):
        image = tmp_path / f"{place}.img"
        image.write_bytes(bytes(BYTES))
        with image.open("r+b") as file:
            file.seek(place)
            file.write(b"something")
        before = image.read_bytes()
        with boot(Qemu, build, tmp_path / f"at-{place}", image, KEY) as machine:
            machine.wait("VM alpha: disk secret: it holds something that is not encrypted")
            machine.wait_prompt()
        assert image.read_bytes() == before
