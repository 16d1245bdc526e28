# SPDX-License-Identifier: MIT
"""Stopping a guest that is still on its way up; what a stray Ctrl-] does."""
import re

import bundle
from machine import DETACH, Qemu

CONF = """[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha
memory = 128M
stop_timeout = 200s
autostart = yes
"""


def test_stop_after_reset(build, tmp_path):
    """Nobody heeds the button yet: it is pressed again, and the answer says what to expect."""
    files = bundle.make(tmp_path / "stop.cpio", CONF, bundle.debian(build / "guests"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.leave()
        machine.type(DETACH)
        assert "running" in machine.command("vm reset alpha")
        said = machine.command("vm stop alpha")
        assert re.search(r"alpha: running: power button pressed, (199|200) s left", said), said
        assert machine.wait_end("alpha", 150) == ("stopped", "guest powered off")
        machine.wait_prompt()
        # a guest that can say nothing more is ended at once, and that is said once
        machine.command("vm start alpha")
        machine.command("vm pause alpha")
        said = machine.command("vm stop alpha")
        assert said.count("alpha: stopped: ended by `vm stop`") == 1, said


def test_poweroff_asks(build, tmp_path):
    """Running guests are stopped before the machine; `now` does not wait for a deaf one."""
    deaf = "[vm deaf]\nkernel = built-in\nmemory = 16M\nstop_timeout = 300s\n"
    files = bundle.make(tmp_path / "off.cpio", CONF + deaf, bundle.debian(build / "guests"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.leave()
        machine.command("vm create deaf")
        machine.command("vm start deaf")
        machine.type("poweroff\r")
        machine.wait("Stopping 2 VMs first")
        assert machine.wait_end("alpha", 150) == ("stopped", "guest powered off")
        machine.type("\x03")
        machine.wait_prompt()
        assert machine.vm("deaf")["state"] == "running"
        assert "allowed: now" in machine.command("poweroff soon")
        machine.command("vm pause deaf")
        machine.type("poweroff\r")
        assert machine.ended(), "nothing runs any more"
