# SPDX-License-Identifier: MIT
"""IPv4 addresses that the configuration gives to cards: who has one keeps it, and can use it."""
from machine import Qemu
from net import boot, fetch, files, guest, host_page, pings, ports, shell, user_card
from ports import free_port
from test_net import LAN


def spoofed(machine, name):
    return ports(machine)[name]["dropped"]["spoofed"]


def check_thief(machine, port):
    """Checks the thief, which has alpha's address and a page there, and tells everyone so."""
    assert "thief says: stolen" in shell(machine, "thief", "wget -q -O - http://10.0.2.15/")
    before = spoofed(machine, "thief")
    for _ in range(3):
        shell(machine, "thief", "arping -U -c 2 -I eth0 10.0.2.15; arping -A -c 2 -I eth0 10.0.2.15")
        assert fetch(port) == "alpha says: hello\n"
        assert pings(machine, "beta", "10.0.2.15") == 3
        assert "alpha says" in shell(machine, "beta", "wget -q -O - http://10.0.2.15/")
    assert spoofed(machine, "thief") >= before + 12


def probe(machine, name, card, address):
    """The status of a search for an address that is about to be used: 0 is that nobody has it."""
    return shell(machine, name, f"ip link set {card} up; sleep 1; arping -D -c 3 -w 6 -I {card} {address} "
                                ">/dev/null; echo status $?").split("status ")[-1].split()[0]


def test_address(build, tmp_path):
    """
    A guest without `address=` takes that of another one, and answers nobody in its place. One with it
    reaches others and the world, finds out whether somebody on the wire has its address, and asks
    for it by DHCP. That guests are beside one with a machine channel is said.
    """
    port = free_port()
    conf = files(build, tmp_path, LAN, "[channel skerry]\nrights = view",
                 guest("alpha", "10.0.2.15", "lan address=10.0.2.15", "serve=hello") +
                 "port = skerry\nchannel = skerry",
                 guest("beta", "10.0.2.16", "lan address=10.0.2.16, lan address=10.0.2.2"),
                 guest("thief", "10.0.2.15", words="serve=stolen"))
    with host_page(b"the host says: hello\n") as page, \
            Qemu(build, bundle=conf, extra=user_card(port)) as machine:
        boot(machine, "alpha", "beta", "thief")
        for name in ("beta", "thief"):
            assert (f"warning: net lan: {name} is on it beside alpha, which has the machine channel skerry; "
                    "a [net] for alpha alone keeps guests away") in machine.transcript()
        check_thief(machine, port)
        assert "the host says: hello" in shell(machine, "alpha",
                                               f"wget -q -O - http://10.0.2.2:{page}/")
        assert probe(machine, "alpha", "eth0", "10.0.2.15") == "0"
        assert probe(machine, "beta", "eth1", "10.0.2.2") == "1"
        said = shell(machine, "alpha", "ip address flush dev eth0; udhcpc -i eth0 -n -q -s /bin/true")
        assert "lease of 10.0.2." in said, said
