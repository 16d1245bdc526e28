# SPDX-License-Identifier: MIT
"""File systems on a guest's disk: made, written, unmounted, checked, discarded."""
import bundle
from machine import Qemu

CONF = """[disk data]
controller = memory
size = 320M

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 192M
vcpus = 2
autostart = yes
disk = data
"""
MAKE = {"ext4": "/sbin/mke2fs -q -t ext4 -F", "xfs": "/sbin/mkfs.xfs -q -f",
        "btrfs": "/sbin/mkfs.btrfs -q -f"}
CHECK = {"ext4": "/sbin/e2fsck -f -n", "xfs": "/sbin/xfs_repair -n",
         "btrfs": "/sbin/btrfs check"}
WRITE = ("mkdir /mnt/lib && cp -r /lib/modules /sbin /mnt/lib && sync && rm -r /mnt/lib/sbin && "
         "cp -r /sbin /mnt/lib && dd if=/dev/urandom of=/mnt/x bs=64k count=64 && "
         "md5sum < /mnt/x > /tmp/x && umount /mnt")
COMPARE = ("md5sum < /mnt/x | cmp - /tmp/x && diff -r /sbin /mnt/lib/sbin && umount /mnt")


def succeed(machine, line):
    said = machine.shell(f"({line}) 2>&1; echo exit=$?")
    assert said.endswith("exit=0\n"), said


def exercise(machine, kind):
    if kind != "ext4":
        succeed(machine, f"/sbin/load {kind}")
    succeed(machine, f"{MAKE[kind]} /dev/vda && mount -t {kind} /dev/vda /mnt")
    succeed(machine, WRITE)
    succeed(machine, f"{CHECK[kind]} /dev/vda")
    succeed(machine, f"echo 3 > /proc/sys/vm/drop_caches; mount -t {kind} /dev/vda /mnt")
    succeed(machine, COMPARE)


def test_file_systems(build, tmp_path):
    files = bundle.make(tmp_path / "fs.cpio", CONF, bundle.debian_tools(build, "file_systems"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        for kind in MAKE:
            exercise(machine, kind)
        succeed(machine, "/sbin/blkdiscard -f /dev/vda")
        # a disk in memory reads zeroes where it was discarded: every fifth MiB is looked at
        succeed(machine, "test $(for i in $(seq 0 5 319); do dd if=/dev/vda bs=1M skip=$i count=1; "
                         "done 2>/dev/null | tr -d '\\0' | wc -c) = 0")
        assert machine.shell("dmesg | grep -c 'I/O error'").strip() == "0"
        machine.leave()
        counts = machine.objects("disk stat")[0]
        assert counts["errors"] == 0 and counts["refused"] == 0
