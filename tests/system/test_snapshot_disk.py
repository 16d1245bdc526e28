# SPDX-License-Identifier: MIT
"""Snapshots of a VM that writes to disks: these go back with it."""
import bundle
import disk_clones
import qemu_monitor
from machine import Qemu, wait_for
from test_disk import GUEST
from test_snapshot import DISK, one, refused

MIB = 1 << 20
# Where the guest's disks are, from /dev/vda on.
PLACES = {"mem": "memory\nsize = 8M", "flash": "nvme0", "sata": "ahci0.0", "old": "ide0.0",
          "virt": "virtio0"}
DEVICES = {"flash": ("nvme,serial=one",), "sata": ("ide-hd,bus=ide.0",),
           "old": ("piix3-ide,id=old,addr=9", "ide-hd,bus=old.0,unit=0"),
           "virt": ("virtio-blk-pci,disable-legacy=on",)}


def start(build, folder, disks, more="", how="", channel=False, extra=(), keep=False):
    """
    Starts a guest with those disks, new or kept, to which QEMU gives these options besides
    others.
    """
    conf = GUEST + "vcpus = 2\n" + "".join(f"disk = {disk}\n" for disk in disks) + more
    extra = list(extra)
    for disk in disks:
        conf = f"[disk {disk}]\ncontroller = {PLACES[disk]}\n" + conf
        devices = DEVICES.get(disk, ())
        if not devices:
            continue
        image = folder / f"{disk}.img"
        if not keep:
            image.write_bytes(bytes(16 * MIB))
        extra += ["-drive", f"if=none,id={disk}0,file={image},format=raw{how}"]
        for device in devices[:-1]:
            extra += ["-device", device]
        extra += ["-device", f"{devices[-1]},drive={disk}0"]
    files = bundle.make(folder / "snapshot.cpio", conf, bundle.debian(build / "guests"))
    return Qemu(build, bundle=files, extra=tuple(extra), channel=channel)


class Guest:
    """The shell of alpha, with a file system on each of its disks: /mnt/vda, /mnt/vdb and so on."""

    def __init__(self, machine, disks):
        self.machine = machine
        self.devices = [f"vd{chr(ord('a') + i)}" for i in range(len(disks))]
        machine.attach_shell("alpha", 600)
        for device in self.devices:
            # noinit_itable: nothing is written later that nobody asked for
            machine.shell(f"mke2fs /dev/{device} >/dev/null 2>&1; mkdir -p /mnt/{device}; mount "
                          f"-o noatime,noinit_itable /dev/{device} /mnt/{device}; cd /mnt/{device}; "
                          "echo one >file; dd if=/dev/urandom of=random bs=64k count=16 2>/dev/null")
        machine.shell("cd /; sync; x=one; md5sum /mnt/*/random >/tmp/sums")
        machine.leave()

    def shell(self, line):
        self.machine.attach("alpha")
        out = self.machine.shell(line)
        self.machine.leave()
        return out

    def look(self):
        """
        Looks at files, and the file systems' own blocks, on the disk and not in the guest's
        cache.
        """
        out = self.shell("echo 3 >/proc/sys/vm/drop_caches; echo $x; md5sum -c /tmp/sums; "
                         "cd /mnt; tail -n 9 */file; ls -1 */; cd /")
        return out.replace("\n\n", "\n").split("\n")[:-1]

    def expected(self):
        return (["one"] + [f"/mnt/{d}/random: OK" for d in self.devices] +
                [line for d in self.devices for line in (f"==> {d}/file <==", "one")] +
                [line for d in self.devices for line in (f"{d}/:", "file", "lost+found", "random")])

    def spoil(self, word):
        self.shell(f"x={word}; for d in /mnt/*; do echo {word} >$d/file; echo more >$d/more; "
                   "dd if=/dev/zero of=$d/random bs=64k count=16 conv=notrunc 2>/dev/null; done; sync")

    def raw(self):
        """Reads all that the disks hold, by the disks and not by the file systems."""
        return self.shell("for d in /dev/vd?; do dd if=$d bs=64k iflag=direct 2>/dev/null | md5sum; "
                          "done")

    def back(self, name="ready"):
        answer = one(self.machine, f"vm reset alpha --to {name}")
        assert self.look() == self.expected()
        return answer["held_us"]


