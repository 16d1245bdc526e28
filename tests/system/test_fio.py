# SPDX-License-Identifier: MIT
"""fio's verification in Linux guests: what was written is read back, while drivers die or not."""
import bundle
from machine import Qemu

GUEST = """[vm {name}]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name={name} no_timer_check
memory = 128M
vcpus = {vcpus}
autostart = yes
disk = {disk}
"""
# A job for each of four queues, in a part of the disk of its own; each block has a header that says
# where it belongs, and a checksum.
FIO = ("/sbin/fio --name=v --filename=/dev/vda --ioengine=libaio --direct=1 --thread "
       "--group_reporting --rw=randrw --bsrange=4k-64k --iodepth=8 --numjobs=4 "
       "--size={size} --offset_increment={size} --verify=crc32c --verify_fatal=1 "
       "--verify_backlog=256 --time_based --runtime={seconds} --randrepeat=0 {more}")


def fio(size, seconds, more=""):
    return FIO.format(size=size, seconds=seconds, more=more)


def test_memory(build, tmp_path):
    """fio with four jobs on four queues of a disk in memory."""
    conf = ("[disk data]\ncontroller = memory\nsize = 32M\n" +
            GUEST.format(name="alpha", vcpus=4, disk="data"))
    files = bundle.make(tmp_path / "fio.cpio", conf, bundle.debian_tools(build, "fio"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 120)
        said = machine.shell(fio("8M", 15) + "; echo exit=$?", 600)
        assert "exit=0" in said
