# SPDX-License-Identifier: MIT
"""`vm renew`: a new monitor under a guest that goes on."""
import random
import re

import pytest

import bundle
import fio
import net
from machine import Bochs, Qemu, guest_output, on_cpus, wait_for

EMULATORS = {"qemu": Qemu, "bochs": Bochs}
BOCHS_MHZ = 50  # the rate in bochs.py
COUNTER = "[vm count]\nkernel = counter.bin\nmemory = 16M\nautostart = yes\n{more}"


def renew(machine, name):
    """The microseconds that its guest stood still."""
    (answer,) = machine.objects(f"vm renew {name}")
    assert answer["name"] == name
    return answer["held_us"]


def refused(machine, line):
    out = machine.command(line)
    assert out.startswith("error: "), out
    return out


def check_count(machine):
    """The guest has said every number once, in order."""
    machine.attach("count")
    machine.type("q")
    machine.wait("DONE")
    text = machine.transcript()
    counts = [int(n, 16) for n in re.findall(r"COUNT 0x([0-9a-f]+)", guest_output(text))]
    assert counts == list(range(1, len(counts) + 1)) and len(counts) > 3, counts
    assert "FAIL" not in text
    return counts[-1]


@pytest.mark.parametrize("emulator", EMULATORS)
def test_counter(build, tmp_path, emulator):
    files = bundle.make(tmp_path / "renew.cpio", COUNTER.format(more=""),
                        bundle.tiny(build, "counter"))
    with EMULATORS[emulator](build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        held = [renew(machine, "count") for _ in range(20)]
        print(f"held: {held} us")
        if emulator == "bochs":  # the clock of Bochs counts instructions
            assert max(held) * BOCHS_MHZ < 1_000_000, held
        # a paused VM stays paused
        machine.command("vm pause count")
        renew(machine, "count")
        assert machine.vm("count")["state"] == "paused"
        machine.command("vm resume count")
        # the new monitor can do more on its own: a reset loads the kernel anew
        check_count(machine)
        machine.wait_end("count")
        machine.wait_prompt()
        assert "only a running or paused VM" in refused(machine, "vm renew count")
        said = machine.command("log show -n 1000")
        assert len(re.findall(r"count.*renewed, its guest stood still", said)) == 21, said


DISK = ("[disk data]\ncontroller = {controller}\n"
        "[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
        "cmdline = console=ttyS0 quiet name=alpha no_timer_check\nvcpus = 2\n"
        "autostart = yes\ndisk = data\naffinity = {affinity}\n")


def nvme(folder):
    """A disk behind an IOMMU: the controller writes to the guest's RAM by itself."""
    path = folder / "disk.img"
    path.write_bytes(bytes(32 << 20))
    return ("-device", "intel-iommu,aw-bits=48", "-drive", f"if=none,id=disk,format=raw,file={path}",
            "-device", "nvme,drive=disk,serial=n1,addr=4")


@pytest.mark.parametrize("controller, driver", [("memory\nsize = 32M", "data"), ("nvme0", "nvme0")])
def test_under_load(build, tmp_path, controller, driver):
    """Linux with two CPUs, which verifies what it has written to its disk."""
    choice = random.Random(1)
    host, affinity = on_cpus(Qemu, 2)
    files = bundle.make(tmp_path / "renew.cpio",
                        DISK.format(controller=controller, affinity=affinity),
                        bundle.debian_tools(build, "fio"))
    extra = nvme(tmp_path) if driver == "nvme0" else ()
    with Qemu(build, bundle=files, extra=(*host["extra"], *extra)) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 600)
        machine.type(f"({fio.command(size='4M', seconds=30, told='/tmp/enough')}; echo fio''-ends=$?) &\r")
        machine.leave()
        held = []
        for _ in range(20):
            fio.wait_requests(machine, "data", choice.randrange(1, 60))
            held.append(renew(machine, "alpha"))
        print(f"held: {held} us")
        # the driver's end is another process's business, for the new monitor as for the old
        fio.die(machine, driver, "driver restart")
        machine.attach("alpha")
        machine.type("touch /tmp/enough\r")
        machine.wait(r"fio-ends=(\d+)")
        assert machine.match().group(1) == "0"
        # counts begin anew with each process: fio may have had few requests of the last one
        machine.shell("dd if=/dev/vda of=/dev/null bs=64k count=128 iflag=direct 2>/dev/null")
        assert "2" in machine.shell("grep -c ^processor /proc/cpuinfo")
        assert "stall" not in machine.shell("dmesg | tail -n 20")
        machine.leave()
        (row,) = machine.objects("disk stat")
        assert (row["errors"], row["window"]) == (0, "open" if extra else "none")
        assert (row["direct"] > row["requests"] / 2) == bool(extra)
        assert machine.vm("alpha")["state"] == "running"


