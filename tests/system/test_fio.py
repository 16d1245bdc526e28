# SPDX-License-Identifier: MIT
"""fio verifies disks of Linux guests: what was written is read back, drivers that die included."""
import random
import time

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
    """Begins fio at the shell of a guest that is attached, and leaves the guest."""
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


THREE = CONTROLLER + "".join(f"[disk {name}]\ncontroller = {controller}\nrestart_limit = 0\n"
                             for name, controller in (("three", "nvme1"), ("four", "nvme2")))


def kill_often(machine, names, seconds, chance):
    """
    Lets each driver fault after an arbitrary number of requests since its start, whatever the
    others do, for this long by the host's clock. Returns for each death but a driver's last one
    the microseconds until its disk was known again, and until a guest had an answer.
    """
    times_us, due = [], {}
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        done = {row["driver"]: 0 for row in machine.objects("disk list")}
        served = {row["disk"]: row["requests"] for row in machine.objects("disk stat")}
        for row in machine.objects("disk list"):
            done[row["driver"]] += served[row["name"]]
        for row in machine.objects("driver list"):
            name = row["name"]
            assert row["state"] != "failed", row
            if name not in names or row["state"] != "ready":
                continue
            # counts begin anew with each process
            due.setdefault(name, done[name] + chance.randrange(1, 30))
            if done[name] >= due[name]:
                machine.command(f"fault driver {name}")
                del due[name]
                times_us.append((row["restart_us"], row["pause_us"]))
    return times_us


def die_under_fio(build, tmp_path, seconds):
    """Boots two guests with two disks each, of which three drivers die during the run."""
    extra = ["-device", "intel-iommu,aw-bits=48", *nvme(tmp_path / "disk.img")]
    for number in (2, 3):
        path = tmp_path / f"disk{number}.img"
        path.write_bytes(bytes(16 << 20))
        extra += ["-drive", f"if=none,id=disk{number},format=raw,file={path}",
                  "-device", f"nvme,drive=disk{number},serial=n{number},addr={3 + number}"]
    files = make(build, tmp_path, THREE, ("alpha", 1, "one, three"), ("beta", 1, "two, four"))
    with Qemu(build / "tests/faults", bundle=files, extra=extra) as machine:
        machine.limit = 600 + 3 * seconds
        machine.wait_prompt()
        for name in ("alpha", "beta"):  # which end as late as they boot
            machine.attach_shell(name)
            machine.leave()
        for name in ("alpha", "beta"):
            machine.attach(name)
            for device in ("vda", "vdb"):
                command = fio.command("2M", seconds + 15, f"/dev/{device}")
                command = command.replace("/tmp/fio", f"/tmp/fio-{device}")
                machine.type(f"({command}; echo $? > /tmp/end-{device}) &\r")
            machine.leave()
        fio.wait_requests(machine, "one", 20)
        times_us = kill_often(machine, ("nvme0", "nvme1", "nvme2"), seconds, random.Random())
        for name in ("alpha", "beta"):
            machine.attach(name)
            machine.type("\r")
            for device in ("vda", "vdb"):
                machine.type(f"until [ -e /tmp/end-{device} ]; do sleep 1; done; "
                             f"echo fio''-{device}=$(cat /tmp/end-{device})\r")
                machine.wait(rf"fio-{device}=(\d+)")
                assert machine.match().group(1) == "0", \
                    machine.shell(f"cat /tmp/fio-{device}; dmesg | tail -20")
            assert machine.shell("dmesg | grep -c 'I/O error'").strip() == "0"
            machine.leave()
        check_counts(machine)
        assert all(row["direct"] > 0 for row in machine.objects("disk stat"))
        assert machine.objects("audit")[-1]["findings"] == 0
        starts = sum(row["starts"] for row in machine.objects("driver list"))
        assert starts == len(times_us) + 3
        return times_us


@pytest.mark.parametrize("kills, seconds", [
    (25, 25), pytest.param(10000, 400, marks=pytest.mark.long)])
def test_drivers_die(build, tmp_path, kills, seconds):
    """
    Drivers of two guests' disks, whose devices reach their RAM, fault at arbitrary moments, one of
    them both guests' driver: neither sees an error.
    """
    times_us = []
    while len(times_us) < kills:
        times_us += die_under_fio(build, tmp_path, seconds)
        for number, what in enumerate(("restart_us", "pause_us")):
            sample = sorted(times[number] for times in times_us if times[number] != 0)
            print(f"{len(times_us)} deaths, {what} {sample[0]} to {sample[-1]}, half below "
                  f"{sample[len(sample) // 2]}", flush=True)
