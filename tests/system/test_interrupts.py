# SPDX-License-Identifier: MIT
"""A guest takes each interrupt once."""
import pytest

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
DISK = "disk = data\n[disk data]\ncontroller = memory\nsize = 32M\n"

# The guest's work all the time, beside its timer's ticks.
BUSY = "while :; do cat /proc/interrupts >/dev/null; done"
READS = "while :; do dd if=/dev/vda of=/dev/null bs=4k iflag=direct 2>/dev/null; done"


@pytest.mark.parametrize("more, work, stops", [("", BUSY, 2000), (DISK, READS, 10000)],
                         ids=("timer", "disk"))
def test_emulator_stops(build, tmp_path, more, work, stops):
    """
    QEMU stops and goes on thousands of times while a guest takes interrupts. It would then deliver
    again an interrupt that was injected as an event (docs/platforms.md).
    """
    link = tmp_path / "monitor"
    files = bundle.make(tmp_path / "one.cpio", CONF + more, bundle.debian(build / "guests"))
    with Qemu(build, bundle=files, extra=qemu_monitor.option(link)) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.type(f"while :; do :; done & {work} &\r")
        machine.wait("alpha# ")
        with qemu_monitor.Monitor(link) as monitor:
            for _ in range(stops):
                monitor.command("stop")
                monitor.command("cont")
        machine.type("echo al''ive\r")
        machine.wait("alive")
