# SPDX-License-Identifier: MIT
"""Disks that a guest finds at its virtio SCSI host: Linux reads, writes, flushes and discards them."""
import os

import pytest

import bundle
from machine import Bochs, Qemu, on_disk

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
# What Linux says of each disk, by its name.
ABOUT = ("for d in sda sdb; do cd /sys/block/$d; echo $d $(basename $(readlink device)) $(cat size) $(cat ro) "
         "$(cat queue/rotational) $(cat device/scsi_disk/*/provisioning_mode) $(cat device/vendor) "
         "$(cat device/scsi_disk/*/cache_type); tail -c +5 device/vpd_pg80; echo; done; cd /; ls /sys/class/scsi_host")
WRITE = ("dd if=/dev/urandom of=/tmp/x bs=64k count=16 2>/dev/null; "
         "dd if=/tmp/x of=/dev/sda bs=64k oflag=direct conv=fsync 2>/dev/null; "
         "dd if=/dev/sda bs=16k count=64 iflag=direct 2>/dev/null | cmp - /tmp/x && echo SAME")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
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
        assert machine.shell(ABOUT).split() == [
            "sda", "0:0:0:0", "16384", "0", "0", "unmap", "SKERRY", "write", "back", "pool/web",
            "sdb", "0:0:1:0", "2048", "1", "0", *machine.shell("cat /sys/class/scsi_disk/0:0:1:0/prov*").split(),
            "SKERRY", "write", "through", "fixed", "host0"]
        assert machine.shell(WRITE) == "SAME\n"
        machine.leave()
