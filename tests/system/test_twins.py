# SPDX-License-Identifier: MIT
"""What makes a clone another machine than its source: the generation ID, entropy, addresses."""
import pytest

import bundle
import net
from machine import Bochs, Qemu

EMULATORS = {"qemu": Qemu, "bochs": Bochs}
SAVES = f"[host]\nstate_key = {'5a' * 32}\n[disk saves]\ncontroller = memory\nsize = 24M\n"
TWIN = "[vm twin]\nkernel = twin.bin\nmemory = 16M\nautostart = yes\n"
SAID = r"ID 0x(\w+) 0x(\w+) TOLD 0x(\w+)\r*\nDRAWN 0x(\w+) 0x(\w+)\r*\n"


def one(machine, line):
    """The one object that a command gives."""
    (answer,) = machine.objects(line)
    return answer


def ask(machine, name):
    """The guest's generation ID, how often it was told of another one, and what it drew."""
    machine.attach(name)
    machine.type("g")
    machine.wait(SAID)
    said = [int(word, 16) for word in machine.match().groups()]
    machine.leave()
    return tuple(said[0:2]), said[2], tuple(said[3:5])


@pytest.mark.parametrize("emulator", EMULATORS)
def test_tiny(build, tmp_path, emulator):
    """Another id wherever a guest goes on from a moment that was before, and only there."""
    files = bundle.make(tmp_path / "twins.cpio", SAVES + TWIN + "rng = yes\n",
                        bundle.tiny(build, "twin"))
    drawn = set()
    with EMULATORS[emulator](build, bundle=files) as machine:
        machine.wait_prompt()

        def check(name, told):
            """Returns the id; no draw comes twice."""
            identity, heard, bytes_drawn = ask(machine, name)
            assert identity != (0, 0) and heard == told
            assert bytes_drawn not in drawn, (bytes_drawn, drawn)
            drawn.add(bytes_drawn)
            return identity

        first = check("twin", 0)
        for line in ("vm pause twin", "vm resume twin", "vm renew twin", "vm snapshot twin one"):
            assert "error" not in machine.command(line)
        assert check("twin", 0) == first
        seen = {first}
        for name in ("beta", "gamma"):
            one(machine, f"vm clone twin@one {name}")
            seen.add(check(name, 1))
        for _ in range(3):
            one(machine, "vm reset twin --to one")
            seen.add(check("twin", 1))
        assert len(seen) == 6, seen
        one(machine, "vm renew beta")
        assert check("beta", 1) in seen
        one(machine, "vm reset beta")
        assert check("beta", 0) in seen
        for told in (2, 3):
            assert "stopped: saved" in machine.command("vm save gamma saves", 60)
            assert "gamma: running" in machine.command("vm restore gamma saves", 60)
            seen.add(check("gamma", told))
        assert len(seen) == 8, seen
        assert ": 0 found" in machine.command("audit")


def test_without_pci(build, tmp_path):
    """A VM without PCI has no generation ID, and its clones go on as ever."""
    files = bundle.make(tmp_path / "plain.cpio", TWIN + "pci = off\n", bundle.tiny(build, "twin"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("twin")
        machine.wait("NONE\r*\nPASS started")
        machine.leave()
        one(machine, "vm snapshot twin one")
        one(machine, "vm clone twin@one beta")
        one(machine, "vm reset twin --to one")
        for name in ("beta", "twin"):
            machine.attach(name)
            machine.type("q")
            machine.wait("DONE")
            machine.wait_end(name)
            machine.wait_prompt()


NETS = "[net lan]\n[net test]\n"


def test_networks(build, tmp_path):
    """
    A clone's card has no link, also after `vm renew`; on a network that is named for it the guest
    goes on with the address that it has.
    """
    files = net.files(build, tmp_path, NETS, net.guest("alpha", "10.0.2.15"),
                      net.guest("peer", "10.0.2.16", "test"))
    carrier = "cat /sys/class/net/eth0/carrier"
    address = "cat /sys/class/net/eth0/address"
    with Qemu(build, bundle=files) as machine:
        net.boot(machine, "alpha", "peer")
        assert net.pings(machine, "alpha", "10.0.2.16", 1) == 0
        own = net.shell(machine, "alpha", address)
        one(machine, "vm snapshot alpha ready")
        for words, said in (("net=no", 'found the network "no", allowed: lan, test'),
                            ("test", 'found "test", allowed: net=NAME'),
                            ("net=test net=lan", "found 2 networks, allowed: at most 1"),
                            ("net=lan", "its address is that of alpha, allowed: each once; "
                                        "net= names another network")):
            assert said in machine.command(f"vm clone alpha@ready beta {words}")
        assert [vm["name"] for vm in machine.objects("vm list")] == ["alpha", "peer"]
        one(machine, "vm clone alpha@ready beta net=test")
        assert net.pings(machine, "beta", "10.0.2.16") == 3
        assert net.shell(machine, "beta", f"{carrier}; {address}") == f"1\n{own}"
        one(machine, "vm clone alpha@ready gamma")
        for _ in range(2):
            assert net.shell(machine, "gamma", f"{carrier}; {address}") == f"0\n{own}"
            one(machine, "vm renew gamma")
        machine.attach("gamma")
        machine.shell("cd /sys/bus/virtio/drivers/virtio_net; d=$(ls -d virtio*); "
                      "echo $d >unbind; echo $d >bind; cd /; ip link set eth0 up; sleep 1")
        assert machine.shell(carrier) == "1\n"
        machine.leave()
        one(machine, "vm renew gamma")
        assert net.shell(machine, "gamma", carrier) == "1\n"
        assert net.shell(machine, "gamma", address) != own
        one(machine, "vm renew beta")
        assert net.pings(machine, "beta", "10.0.2.16") == 3
        assert ": 0 found" in machine.command("audit")
