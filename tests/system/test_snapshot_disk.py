# SPDX-License-Identifier: MIT
"""Snapshots of a VM that writes to disks: these go back with it."""
import bundle
from machine import Qemu, wait_for
from test_disk import GUEST, nvme
from test_snapshot import one, refused

MIB = 1 << 20
# The guest has /dev/vda in memory and /dev/vdb on NVMe.
CONF = ("[disk mem]\ncontroller = memory\nsize = 8M\n[disk flash]\ncontroller = nvme0\n" + GUEST +
        "vcpus = 2\ndisk = mem\ndisk = flash\n")
FOLDERS = {"vda": "/a", "vdb": "/b"}


def start(build, folder, more=""):
    image = folder / "nvme.img"
    image.write_bytes(bytes(32 * MIB))
    files = bundle.make(folder / "snapshot.cpio", CONF + more, bundle.debian(build / "guests"))
    return Qemu(build, bundle=files, extra=nvme(image))


def shell(machine, line):
    machine.attach("alpha")
    out = machine.shell(line)
    machine.leave()
    return out


def make_file_systems(machine):
    machine.attach_shell("alpha", 600)
    for device, folder in FOLDERS.items():
        machine.shell(f"mke2fs /dev/{device} >/dev/null 2>&1; mkdir {folder}; "
                      f"mount -o noatime /dev/{device} {folder}; echo one >{folder}/file; "
                      f"dd if=/dev/urandom of={folder}/random bs=64k count=16 2>/dev/null")
    machine.shell("sync; x=one; md5sum /a/random /b/random >/tmp/sums")
    machine.leave()


# Files, and the file systems' own blocks, by the disk and not by what is cached of it.
LOOK = ("echo 3 >/proc/sys/vm/drop_caches; cat /a/file /b/file; echo $x; md5sum -c /tmp/sums; "
        "ls -1 /a /b")
AS_IT_WAS = ("one\none\none\n/a/random: OK\n/b/random: OK\n"
             "/a:\nfile\nlost+found\nrandom\n\n/b:\nfile\nlost+found\nrandom\n")
SPOIL = ("x=two; for d in /a /b; do echo two >$d/file; echo more >$d/more; "
         "dd if=/dev/zero of=$d/random bs=64k count=16 conv=notrunc 2>/dev/null; done; sync")


def back(machine):
    answer = one(machine, "vm reset alpha --to ready")
    assert shell(machine, LOOK) == AS_IT_WAS
    return answer["held_us"]


def raw(machine):
    """What both disks hold, by the disks."""
    return shell(machine, "for d in vda vdb; do dd if=/dev/$d bs=64k iflag=direct 2>/dev/null | "
                          "md5sum; done")


def test_back(build, tmp_path):
    """RAM and two disks are of the same moment, again and again, also when a driver dies meanwhile."""
    with start(build, tmp_path) as machine:
        machine.wait_prompt()
        make_file_systems(machine)
        before = raw(machine)
        free = machine.free_pages()
        held = [one(machine, "vm snapshot alpha ready")["held_us"]]
        assert shell(machine, LOOK) == AS_IT_WAS
        for _ in range(3):
            shell(machine, SPOIL)
            assert shell(machine, "cat /a/file /b/file") == "two\ntwo\n"
            held.append(back(machine))
            assert raw(machine) == before
        # what was kept outlives the drivers
        for driver in ("mem", "flash"):
            shell(machine, SPOIL)
            name = next(row["driver"] for row in machine.objects("disk list")
                        if row["name"] == driver)
            machine.command(f"driver restart {name}")
            shell(machine, "for d in /a /b; do echo three >$d/file; rm $d/random; done; sync")
            held.append(back(machine))
            assert raw(machine) == before
        print(f"held: {held} us")
        # a later one begins with what there is then
        shell(machine, SPOIL)
        after = raw(machine)
        one(machine, "vm snapshot alpha later")
        shell(machine, "rm /a/* /b/*; sync")
        one(machine, "vm reset alpha --to later")
        assert raw(machine) == after
        assert "allowed: the last" in refused(machine, "vm reset alpha --to ready")
        assert "allowed: read-only disks" in refused(machine, "vm clone alpha@later beta")
        for name in ("ready", "later"):
            machine.command(f"vm snapshot drop alpha {name}")
        assert shell(machine, "echo four >/a/file; echo four >/b/file; sync; "
                              "cat /a/file /b/file; dmesg | grep -i error") == "four\nfour\n"
        for row in machine.objects("disk stat"):
            assert row["errors"] == 0 and row["refused"] == 0, row
        assert ": 0 found" in machine.command("audit")
        print(f"free: {free} before, {machine.free_pages()} pages after")


def test_full(build, tmp_path):
    """No room for more old blocks: the snapshot goes, and the guest writes on."""
    with start(build, tmp_path, "disk.undo = 512K\n") as machine:
        machine.wait_prompt()
        make_file_systems(machine)
        free = machine.free_pages()
        one(machine, "vm snapshot alpha ready")
        shell(machine, "echo two >/a/file; echo two >/b/file; sync")
        back(machine)
        for _ in range(2):
            shell(machine, SPOIL)
            wait_for(lambda: machine.objects("vm snapshot list") == [], 30)
            dropped = [row for row in machine.objects("events since 0")
                       if row["event"] == "snapshot_dropped"]
            assert "snapshot ready dropped: disk " in dropped[-1]["reason"], dropped
            assert "old blocks (disk.undo) is full" in machine.command("log show -n 20")
            assert "has no snapshot" in refused(machine, "vm reset alpha --to ready")
            assert shell(machine, "echo 3 >/proc/sys/vm/drop_caches; cat /a/file /b/file /a/more; "
                                  "dd if=/dev/zero bs=64k count=16 2>/dev/null | cmp - /a/random; "
                                  "dd if=/dev/zero bs=64k count=16 2>/dev/null | cmp - /b/random"
                         ) == "two\ntwo\nmore\n"
            # another one may follow
            shell(machine, "echo one >/a/file; sync")
            one(machine, "vm snapshot alpha ready")
        for row in machine.objects("disk stat"):
            assert row["errors"] == 0 and row["refused"] == 0, row
        assert ": 0 found" in machine.command("audit")
        print(f"free: {free} before, {machine.free_pages()} pages after")
