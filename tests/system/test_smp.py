# SPDX-License-Identifier: MIT
"""Debian guests with several vCPUs: on fewer CPUs than they have, and on as many."""
import re

import pytest

import bundle
import debugger
from machine import Bochs, Qemu, on_cpus

# The lines that Linux logs when a CPU does not make progress, or time does not pass as it should.
COMPLAINTS = r"soft lockup|self-detected stall|detected stalls|rcu_\w+ kthread starved|" \
             r"blocked for more than|Call Trace|clocksource watchdog|stuck for|" \
             r"[Ll]ost [0-9]+ .*tick|clock skew"
# Under QEMU a kernel without Skerry says this too: when QEMU's own threads wait for a CPU.
LATE = r"|hrtimer: interrupt took"

# The lines that Linux logs when it uses what KVM's leaves offer.
USED = ("kvm-clock: Using msrs 4b564d01 and 4b564d00", "kvm-guest: KVM setup pv remote TLB flush",
        "kvm-guest: setup PV sched yield", "kvm-guest: PV spinlocks enabled",
        "kvm-guest: setup PV IPIs", "clocksource: Switched to clocksource kvm-clock")

BRIEF = 1000 # rounds, and no second boot: Bochs takes a minute for each


def debian_bundle(build, tmp_path, vcpus, affinity):
    conf = (f"[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\n"
            f"cmdline = console=ttyS0 quiet name=alpha\nmemory = 192M\nvcpus = {vcpus}\n"
            f"affinity = {affinity}\nautostart = yes\n")
    return bundle.make(tmp_path / "smp.cpio", conf, bundle.debian(build / "guests"))


def jiffies(machine):
    """Returns for each of the guest's CPUs: (user, nice and system time; time stolen from it)."""
    lines = re.findall(r"^cpu\d+ (.*)", machine.shell("cat /proc/stat"), re.MULTILINE)
    fields = [[int(word) for word in line.split()] for line in lines]
    return [(sum(line[:3]), line[7]) for line in fields]


def parallel_load(machine, vcpus, rounds):
    """
    Lets all CPUs compute while a page that they read is replaced (work.c); returns their stolen
    times.
    """
    before = jiffies(machine)
    out = machine.shell(f"work load {vcpus} {rounds}", 600)
    cpus = " ".join(str(cpu) for cpu in range(vcpus))
    assert f"load: cpus {cpus} finished {vcpus} stale 0 backwards 0 good" in out, out
    after = jiffies(machine)
    assert len(before) == len(after) == vcpus
    assert all(new[0] > old[0] for old, new in zip(before, after)), (before, after)
    return [new[1] - old[1] for old, new in zip(before, after)]


def offline_and_online(machine, vcpus):
    for cpu in range(1, min(vcpus, 3)):
        switch = f"/sys/devices/system/cpu/cpu{cpu}/online"
        assert machine.shell(f"echo 0 > {switch}; nproc").split()[-1] == str(vcpus - 1)
        assert machine.shell(f"echo 1 > {switch}; nproc").split()[-1] == str(vcpus)


def check_log(machine, complaints):
    """The guest uses what KVM's leaves offer and complains of nothing; grep runs in the guest."""
    words = machine.shell(f"dmesg | grep -E '{'|'.join(USED)}|{complaints}'")
    missing = [line for line in USED if line not in words]
    complained = re.search(complaints, words)
    assert not missing and not complained, (missing, complained, machine.shell("dmesg"))


def check_debugger(machine):
    """
    GDB shows a thread for each vCPU, stops at a breakpoint in the kernel whichever vCPU reaches it,
    steps and continues; the guest notices nothing.
    """
    address = machine.shell("grep -w __x64_sys_newuname /proc/kallsyms").split()[0]
    machine.leave()
    machine.command("gdb alpha")
    gdb = debugger.start(machine, "info threads", f"break *0x{address}", "echo going\\n",
                         "continue", "thread", "p/x $pc", "continue", "thread", "p/x $pc", "stepi",
                         "p/x $pc", "thread apply all p/x $pc", "delete", "detach")
    out = debugger.wait_running(machine, gdb)
    assert re.findall(r"Thread (\d) \(vCPU (\d)\)", out) == [(str(n + 1), str(n)) for n in range(4)]
    machine.attach("alpha")
    machine.type("taskset 1 uname; taskset 4 uname; echo bo''th\n")
    out = debugger.rest(machine, gdb)
    assert re.findall(r"Current thread is (\d)", out) == ["1", "3"], out
    assert debugger.value(out, 1) == debugger.value(out, 2) == int(address, 16), out
    assert 0 < debugger.value(out, 3) - int(address, 16) < 16, out
    assert all(debugger.value(out, 4 + n) > 0 for n in range(4)), out
    machine.wait("both\r*\n")
    machine.wait("alpha# ")


@pytest.mark.parametrize("emulator, cpus, vcpus, rounds", [
    (Qemu, 1, 4, 8000), (Qemu, 2, 4, 8000), (Qemu, 4, 4, 8000),
    *(pytest.param(Qemu, cpus, 4, 20000, marks=pytest.mark.long) for cpus in (1, 2, 4)),
    pytest.param(Bochs, 2, 4, BRIEF, marks=pytest.mark.long), pytest.param(Bochs, 1, 4, 3000, marks=pytest.mark.long),
    pytest.param(Bochs, 2, 4, 3000, marks=pytest.mark.long),
    pytest.param(Bochs, 4, 4, 3000, marks=pytest.mark.long)])
def test_debian(build, tmp_path, emulator, cpus, vcpus, rounds):
    """Debian uses all its CPUs, takes some offline and online again, and does not complain."""
    host, affinity = on_cpus(emulator, cpus)
    files = debian_bundle(build, tmp_path, vcpus, affinity)
    debugged = emulator is Qemu and cpus == 2
    with emulator(build, bundle=files, com3=debugged, **host) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 400)
        assert machine.shell("nproc").split()[-1] == str(vcpus)
        stolen = parallel_load(machine, vcpus, rounds)
        # A guest that has to share a CPU is told so, as stolen time.
        assert cpus >= vcpus or sum(stolen) > 0, stolen
        offline_and_online(machine, vcpus)
        if debugged:
            check_debugger(machine)
        check_log(machine, COMPLAINTS + (LATE if emulator is Bochs else ""))

        machine.leave()
        machine.command("vm pause alpha")
        assert machine.vm("alpha")["state"] == "paused"
        machine.command("vm resume alpha")
        machine.attach("alpha")
        machine.type("\n")
        machine.wait("alpha# ")
        assert machine.shell("nproc").split()[-1] == str(vcpus)
        machine.leave()
        if rounds == BRIEF:
            return
        machine.command("vm reset alpha")
        machine.attach_shell("alpha", 400)
        assert machine.shell("nproc").split()[-1] == str(vcpus)
        machine.type("poweroff -f\n")
        machine.wait(r"\[the guest has ended\]")
        machine.wait_prompt()
        assert machine.vm("alpha")["state"] == "stopped"
