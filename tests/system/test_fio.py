# SPDX-License-Identifier: MIT
"""fio verifies disks of Linux guests: what was written is read back, drivers that die included."""
import random

import pytest

import bundle
import fio
import gpt
from machine import Bochs, Qemu

GUEST = """[vm {name}]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name={name} no_timer_check
memory = 128M
vcpus = {vcpus}
autostart = yes
disk = {disk}
"""
MEMORY = "[disk {name}]\ncontroller = memory\nsize = 32M\n"
HALVES = {"one": (2048, 67583), "two": (67584, 133119)}
CONTROLLER = "".join(f"[disk {name}]\ncontroller = nvme0\npartition = {name}\nrestart_limit = 0\n"
                     for name in HALVES)


def nvme(path):
    """A machine's NVMe disk of two partitions of 32 MiB."""
    path.write_bytes(gpt.image(135168, {name: (first, last, gpt.uuid.UUID(int=first))
                                        for name, (first, last) in HALVES.items()}))
    return ("-drive", f"if=none,id=disk,format=raw,file={path}",
            "-device", "nvme,drive=disk,serial=n1,addr=4")


def make(build, tmp_path, disks, *guests):
    conf = disks + "".join(GUEST.format(name=name, vcpus=vcpus, disk=disk)
                           for name, vcpus, disk in guests)
    return bundle.make(tmp_path / "fio.cpio", conf, bundle.debian_tools(build, "fio"))


def begin(machine, size, seconds, device="vda"):
    """At the shell of a guest that is attached; leaves it."""
    machine.type(f"{fio.command(size, seconds, f'/dev/{device}')}; echo fio''-{device}=$?\r")
    machine.leave()


def check_ended_well(machine, name, device="vda"):
    """Attaches the guest."""
    machine.attach(name)
    machine.wait(rf"fio-{device}=(\d+)")
    assert machine.match().group(1) == "0", machine.shell("cat /tmp/fio; dmesg | tail -20")
    assert machine.shell("dmesg | grep -c 'I/O error'").strip() == "0"


def check_counts(machine):
    for row in machine.objects("disk stat"):
        assert row["errors"] == 0 and row["refused"] == 0, row


@pytest.mark.parametrize("emulator, vcpus, size, seconds", [
    pytest.param(Qemu, 4, "8M", 600, marks=pytest.mark.long),
    pytest.param(Bochs, 1, "1M", 5, marks=pytest.mark.long)])
def test_memory(build, tmp_path, emulator, vcpus, size, seconds):
    files = make(build, tmp_path, MEMORY.format(name="data"), ("alpha", vcpus, "data"))
    with emulator(build, bundle=files) as machine:
        machine.limit = 300 + 4 * seconds
        machine.wait_prompt()
        machine.attach_shell("alpha")
        begin(machine, size, seconds)
        check_ended_well(machine, "alpha")
        machine.leave()
        check_counts(machine)


@pytest.mark.parametrize("seconds", [30, pytest.param(600, marks=pytest.mark.long)])
def test_nvme(build, tmp_path, seconds):
    """Four vCPUs, four queues; then, in the same boot, a disk in memory for a moment."""
    extra = nvme(tmp_path / "disk.img")
    files = make(build, tmp_path, CONTROLLER + MEMORY.format(name="data"), ("alpha", 4, "one, data"))
    with Qemu(build, extra=extra, bundle=files) as machine:
        machine.limit = 300 + 4 * seconds
        machine.wait_prompt()
        machine.attach_shell("alpha")
        begin(machine, "8M", seconds)
        check_ended_well(machine, "alpha")
        begin(machine, "8M", 5, "vdb")
        check_ended_well(machine, "alpha", "vdb")
        machine.leave()
        check_counts(machine)


@pytest.mark.parametrize("kills", [10, pytest.param(50, marks=pytest.mark.long)])
def test_driver_dies(build, tmp_path, kills):
    """
    The driver of two guests' disks, whose device reaches their RAM, faults at arbitrary moments:
    neither sees an error.
    """
    extra = ("-device", "intel-iommu,aw-bits=48", *nvme(tmp_path / "disk.img"))
    files = make(build, tmp_path, CONTROLLER, ("alpha", 2, "one"), ("beta", 2, "two"))
    with Qemu(build / "tests/faults", bundle=files, extra=extra) as machine:
        machine.limit = 1200
        machine.wait_prompt()
        for name in ("alpha", "beta"):
            machine.attach_shell(name)
            begin(machine, "2M", 5 + 3 * kills // 2)
        fio.wait_requests(machine, "one", 20)
        pauses = fio.die_often(machine, "nvme0", kills, random.Random(kills))
        print("restart and pause, us:", *sorted(pauses))
        for name in ("alpha", "beta"):
            check_ended_well(machine, name)
            machine.leave()
        check_counts(machine)
        assert all(row["direct"] > 0 for row in machine.objects("disk stat"))
        assert machine.objects("driver list")[0]["starts"] == kills + 1
