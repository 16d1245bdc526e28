# SPDX-License-Identifier: MIT
"""VMs that start by a PC's firmware: SeaBIOS of Debian, unmodified, from reset to what a disk boots."""
import pytest

import bundle
import firmware
from machine import Bochs, Qemu

SEEN = (r"SeaBIOS \(version", "Booting from Hard Disk", "SECTOR runs", "SECOND sector", "CLOCK read",
        "MEMORY map read")


def wait_sector(machine):
    for line in SEEN:
        machine.wait(line)


def make_bundle(tmp_path, conf, files=None):
    return bundle.make(tmp_path / "firmware.cpio", conf, firmware.seabios() | (files or {}))


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_boot_sector(build, tmp_path, emulator):
    """The firmware finds a virtio disk and starts its first sector, whose calls it serves."""
    conf = firmware.MEMORY_DISK + firmware.vm(more="autostart = yes\n")
    files = make_bundle(tmp_path, conf, {"disk.img": firmware.disk(tmp_path)})
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("pc")
        wait_sector(machine)
        machine.type("k")
        machine.wait("KEY k")
        machine.type("r")  # by the reset control, and through the firmware again
        wait_sector(machine)
        machine.leave()
        machine.good("vm reset pc")
        machine.attach("pc")
        wait_sector(machine)
        machine.type("o")
        machine.wait("pc: stopped: guest powered off")
        log = machine.command("log show")
        assert "pc: firmware: Running on QEMU (i440fx)" in log
        assert "pc: firmware: found virtio-blk at 00:10.0" in log
