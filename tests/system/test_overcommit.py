# SPDX-License-Identifier: MIT
"""VMs that are promised more memory than there is: who needs some waits for it, nobody else does."""
import time

import pytest

import bundle
from machine import Bochs, Qemu, on_cpus, wait_for
from test_snapshot import one, refused, wait_counts

FIRM = "[vm firm]\nkernel = counter.bin\nmemory = 32M\nautostart = yes\n"
COPIES = "[vm copies]\nkernel = copies.bin\nmemory = 64M\nautostart = yes\novercommit = {how}\n"


def start(build, folder, how="yes", emulator=Qemu):
    files = bundle.make(folder / "overcommit.cpio", FIRM + COPIES.format(how=how),
                        bundle.tiny(build, "counter", "copies"))
    return emulator(build, bundle=files, memory="160M")


def touch(machine, name, key="b"):
    """64 MiB, without waiting for them."""
    machine.attach(name)
    machine.type(key)
    machine.leave()


def has_touched(machine, name):
    machine.attach(name)
    machine.wait("TOUCHED0x40")
    machine.leave()


def is_starved(machine, name):
    vm = machine.vm(name)
    return (vm["state"], vm["reason"]) == ("paused", "no memory")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
@pytest.mark.parametrize("key", ["b", "i"])
def test_waits(build, tmp_path, key, emulator):
    """
    Two clones have no room beside each other: one waits, until the other ends. It is the guest that
    touches its memory, or its monitor for it.
    """
    with start(build, tmp_path, emulator=emulator) as machine:
        machine.wait_prompt()
        wait_counts(machine, "firm")
        free = machine.free_pages()
        one(machine, "vm snapshot copies one")
        for name in ("alpha", "beta", "gamma"):
            assert one(machine, f"vm clone copies@one {name}")["state"] == "running"
        # a clone that has not yet answered holds all it was granted at first
        wait_for(lambda: free - machine.free_pages() < 1000)
        touch(machine, "alpha")
        has_touched(machine, "alpha")
        touch(machine, "beta", key)
        wait_for(lambda: is_starved(machine, "beta"))
        assert "beta: paused: no memory" in machine.command("log show -n 20")
        assert machine.command("vm list").count("no memory") == 1
        assert "no memory left for it: only" in refused(machine, "vm resume beta")
        # the other VMs have what they were promised, and the manager still answers
        wait_counts(machine, "firm")
        one(machine, "vm snapshot firm one")
        one(machine, "vm reset firm --to one")
        assert ": 0 found" in machine.command("audit")
        # gamma needs no page that it does not have, and its unused pages were taken from it
        assert machine.vm("gamma")["state"] == "running"
        machine.command("vm destroy alpha")
        has_touched(machine, "beta")
        one(machine, "vm renew gamma")
        assert machine.vm("beta")["state"] == "running"
        for name in ("beta", "gamma", "copies"):
            machine.command(f"vm destroy {name}")
        wait_counts(machine, "firm")
        assert ": 0 found" in machine.command("audit")


def test_without(build, tmp_path):
    """Without overcommit, what is promised has to be there."""
    with start(build, tmp_path, "no") as machine:
        machine.wait_prompt()
        wait_counts(machine, "firm")
        one(machine, "vm snapshot copies one")
        assert "memory: 64 MiB takes" in refused(machine, "vm clone copies@one alpha")


@pytest.mark.parametrize("count", [60, pytest.param(1000, marks=pytest.mark.long)])
def test_clones(build, tmp_path, count):
    """Clones of a tiny guest, whose quotas together would be more than there is."""
    # A clone that has not yet answered holds all it was granted at first, so there is room for a few
    # more. With all of their RAM the 60 would take 240 MiB.
    memory = "2G" if count > 100 else "112M"
    files = bundle.make(tmp_path / "clones.cpio",
                        "[vm base]\nkernel = built-in\nmemory = 4M\nautostart = yes\novercommit = yes\n")
    with Qemu(build, bundle=files, memory=memory) as machine:
        machine.wait_prompt()
        wait_for(lambda: machine.vm("base")["state"] == "running")
        one(machine, "vm snapshot base one")
        free = machine.free_pages()
        for number in range(count):
            assert one(machine, f"vm clone base@one c{number}")["state"] == "running"
        # the pages of an ended VM are freed once a CPU has nothing else to do; of the rest, some are what the guest wrote
        wait_for(lambda: (free - machine.free_pages()) * 4 / count < 420)
        print(f"{(free - machine.free_pages()) * 4 / count} KiB each")
        machine.attach(f"c{count - 1}")
        machine.type("k")
        machine.wait("you pressed 'k'")
        machine.leave()
        assert all(vm["state"] == "running" for vm in machine.objects("vm list"))
        assert ": 0 found" in machine.command("audit")


