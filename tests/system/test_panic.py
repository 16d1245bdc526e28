# SPDX-License-Identifier: MIT
"""A Linux that has panicked, or that no longer serves its watchdog, is a crashed VM."""
import pytest

import bundle
from machine import DETACH, Bochs, Qemu

LIMIT = 120
CONF = """[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha
memory = 128M
autostart = yes
on_crash = {on_crash}
"""
EXPIRED = "watchdog expired: no sign of life from the guest for 2 s"


def boot(emulator, build, folder, on_crash):
    files = bundle.make(folder / "panic.cpio", CONF.format(on_crash=on_crash),
                        bundle.debian(build / "guests"))
    return emulator(build, bundle=files)


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_panic_restarts(build, tmp_path, emulator):
    with boot(emulator, build, tmp_path, "restart") as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.type("echo c >/proc/sysrq-trigger\n")
        # the console stays attached: what comes next is the new kernel
        machine.wait("Kernel panic - not syncing: sysrq triggered crash", LIMIT)
        machine.wait(r"READY alpha\r*\n", LIMIT)
        machine.wait("alpha# ", LIMIT)
        assert machine.shell("hostname") == "alpha\n"
        machine.type(DETACH)
        assert machine.wait_end("alpha", LIMIT) == ("crashed", "guest panicked")
        machine.wait_prompt()
        assert machine.vm("alpha")["state"] == "running"


def test_watchdog_holds(build, tmp_path):
    with boot(Qemu, build, tmp_path, "hold") as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        # served in time, then stopped: neither is a crash
        machine.shell("exec 3>/dev/watchdog; sleep 2; printf V >&3; exec 3>&-")
        assert "wdat_wdt" in machine.shell("cat /sys/class/watchdog/watchdog0/identity")
        machine.shell("watchdog -T 2 -t 1 /dev/watchdog; sleep 4")
        machine.leave()
        assert machine.vm("alpha")["state"] == "running"
        machine.attach("alpha")
        machine.type("killall -9 watchdog\n")
        assert machine.wait_end("alpha", LIMIT) == ("crashed", EXPIRED)
        machine.wait_prompt()
        found = machine.vm("alpha")
        assert (found["state"], found["reason"]) == ("crashed", EXPIRED)
        assert "rip" in machine.command("vm regs alpha").lower()
