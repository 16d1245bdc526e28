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
