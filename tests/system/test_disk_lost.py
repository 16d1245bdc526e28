# SPDX-License-Identifier: MIT
"""A disk whose driver dies too often: its guest waits or gets errors, until `driver restart`."""
import bundle
import fio
from machine import Qemu, on_disk, wait_for

CONF = """[disk waits]
controller = memory
size = 8M
restart_limit = 2

[disk fails]
controller = memory
size = 8M
restart_limit = 2
lost = error

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 128M
autostart = yes
disk = waits, fails
"""
# A page of the disk, past the guest's cache.
PAGE = "dd if=/dev/{disk} of=/tmp/{disk} bs=4k count=1 iflag=direct 2>/dev/null"


def lose(machine, name):
    fio.die(machine, name)
    machine.command(f"fault driver {name}")
    machine.wait(f"error: driver {name}: it died 2 times within 60 s; "
                 f"`driver restart {name}` tries again")
    assert fio.driver(machine, name)["state"] == "failed"


def bring_back(machine, name):
    machine.command(f"driver restart {name}")
    fio.wait_ready(machine, name)


def result(machine, line):
    machine.attach("alpha")
    said = machine.shell(f"{line}; echo exit=$?")
    machine.leave()
    return int(said.split("exit=")[-1])


def test_lost(build, tmp_path):
    files = bundle.make(tmp_path / "lost.cpio", CONF, bundle.debian(build / "guests"))
    with Qemu(build / "tests/faults", bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.leave()
        assert result(machine, "dd if=/init of=/dev/vdb bs=4k count=1 conv=sync oflag=direct") == 0
        assert result(machine, PAGE.format(disk="vdb") + "; cp /tmp/vdb /tmp/want") == 0
        lose(machine, "fails")
        assert result(machine, PAGE.format(disk="vdb")) != 0
        assert result(machine, PAGE.format(disk="vda")) == 0
        bring_back(machine, "fails")
        assert result(machine, PAGE.format(disk="vdb") + " && cmp /tmp/vdb /tmp/want") == 0

        lose(machine, "waits")
        assert result(machine, f"({PAGE.format(disk='vda')}; echo $? > /tmp/result) & true") == 0
        assert result(machine, "test -e /tmp/result") == 1
        bring_back(machine, "waits")
        assert result(machine, "while [ ! -s /tmp/result ]; do :; done; "
                               "test $(cat /tmp/result) = 0") == 0

        lose(machine, "waits")
        lose(machine, "fails")
        machine.command("vm destroy alpha")
        wait_for(lambda: machine.vm("alpha") is None)
        assert [disk["users"] for disk in machine.objects("disk list")] == ["", ""]


def test_loud(build, tmp_path):
    """A device that may still write holds its VM's memory until it is quiet, and that is said."""
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(1 << 20))
    conf = ("[disk data]\ncontroller = nvme0\n"
            "[vm alpha]\nkernel = spin.bin\nmemory = 16M\nautostart = yes\ndisk = data\n")
    files = bundle.make(tmp_path / "loud.cpio", conf, bundle.tiny(build, "spin"))
    with on_disk(Qemu, build / "tests/faults", path, bundle=files) as machine:
        machine.wait_prompt()
        machine.command("fault loud")
        machine.command("fault driver nvme0")
        machine.wait("error: driver nvme0: its device does not become quiet: it may still write to "
                     "memory; `driver restart nvme0` tries again")
        assert ("alpha: destroyed once the device of driver nvme0 is quiet" in
                machine.command("vm destroy alpha"))
        wait_for(lambda: machine.vm("alpha") and "alpha: its memory is kept, the device of driver nvme0 may still "
                 "write to it; `driver restart nvme0` tries again" in machine.transcript())
        machine.command("driver restart nvme0")
        wait_for(lambda: fio.driver(machine, "nvme0")["state"] == "failed")
        assert machine.vm("alpha")
        machine.command("fault loud")
        machine.command("driver restart nvme0")
        fio.wait_ready(machine, "nvme0")
        wait_for(lambda: machine.vm("alpha") is None)
        assert machine.transcript().count("its memory is kept") == 1