def owned(machine):
    """The handles of all processes: whose, what, which rights."""
    rows = machine.objects("handles")
    return sorted((row["process"], row["type"], row["rights"]) for row in rows)


def test_leaves_nothing(build, tmp_path):
    """A new monitor has what the old one had, the manager too; words for what is refused."""
    files = bundle.make(tmp_path / "renew.cpio", COUNTER.format(more=""),
                        bundle.tiny(build, "counter"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        wait_for(lambda: machine.vm("count")["state"] == "running")
        before = owned(machine)
        for _ in range(3):
            renew(machine, "count")
        wait_for(lambda: owned(machine) == before)
        assert ": 0 found" in machine.command("audit")
        machine.command("vm set count reserve=1ms/10ms")
        assert "the reservation would be needed twice" in refused(machine, "vm renew count")
        machine.command("vm set count reserve=none")
        assert "held_us" in machine.command("vm renew count -j")
        assert "there is no VM" in refused(machine, "vm renew nobody")
        machine.command("vm reset count")  # the new monitor has the kernel's file as well
        machine.attach("count")
        machine.wait(r"COUNT 0x1\s")
        machine.leave()
        machine.command("vm destroy count")
        free = machine.steady_free()
        machine.command("vm create count")
        machine.command("vm start count")
        renew(machine, "count")
        machine.command("vm destroy count")
        machine.wait_free(free)


def test_net(build, tmp_path):
    """Both ends of a transfer get new monitors: TCP sends again what was on its way, no more."""
    conf = "[net lan]\n" + "".join(
        net.guest(name, address) + "vcpus = 1\n"
        for name, address in (("alpha", "10.0.2.15"), ("beta", "10.0.2.16")))
    files = bundle.make(tmp_path / "renew.cpio", conf, bundle.debian_tools(build, "iperf3"))
    with Qemu(build, bundle=files) as machine:
        machine.limit = 600
        net.boot(machine, "alpha", "beta")
        net.shell(machine, "beta", "iperf3 -s -D >/dev/null 2>&1")
        net.begin_transfer(machine, "alpha", "10.0.2.16")
        for name in ("alpha", "beta") * 3:
            before = net.ports(machine)["beta"]["sent_bytes"]
            wait_for(lambda: net.ports(machine)["beta"]["sent_bytes"] > before + 200000)
            renew(machine, name)
        net.end_transfer(machine, "alpha")
        assert net.pings(machine, "alpha", "10.0.2.16") == 3


LINUX = ("[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\nvcpus = 2\n"
         "cmdline = console=ttyS0 console=hvc0 quiet name=alpha\nhpet = yes\nautostart = yes\n"
         "rng = yes\nballoon = yes\nconsole = virtio\n")


def balloon_pages(machine):
    """Counts of 0 are not shown."""
    rows = {row["reason"]: row["count"] for row in machine.objects("vm stat alpha")}
    assert "balloon-refused-pages" not in rows
    return rows.get("balloon-pages", 0)


def uptime(machine, words=""):
    """Returns the seconds since its boot that alpha's clock tells."""
    machine.attach("alpha")
    found = float(machine.shell(f"{words}cat /proc/uptime").split()[0])
    machine.leave()
    return found


@pytest.mark.parametrize("emulator", ["qemu", pytest.param("bochs", marks=pytest.mark.long)])
def test_linux(build, tmp_path, emulator):
    """Processes, time, the console and the other virtio devices go on in the same Linux."""
    files = bundle.make(tmp_path / "renew.cpio", LINUX, bundle.debian_modules(
        build / "guests", (*bundle.VIRTIO_MODULES, "virtio_balloon")))
    with EMULATORS[emulator](build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 600)
        machine.shell("x=kept")
        machine.leave()
        since = machine.vm("alpha")["uptime_ns"]
        before = uptime(machine)
        for _ in range(5):
            renew(machine, "alpha")
        machine.attach("alpha")
        assert machine.shell("echo $x; tty") == "kept\n/dev/hvc0\n"
        assert machine.shell("head -c 64 /dev/hwrng | wc -c") == "64\n"
        machine.leave()
        after = uptime(machine, "sleep 1; ")
        assert 1 <= after - before < (machine.vm("alpha")["uptime_ns"] - since) / 1e9 + 1
        machine.command("vm pause alpha")
        renew(machine, "alpha")
        machine.command("vm resume alpha")
        assert len(machine.objects("vm regs alpha")) == 2
        # the balloon moves on from where it was, with the RAM mapped for two monitors meanwhile
        for size, pages in (("112M", 4096), ("128M", 0)):
            machine.command(f"vm balloon alpha {size}")
            renew(machine, "alpha")
            wait_for(lambda wanted=pages: balloon_pages(machine) == wanted)
        machine.attach("alpha")
        assert "2" in machine.shell("grep -c ^processor /proc/cpuinfo")
