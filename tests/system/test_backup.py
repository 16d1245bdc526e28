# SPDX-License-Identifier: MIT
"""Backups of a VM's disks while it runs, and disks made of them by docs/guides/backup_image.py."""
import hashlib
import os
import random
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

import bundle
import gpt
import qemu_monitor
from machine import Bochs, Qemu, on_disk, wait_for
from test_scsi import CONTROLLER, scsi
from test_snapshot import one, refused, wait_counts
from test_snapshot_disk import Guest, start

sys.path.insert(0, str(Path("docs/guides")))
import backup_image  # noqa: E402  (the tool is no package)

MIB = 1 << 20
TOOL = "docs/guides/backup_image.py"
DISKS = ("flash", "mem", "virt")
BYTES = {"flash": 16 * MIB, "mem": 8 * MIB, "virt": 16 * MIB}
# Prints what stands behind it to COM1, and halts.
BOOT = bytes.fromhex("31c08ed8fcbe167cbaf803ac84c07403eeebf8f4ebfd")


def vaults(folder, sizes, keep=False):
    """
    Places at the AHCI controller, new or kept, the first and the fourth slow: the configuration,
    QEMU's options, the files.
    """
    conf = "".join(f"[disk v{i}]\ncontroller = ahci0.{i}\n" for i in range(len(sizes)))
    extra, files = [], []
    for i, size in enumerate(sizes):
        files.append(folder / f"v{i}.img")
        if not keep:
            files[-1].write_bytes(bytes(size))
        slow = ",throttling.bps-write=1000000" if i % 3 == 0 else ""
        extra += ["-drive", f"if=none,id=v{i},file={files[-1]},format=raw{slow}",
                  "-device", f"ide-hd,bus=ide.{i},drive=v{i}"]
    return conf, extra, files


def ends_of(machine):
    return [row for row in machine.objects("events since 0") if row["event"].startswith("backup_")]


def wait_ends(machine, count, limit=300):
    wait_for(lambda: len(ends_of(machine)) >= count, limit)
    ends = ends_of(machine)
    assert len(ends) == count, ends
    wait_for(lambda: all(row["state"] in ("done", "failed")
                         for row in machine.objects("vm backup list")), 60)
    return ends[-1]


def pairs(first):
    return " ".join(f"{disk}=v{first + i}" for i, disk in enumerate(DISKS))


def sums(guest):
    """Returns the sums of all that each disk holds, by the disk."""
    return [line.split()[0] for line in guest.raw().split("\n") if line]


def write_boot_sector(guest, text):
    code = "".join(f"\\{byte:03o}" for byte in BOOT + text.encode() + b"\r\n\0")
    guest.shell(f"printf '{code}' | dd of=/dev/vda conv=notrunc 2>/dev/null; "
                "printf '\\125\\252' | dd of=/dev/vda bs=1 seek=510 conv=notrunc 2>/dev/null; sync")