def end(machine):
    for row in machine.objects("disk stat"):
        assert row["errors"] == 0 and row["refused"] == 0, row
    assert ": 0 found" in machine.command("audit")


def test_back(build, tmp_path):
    """
    RAM and disks are of the same moment, again and again, also when a driver dies meanwhile; clones
    have disks of their own.
    """
    with start(build, tmp_path, PLACES) as machine:
        machine.wait_prompt()
        guest = Guest(machine, PLACES)
        before = guest.raw()
        held = [one(machine, "vm snapshot alpha ready")["held_us"]]
        assert guest.look() == guest.expected()
        assert one(machine, "vm snapshot list")["disk_bytes"] == 0
        for word in ("two", "three"):
            guest.spoil(word)
            assert one(machine, "vm snapshot list")["disk_bytes"] > len(PLACES) * MIB
            held.append(guest.back())
            assert guest.raw() == before
        # the kept blocks outlive the drivers
        guest.spoil("four")
        for row in machine.objects("driver list"):
            machine.command(f"driver restart {row['name']}")
        guest.shell("for d in /mnt/*; do echo five >$d/file; rm $d/random; done; sync")
        held.append(guest.back())
        assert guest.raw() == before
        print(f"held: {held} us")
        # a later snapshot begins with what the disk holds then
        guest.spoil("six")
        after = guest.raw()
        one(machine, "vm snapshot alpha later")
        guest.shell("rm -r /mnt/*/*; sync")
        assert guest.raw() != after
        one(machine, "vm reset alpha --to later")
        assert guest.raw() == after
        assert "go back to the last" in refused(machine, "vm reset alpha --to ready")
        # without a snapshot nothing is kept, and the guest goes on
        kept = machine.vm("alpha")["resident_bytes"]
        for name in ("ready", "later"):
            machine.command(f"vm snapshot drop alpha {name}")
        wait_for(lambda: machine.vm("alpha")["resident_bytes"] < kept - len(PLACES) * MIB // 2)
        guest.spoil("seven")
        assert guest.shell("cat /mnt/*/file") == "seven\n" * len(PLACES)
        drivers = [row["name"] for row in machine.objects("driver list")]
        rows = disk_clones.run(machine, guest.devices, drivers)
        disk_clones.ends(machine, guest.devices, rows)
        end(machine)


def clone_ends(machine, guest):
    """
    Without room for its writes a clone learns of it; without room for what it sees the clone
    cannot go on.
    """
    before = guest.raw()
    one(machine, "vm clone alpha@ready beta")
    write = ("dd if=/dev/urandom of=/dev/vda bs=64k count={} seek=32 oflag=direct conv=notrunc "
             "2>/dev/null; echo $?")
    assert disk_clones.at(machine, "beta", "dmesg -n 1; " + write.format(4)) == "0\n"
    assert disk_clones.at(machine, "beta", write.format(16)) == "1\n"
    (full,) = [row for row in machine.objects("events since 0") if row["event"] == "disk_full"]
    assert full["vm"] == "beta" and "(disk.undo) is full, writes fail" in full["reason"], full
    assert machine.vm("beta")["state"] == "running"
    # more room while the clone runs: the write that was refused is taken
    machine.command("vm set beta disk.undo=4M")
    assert disk_clones.at(machine, "beta", write.format(16)) == "0\n"
    assert guest.raw() == before
    guest.spoil("four")
    wait_for(lambda: machine.vm("beta")["state"] == "crashed")
    reason = machine.vm("beta")["reason"]
    assert reason.startswith("what it sees of alpha's is lost: disk "), reason
    assert "old blocks (disk.undo) is full" in reason, reason
    assert machine.objects("vm snapshot list") == []
    assert guest.shell("cat /mnt/*/file") == "four\nfour\n"


def test_full(build, tmp_path):
    """Without room for more old blocks the snapshot goes, and the guest writes on."""
    with start(build, tmp_path, ("mem", "flash"), "disk.undo = 512K\n") as machine:
        machine.wait_prompt()
        guest = Guest(machine, ("mem", "flash"))
        one(machine, "vm snapshot alpha ready")
        guest.shell("for d in /mnt/*; do echo two >$d/file; done; sync")
        guest.back()
        for word in ("two", "three"):
            guest.spoil(word)
            wait_for(lambda: machine.objects("vm snapshot list") == [])
            dropped = [row for row in machine.objects("events since 0")
                       if row["event"] == "snapshot_dropped"]
            assert "snapshot ready dropped: disk " in dropped[-1]["reason"], dropped
            assert "old blocks (disk.undo) is full" in machine.command("log show -n 20")
            said = refused(machine, "vm reset alpha --to ready")
            assert 'no snapshot "ready" any more, it was dropped: disk ' in said, said
            assert guest.shell("echo 3 >/proc/sys/vm/drop_caches; cat /mnt/*/file /mnt/*/more; "
                               "tr -d '\\0' </mnt/vda/random; tr -d '\\0' </mnt/vdb/random"
                               ) == f"{word}\n{word}\nmore\nmore\n"
            one(machine, "vm snapshot alpha ready")
        clone_ends(machine, guest)
        # room made for a snapshot that there is
        one(machine, "vm snapshot alpha ready")
        machine.command("vm set alpha disk.undo=4M")
        guest.spoil("five")
        one(machine, "vm reset alpha --to ready")
        assert guest.shell("cat /mnt/*/file") == "four\nfour\n"
        assert "KiB are used for old blocks" in machine.command("log show -v alpha")
        end(machine)


def test_dies_meanwhile(build, tmp_path):
    """The driver of a slow disk is ended twice while old blocks go back to it."""
    more = "[channel com2]\nrights = view operate\n"
    disks = ("mem", "flash")
    with start(build, tmp_path, disks, more, channel=True, extra=qemu_monitor.option(tmp_path / "monitor")) as machine, \
            qemu_monitor.Monitor(tmp_path / "monitor") as monitor:
        machine.wait_prompt()
        guest = Guest(machine, disks)
        before = guest.raw()
        one(machine, "vm snapshot alpha ready")
        guest.spoil("two")
        # what goes back takes longer than the driver's two deaths, however busy the host is
        monitor.command("block_set_io_throttle flash0 30000 0 0 0 0 0")
        machine.channel.send(b'{"id":1,"command":"vm reset alpha --to ready"}\n')
        wait_for(lambda: "reset to snapshot ready" in machine.command("log show -n 5"))
        for _ in range(2):
            machine.command("driver restart nvme0")
            wait_for(lambda: all(row["state"] == "ready" for row in machine.objects("driver list")))
        monitor.command("block_set_io_throttle flash0 0 0 0 0 0 0")
        reply = machine.channel.reply()
        assert reply["status"] == "ok", reply
        log = machine.command("log show -n 20")
        assert log.count("driver nvme0: back") == 2, log
        assert log.rindex("driver nvme0: back") < log.rindex("reset to snapshot ready, its"), log
        print(f"held: {reply['result'][0]['held_us']} us")
        assert guest.look() == guest.expected()
        assert guest.raw() == before
        end(machine)


ROUND = ("vm create count", "vm start count", "vm snapshot count a", "vm reset count --to a",
         "driver restart data", "vm snapshot count b", "vm reset count --to b",
         "vm snapshot drop count b", "vm snapshot drop count a", "vm snapshot count c",
         "vm clone count@c two", "vm kill two", "vm destroy two", "vm kill count", "vm destroy count")


def test_leaves_nothing(build, tmp_path):
    """The memory for old blocks, the driver's tables for it, and handles all come back."""
    conf = DISK.format(how="").replace("autostart = yes\n", "")
    files = bundle.make(tmp_path / "snapshot.cpio", conf, bundle.tiny(build, "counter"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.command("vm destroy count")
        left = []
        # The driver that comes back has other random addresses, and so now and then a page table
        # more: what leaks grows with each round, this is back after another one, or is one page.
        while len(left) < 4 or left[-1][0] < left[0][0] and len(left) < 12:
            for line in ROUND:
                out = machine.command(line)
                assert "error: " not in out, out
            left.append((machine.free_pages(), len(machine.objects("handles"))))
        assert left[-1][0] >= left[0][0] - 2, left
        assert len({handles for _, handles in left}) == 1, left
