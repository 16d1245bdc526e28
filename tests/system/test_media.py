# SPDX-License-Identifier: MIT
"""Another medium in a CD-ROM drive while its guest runs: Linux sees what changes, and reads what is there."""
import os

import pytest

import bundle
import ring_3
from machine import on_disk

CONF = """[disk raw]
controller = nvme0 ide0.0
[store pool]
disk = raw
[disk first]
controller = memory
image = first.iso
[disk second]
controller = memory
image = second.iso
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 96M
disk = first cdrom
[vm beta]
kernel = built-in
memory = 16M
disk = second
"""
DRIVERS = ("scsi_common", "scsi_mod", "virtio_scsi", "cdrom", "sr_mod")
READ = "dd if=/dev/sr0 bs=2048 count=1 2>&1 | head -c 12"
SIZE = "cat /sys/block/sr0/size"


def medium(text, pages):
    """A CD, which no file system is on, that begins with this text."""
    return text.encode().ljust(pages * 4096, b"\0")


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_another_medium(build, tmp_path, emulator):
    """A disk of another driver, then a volume: Linux reads each, and is refused what the guest holds locked."""
    files = bundle.debian_modules(build / "guests", DRIVERS)
    files |= {"first.iso": medium("FIRST medium", 2), "second.iso": medium("OTHER medium", 3)}
    image = tmp_path / "store.img"
    image.write_bytes(b"")
    os.truncate(image, 32 << 20)
    made = bundle.make(tmp_path / "media.cpio", CONF, files)
    with on_disk(emulator, build, image, bundle=made) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/empty 64K")
        machine.command("vm create alpha")
        for wrong in ("medium=a,b", "medium=none/x/y", "medium=", "medium=" + 80 * "x"):
            assert "use the name of a disk, or STORE/VOLUME" in machine.command(f"vm insert alpha {wrong}"), wrong
        assert "by `vm set`, for its next start" in machine.command("vm insert alpha medium=second")
        machine.command("vm start alpha")
        machine.attach_shell("alpha")
        assert machine.shell(READ) == "FIRST medium" and machine.shell(SIZE) == "16\n"
        machine.leave()
        assert machine.command("vm insert alpha medium=second") == "alpha: second is in the drive"
        assert machine.vm("alpha")["state"] == "running" and "disk = second cdrom" in machine.command("config show")
        machine.attach("alpha")
        assert machine.shell(READ) == "OTHER medium" and machine.shell(SIZE) == "24\n"
        machine.leave()
        # beta may not write to what the drive has, and another's disk does not come into the drive
        assert "alpha uses it" in machine.command("vm create beta")
        assert "has no CD-ROM drive with a disk" in machine.command("vm insert alpha first medium=pool/empty")
        assert machine.command("vm insert alpha second medium=pool/empty") == "alpha: pool/empty is in the drive"
        machine.good("vm create beta")
        assert "beta uses it" in machine.command("vm insert alpha medium=second")
        assert 'the store has no volume "none"' in machine.command("vm insert alpha medium=pool/none")
        machine.attach("alpha")
        assert machine.shell("dd if=/dev/sr0 bs=2048 2>/dev/null | tr -d '\\0' | wc -c") == "0\n"
        assert machine.shell(SIZE) == "128\n"  # Linux asks when the drive is opened
        machine.shell("exec 3</dev/sr0")  # which locks the drive
        machine.leave()
        assert "keeps the medium locked" in machine.command("vm insert alpha medium=first")
        machine.attach("alpha")
        machine.shell("exec 3<&-")
        machine.leave()
        # a driver that dies, a new monitor and a new start know the medium that was put in
        machine.good("vm insert alpha medium=first")
        machine.good("vm renew alpha")
        machine.attach("alpha")
        assert machine.shell(READ) == "FIRST medium"
        machine.leave()
        machine.good("vm snapshot alpha one")
        assert "it has snapshots" in machine.command("vm insert alpha medium=pool/empty")
        assert "0 found" in machine.command("audit")
