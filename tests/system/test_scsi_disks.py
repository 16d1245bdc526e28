# SPDX-License-Identifier: MIT
"""Disks that a guest finds at its virtio SCSI host: Linux reads, writes, flushes and discards them."""
import os

import pytest

import bundle
import ring_3
from machine import Qemu, on_disk, wait_for
from test_encryption import KEY

CONF = """[disk raw]
controller = nvme0 ide0.0
[store pool]
disk = raw
[disk fixed]
controller = memory
image = fixed.bin
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 112M
disk = pool/web scsi, fixed ro scsi
"""
DRIVERS = ("scsi_common", "scsi_mod", "virtio_scsi", "sd_mod")
FIXED = b"FIXED medium".ljust(1 << 20, b"\0")
# Linux finds several disks at once, and names them in any order: so by their serial numbers, as udev does.
NAMES = ("until [ -e /dev/sda ] && [ -e /dev/sdb ]; do usleep 100000; done; for d in sda sdb; do "
         "ln -s /dev/$d /dev/$(basename $(tail -c +5 /sys/block/$d/device/vpd_pg80)); done")
# What Linux says of each disk.
ABOUT = ("for d in web fixed; do cd /sys/block/$(basename $(readlink /dev/$d)); echo $d $(basename $(readlink device)) "
         "$(cat size) $(cat ro) $(cat queue/rotational) $(cat device/scsi_disk/*/provisioning_mode) $(cat device/vendor) "
         "$(cat device/scsi_disk/*/cache_type) $(cat device/scsi_disk/*/FUA); done; cd /; ls /sys/class/scsi_host")
# Writes random blocks, past the guest's cache, and finds them on the disk.
WRITE = ("dd if=/dev/urandom of=/tmp/x bs=64k count=16 2>/dev/null; "
         "dd if=/tmp/x of=/dev/web bs=64k oflag=direct conv=fsync 2>/dev/null; "
         "dd if=/dev/web bs=16k count=64 iflag=direct 2>/dev/null | cmp - /tmp/x && echo SAME")
SUM = "dd if=/dev/web bs=64k count=16 iflag=direct 2>/dev/null | md5sum"
# Linux sends UNMAP, and then WRITE SAME: both parts read as zeros.
DISCARD = ("blkdiscard -o 2097152 -l 65536 /dev/web; dd if=/dev/web bs=64k skip=32 count=1 iflag=direct 2>/dev/null "
           "| tr -d '\\0' | wc -c")
SPOIL = "dd if=/dev/zero of=/dev/web bs=64k count=16 oflag=direct conv=fsync 2>/dev/null"


def shell(machine, line, name="alpha"):
    """Runs a line at the shell of that guest."""
    machine.attach(name)
    out = machine.shell(line)
    machine.leave()
    return out


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_disks(build, tmp_path, emulator):
    """Two disks at one host, one of which is read-only."""
    files = bundle.debian_modules(build / "guests", DRIVERS) | {"fixed.bin": FIXED}
    image = tmp_path / "store.img"
    image.write_bytes(b"")
    os.truncate(image, 32 << 20)
    made = bundle.make(tmp_path / "scsi.cpio", CONF, files)
    with on_disk(emulator, build, image, bundle=made) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/web 8M")
        machine.command("vm create alpha")
        machine.command("vm start alpha")
        machine.attach_shell("alpha", 300)
        machine.shell(NAMES)
        assert machine.shell(ABOUT).split("\n") == [
            "web 0:0:0:0 16384 0 0 unmap SKERRY write back 1", "fixed 0:0:1:0 2048 1 0 unmap SKERRY write through 1",
            "host0", ""]
        assert machine.shell(WRITE) == "SAME\n"
        assert machine.shell("dd if=/dev/fixed bs=4k count=1 2>/dev/null | head -c 12") == "FIXED medium"
        assert "Read-only" in machine.shell("dd if=/tmp/x of=/dev/fixed bs=4k count=1 2>&1")
        machine.shell("dd if=/tmp/x of=/dev/web bs=64k seek=32 count=2 oflag=direct 2>/dev/null")
        assert machine.shell(DISCARD) == "0\n"
        digest = machine.shell(SUM)
        machine.leave()
        # what is written comes back with a snapshot; a new driver and a new monitor go on with the disk
        machine.good("vm snapshot alpha one")
        shell(machine, SPOIL)
        assert shell(machine, SUM) != digest
        machine.command("vm reset alpha --to one")
        assert shell(machine, SUM) == digest
        machine.attach("alpha")
        machine.type("(for i in $(seq 8); do dd if=/dev/web bs=16k count=64 iflag=direct 2>/dev/null | cmp - /tmp/x; "
                     "done; echo ALL''READ) &\r")
        machine.leave()
        name = next(row["driver"] for row in machine.objects("disk list") if row["name"] == "raw")
        machine.good(f"driver restart {name}")
        machine.good("vm renew alpha")
        machine.attach("alpha")
        assert "differ" not in machine.wait("ALLREAD\r*\n")
        assert machine.shell(WRITE) == "SAME\n"
        machine.leave()
        # a larger volume is a larger disk, without a word of the guest's
        machine.good("vm snapshot drop alpha one")
        machine.good("volume resize pool/web 12M")
        shell(machine, "until [ $(cat /sys/block/$(basename $(readlink /dev/web))/size) = 24576 ]; do usleep 100000; done")
        assert "0 found" in machine.command("audit")


