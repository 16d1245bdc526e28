# SPDX-License-Identifier: MIT
"""A disk in memory grows while its guest uses it."""
import bundle
import fio
from machine import Qemu, wait_for

CONF = """[disk data]
controller = memory
size = 8M

[disk image]
controller = memory
image = disk.img
read_only = yes

[disk nobody]
controller = memory
size = 4M

[disk gone]
controller = nvme3

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 128M
vcpus = 2
autostart = yes
disk = data, image
"""
IMAGE = b"\x5a" * 5000
REFUSED = {
    "data 8M": "data: it has 8192 KiB and never shrinks; give it more, in steps of 4K up to 1T",
    "data 4M": "never shrinks",
    "data 9000001": "in steps of 4K",
    "data 2T": "up to 1T",
    "data big": '"big" is not valid; use a size such as 64M',
    "data 900M": "are promised to nobody",
    "none 8M": 'there is no disk "none", `disk list` shows them',
    "gone 8M": "no disk controller of this host",
}


def resize(machine, name, size):
    starts = fio.driver(machine, name)["starts"]
    (row,) = machine.objects(f"disk resize {name} {size}")
    wait_for(lambda: fio.driver(machine, name)["starts"] > starts)
    fio.wait_ready(machine, name)
    return row


def wait_size(machine, disk, size):
    machine.shell(f"while [ $(cat /sys/block/{disk}/size) != {size >> 9} ]; do :; done")
    assert machine.shell(f"/sbin/blockdev --getsize64 /dev/{disk}") == f"{size}\n"


def test_grows(build, tmp_path):
    files = bundle.debian_tools(build, "fio") | {"disk.img": IMAGE}
    with Qemu(build, bundle=bundle.make(tmp_path / "grow.cpio", CONF, files)) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.type(f"{fio.command('2M', 8)}; echo fio''-ends=$?\r")
        machine.leave()
        for words, problem in REFUSED.items():
            assert problem in machine.command(f"disk resize {words}"), words
        assert fio.driver(machine, "data")["starts"] == 1
        assert resize(machine, "data", "12M") == {"name": "data", "bytes": 12 << 20}
        for size in range(13, 20):
            resize(machine, "data", f"{size}M")
        assert "it has grown 8 times" in machine.command("disk resize data 20M")
        resize(machine, "image", "64K")
        machine.attach("alpha")
        machine.wait(r"fio-ends=(\d+)")
        assert machine.match().group(1) == "0"
        wait_size(machine, "vda", 19 << 20)
        wait_size(machine, "vdb", 64 << 10)
        assert machine.shell("tr -d '\\0' < /dev/vdb | wc -c") == f"{len(IMAGE)}\n"
        # each sector has another pattern, written in pieces that cross from the old memory to the
        # new
        machine.shell("/sbin/fio --name=v --filename=/dev/vda --direct=1 --rw=write --bs=20k "
                      "--size=19M --verify=crc32c --thread > /tmp/fio; echo $? > /tmp/result")
        assert machine.shell("cat /tmp/result") == "0\n"
        machine.leave()
        disks = {row["name"]: row["bytes"] for row in machine.objects("disk list")}
        assert disks["data"] == 19 << 20 and disks["image"] == 64 << 10
        machine.command("vm destroy alpha")
        wait_for(lambda: machine.vm("alpha") is None)
        assert "0 found" in machine.command("audit")
