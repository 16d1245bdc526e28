# SPDX-License-Identifier: MIT
"""Debian guests with several vCPUs: on fewer CPUs than they have, and on as many."""
import re

import pytest

import bundle
from machine import Bochs, Qemu

# What Linux says when a CPU does not get on, or time does not.
COMPLAINTS = r"soft lockup|self-detected stall|detected stalls|rcu_\w+ kthread starved|" \
             r"blocked for more than|Call Trace|clocksource watchdog|stuck for"


def debian_bundle(build, tmp_path, vcpus, memory="192M"):
    conf = (f"[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\n"
            f"cmdline = console=ttyS0 quiet name=alpha\nmemory = {memory}\nvcpus = {vcpus}\n"
            f"autostart = yes\n")
    files = {name: (build / "guests" / name).read_bytes()
             for name in ("vmlinuz", "initramfs.cpio.gz")}
    return bundle.write(tmp_path / "smp.cpio", files | {"skerry.conf": conf.encode()})


def busy_jiffies(machine):
    """Of each of the guest's CPUs: user, nice and system time."""
    lines = re.findall(r"^cpu\d+ (\d+) (\d+) (\d+)", machine.shell("cat /proc/stat"), re.MULTILINE)
    return [sum(map(int, line)) for line in lines]


def parallel_load(machine, vcpus, blocks):
    """As many jobs as CPUs, each computing the same sum; all CPUs take part."""
    before = busy_jiffies(machine)
    out = machine.shell(f"for i in $(seq {vcpus}); do "
                        f"(dd if=/dev/zero bs=64k count={blocks} 2>/dev/null | md5sum) & "
                        f"done; wait", 600)
    sums = re.findall(r"^[0-9a-f]{32}", out, re.MULTILINE)
    assert len(sums) == vcpus and len(set(sums)) == 1, out
    after = busy_jiffies(machine)
    assert all(new > old for old, new in zip(before, after)), (before, after)


def offline_and_online(machine, vcpus):
    for cpu in range(1, min(vcpus, 3)):
        switch = f"/sys/devices/system/cpu/cpu{cpu}/online"
        assert machine.shell(f"echo 0 > {switch}; nproc").split()[-1] == str(vcpus - 1)
        assert machine.shell(f"echo 1 > {switch}; nproc").split()[-1] == str(vcpus)


@pytest.mark.parametrize("emulator, cpus, vcpus, blocks", [
    (Qemu, 1, 4, 200), (Qemu, 2, 4, 200), (Qemu, 4, 4, 200), (Bochs, 1, 2, 20)])
def test_debian(build, tmp_path, emulator, cpus, vcpus, blocks):
    """It sees its CPUs, works on all, takes them away and back, and has nothing to complain of."""
    files = debian_bundle(build, tmp_path, vcpus)
    host = {"extra": ("-smp", str(cpus))} if emulator is Qemu else {"cpus": cpus}
    with emulator(build, bundle=files, **host) as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        machine.wait_shell("alpha", 400)
        assert machine.shell("nproc").split()[-1] == str(vcpus)
        parallel_load(machine, vcpus, blocks)
        offline_and_online(machine, vcpus)
        log = machine.shell("dmesg")
        assert "kvm-guest: setup PV IPIs" in log
        assert not re.search(COMPLAINTS, log), log

        machine.leave()
        machine.command("vm pause alpha")
        assert machine.vm("alpha")["state"] == "paused"
        machine.command("vm resume alpha")
        machine.attach("alpha")
        machine.type("\n")
        machine.wait("alpha# ")
        assert machine.shell("nproc").split()[-1] == str(vcpus)
        machine.leave()
        machine.command("vm reset alpha")
        machine.attach("alpha")
        machine.wait_shell("alpha", 400)
        assert machine.shell("nproc").split()[-1] == str(vcpus)
        machine.type("poweroff -f\n")
        machine.wait(r"\[the guest has ended\]")
        machine.wait_prompt()
        assert machine.vm("alpha")["state"] == "stopped"