# A volume of its own with a key, a size limit that it reaches, places for a save and for a backup.
WHOLE = CONF.replace("[disk raw]", f"[host]\nstate_key = {KEY}\n[disk saves]\ncontroller = memory\nsize = 192M\n[disk raw]").replace(
    "[store pool]\ndisk = raw\n", "[store pool]\ndisk = raw\nquota = w* 24M\novercommit = yes\n")


def test_whole_life(build, tmp_path):
    """An encrypted SCSI disk in a clone, a save and a restore, a backup and a disk made of it, and at its store's limit."""
    files = bundle.debian_modules(build / "guests", DRIVERS) | {"fixed.bin": FIXED}
    image = tmp_path / "store.img"
    image.write_bytes(b"")
    os.truncate(image, 64 << 20)
    made = bundle.make(tmp_path / "scsi.cpio", WHOLE, files)
    with on_disk(Qemu, build, image, bundle=made, memory="1G") as machine:
        machine.wait_prompt()
        machine.type("disk key vault\r")
        machine.wait("disk key: ")
        machine.type(KEY + "\r")
        machine.wait("the key is taken")
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/web 8M encrypt=vault")
        assert "quota w* of store pool" in machine.command("volume resize pool/web 32M")
        machine.command("vm create alpha")
        machine.command("vm start alpha")
        machine.attach_shell("alpha", 300)
        machine.shell(NAMES)
        assert machine.shell(WRITE) == "SAME\n"
        digest = machine.shell(SUM)
        machine.leave()
        # a clone reads what was there, and writes to a volume of its own
        machine.good("vm snapshot alpha one")
        machine.good("vm clone alpha@one beta")
        assert shell(machine, SUM, "beta") == digest
        shell(machine, SPOIL, "beta")
        assert shell(machine, SUM, "beta") != digest
        assert shell(machine, SUM) == digest
        machine.good("vm kill beta")
        machine.good("vm destroy beta")
        machine.good("vm snapshot drop alpha one")
        # a backup has what was there at its moment
        machine.good("volume create pool/full 10M")
        machine.good("vm backup alpha full pool/web=pool/full")
        wait_for(lambda: machine.objects("vm backup list alpha")[0]["state"] == "done")
        shell(machine, SPOIL)
        # a save, and on from there, with the disk as it is now
        assert "stopped: saved on disk saves" in machine.command("vm save alpha saves")
        assert "alpha: running" in machine.command("vm restore alpha saves")
        assert shell(machine, SUM) != digest
        assert shell(machine, WRITE) == "SAME\n"
        shell(machine, SPOIL)
        # the disk of the backup is what the guest reads when it has it back
        machine.good("vm kill alpha")
        wait_for(lambda: machine.vm("alpha")["state"] == "stopped")
        machine.good("disk restore pool/web pool/full")
        machine.command("vm start alpha")
        machine.attach_shell("alpha", 300)
        machine.shell(NAMES)
        assert machine.shell(SUM) == digest
        machine.leave()
        assert "0 found" in machine.command("audit")
