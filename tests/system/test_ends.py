# SPDX-License-Identifier: MIT
"""
How a Linux ends or sleeps: panic, watchdog, power button, alarm. Each test begins at its prompt. Under
VMX: test_linux_vmx.py.
"""
import re

import pytest

import bundle
from machine import DETACH, Qemu
from prompt import Prompt

LIMIT = 300
CONF = """[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha
memory = 128M
stop_timeout = 200s
autostart = yes
[vm deaf]
kernel = built-in
memory = 16M
stop_timeout = 300s
"""
EXPIRED = "watchdog expired: no sign of life from the guest for 8 s"


@pytest.fixture(scope="module")
def prompt(build, tmp_path_factory):
    files = bundle.make(tmp_path_factory.mktemp("ends") / "ends.cpio", CONF,
                        bundle.debian(build / "guests"))
    with Qemu(build, bundle=files) as machine:
        yield Prompt(machine, "alpha")


def panics(machine, name):
    """The guest panics, and boots again, as on_crash = restart says."""
    machine.command(f"vm set {name} on_crash=restart")
    machine.attach(name)
    machine.type("echo c >/proc/sysrq-trigger\n")
    # the console stays attached: what comes next is the new kernel
    machine.wait("Kernel panic - not syncing: sysrq triggered crash", LIMIT)
    machine.wait(r"READY alpha\r*\n", LIMIT)
    machine.wait("alpha# ", LIMIT)
    assert machine.shell("hostname") == "alpha\n"
    machine.type(DETACH)
    assert machine.wait_end(name, LIMIT) == ("crashed", "guest panicked")
    machine.wait_prompt()
    assert machine.vm(name)["state"] == "running"


def test_panic_restarts(prompt):
    with prompt.guest("beta") as machine:
        panics(machine, "beta")


def test_watchdog_holds(prompt):
    with prompt.guest("beta") as machine:
        machine.attach("beta")
        # the watchdog is served in time, then stopped: neither is a crash
        machine.shell("exec 3>/dev/watchdog; sleep 2; printf V >&3; exec 3>&-")
        assert "wdat_wdt" in machine.shell("cat /sys/class/watchdog/watchdog0/identity")
        # the guest may stand still for seconds between two signs, as its host has no time for it
        machine.shell("watchdog -T 8 -t 1 /dev/watchdog; sleep 10")
        machine.leave()
        assert machine.vm("beta")["state"] == "running"
        machine.attach("beta")
        machine.type("killall -9 watchdog\n")
        assert machine.wait_end("beta", LIMIT) == ("crashed", EXPIRED)
        machine.wait_prompt()
        found = machine.vm("beta")
        assert (found["state"], found["reason"]) == ("crashed", EXPIRED)
        assert "rip" in machine.command("vm regs beta").lower()


def sleep_until_alarm(machine):
    # the guest has to be asleep by then, also where its host has little time for it
    machine.shell("echo +6 >/sys/class/rtc/rtc0/wakealarm; echo freeze >/sys/power/state", LIMIT)
    said = machine.shell("dmesg | tail -n 20")
    assert "suspend entry (s2idle)" in said and "suspend exit" in said


def test_sleeps(prompt):
    """In suspend-to-idle a guest hears its RTC's alarm, and the power button."""
    with prompt.guest("beta") as machine:
        machine.attach("beta")
        sleep_until_alarm(machine)
        machine.type("echo freeze >/sys/power/state\n")
        machine.leave()
        machine.command("vm stop beta")
        assert machine.wait_end("beta") == ("stopped", "guest powered off")
        machine.wait_prompt()


def test_stop_after_reset(prompt):
    """
    While the guest boots, no program heeds the power button: Skerry presses it again, and the
    answer says what to expect. A stray Ctrl-] does nothing.
    """
    with prompt.guest("beta") as machine:
        machine.type(DETACH)
        assert "running" in machine.command("vm reset beta")
        said = machine.command("vm stop beta")
        assert re.search(r"beta: running: power button pressed, (1\d\d|200) s left", said), said
        assert machine.wait_end("beta") == ("stopped", "guest powered off")
        machine.wait_prompt()
        # a guest that can say nothing more is ended at once, and that is said once
        machine.command("vm start beta")
        machine.command("vm pause beta")
        said = machine.command("vm stop beta")
        assert said.count("beta: stopped: ended by `vm stop`") == 1, said


def test_poweroff_asks(prompt):
    """Running guests are stopped before the machine; `now` does not wait for a deaf one."""
    machine = prompt.machine
    prompt.clone("beta")
    machine.command("vm create deaf")
    machine.command("vm start deaf")
    machine.type("poweroff\r")
    machine.wait("Stopping 3 VMs first")
    assert machine.wait_end("beta") == ("stopped", "guest powered off")
    machine.type("\x03")
    machine.wait_prompt()
    assert machine.vm("deaf")["state"] == "running"
    assert "use now" in machine.command("poweroff soon")
    machine.command("vm pause deaf")
    machine.type("poweroff\r")
    assert machine.ended(), "nothing runs any more"
