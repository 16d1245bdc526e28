# SPDX-License-Identifier: MIT
"""Routers and servers of IPv6 that are guests: on a network whose addresses Skerry assigns nobody hears them."""
import bundle
import pytest

from machine import wait_for
from net import boot, guest, shell
from ring_3 import EMULATORS

HOSTILE = """[net lan]
dhcp = 10.7.0.0/16
[net open]
[vm hostile]
kernel = hostile_router.bin
memory = 16M
net = lan mac=52:54:00:00:00:0f address=10.7.0.15
net = open mac=52:54:00:00:00:0f
autostart = no
"""
PREFIX = "2001:db8:bad:"


def rows(machine):
    """The ports by their network and the VM's name."""
    return {(row["net"], row["port"]): row for row in machine.objects("net stat")}


@pytest.mark.parametrize("emulator", EMULATORS)
def test_router(build, tmp_path, emulator):
    """
    A guest advertises itself as a router, redirects, claims a neighbour's address and leases, openly and behind other headers. A Linux
    believes it on a network without `dhcp`, so that the frames are good ones, and gets not one of them on a network with it.
    """
    conf = HOSTILE + guest("victim", "", "lan mac=52:54:00:00:00:05\nnet = open mac=52:54:00:00:00:05")
    parts = bundle.debian(build / "guests") | bundle.tiny(build, "hostile_router")
    with emulator(build, bundle=bundle.make(tmp_path / "router.cpio", conf, parts)) as machine:
        machine.limit = 400
        boot(machine, "victim")
        shell(machine, "victim", "ip link set eth0 up; ip link set eth1 up")
        for line in ("vm create hostile", "vm start hostile"):
            machine.command(line)
        machine.attach("hostile")
        machine.wait("TRIES ")
        tries = int(machine.wait(r"\r?\n"), 16)
        machine.leave()
        assert tries == 12
        wait_for(lambda: PREFIX in shell(machine, "victim", "ip -6 address show dev eth1"))
        assert "default via fe80::1" in shell(machine, "victim", "ip -6 route show dev eth1")
        wait_for(lambda: rows(machine)["lan", "hostile"]["received_frames"] >= 3 * tries)
        for line in ("ip -6 address show dev eth0", "ip -6 route show dev eth0", "ip -6 neigh show dev eth0"):
            said = shell(machine, "victim", line)
            assert PREFIX not in said and "fe80::1 " not in said, said
        counts = rows(machine)
        assert counts["lan", "victim"]["sent_frames"] == 0, counts
        assert counts["lan", "hostile"]["dropped"]["spoofed"] >= 3 * tries, counts
        # of the others only the frame from another card's address is kept from the network without rules
        assert counts["open", "victim"]["sent_frames"] > 2 * (tries - 1), counts
