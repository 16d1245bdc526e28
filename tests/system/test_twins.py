# SPDX-License-Identifier: MIT
"""What makes a clone another machine than its source: the generation ID, entropy, addresses."""
import gzip
import re

import pytest

import bundle
import net
from machine import ROOT, Bochs, Qemu

EMULATORS = {"qemu": Qemu, "bochs": Bochs}
SAVES = f"[host]\nstate_key = {'5a' * 32}\n[disk saves]\ncontroller = memory\nsize = 24M\n"
TWIN = "[vm twin]\nkernel = twin.bin\nmemory = 16M\nautostart = yes\n"
SAID = r"ID 0x(\w+) 0x(\w+) TOLD 0x(\w+)\r*\nDRAWN 0x(\w+) 0x(\w+)\r*\n"


def one(machine, line):
    """Returns the one object that a command gives."""
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
    """The generation ID changes wherever a guest goes on from an earlier moment, and only there."""
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
            assert "stopped: saved" in machine.command("vm save gamma saves")
            assert "gamma: running" in machine.command("vm restore gamma saves")
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


# The demonstration's kernels: alpha's has no driver for the generation ID, beta's has one.
KERNELS = """[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 128M
rng = yes
autostart = yes
[vm beta]
kernel = vmlinuz-trixie
initrd = initramfs-trixie.cpio.gz
cmdline = console=ttyS0 quiet name=beta no_timer_check
memory = 128M
autostart = yes
"""
FOLDERS = {"alpha": "guests", "beta": "guests-trixie"}
GUIDE = ROOT / "docs/guides/snapshots.md"


def test_table(build):
    """The guide's table says of both kernels what their configurations say."""
    for name, folder in FOLDERS.items():
        (config,) = (build / folder / "root/boot").glob("config-*")
        has_it = "CONFIG_VMGENID=y" in config.read_text().split("\n")
        (row,) = re.findall(rf"^\|.* which the demonstration's `{name}` is \| \W*(yes|no)\W* \|$",
                            GUIDE.read_text(), re.MULTILINE)
        assert row == ("yes" if has_it else "no")


def guide_lines():
    """
    Returns the guide's lines for a clone whose kernel has no driver for the generation ID. A
    program without a C library stands for the last line, as the guests here have no Perl.
    """
    lines = re.findall(r"^    ((?:dd if=/dev/hwrng|perl) .*?) *#", GUIDE.read_text(), re.MULTILINE)
    assert [line[:4] for line in lines] == ["dd i", "dd i", "perl"], lines
    return [*lines[:2], "/sbin/reseed || echo fai''led"]


def draw(machine, name, before=()):
    """Returns what a clone's /dev/urandom gives, read as the first thing behind those lines."""
    machine.attach(name)
    for line in before:
        assert "failed" not in machine.shell(line)
    drawn = machine.shell("head -c 16 /dev/urandom | od -An -tx1")
    machine.leave()
    assert re.fullmatch(r"( [0-9a-f]{2}){16}\n", drawn), drawn
    return drawn


def two_kernels(build):
    """Makes both kernels and their initramfs, alpha's with the program that reseeds."""
    files = bundle.debian(build / FOLDERS["alpha"])
    program = bundle.member(3000, "sbin/reseed", (build / "tests/guest/linux/reseed").read_bytes(),
                            bundle.PROGRAM)
    folder = bundle.member(2999, "sbin", mode=bundle.FOLDER)
    files["initramfs.cpio.gz"] += gzip.compress(folder + program + bundle.pack({}), mtime=0)
    newer = bundle.debian(build / FOLDERS["beta"])
    return files | {"vmlinuz-trixie": newer["vmlinuz"],
                    "initramfs-trixie.cpio.gz": newer["initramfs.cpio.gz"]}


def test_random_numbers(build, tmp_path):
    """
    Two clones of beta draw other random bytes, with nothing done before. So do two of alpha behind
    what the guide tells; without it they draw the same until Linux reseeds, as it warns.
    """
    files = bundle.make(tmp_path / "twins.cpio", KERNELS, two_kernels(build))
    with Qemu(build, bundle=files, memory="2G") as machine:
        net.boot(machine, "alpha", "beta")
        for source in ("alpha", "beta"):
            # No reseeding is due, so that nothing else makes the numbers of clones differ.
            net.shell(machine, source, "sleep 20; head -c 16 /dev/urandom >/dev/null")
            machine.good(f"vm snapshot {source} ready")
            for number in range(4):
                machine.good(f"vm clone {source}@ready {source}{number}")
        drawn = [draw(machine, f"beta{number}") for number in range(4)]
        assert len(set(drawn)) == 4, drawn
        print([draw(machine, f"alpha{number}") for number in (0, 1)])
        drawn = [draw(machine, f"alpha{number}", guide_lines()) for number in (2, 3)]
        assert drawn[0] != drawn[1], drawn
        assert ": 0 found" in machine.command("audit")


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
        for words, said in (("net=no", 'there is no network "no"; the networks are lan, test'),
                            ("test", '"test" is not valid; use net=NAME'),
                            ("net=test net=lan", "2 networks are too many; give at most 1"),
                            ("net=lan", "its address is that of alpha; each card needs its own, "
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
                      "echo $d >unbind; echo $d >bind; cd /; ip link set eth0 up; "
                      "until grep 1 /sys/class/net/eth0/carrier; do usleep 100000; done")
        machine.leave()
        one(machine, "vm renew gamma")
        assert net.shell(machine, "gamma", carrier) == "1\n"
        assert net.shell(machine, "gamma", address) != own
        one(machine, "vm renew beta")
        assert net.pings(machine, "beta", "10.0.2.16") == 3
        assert ": 0 found" in machine.command("audit")
