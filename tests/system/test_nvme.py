# SPDX-License-Identifier: MIT
"""A guest's disk on the host's NVMe controller, driven by a process that may die."""
import hashlib
import random
import re

import bundle
from machine import Qemu, nvme, wait_for

CONF = """
[disk data]
controller = {controller}

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha
memory = 128M
autostart = yes
disk = data
"""
MEBIBYTES = 8


def start(build, folder, controller="nvme0", device="", unit=(), conf=CONF):
    path = folder / "disk.img"
    path.write_bytes(random.Random(1).randbytes(MEBIBYTES << 20))
    files = bundle.make(folder / "nvme.cpio", conf.format(controller=controller),
                        bundle.debian(build / "guests"))
    return path, Qemu(build, bundle=files, extra=(*unit, *nvme(path, f",addr=4{device}")))


def digest(machine):
    return machine.shell("echo 3 > /proc/sys/vm/drop_caches; md5sum /dev/vda").split()[0]


def seconds(text):
    minutes, rest = re.search(r"real\s+(\d+)m ([\d.]+)s", text).groups()
    return int(minutes) * 60 + float(rest)


def quickest(machine):
    """Returns the seconds that 200 reads take; a busy host makes some times longer, and none shorter."""
    times = []
    while len(times) < 5 and (not times or times[-1] >= 10):
        times.append(seconds(machine.shell("time dd if=/dev/vda of=/dev/null bs=4k count=200 iflag=direct")))
    return min(times)


def wait_driver(machine, state, starts):
    """Waits until the first driver, begun so many times, is in that state; returns its row."""
    def rows():
        return [row for row in machine.objects("driver list")[:1]
                if (row["state"], row["starts"]) == (state, starts)]

    wait_for(rows)
    return rows()[0]


def test_nvme(build, tmp_path):
    path, qemu = start(build, tmp_path)
    with qemu as machine:
        machine.wait_prompt()
        function = machine.objects("pci 00:04.0")[0]
        assert (function["driver"], function["dma"]) == ("nvme", True)
        assert "trusted with all memory" in machine.command("log show -c device")
        machine.attach_shell("alpha")
        assert digest(machine) == hashlib.md5(path.read_bytes()).hexdigest()
        # the disk works by its interrupt: without it the driver looks only ten times a second
        assert quickest(machine) < 10
        machine.leave()
        assert "unexpected interrupt" not in machine.command("log show")
        machine.attach("alpha")
        machine.shell("dd if=/dev/zero of=/dev/vda bs=64k count=32 seek=16 conv=fsync")
        assert path.read_bytes()[1 << 20:3 << 20] == bytes(2 << 20)
        assert digest(machine) == hashlib.md5(path.read_bytes()).hexdigest()
        machine.leave()


def test_restarted(build, tmp_path):
    """The driver's process ends while the guest writes: the guest sees nothing but a pause."""
    path, qemu = start(build, tmp_path, controller="00:04.0")
    with qemu as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.shell("(for i in 1 2 3 4 5 6; do dd if=/proc/cmdline bs=512 count=1 conv=sync; "
                      "done; dd if=/dev/vda bs=1M count=2 skip=6) 2>/dev/null > /tmp/want")
        machine.shell("(while [ ! -e /tmp/stop ]; do dd if=/tmp/want of=/dev/vda bs=4k "
                      "conv=fsync 2>/dev/null || echo BAD > /tmp/bad; done; touch /tmp/done) & true")
        machine.leave()
        for starts in range(2, 7):
            machine.command("driver restart nvme0")
            wait_driver(machine, "ready", starts)
        machine.attach("alpha")
        machine.shell("touch /tmp/stop; while [ ! -e /tmp/done ]; do sleep 0.1; done")
        assert "No such file" in machine.shell("cat /tmp/bad")
        size = int(machine.shell("wc -c < /tmp/want"))
        want = machine.shell("md5sum < /tmp/want").split()[0]
        assert hashlib.md5(path.read_bytes()[:size]).hexdigest() == want
        assert "I/O error" not in machine.shell("dmesg")
        machine.leave()
        assert machine.objects("driver list")[0]["state"] == "ready"
        assert machine.objects("pci 00:04.0")[0]["dma"]


def test_no_controller(build, tmp_path):
    """A device that is no NVMe, or not there, is refused with what to do."""
    for wanted in ("nvme1", "00:1f.3", "00:05.0"):
        _, qemu = start(build, tmp_path, controller=wanted)
        with qemu as machine:
            machine.wait_prompt()
            said = machine.transcript()
            assert f'controller: "{wanted}" is no disk controller' in said
            assert machine.objects("pci 00:04.0")[0]["dma"] is False
