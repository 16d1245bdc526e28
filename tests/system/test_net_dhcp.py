# SPDX-License-Identifier: MIT
"""Networks whose addresses Skerry assigns: a guest's own DHCP client gets one, and nobody else gives any."""
import ipaddress

import pytest
from machine import Bochs, Qemu
from net import boot, files, guest, pings, ports, shell
from ring_3 import EMULATORS

LAN = "[net lan]\ndhcp = 10.7.0.0/16\ndhcp.router = 10.7.0.1\ndhcp.dns = 10.7.0.2\n"
# What udhcpc runs when it has a lease: it takes the address, and shows the rest.
SCRIPT = ("printf '#!/bin/sh\\n[ $1 = bound ] || exit 0\\nip address replace $ip/$mask dev $interface\\n"
          "echo got $ip/$mask router $router dns $dns for $lease\\n' >/bound; chmod +x /bound")
CLIENT = "ip link set eth0 up; udhcpc -i eth0 -n -q -t 5 -T 2 -s /bound"


def addresses(machine, name):
    row = next(row for row in machine.objects("vm list") if row["name"] == name)
    assert ports(machine)[name]["address"] == row["addresses"][0]
    return row["addresses"]


def lease(machine, name):
    """Lets the guest ask, and returns the address that it has got, which is the one that is shown."""
    shell(machine, name, SCRIPT)
    said = shell(machine, name, CLIENT)
    address, = addresses(machine, name)
    assert f"got {address}/16 router 10.7.0.1 dns 10.7.0.2 for 86400" in said, said
    assert ipaddress.ip_address(address) in ipaddress.ip_network("10.7.0.0/16")
    return address


def spoofed(machine, name):
    return ports(machine)[name]["dropped"]["spoofed"]


@pytest.mark.parametrize("emulator", EMULATORS)
def test_dhcp(build, tmp_path, emulator):
    """
    Two guests get addresses and reach each other by them, and keep them over a reset. What one sends
    as a DHCP server is dropped at its port.
    """
    conf = files(build, tmp_path, LAN, guest("alpha", ""), guest("beta", ""))
    with emulator(build, bundle=conf) as machine:
        machine.limit = 400
        boot(machine, "alpha", "beta")
        alpha, beta = lease(machine, "alpha"), lease(machine, "beta")
        assert alpha != beta
        assert pings(machine, "alpha", beta) == 3
        # renewing asks the server itself, whose address is nobody's
        assert "10.7.255.254" in shell(machine, "alpha", "arping -c 1 -I eth0 10.7.255.254")
        before, got = spoofed(machine, "beta"), ports(machine)["alpha"]["sent_frames"]
        shell(machine, "beta", f"timeout 9 tftp -g -r offer {alpha} 68")
        assert spoofed(machine, "beta") >= before + 2
        # alpha may have been asked for its address, and has had nothing else
        assert ports(machine)["alpha"]["sent_frames"] <= got + 2
        shell(machine, "beta", f"timeout 9 tftp -g -r offer {alpha} 70")
        assert ports(machine)["alpha"]["sent_frames"] >= got + 2
        machine.command("vm reset alpha")
        assert addresses(machine, "alpha") == [alpha]


def test_dhcp_vmx(build, tmp_path):
    """The same client on the other vendor's CPU."""
    conf = files(build, tmp_path, LAN, guest("alpha", ""))
    with Bochs(build, bundle=conf, memory="512M") as machine:
        machine.limit = 400
        boot(machine, "alpha")
        lease(machine, "alpha")


def test_no_address_left(build, tmp_path):
    """A VM for whose card there is no address does not start, and the console says why."""
    names = [f"g{i}" for i in range(6)]
    vms = [f"[vm {name}]\nkernel = built-in\nmemory = 4M\nautostart = yes\nnet = lan\n" for name in names]
    conf = files(build, tmp_path, "[net lan]\ndhcp = 10.7.0.0/29", *vms,
                 "[vm far]\nkernel = built-in\nmemory = 4M\nautostart = yes\nnet = lan address=10.8.0.1\n")
    with Qemu(build, bundle=conf) as machine:
        machine.wait_prompt()
        said = machine.transcript()
        assert "none of the addresses of dhcp = 10.7.0.0/29 is free; give it more" in said
        assert "address=10.8.0.1 is none of the network's, 10.7.0.0/29; use one of those" in said