def boot_plain(image):
    """Returns what a disk says that plain QEMU boots from."""
    qemu = subprocess.Popen(["qemu-system-x86_64", "-accel", "tcg", "-m", "32", "-display", "none",
                             "-net", "none", "-serial", "stdio", "-drive",
                             f"file={image},format=raw,snapshot=on"],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        return qemu.stdout.readline().decode().strip()
    finally:
        qemu.kill()
        qemu.wait()


def tool(*arguments):
    return subprocess.run([sys.executable, TOOL, *map(str, arguments)], capture_output=True,
                          text=True, check=False)


def merged(folder, *places):
    image = folder / "merged.img"
    out = tool("-o", image, *places)
    assert out.returncode == 0, out.stderr
    return image.read_bytes()


def changed(one, other):
    """Blocks of 64 KiB that differ."""
    return {at // 65536 for at in range(0, len(one), 65536)
            if one[at:at + 65536] != other[at:at + 65536]}


def check_images(folder, files, full, diff):
    """
    Checks that full backups are as the disks were at first, and that the others make the disks
    as at the second point.
    """
    for i, disk in enumerate(DISKS):
        before = files[i].read_bytes()[:BYTES[disk]]
        assert hashlib.md5(before).hexdigest() == full[i], disk
        after = merged(folder, files[i], files[3 + i])
        assert len(after) == BYTES[disk]
        assert hashlib.md5(after).hexdigest() == diff[i], disk
        blocks = set(backup_image.Backup(str(files[3 + i])).index)
        print(f"{disk}: {len(blocks)} blocks, {len(changed(before, after))} differ")
        assert changed(before, after) <= blocks
        assert len(blocks) < 64, blocks
        if disk == "flash":
            assert boot_plain(files[i]) == "BOOTED one"
            assert boot_plain(folder / "merged.img") == "BOOTED three"
    out = tool("-o", folder / "wrong.img", files[0], files[4])
    assert "does not follow" in out.stderr and not (folder / "wrong.img").exists(), out


def fill(machine, guest):
    """Leaves no room for more old blocks: the backup ends, and the guest goes on."""
    one(machine, f"vm backup alpha full {pairs(0)}")
    guest.shell("dd if=/dev/zero of=/mnt/vda/big bs=64k count=96 2>/dev/null; sync")
    end = wait_ends(machine, 1)
    assert end["event"] == "backup_failed" and "(disk.undo) is full" in end["reason"], end
    assert "make a full one" in refused(machine, f"vm backup alpha diff {pairs(3)}")
    guest.shell("rm /mnt/vda/big; sync")


def restore_all(machine, wanted):
    """
    Restores the disks as they were at the differential backups, in the VM that is created anew.
    """
    machine.command("vm destroy alpha")
    assert "it does not follow" in refused(machine, "disk restore mem v1 v5")
    for i, disk in enumerate(DISKS):
        row = one(machine, f"disk restore {disk} v{i} v{3 + i}")
        assert (row["name"], row["state"]) == (disk, "done"), row
        assert row["copied_bytes"] == row["all_bytes"] > BYTES[disk], row
    machine.command("vm create alpha")
    machine.command("vm start alpha")
    machine.attach_shell("alpha", 600)
    said = machine.shell("for d in /dev/vd?; do dd if=$d bs=64k iflag=direct 2>/dev/null | md5sum; "
                         "done")
    machine.leave()
    assert [line.split()[0] for line in said.split("\n") if line] == wanted


def test_linux(build, tmp_path):
    """
    A guest writes before, while and after its disks are copied. A differential backup has what was
    written before one that was cancelled, too; drivers that die meanwhile are no matter.
    """
    conf, extra, files = vaults(tmp_path, [20 * MIB] * 6)
    with start(build, tmp_path, DISKS, more="disk.undo = 2M\n" + conf, extra=extra) as machine:
        machine.wait_prompt()
        guest = Guest(machine, DISKS)
        fill(machine, guest)
        assert "there is no whole backup" in tool(files[0]).stderr
        write_boot_sector(guest, "BOOTED one")
        full = sums(guest)
        answer = one(machine, f"vm backup alpha full {pairs(0)} overwrite")
        guest.shell("for d in /mnt/*; do echo meanwhile >$d/file; done; sync")
        assert {row["state"] for row in machine.objects("vm backup list")} == {"copying"}
        guest.spoil("two")
        print(f"held {answer['held_us']} us")
        assert wait_ends(machine, 2)["event"] == "backup_done"
        assert {row["copied_bytes"] for row in machine.objects("vm backup list")} == {40 * MIB}
        one(machine, f"vm backup alpha full {pairs(3)}")
        assert "under way" in refused(machine, f"vm backup alpha diff {pairs(3)}")
        one(machine, "vm backup cancel alpha")
        assert "it was cancelled" in wait_ends(machine, 3)["reason"]
        write_boot_sector(guest, "BOOTED three")
        guest.spoil("three")
        diff = sums(guest)
        one(machine, f"vm backup alpha diff {pairs(3)} overwrite")
        for row in machine.objects("driver list"):
            machine.command(f"driver restart {row['name']}")
        guest.spoil("four")
        assert wait_ends(machine, 4)["event"] == "backup_done"
        # the backups on which the chain builds stay
        one(machine, f"vm backup alpha diff {pairs(0)} overwrite")
        assert "builds upon" in wait_ends(machine, 5)["reason"]
        assert guest.shell("cat /mnt/*/file") == "four\n" * len(DISKS)
        # the guest ends, and with it the chain
        machine.command("vm kill alpha")
        machine.command("vm start alpha")
        assert "make a full one" in refused(machine, f"vm backup alpha diff {pairs(3)}")
        assert "alpha uses it" in refused(machine, "disk restore mem v1")
        restore_all(machine, diff)
        assert ": 0 found" in machine.command("audit")
    check_images(tmp_path, files, full, diff)


def chain(folder, files, full, diff):
    """The sum of the disk that a full backup and the differential one behind it make."""
    return hashlib.md5(merged(folder, files[full], files[diff])).hexdigest()


# The guest's disks by what QEMU calls them, and the drivers of those that learn of their growth when they start anew.
GROWN = {"virt": "virt0", "sata": "sata0", "old": "old0", "flash": "flash0", "scsi": "disk0"}
LEARNS = {"virt": "virtio0", "sata": "ahci0", "old": "ide0.0", "scsi": "scsi0"}
PLACES_FULL, PLACES_DIFF = range(1, 6), range(6, 11)


def start_grown(build, folder, keep=False):
    """A guest with a disk at each kind of controller, and ten places at the SCSI and the AHCI controller."""
    extra = [*CONTROLLER, *qemu_monitor.option(folder / "monitor")]
    more = "disk = scsi\n[disk scsi]\ncontroller = scsi0.0\n"
    for number in range(11):
        path = folder / (f"v{number}.img" if number else "scsi.img")
        if not keep:
            path.write_bytes(bytes((32 if number else 16) * MIB))
        # no controller has more than eight disks
        port = number - 7
        extra += scsi(number, path) if port <= 0 else [
            "-drive", f"if=none,id=place{port},format=raw,file={path}",
            "-device", f"ide-hd,bus=ide.{port},drive=place{port}"]
        if number:
            more += f"[disk v{number}]\ncontroller = " + (f"scsi0.{number}\n" if port <= 0 else f"ahci0.{port}\n")
    return start(build, folder, list(GROWN)[:-1], more=more, extra=extra, keep=keep)


def back_up(machine, kind, places, count):
    """Backs up all disks, one to each of the places, as the backup of that number since the boot."""
    one(machine, f"vm backup alpha {kind} " +
        " ".join(f"{disk}=v{place}" for disk, place in zip(GROWN, places)) + " overwrite")
    assert wait_ends(machine, count)["event"] == "backup_done", ends_of(machine)


def check_chains(machine, folder, guest):
    """The full backup of each disk and the differential one behind it are what the disk holds."""
    files = {place: folder / f"v{place}.img" for place in (*PLACES_FULL, *PLACES_DIFF)}
    assert [chain(folder, files, full, diff) for full, diff in zip(PLACES_FULL, PLACES_DIFF)] == sums(guest)
    assert all(row["errors"] == 0 for row in machine.objects("disk stat"))


def write_ends(guest):
    """Writes what a disk of 16 MiB has not, and blocks that it has."""
    guest.shell("for d in /dev/vd?; do for at in 380 9; do dd if=/dev/urandom of=$d bs=64k seek=$at count=4 "
                "oflag=direct; done; done")


def sizes_of(guest):
    """Returns the sizes in MiB, by disk."""
    return dict(zip(GROWN, (int(line) >> 11 for line in guest.shell("cat /sys/block/vd?/size").split())))


def test_grown(build, tmp_path):
    """
    The machine makes its disks larger, at each kind of controller. Skerry takes no notice until
    the disks' drivers start anew: the chain goes on, and restores what the disks held. From
    then on it takes a full backup first. QEMU lets no disk of its NVMe controller grow.
    """
    with start_grown(build, tmp_path) as machine, qemu_monitor.Monitor(tmp_path / "monitor") as monitor:
        machine.wait_prompt()
        guest = Guest(machine, GROWN)
        back_up(machine, "full", PLACES_FULL, 1)
        for disk, drive in GROWN.items():
            assert (monitor.command(f"block_resize {drive} 24") == "") == (disk in LEARNS), disk
        guest.spoil("two")
        assert sizes_of(guest) == dict.fromkeys(GROWN, 16)
        back_up(machine, "diff", PLACES_DIFF, 2)
        check_chains(machine, tmp_path, guest)
        for name in [*LEARNS.values(), "nvme0"]:
            machine.command(f"driver restart {name}")
        wait_for(lambda: sizes_of(guest) == dict.fromkeys(GROWN, 24) | {"flash": 16})
        for disk, place in zip(GROWN, PLACES_DIFF):
            if disk in LEARNS:
                assert "it has grown from 16384 to 24576 KiB since the last backup; make a full one" in refused(
                    machine, f"vm backup alpha diff {disk}=v{place} overwrite"), disk
        back_up(machine, "full", PLACES_FULL, 3)
        write_ends(guest)
        back_up(machine, "diff", PLACES_DIFF, 4)
        check_chains(machine, tmp_path, guest)
        assert ": 0 found" in machine.command("audit")


def test_grown_while_off(build, tmp_path):
    """
    The disks are larger when the machine boots again: a differential backup is refused, the
    backups made before restore what the disks held then, and a new chain has all of the disks.
    """
    with start_grown(build, tmp_path) as machine:
        machine.wait_prompt()
        guest = Guest(machine, GROWN)
        back_up(machine, "full", PLACES_FULL, 1)
        guest.spoil("two")
        back_up(machine, "diff", PLACES_DIFF, 2)
        held = sums(guest)
    for name in GROWN:
        os.truncate(tmp_path / f"{name}.img", 24 * MIB)
    with start_grown(build, tmp_path, keep=True) as machine:
        machine.wait_prompt()
        machine.command("vm destroy alpha")
        for disk, full, diff in zip(GROWN, PLACES_FULL, PLACES_DIFF):
            assert one(machine, f"disk restore {disk} v{full} v{diff}")["state"] == "done"
        machine.command("vm create alpha")
        machine.command("vm start alpha")
        guest = Guest(machine, ())
        assert sizes_of(guest) == dict.fromkeys(GROWN, 24)
        said = guest.shell("for d in /dev/vd?; do dd if=$d bs=64k count=256 iflag=direct 2>/dev/null | md5sum; done")
        assert [line.split()[0] for line in said.split("\n") if line] == held
        for disk, place in zip(GROWN, PLACES_DIFF):
            assert "make a full one" in refused(machine, f"vm backup alpha diff {disk}=v{place} overwrite"), disk
        back_up(machine, "full", PLACES_FULL, 1)
        write_ends(guest)
        back_up(machine, "diff", PLACES_DIFF, 2)
        check_chains(machine, tmp_path, guest)
        assert ": 0 found" in machine.command("audit")


HOST = "[host]\nstate_key = " + "0123456789abcdef" * 4 + "\n"
STATEFUL = ("flash", "virt")


def start_stateful(build, folder, keep):
    conf, extra, files = vaults(folder, [20 * MIB, 20 * MIB, 192 * MIB], keep)
    return start(build, folder, STATEFUL, more=conf + HOST, extra=extra, keep=keep), files


def restore(machine, line="vm restore alpha v2"):
    machine.wait_prompt()
    wait_for(lambda: "error: " not in machine.command("vm kill alpha"))
    # the VM's monitor may not have looked at the disk yet
    while "try again" in (said := machine.command(line, 300)):
        pass
    return said


def test_state(build, tmp_path):
    """
    RAM and state of the moment of the disks: with these restored the guest goes on in its shell, with
    others it is not restored. It has gone on at once, and so has one that was saved alone.
    """
    machine, files = start_stateful(build, tmp_path, False)
    with machine:
        machine.wait_prompt()
        guest = Guest(machine, STATEFUL)
        assert "use overwrite or continue" in refused(machine, "vm save alpha v2 sometime")
        assert "each disk of the VM once, and state" in refused(
            machine, "vm backup alpha full flash=v0 state=v1 state=v2")
        # the disk has a client already: nothing is left of what was begun
        assert "v0" in refused(machine, "vm backup alpha full flash=v0 state=v0")
        assert "no disk \"nowhere\"" in refused(machine, "vm backup alpha full flash=v0 state=nowhere")
        out = machine.command("vm save alpha v2 continue", 300)
        assert "alpha: running" in out, out
        assert guest.shell("echo $x") == "one\n"
        answer = one(machine, "vm backup alpha full flash=v0 virt=v1 state=v2")
        guest.spoil("two")
        print(f"held {answer['held_us']} us")
        assert wait_ends(machine, 1)["event"] == "backup_done"
        assert guest.shell("cat /mnt/*/file; echo $x") == "two\n" * 3
        assert ": 0 found" in machine.command("audit")
    with start_stateful(build, tmp_path, True)[0] as machine:
        out = restore(machine)
        assert "not restored" in out and "disk flash" in out, out
    for disk, file in zip(STATEFUL, files):
        (tmp_path / f"{disk}.img").write_bytes(merged(tmp_path, file))
    with start_stateful(build, tmp_path, True)[0] as machine:
        out = restore(machine)
        assert "alpha: running" in out, out
        guest.machine = machine
        assert guest.look() == guest.expected()
        assert ": 0 found" in machine.command("audit")


COUNT = """[disk data]
controller = memory
image = noise
[disk vault]
controller = nvme0 ide0.0
partition = vault
[disk next]
controller = nvme0 ide0.0
partition = next
[disk small]
controller = memory
size = 64K
[disk used]
controller = memory
image = used
[disk back]
controller = memory
size = 2M
[vm count]
kernel = counter.bin
memory = 16M
autostart = yes
disk = data
[vm look]
kernel = sectors.bin
memory = 16M
disk = back
"""
PARTS = {"vault": (2048, 8191, uuid.UUID(int=2)), "next": (8192, 10239, uuid.UUID(int=3))}


def check_restored(machine, noise):
    """A disk that is written from the chain, and what is refused before anything is written."""
    for line, words in (("data vault next", "count uses it"), ("back back", "its own backups"),
                        ("back next", "it is no full backup"), ("back used", "it is no full backup"),
                        ("back vault vault", "it is no differential backup"),
                        ("small vault", "the disk has 64 KiB, but the backup needs at least 1028 KiB"),
                        ("back nowhere", "there is no disk"), ("back", "name 1 to 8")):
        assert words in refused(machine, f"disk restore {line}"), line
    assert "touched" not in machine.command("disk restore")
    left = []
    for _ in range(3):
        row = one(machine, "disk restore back vault next")
        assert (row["state"], row["copied_bytes"]) == ("done", len(noise)), row
        left.append((machine.steady_free(), len(machine.objects("handles"))))
    assert left[1][1] == left[2][1] and abs(left[1][0] - left[2][0]) < 64, left
    machine.command("vm create look")
    machine.command("vm start look")
    machine.attach("look")
    machine.wait("READY")
    for number in range(0, 10):
        machine.type(str(number))
        machine.wait(rf"SECTOR 0x{100 * number:x} 0x0 0x([0-9a-f]+) 0x([0-9a-f]+)\s")
        at = 100 * number * 512
        assert tuple(int(word, 16) for word in machine.match().groups()) == tuple(
            int.from_bytes(noise[where:where + 8], "little") for where in (at, at + 504))
    machine.leave()


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_places(build, tmp_path, emulator):
    """Places that do not fit are left as they are; beside a partition nothing is written."""
    noise = random.Random(7).randbytes(MIB + 4096)
    image = tmp_path / "disk.img"
    image.write_bytes(gpt.image(16384, PARTS))
    beside = image.read_bytes()
    files = bundle.make(tmp_path / "backup.cpio", COUNT,
                        bundle.tiny(build, "counter", "sectors") | {"noise": noise, "used": 2 * noise})
    with on_disk(emulator, build, image, bundle=files) as machine:
        machine.wait_prompt()
        wait_counts(machine, "count")
        for line, words in (("full data", "use DISK=TARGET"), ("half data=vault", "full or diff"),
                            ("full other=vault", "each disk of the VM once"),
                            ("full data=nowhere", "there is no disk"),
                            ("full data=data", "count uses it"),
                            ("diff data=next", "make a full one")):
            assert words in refused(machine, f"vm backup count {line}"), line
        for number, (target, words) in enumerate((("used", "the place holds something else"),
                                                  ("small", "takes at least")), 1):
            one(machine, f"vm backup count full data={target}")
            end = wait_ends(machine, number)
            assert end["event"] == "backup_failed" and words in end["reason"], end
        left = []
        for number, line in enumerate(("full data=vault", *2 * ("full data=vault overwrite",),
                                       "diff data=next"), 3):
            one(machine, f"vm backup count {line}")
            assert wait_ends(machine, number)["event"] == "backup_done"
            left.append((machine.steady_free(), len(machine.objects("handles"))))
        # nothing is left of a backup
        assert left[1][1] == left[2][1] and abs(left[1][0] - left[2][0]) < 64, left
        check_restored(machine, noise)
        wait_counts(machine, "count")
        assert ": 0 found" in machine.command("audit")
    content = image.read_bytes()
    first, next_, end = (number * gpt.SECTOR for number in (2048, 8192, 10240))
    assert content[:first] == beside[:first] and content[end:] == beside[end:]
    assert content[first:].startswith(noise)
    places = (f"{image}@{first}+{next_ - first}", f"{image}@{next_}+{end - next_}")
    assert merged(tmp_path, *places) == noise
    assert backup_image.Backup(places[1]).index == ()
    assert "diff backup 2 of the chain" in tool(*places).stdout
    broken = tmp_path / "broken.img"
    for at in (0, 9, 100, 4095):  # anywhere in a header
        broken.write_bytes(content[next_:at + next_] + b"\x55" + content[at + next_ + 1:end])
        assert "there is no whole backup" in tool(broken).stderr
    assert "a full one first" in tool("-o", broken, places[1]).stderr
