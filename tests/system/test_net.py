# SPDX-License-Identifier: MIT
"""Networks: guests among themselves and with the world, what is shown of them, what is refused."""
import base64
import re
import subprocess

import pytest

import bundle
import fio
from machine import Bochs, Qemu, wait_for
from net import boot, fetch, files, guest, host_page, pings, ports, shell, user_card, wait_shells
from ports import free_port

LAN = "[net lan]\nuplink = net0\n"


TINY = """[vm {name}]
kernel = net_share.bin
cmdline = {words}
memory = 16M
autostart = {autostart}
net = {net} mac=52:54:00:00:00:0{number}
"""


def tiny(name, number, words, net="lan", autostart="yes"):
    """A guest that floods or answers (tests/guest/net_share.c)."""
    return TINY.format(name=name, number=number, words=words, net=net, autostart=autostart)


@pytest.fixture
def page():
    with host_page(b"the host says: hello\n") as port:
        yield port


def stat(machine, name):
    return {row["reason"]: row["count"] for row in machine.objects(f"vm stat {name}")}


def port_of(machine, name):
    """Returns the first port of that VM."""
    return next(row for row in machine.objects("net stat") if row["port"] == name)


def check_world(machine, page):
    """A guest fetches the host's page; what went by is counted, and shown of the network."""
    assert "the host says: hello" in shell(machine, "alpha",
                                           f"wget -q -O - http://10.0.2.2:{page}/")
    (net,) = machine.objects("net list")
    assert net == {"name": "lan", "state": "ready", "problem": "", "uplink": "net0",
                   "link": "up", "mtu": 1500, "ports": 3}
    counts = ports(machine)
    assert set(counts) == {"alpha", "beta", "net0"}
    assert counts["net0"]["received_frames"] >= 4 and counts["net0"]["sent_frames"] >= 4
    assert counts["alpha"]["sent_bytes"] > 300 and counts["beta"]["received_frames"] >= 4
    rows = stat(machine, "alpha")
    assert rows["card-0-sent-frames"] >= counts["alpha"]["received_frames"]
    assert rows["card-0-received-bytes"] > 300 and rows["card-0-sent-bytes"] > 300
    assert "card-0-lost-nobody" not in rows and "card-1-sent-frames" not in rows
    assert counts["alpha"]["mac"] in shell(machine, "alpha", "ip link show eth0")
    assert counts["alpha"]["mac"] != counts["beta"]["mac"]


def check_announced(machine):
    """A new switch asks guests to make themselves known, and the others hear it."""
    mac = port_of(machine, "alpha")["mac"]
    shell(machine, "beta", "echo 1 >/proc/sys/net/ipv4/conf/eth0/arp_accept")
    forget = "ip link set eth0 arp off; ip link set eth0 arp on"
    assert mac not in shell(machine, "beta", f"{forget}; ip -4 neigh")
    fio.die(machine, "lan.switch", "driver restart")
    wait_for(lambda: mac in shell(machine, "beta", "ip -4 neigh"))


def test_guests_and_the_world(build, tmp_path, page):
    """
    Two guests reach each other, and the host, which reaches one of them; it is counted. The switch
    and the card's driver are ended: the guests go on; and a VM leaves its port.
    """
    port = free_port()
    conf = files(build, tmp_path, LAN, guest("alpha", "10.0.2.15", words="serve=hello"),
                 guest("beta", "10.0.2.16"))
    with Qemu(build, bundle=conf, extra=user_card(port)) as machine:
        boot(machine, "alpha", "beta")
        assert pings(machine, "alpha", "10.0.2.16") == 3
        check_world(machine, page)
        assert fetch(port) == "alpha says: hello\n"
        check_announced(machine)
        for name in ("net0", "lan.switch", "net0"):
            fio.die(machine, name, "driver restart")
            assert fetch(port) == "alpha says: hello\n"
            assert pings(machine, "alpha", "10.0.2.16", 2) == 2
        machine.command("vm destroy beta")
        assert set(ports(machine)) == {"alpha", "net0"}
        assert fetch(port) == "alpha says: hello\n"


def test_under_vmx(build, tmp_path):
    """On Bochs, guests that boot at once reach each other, and a host by its e1000 and back."""
    conf = bundle.make(tmp_path / "net.cpio", LAN + tiny("alpha", 1, "reach") + tiny("beta", 2, "") +
                       tiny("gamma", 3, "flood to=2", autostart="no"),
                       bundle.tiny(build, "net_share"))
    with Bochs(build, bundle=conf, card=True, memory="512M") as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        for number in (1, 2, 3):
            machine.wait(f"REACHED 0x0*{number}\r*\n")
        machine.leave()
        counts = ports(machine)
        assert counts["net0"]["sent_frames"] >= 6 <= counts["net0"]["received_frames"]
        machine.command("vm create gamma")
        machine.command("vm start gamma")
        wait_for(lambda: ports(machine)["gamma"]["sent_frames"] > 10)


