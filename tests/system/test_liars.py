# SPDX-License-Identifier: MIT
"""A monitor and a disk driver that lie on their links: tests/liars. Only their own disks are harmed.
Another monitor writes to the state that it has saved, and looks for the host's key.

Beside them a neighbour writes and verifies a disk of its own: behind the same NVMe driver as the
lying monitor's, and behind a driver of its own when another driver lies.
"""
import re
import struct
import time
import uuid

import pytest

import bundle
import fio
import gpt
from machine import Qemu, on_disk, wait_for
from test_iommu import UNITS

SECTORS = 32768
MARK, OLD = 0x5ec4e75ec4e75ec4, 0x01d01d01d01d01d0  # two words of tests/liars/pool_watcher.h
READS = 10
PARTITIONS = {"liar": (2048, 10239, uuid.UUID(int=2)), "mine": (10240, 20479, uuid.UUID(int=3))}
VM = ("[vm {name}]\nkernel = neighbour.bin\nmemory = 64M\ncmdline = key=7 disk\ndisk = {disk}\n"
      "autostart = {start}\n")
LIES = ("forged-answers", "wild-indices", "wild-channel", "deaths", "hang", "wild-start")
PASSES = 20
TRUTHS = 32  # how often the monitor is honest, at first (tests/liars/monitor_liar.c)


def passes(machine):
    """Returns how often the neighbour has verified its memory and its disk."""
    machine.attach("neighbour")
    machine.type("p")
    machine.wait(r"PASSES (0x[0-9a-f]+)")
    found = int(machine.match().group(1), 16)
    machine.leave()
    return found


def check_neighbour(machine, more):
    """Checks that the neighbour goes on, and has found nothing wrong."""
    before = passes(machine)
    while passes(machine) < before + more:
        assert machine.vm("neighbour")["state"] == "running"


def stats(machine):
    return {row["vm"]: row for row in machine.objects("disk stat")}


def start(build, folder, conf, unit=None):
    image = folder / "nvme.img"
    image.write_bytes(gpt.image(SECTORS, PARTITIONS))
    files = bundle.make(folder / "liars.cpio", conf, bundle.tiny(build, "neighbour"))
    extra = ("-device", UNITS[unit]) if unit else ()
    return image, on_disk(Qemu, build / "tests/liars", image, bundle=files, extra=extra)


def wait_lies(machine):
    """
    Waits until the victim's monitor has named pages for long enough that it lies about them; returns
    False if the guest has found before what its monitor does to its disk, and has ended.
    """
    def direct():
        return stats(machine).get("victim", {"direct": 0})["direct"]

    wait_for(lambda: direct() > TRUTHS or machine.vm("victim")["state"] != "running")
    return direct() > TRUTHS


@pytest.mark.parametrize("unit", (None, "VT-d"))
def test_monitor(build, tmp_path, unit):
    """Behind an IOMMU the monitor names pages of its VM's RAM, too, and others."""
    conf = "".join(f"[disk {name}]\ncontroller = nvme0\npartition = {name}\n"
                   for name in PARTITIONS)
    conf += VM.format(name="neighbour", disk="mine", start="yes")
    conf += VM.format(name="victim", disk="liar", start="no")
    image, qemu = start(build, tmp_path, conf, unit)
    with qemu as machine:
        machine.wait_prompt()
        lied = []
        for _ in range(3):
            machine.command("vm create victim")
            machine.command("vm start victim")
            check_neighbour(machine, PASSES)
            lied.append(bool(unit) and wait_lies(machine))
            rows = stats(machine)
            print(rows)
            assert rows["neighbour"]["refused"] == 0
            assert unit or rows.get("victim", {"direct": 0})["direct"] == 0
            machine.command("vm destroy victim")
            assert machine.vm("victim") is None
        assert any(lied) == bool(unit)
        assert [(row["starts"], row["clients"]) for row in machine.objects("driver list")] == \
            [(1, 1)]
        check_neighbour(machine, 2)
        assert "0 found" in machine.command("audit")
        assert "not mapped" not in machine.command("log show -c device")
    whole, made = image.read_bytes(), gpt.image(SECTORS, PARTITIONS)
    first, last = PARTITIONS["liar"][0] * gpt.SECTOR, (PARTITIONS["mine"][1] + 1) * gpt.SECTOR
    assert whole[:first] == made[:first] and whole[last:] == made[last:]


def run_liar(machine, lie):
    """A VM on the disk of the driver that tells this lie, until it has been at it for a while."""
    machine.command(f"vm create vm-{lie}")
    machine.command(f"vm start vm-{lie}")
    check_neighbour(machine, 3)
    for line in ("disk list", "disk stat", "disk partitions", "driver list", "vm list", "mem"):
        said = machine.command(line)
        assert not re.search(r"[^ -~\n\t]", said), said
    machine.command(f"vm destroy vm-{lie}")
    assert machine.vm(f"vm-{lie}") is None
    check_neighbour(machine, 1)


