# SPDX-License-Identifier: MIT
"""Lists of what a guest may reach: what they name is reached, and a guest that tries to get round one does not."""
import bundle
import pytest
from machine import Bochs, Qemu, wait_for
from net import boot, files, guest, host_page, pings, ports, shell, way_out
from ring_3 import EMULATORS
from test_net import LAN

TINY = """[vm {name}]
kernel = {kernel}.bin
cmdline = {words}
memory = 16M
net = lan mac=52:54:00:00:00:{mac} address={address}
autostart = {start}
"""


def hostile(build, tmp_path):
    """Two receivers, and a guest that is not to reach the second, nor what else it tries."""
    conf = "[net lan]\n"
    conf += TINY.format(name="host", kernel="net_share", words="count", mac="05", address="10.0.2.5", start="yes")
    conf += TINY.format(name="near", kernel="net_share", words="count", mac="06", address="10.0.2.6", start="yes")
    conf += TINY.format(name="hostile", kernel="hostile_egress", words="", mac="0f", address="10.0.2.15", start="no")
    conf += "net.egress = 10.0.2.5:443/tcp\n"
    return bundle.make(tmp_path / "egress.cpio", conf, bundle.tiny(build, "net_share", "hostile_egress"))


def check_hostile(machine):
    """
    Of all that the guest has sent its ARP for the listed host and a packet for that have arrived; the
    rest is counted where it was dropped.
    """
    machine.wait_prompt()
    for line in ("vm create hostile", "vm start hostile"):
        machine.command(line)
    machine.attach("hostile")
    machine.wait("TRIED ")
    tried = int(machine.wait(r"\r?\n"), 16)
    machine.leave()
    wait_for(lambda: ports(machine)["hostile"]["received_frames"] == tried + 2)
    # a frame that has been counted as received may be on its way yet
    wait_for(lambda: ports(machine)["host"]["sent_frames"] + sum(ports(machine)["hostile"]["dropped"].values()) >= tried + 2)
    rows = ports(machine)
    dropped = rows["hostile"]["dropped"]
    assert rows["host"]["sent_frames"] == 2 and rows["near"]["sent_frames"] == 0, rows
    assert sum(dropped.values()) == tried == 32, dropped
    assert dropped["egress"] == 23 and dropped["spoofed"] == 6 and dropped["bad"] == 2 and dropped["vlan"] == 1


def test_hostile(build, tmp_path):
    with Qemu(build, bundle=hostile(build, tmp_path)) as machine:
        check_hostile(machine)


def test_hostile_vmx(build, tmp_path):
    with Bochs(build, bundle=hostile(build, tmp_path)) as machine:
        check_hostile(machine)


def check_refused(machine, line):
    """Runs a command in the listed guest that reaches nothing, and is counted."""
    before = ports(machine)["alpha"]["dropped"]["egress"]
    said = shell(machine, "alpha", line + "; echo status $?")
    assert "status 0" not in said, said
    assert ports(machine)["alpha"]["dropped"]["egress"] > before, line


@pytest.mark.parametrize("emulator", EMULATORS)
def test_list(build, tmp_path, emulator):
    """
    A Debian fetches from a neighbour and from the host what its list names, and nothing else; it does
    not answer others. A VM without an address does not start with a list, and says why.
    """
    with host_page(b"the host says: hello\n") as page:
        egress = f"net.egress = 10.0.2.16:80/tcp, 10.0.2.2:{page}/tcp"
        conf = files(build, tmp_path, LAN,
                     guest("alpha", "10.0.2.15", "lan address=10.0.2.15") + egress,
                     guest("beta", "10.0.2.16", "lan address=10.0.2.16", "serve=hello"),
                     "[vm stray]\nkernel = built-in\nmemory = 4M\nnet = lan\nnet.egress = none")
        with emulator(build, bundle=conf, **way_out(emulator)) as machine:
            machine.limit = 400
            boot(machine, "alpha", "beta")
            assert egress in machine.command("config show")
            assert "beta says: hello" in shell(machine, "alpha", "wget -q -O - http://10.0.2.16/")
            assert "the host says: hello" in shell(machine, "alpha", f"wget -q -O - http://10.0.2.2:{page}/")
            check_refused(machine, "timeout 3 wget -q -O - http://10.0.2.16:81/")
            check_refused(machine, "ping -c 2 -W 2 10.0.2.16")
            check_refused(machine, "ping -c 1 -W 2 -s 3000 10.0.2.16")
            check_refused(machine, "arping -c 2 -w 3 -I eth0 10.0.2.3")
            check_refused(machine, "timeout 3 nslookup example.org 10.0.2.2")
            assert pings(machine, "beta", "10.0.2.15", 1) == 0
            machine.command("driver restart lan.switch") # the next one has the list, too
            assert "beta says: hello" in shell(machine, "alpha", "wget -q -O - http://10.0.2.16/")
            check_refused(machine, "timeout 3 wget -q -O - http://10.0.2.16:81/")
            said = machine.command("vm create stray") + machine.command("vm start stray")
            assert ("net lan: net.egress needs the card's address; set address= behind the network's name, or "
                    "dhcp in the network's section") in said, said
