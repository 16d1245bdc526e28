# SPDX-License-Identifier: MIT
"""
A network with two uplinks: loops are found, one uplink stands in for the other, the wire is told.
"""
import re
import subprocess

import fio
import qemu_monitor
from machine import Qemu, wait_for
from net import fetch, files, guest, ports, wait_shells
from ports import free_port

LAN = "[net lan]\nuplink = net0, net1\n"
WIRES = {"net0": "a", "net1": "b"}


def wire(folder, port):
    """Two cards and the host on one hub of QEMU's; what the host sees is kept, as either card's cable
    may be off."""
    return ("-netdev", f"user,id=u,hostfwd=tcp:127.0.0.1:{port}-10.0.2.15:80",
            "-netdev", "hubport,hubid=0,id=host,netdev=u",
            "-netdev", "hubport,hubid=0,id=a", "-device", "e1000e,netdev=a,mac=52:54:00:00:00:0a",
            "-netdev", "hubport,hubid=0,id=b", "-device", "e1000e,netdev=b,mac=52:54:00:00:00:0b",
            "-object", f"filter-dump,id=f,netdev=u,file={folder}/wire.pcap",
            *qemu_monitor.option(folder / "monitor"))


def link(machine):
    return machine.objects("net list")[0]["link"]


def wait_link(machine, *wanted):
    """Waits until the uplinks' links are as one of these says."""
    try:
        wait_for(lambda: link(machine) in wanted)
    except AssertionError:
        raise AssertionError(f"{link(machine)}\n{machine.command('log show')}") from None


def announced(folder, mac):
    """Returns how often that address was said to be here."""
    said = subprocess.run(["tcpdump", "-nn", "-e", "-r", folder / "wire.pcap", "ether proto 0x8035"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False)
    return len(re.findall(f"{mac} > ff:ff:ff:ff:ff:ff, .*Reverse ARP", said.stdout))


def links(of, first, second):
    """
    Returns the links as `net list` shows them, of the uplink in use at the start and of the
    other one.
    """
    return " ".join((first, second) if of == "net0" else (second, first))


def check_start(machine):
    """
    Checks that one card is blocked, not the card whose driver was ready first. Returns (in use,
    blocked).
    """
    wait_link(machine, "up blocked", "blocked up")
    found = ("net0", "net1") if link(machine) == "up blocked" else ("net1", "net0")
    said = "net lan: port {1} is blocked, it is in a loop with {0}".format(*found)
    assert said in machine.command("log show -l warning")
    (event,) = [row for row in machine.objects("events since 0") if row["event"] == "network"]
    assert event["reason"] == said and event["vm"] == ""
    return found


def test_one_stands_in(build, tmp_path):
    """
    With both cards on one wire, one is blocked, until the other's cable, or its driver, is
    gone.
    """
    port = free_port()
    conf = files(build, tmp_path, LAN, guest("alpha", "10.0.2.15", words="serve=hello"))
    with Qemu(build, bundle=conf, extra=wire(tmp_path, port)) as machine:
        machine.wait_prompt()
        used, other = check_start(machine)
        wait_shells(machine, "alpha")
        mac = ports(machine)["alpha"]["mac"]
        assert fetch(port) == "alpha says: hello\n"
        # one announcement, if an uplink opened behind alpha's card
        before = announced(tmp_path, mac)
        assert before <= 1
        with qemu_monitor.Monitor(tmp_path / "monitor") as monitor:
            cable = WIRES[used]
            monitor.command(f"set_link {cable} off")
            wait_link(machine, links(used, "down", "up"))
            assert fetch(port) == "alpha says: hello\n"
            wait_for(lambda: announced(tmp_path, mac) == before + 1)
            monitor.command(f"set_link {cable} on")
            wait_link(machine, links(used, "blocked", "up"))
        fio.die(machine, other, "driver restart")
        wait_link(machine, links(used, "up", "blocked"))
        assert fetch(port) == "alpha says: hello\n"
        wait_for(lambda: announced(tmp_path, mac) == before + 2)
        fio.die(machine, "lan.switch", "driver restart")
        # a new switch finds both there at once, in their order
        wait_link(machine, "up blocked")
        wait_for(lambda: announced(tmp_path, mac) == before + 3)
        assert fetch(port) == "alpha says: hello\n"
        states = {name: row["state"] for name, row in ports(machine).items()}
        assert states == {"alpha": "open", "net0": "open", "net1": "blocked"}


def test_refused(build, tmp_path):
    """A mistake in one uplink is reported, and costs nothing but that uplink."""
    conf = files(build, tmp_path, "[net lan]\nuplink = net7, net0\n"
                 "[net more]\nuplink = net0, net1, net1\n")
    with Qemu(build, bundle=conf, extra=wire(tmp_path, free_port())) as machine:
        machine.wait_prompt()
        said = machine.command("log show -l warning")
        for text in ('net lan: uplink: "net7" is no network card of this host',
                     "net more: uplink: net0 is the uplink of lan; give each",
                     "net more: uplink: net1 is the uplink of more; give each"):
            assert text in said, said
        wait_link(machine, "up")
        rows = {row["name"]: row["uplink"] for row in machine.objects("net list")}
        assert rows == {"lan": "net0", "more": "net1"}