def test_drivers(build, tmp_path):
    """The driver tells one lie after the other; the neighbour's driver is honest."""
    conf = "[disk mine]\ncontroller = memory\nsize = 5M\n"
    conf += VM.format(name="neighbour", disk="mine", start="yes")
    for number, lie in enumerate(LIES, 1):
        conf += f"[disk {lie}]\ncontroller = memory\nsize = {1024 + 4 * number}K\n"
        conf += VM.format(name=f"vm-{lie}", disk=f"{lie} optional", start="no")
    _, qemu = start(build, tmp_path, conf)
    with qemu as machine:
        machine.wait_prompt()
        for lie in LIES:
            print(lie, time.monotonic())
            run_liar(machine, lie)
        wait_for(lambda: all(fio.driver(machine, name)["starts"] > 1 for name in ("deaths", "hang")))
        drivers = {row["name"]: row for row in machine.objects("driver list")}
        print(drivers)
        assert drivers["mine"]["starts"] == 1 and drivers["mine"]["state"] == "ready"
        machine.command("log show")
        assert machine.vm("neighbour")["state"] == "running"


def sector(machine, name, key):
    """Returns what the guest reads from a sector: the first and the last word."""
    machine.attach(name)
    machine.type(key)
    machine.wait(r"SECTOR 0x[0-9a-f]+ 0x0 (0x[0-9a-f]+) (0x[0-9a-f]+)\s")
    words = tuple(int(word, 16) for word in machine.match().groups())
    machine.leave()
    return words


@pytest.mark.parametrize("unit", (None, *UNITS))
def test_watching_clone(build, tmp_path, unit):
    """
    The monitor of a clone looks at the pool while its disk is read, and asks for more than its guest
    did: what the source has written since the snapshot never comes by, however late the driver is.
    """
    image = tmp_path / "watched.img"
    old, next_old, mark = (struct.pack("<Q", word) * (gpt.SECTOR // 8)
                           for word in (OLD, OLD + 1, MARK))
    image.write_bytes(old + next_old * 99 + mark + bytes((SECTORS - 101) * gpt.SECTOR))
    conf = ("[disk watched]\ncontroller = nvme0\n[vm source]\nkernel = sectors.bin\nmemory = 16M\n"
            "pci = on\ndisk = watched\nautostart = yes\n")
    files = bundle.make(tmp_path / "watched.cpio", conf, bundle.tiny(build, "sectors"))
    with on_disk(Qemu, build / "tests/liars", image, bundle=files, extra=(
            "-smp", "3", *(("-device", UNITS[unit]) if unit else ()))) as machine:
        machine.wait_prompt()
        machine.attach("source")
        machine.wait("READY")
        machine.leave()
        assert sector(machine, "source", "1") == (MARK, MARK)
        machine.objects("vm snapshot source one")
        machine.attach("source")
        machine.type("w")  # writes to sector 1 what the guest has read last
        machine.wait("WRITTEN 0x0")
        machine.leave()
        machine.objects("vm clone source@one clone")
        seen = [sector(machine, "clone", "0") for _ in range(READS)]
        print(f"{sum(first == MARK for first, _ in seen)} of {READS} came by")
        assert seen == [(OLD, OLD + 1)] * READS
        assert image.read_bytes()[gpt.SECTOR:2 * gpt.SECTOR] == mark
        machine.command("vm destroy clone")
        assert "0 found" in machine.command("audit")


# a key that tests/liars/saver_liar.c knows
KEY = bytes((0x10 + 7 * i) % 256 for i in range(32)).hex()


def said(machine):
    """Returns the lines of the monitor that looks and writes, the last line last."""
    return re.findall(r"liar: (.*\S)", machine.command("log show"))


def counts(machine, name, beyond):
    """Waits until the guest prints a number above `beyond`; returns the number."""
    machine.attach(name)
    while True:
        machine.wait(r"COUNT (0x[0-9a-f]+)\r?\n")
        found = int(machine.match().group(1), 16)
        if found > beyond:
            machine.leave()
            return found


def start_saver(build, folder):
    """
    Starts a VM whose monitor lies when it is saved. The configuration is in the page in which
    the kernel begins.
    """
    conf = (f"[host]\nstate_key = {KEY}\n[disk saves]\ncontroller = memory\nsize = 24M\n"
            "[vm evil]\nkernel = counter.bin\nmemory = 16M\ncmdline = liar\nautostart = yes\n")
    files = bundle.write(folder / "saves.cpio", {"skerry.conf": conf.encode()} |
                         bundle.tiny(build, "counter"))
    return Qemu(build / "tests/liars", bundle=files)


def test_state(build, tmp_path):
    """
    The monitor goes on writing to the memory that it was saved to: whoever loads that finds
    what it was.
    """
    with start_saver(build, tmp_path) as machine:
        machine.wait_prompt()
        reached = counts(machine, "evil", 2)
        machine.command("vm snapshot evil one")
        assert "to write to the saved state" in said(machine)[-1]
        for name in ("first", "second"):
            assert machine.objects(f"vm clone evil@one {name}")[0]["state"] == "running"
            counts(machine, name, reached)
        assert machine.objects("vm reset evil --to one")[0]["state"] == "running"
        counts(machine, "evil", reached)
        assert machine.objects("vm digest evil")[0]["state"]
        assert "renewed" in machine.command("vm renew evil")
        counts(machine, "evil", reached)


def test_key(build, tmp_path):
    """The host's key is in nothing that a monitor has, neither of a VM that is saved nor restored."""
    with start_saver(build, tmp_path) as machine:
        machine.wait_prompt()
        reached = counts(machine, "evil", 2)
        assert "saved on disk saves" in machine.command("vm save evil saves")
        assert machine.objects("vm restore evil saves")[0]["state"] == "running"
        counts(machine, "evil", reached)
        print(said(machine))
        assert said(machine) == ["looked for the key"] * 2