@pytest.mark.long
def test_linux_under_vmx(build, tmp_path, page):
    """Debian runs on Bochs, where its boot is 30 s of computing."""
    conf = bundle.make(tmp_path / "net.cpio", LAN + guest("alpha", "10.0.2.15") + tiny("beta", 2, "") +
                       tiny("gamma", 3, "flood to=2", autostart="no"),
                       bundle.debian(build / "guests") | bundle.tiny(build, "net_share"))
    with Bochs(build, bundle=conf, card=True, memory="512M") as machine:
        boot(machine, "alpha")
        machine.command("vm create gamma")
        machine.command("vm start gamma")
        wait_for(lambda: ports(machine)["gamma"]["sent_frames"] > 10)
        machine.command("vm destroy gamma")
        check_world(machine, page)


def captured(machine, command):
    rows = machine.channel.result(command)
    return b"".join(base64.b64decode(row["pcapng"]) for row in rows)


def test_capture(build, tmp_path):
    """Stock tools read what `net capture` gives; at the console it has a line for each frame."""
    conf = files(build, tmp_path, "[channel com2]\nrights = view inspect\n[net lan]\n",
                 guest("alpha", "10.0.2.15"), guest("beta", "10.0.2.16"))
    with Qemu(build, bundle=conf, channel=True) as machine:
        boot(machine, "alpha", "beta")
        machine.attach("alpha")
        machine.shell("(ping -i 0.2 10.0.2.16 >/dev/null 2>&1 &)")
        machine.leave()
        path = tmp_path / "lan.pcapng"
        path.write_bytes(captured(machine, "net capture lan 60 8"))
        for words in (["tcpdump", "-nn", "-r"], ["tshark", "-n", "-r"]):
            out = subprocess.run(words + [path], stdout=subprocess.PIPE, text=True,
                                 stderr=subprocess.DEVNULL, check=True).stdout
            assert len(out.strip().split("\n")) == 8, out
            assert "10.0.2.15" in out and "10.0.2.16" in out and "ICMP" in out, out
        said = machine.command("net capture lan 60 4")
        assert len(re.findall(r" type [0-9a-f]{4}, [0-9]+ bytes", said)) == 4, said
        assert " type 0800, 98 bytes" in said
        assert "ports" in machine.objects("net list")[0]
        wait_for(lambda: machine.objects("net list")[0]["ports"] == 2)
        for line, said in (("lam 3", 'there is no network "lam"'),
                           ("lan 0", '"0" is not valid; use a number of seconds from 1 to 86400'),
                           ("lan 1 x", '"x" is not valid; use a number of frames from 1')):
            assert said in machine.command(f"net capture {line}")


REFUSED = """[net lan]
uplink = net0 00:1f.0

[net small]
mtu = 1400

[net wrong]
mtu = 10

[disk twice.switch]
controller = memory
size = 64K

[net twice]
"""


def test_refused(build, tmp_path):
    """A mistake in a network is reported, and costs only those who asked for it."""
    conf = files(build, tmp_path, REFUSED,
                 guest("same", "10.0.2.15", "lan mac=52:54:00:00:00:01"),
                 guest("other", "10.0.2.16", "lan mac=52:54:00:00:00:01"),
                 guest("none", "10.0.2.17", "nowhere"),
                 guest("broken", "10.0.2.18", "wrong"),
                 guest("maybe", "10.0.2.19", "nowhere optional, small"))
    with Qemu(build, bundle=conf) as machine:
        machine.wait_prompt()
        said = machine.transcript() + machine.command("log show")
        for text in ('mtu: "10" is not valid; use a number of bytes from 1280 to 9000',
                     'net lan: uplink: "net0 00:1f.0" is no network card',
                     "net lan: its address is that of same; each card needs its own, mac= sets it",
                     "net nowhere: there is no section [net] of that name",
                     "net twice: there is a driver twice.switch already; each name can be there once",
                     "net wrong: its section has a mistake",
                     "maybe: starts without net nowhere: there is no section"):
            assert text in said, text
        wait_shells(machine, "same")
        machine.attach_shell("maybe")
        assert "mtu 1400" in machine.shell("ip link show eth0")
        machine.leave()
        states = {vm["name"]: vm["state"] for vm in machine.objects("vm list")}
        assert states["same"] == "running" and states["maybe"] == "running"
        assert not {"other", "none", "broken"} & {n for n, s in states.items() if s == "running"}
        assert 'the key "net" cannot change while same is running' in machine.command("vm set same net=lan")
        assert "use a number from 1" in machine.command("vm set same net.weight=0")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_vlans(build, tmp_path, emulator):
    """Guests reach those of their VLAN only; a private port reaches no other private port."""
    guests = (("red", "flood to=2", "vlan=5"), ("pink", "", "vlan=5"),
              ("stray", "flood to=4", "vlan=5"), ("plain", "", ""),
              ("hidden", "flood to=6", "private"), ("other", "", "private"),
              ("open", "flood to=8", ""), ("shy", "", "private"))
    conf = "[net lan]\n" + "".join(tiny(name, number, words, f"lan {port}")
                                   for number, (name, words, port) in enumerate(guests, 1))
    conf = bundle.make(tmp_path / "net.cpio", conf, bundle.tiny(build, "net_share"))
    with emulator(build, bundle=conf) as machine:
        machine.wait_prompt()
        # all have started by then, the last one behind who floods it
        wait_for(lambda: len(ports(machine)) == len(guests))
        before = ports(machine)
        wait_for(lambda: all(ports(machine)[name]["received_frames"] > before[name]["received_frames"] + 1000
                             for name in ("red", "stray", "hidden", "open")))
        wait_for(lambda: ports(machine)["pink"]["sent_frames"] > 0 < ports(machine)["shy"]["sent_frames"])
        counts = ports(machine)
        for name, reached in (("pink", True), ("plain", False), ("other", False), ("shy", True)):
            assert (counts[name]["sent_frames"] > 0) == reached, (name, counts)
        assert counts["stray"]["dropped"]["nobody"] > 0 < counts["hidden"]["dropped"]["nobody"]


