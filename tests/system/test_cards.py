# SPDX-License-Identifier: MIT
"""The host's network cards and virtio disks, driven by processes that may die."""
import hashlib
import random

import pytest

import fio
import qemu_monitor
import test_nvme
from machine import Qemu, wait_for
from net import boot, fetch, files, guest, pings, user_card
from ports import free_port

LAN = "[net lan]\nuplink = net0\n"


# By a line; by MSI-X. test_net.py has the e1000e.
@pytest.mark.parametrize("model", ["e1000", "virtio-net-pci,disable-legacy=on,iommu_platform=on"])
def test_card(build, tmp_path, model):
    """A way to the host, which comes back after the driver's death and with its cable."""
    port = free_port()
    conf = files(build, tmp_path, LAN, guest("alpha", "10.0.2.15", words="serve=hello"))
    extra = user_card(port, model) + qemu_monitor.option(tmp_path / "monitor")
    with Qemu(build, bundle=conf, extra=extra) as machine:
        boot(machine, "alpha")
        assert pings(machine, "alpha", "10.0.2.2") == 3
        assert fetch(port) == "alpha says: hello\n"
        fio.die(machine, "net0", "driver restart")
        assert fetch(port) == "alpha says: hello\n"
        with qemu_monitor.Monitor(tmp_path / "monitor") as monitor:
            for state, word in (("off", "down"), ("on", "up")):
                monitor.command(f"set_link n {state}")
                wait_for(lambda: machine.objects("net list")[0]["link"] == word)
                assert f"driver net0: the link is {word}" in machine.command("log show -c device")
        assert fetch(port) == "alpha says: hello\n"
        assert "unexpected interrupt" not in machine.command("log show")


def test_mtu(build, tmp_path):
    """A card that cannot carry the network's frames says so; the network is there without it."""
    conf = files(build, tmp_path, LAN + "mtu = 9000\n")
    extra = user_card(free_port(), "virtio-net-pci,host_mtu=1500")
    with Qemu(build, bundle=conf, extra=extra) as machine:
        machine.wait_prompt()
        wait_for(lambda: "the card has an MTU of 1500, its network 9000" in
                 machine.command("log show -c device"))
        rows = {row["name"]: row["state"] for row in machine.objects("driver list")}
        assert rows == {"lan.switch": "ready", "net0": "failed"}


def test_virtio_disk(build, tmp_path):
    """A virtio disk works by its interrupt, with its data, and again after its driver has died."""
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(1).randbytes(test_nvme.MEBIBYTES << 20))
    conf = files(build, tmp_path, test_nvme.CONF.format(controller="virtio0"))
    extra = ("-drive", f"if=none,id=disk,format=raw,file={path}",
             "-device", "virtio-blk-pci,drive=disk,addr=4")
    with Qemu(build, bundle=conf, extra=extra) as machine:
        machine.wait_prompt()
        assert machine.objects("pci 00:04.0")[0]["driver"] == "virtio_blk"
        machine.attach_shell("alpha")
        assert test_nvme.digest(machine) == hashlib.md5(path.read_bytes()).hexdigest()
        # without interrupts the driver looks only ten times a second
        assert test_nvme.quickest(machine) < 10
        machine.shell("dd if=/dev/zero of=/dev/vda bs=64k count=32 seek=16 conv=fsync")
        assert path.read_bytes()[1 << 20:3 << 20] == bytes(2 << 20)
        machine.leave()
        fio.die(machine, "virtio0", "driver restart")
        machine.attach("alpha")
        assert test_nvme.digest(machine) == hashlib.md5(path.read_bytes()).hexdigest()
        machine.leave()