# The kernel's words that keep an idle Linux from waking once a second: a thousand of these guests
# share two emulated CPUs.
QUIET = "psi=0 nowatchdog tsc=reliable cgroup_disable=memory"
QUIETER = "sysctl -q -w vm.compaction_proactiveness=0 vm.stat_interval=3600"

DEBIAN = """[vm base]
kernel = vmlinuz
initrd = initramfs.cpio.gz
memory = 128M
cmdline = console=ttyS0 quiet {quiet} name=base
autostart = yes
affinity = {affinity}
overcommit = {how}
"""


def debian(build, folder, how):
    cpus, affinity = on_cpus(Qemu, 2)
    files = bundle.make(folder / "debian.cpio", DEBIAN.format(how=how, affinity=affinity, quiet=QUIET),
                        bundle.debian(build / "guests"))
    return Qemu(build, bundle=files, memory="8G", **cpus)


def uptime(machine, name):
    """Returns the uptime that the shell of a VM prints, in seconds."""
    machine.attach(name)
    up = float(machine.shell("cat /proc/uptime").split()[0])
    machine.leave()
    return up


@pytest.mark.long
@pytest.mark.parametrize("count", [10, 1000])
def test_debian_clones(build, tmp_path, count):
    """
    Clones of a Debian in its shell: each prints a line and idles beside the others, and answers when
    it is asked again. Together they have been promised many times what there is.
    """
    with debian(build, tmp_path, "yes") as machine:
        machine.wait_prompt()
        machine.attach_shell("base", 600)
        machine.shell(QUIETER)
        machine.leave()
        one(machine, "vm snapshot base ready")
        free, began = machine.free_pages(), time.monotonic()
        for number in range(count):
            assert one(machine, f"vm clone base@ready c{number}")["state"] == "running"
            machine.attach(f"c{number}")
            assert machine.shell(f"echo clone {number}") == f"clone {number}\n"
            machine.leave()
        print(f"{(free - machine.free_pages()) * 4 / count} KiB each, "
              f"{(time.monotonic() - began) / count} s each")
        up, asked = uptime(machine, "c0"), time.monotonic()
        until = machine.vm("c0")["uptime_ns"] + 10e9  # nobody talks to the VM until then
        wait_for(lambda: machine.vm("c0")["uptime_ns"] > until)
        assert 0.5 < (uptime(machine, "c0") - up) / (time.monotonic() - asked) < 1.5
        for number in range(0, count, max(1, count // 100)):
            machine.attach(f"c{number}")
            assert machine.shell(f"echo again {number}") == f"again {number}\n"
            machine.leave()
        rows = machine.objects("vm list")
        assert len(rows) == count + 1 and {row["state"] for row in rows} == {"running"}
        print(f"{(free - machine.free_pages()) * 4 / count} KiB each at the end")
        assert ": 0 found" in machine.command("audit", 600)


@pytest.mark.long
def test_debian_clones_promised(build, tmp_path):
    """
    A promised page has to be there: the clone that would be one too many is refused, in
    figures.
    """
    with debian(build, tmp_path, "no") as machine:
        machine.wait_prompt()
        machine.attach_shell("base", 600)
        machine.leave()
        one(machine, "vm snapshot base ready")
        for number in range(64):
            out = machine.command(f"vm clone base@ready c{number}")
            if "error" in out:
                break
        assert number > 40 and "memory: 128 MiB takes" in out, (number, out)
        assert len(machine.objects("vm list")) == number + 1