@pytest.mark.long
def test_linux(build, tmp_path):
    """TCP over IPv6 in large segments; a guest's filter of VLANs."""
    conf = "[net lan]\n" + guest("alpha", "10.0.2.15", "lan trunk mac=52:54:00:00:00:01",
                                "serve=hello")
    conf += guest("beta", "10.0.2.16", "lan\nnet = lan vlan=5")
    conf += tiny("gamma", 3, "flood to=1", "lan vlan=6", autostart="no")
    conf = bundle.make(tmp_path / "net.cpio", conf, bundle.tiny(build, "net_share") |
                       bundle.debian_modules(build / "guests", bundle.VLAN_MODULES))
    with Qemu(build, bundle=conf) as machine:
        boot(machine, "alpha", "beta")
        quick = "echo 0 >/proc/sys/net/ipv6/conf/eth0/dad_transmits; "
        shell(machine, "alpha", f"{quick}ip -6 address add fd00::1/64 dev eth0; "
              "ip link add link eth0 name tagged type vlan id 5; ip link set tagged up; "
              "ip address add 10.0.5.1/24 dev tagged")
        shell(machine, "beta", f"{quick}ip -6 address add fd00::2/64 dev eth0; ip link set eth1 up; "
              "ip address add 10.0.5.2/24 dev eth1")
        before = port_of(machine, "alpha")
        sent = shell(machine, "alpha", "dd if=/dev/urandom of=/www/sent bs=64k count=32 2>/dev/null; "
                     "md5sum </www/sent")
        got = shell(machine, "beta", "wget -q -O - http://[fd00::1]/sent | md5sum")
        assert re.findall("[0-9a-f]{32}", got) == re.findall("[0-9a-f]{32}", sent), (got, sent)
        after = port_of(machine, "alpha")
        size, count = (after[key] - before[key] for key in ("received_bytes", "received_frames"))
        print(f"{size} bytes in {count} frames")
        assert size / count > 1600, (size, count) # no frame of 1,500 bytes is so long
        # a VLAN that the guest has not asked for
        filtered = stat(machine, "alpha").get("card-0-lost-filtered", 0)
        machine.command("vm create gamma")
        machine.command("vm start gamma")
        wait_for(lambda: stat(machine, "alpha").get("card-0-lost-filtered", 0) > filtered + 1000)
        machine.command("vm destroy gamma")
        # the guest is in the VLAN that it has asked for
        assert pings(machine, "alpha", "10.0.5.2") == 3


def test_two_machines(build, tmp_path):
    """Two machines have their cards on one wire: a guest on one reaches a guest on the other."""
    port = free_port()
    words = {"left": f"listen=127.0.0.1:{port}", "right": f"connect=127.0.0.1:{port}"}
    machines = {}
    for number, (name, wire) in enumerate(words.items(), 1):
        conf = bundle.make(tmp_path / f"{name}.cpio", LAN + guest(name, f"10.0.2.{number}"),
                           bundle.debian(build / "guests"))
        card = f"e1000e,netdev=n,mac=52:54:00:00:00:0{number}"
        machines[name] = {"bundle": conf, "memory": "512M",
                          "extra": ("-netdev", f"socket,id=n,{wire}", "-device", card)}
    with Qemu(build, **machines["left"]) as left:
        boot(left, "left")  # which listens by now
        with Qemu(build, **machines["right"]) as right:
            boot(right, "right")
            assert pings(left, "left", "10.0.2.2") == 3
            assert pings(right, "right", "10.0.2.1") == 3
