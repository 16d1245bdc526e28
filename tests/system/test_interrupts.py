# SPDX-License-Identifier: MIT
"""A guest takes each interrupt once."""
import bundle
import qemu_monitor
from machine import Qemu

CONF = """
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = "console=ttyS0 quiet name=alpha no_timer_check"
memory = 128M
autostart = yes
"""
STOPS = 2000


def test_emulator_stops(build, tmp_path):
    """
    QEMU stops and goes on thousands of times while a guest takes interrupts. It would then deliver
    again an interrupt that was injected as an event (docs/platforms.md).
    """
    link = tmp_path / "monitor"
    files = bundle.make(tmp_path / "one.cpio", CONF, bundle.debian(build / "guests"))
    with Qemu(build, bundle=files, extra=qemu_monitor.option(link)) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.type("while :; do :; done & while :; do cat /proc/interrupts >/dev/null; done &\r")
        machine.wait("alpha# ")
        with qemu_monitor.Monitor(link) as monitor:
            for _ in range(STOPS):
                monitor.command("stop")
                monitor.command("cont")
        machine.type("echo al''ive\r")
        machine.wait("alive", 60)
