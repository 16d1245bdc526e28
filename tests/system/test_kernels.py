# SPDX-License-Identifier: MIT
"""Debian's Linux kernels from 2020 to today: disk, network, balloon, snapshots, renewal, power-off."""
import re

import pytest

import bundle
from machine import Bochs, Qemu, wait_for
from net import guest, pings, shell
from test_foreign import make

# In iso/foreign.mk; what `uname -r` begins with.
KERNELS = {"bullseye-cloud-amd64": "5.10.", "bullseye-686": "5.10.", "bookworm-amd64": "6.1.",
           "bookworm-rt-amd64": "6.1.", "trixie-cloud-amd64": "6.12.", "sid-cloud-amd64": ""}
BOCHS = ("bullseye-cloud-amd64", "trixie-cloud-amd64", "sid-cloud-amd64")
DISK = "[disk data]\ncontroller = memory\nsize = 4M\n[net lan]\n"
# The lines that a kernel logs as errors without being wrong: these CPUs' and this bus'
# peculiarities.
KNOWN = ("RETBleed", "Spectre", "MDS ", "MMIO Stale", "TAA", "SRSO", "L1TF", "Speculative", "TSA",
         "is not recommended", "no_timer_check", "module verification")


def complaints(machine, name):
    """Returns what the guest's kernel has logged as errors and worse."""
    said = shell(machine, name, "dmesg -r | grep '^<[0-3]>'; "
                                "dmesg | grep -A 20 -E 'Call Trace|\\] (BUG|WARNING):'")
    return [line for line in said.split("\n") if line and not any(word in line for word in KNOWN)]


def power_off(machine, name):
    machine.command(f"vm stop {name}")
    wait_for(lambda: machine.vm(name)["state"] == "stopped")
    assert machine.vm(name)["reason"] == "guest powered off"


def check_disk(machine, name):
    assert "same" in shell(machine, name,
                           "dd if=/dev/urandom of=/tmp/x bs=64k count=16; "
                           "dd if=/tmp/x of=/dev/vda conv=fsync; "
                           "echo 3 >/proc/sys/vm/drop_caches; "
                           "head -c 1048576 /dev/vda | cmp /tmp/x - && echo sa''me")


def check_net(machine):
    assert pings(machine, "alpha", "10.0.2.16") == 3
    sum_of = "md5sum </tmp/x"
    assert (shell(machine, "alpha", f"ln -s /tmp/x /www/x; {sum_of}")
            in shell(machine, "beta", f"wget -q -O /tmp/x http://10.0.2.15/x; {sum_of}"))


def check_balloon(machine):
    assert machine.objects("vm balloon beta 104M")[0]["driver"]
    pages = 24 << 8
    wait_for(lambda: any(row["reason"] == "balloon-pages" and row["count"] >= pages
                         for row in machine.objects("vm stat beta")), 240)
    machine.command("vm balloon beta 128M")


def check_state(machine):
    """Goes back to a snapshot, makes a clone of it, and gives it a new monitor."""
    shell(machine, "beta", "echo one >/tmp/state")
    machine.objects("vm snapshot beta ready")
    shell(machine, "beta", "echo two >/tmp/state")
    assert machine.objects("vm clone beta@ready gamma")[0]["state"] == "running"
    assert machine.objects("vm reset beta --to ready")[0]["state"] == "running"
    assert machine.objects("vm renew beta")[0]["state"] == "running"
    for name in ("beta", "gamma"):
        assert shell(machine, name, "sleep 1; cat /tmp/state") == "one\n"
        assert complaints(machine, name) == []
    assert pings(machine, "alpha", "10.0.2.16") == 3


def check(build, folder, kernel, emulator, vcpus):
    conf = DISK + guest("alpha", "10.0.2.15", "lan\ndisk = data", "serve=hello")
    conf += f"vcpus = {vcpus}\nrng = yes\n"
    conf += guest("beta", "10.0.2.16") + f"vcpus = {vcpus}\nballoon = yes\n"
    files = bundle.make(folder / "kernels.cpio", conf, bundle.debian(build / "guests-linux" / kernel))
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        for name in ("alpha", "beta"):
            machine.attach_shell(name, 900)
            machine.leave()
        said = shell(machine, "alpha", "uname -r; grep -c ^processor /proc/cpuinfo")
        assert re.match(rf"{KERNELS[kernel]}.*\n{vcpus}\n", said), said
        print(said.split("\n")[0])
        for name in ("alpha", "beta"):
            assert complaints(machine, name) == []
        check_disk(machine, "alpha")
        check_net(machine)
        check_balloon(machine)
        check_state(machine)
        for name in ("alpha", "beta", "gamma"):
            power_off(machine, name)
        assert ": 0 found" in machine.command("audit")


@pytest.mark.long
@pytest.mark.parametrize("kernel", KERNELS)
def test_linux(build, tmp_path, kernel):
    make(build, "guests-linux")
    check(build, tmp_path, kernel, Qemu, 2)


@pytest.mark.long
@pytest.mark.parametrize("kernel", BOCHS)
def test_linux_on_bochs(build, tmp_path, kernel):
    make(build, "guests-linux")
    check(build, tmp_path, kernel, Bochs, 1)
