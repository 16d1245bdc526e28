# SPDX-License-Identifier: MIT
"""
A VM's share of its disk, measured by tiny guests (tests/guest/disk_share.c) with -icount: a
nanosecond of the machine is an instruction, whatever else the host has to do. The disks of
tests/slow take 25 us for each MiB of their size, and any number of requests at once.
"""
import pytest

import bundle
from machine import COUNTED, Qemu, wait_for
from shares import order, ping, rate_of, value

GUEST = """[vm {name}]
kernel = disk_share.bin
cmdline = {words}
memory = 16M
autostart = {autostart}
disk = data ro
{keys}
"""


def boot(build, tmp_path, mebibytes, *guests, image=""):
    """
    Boots tiny guests on a disk in memory: name, words of the command line, whether the guest
    starts by itself, more keys.
    """
    conf = f"[disk data]\ncontroller = memory\nsize = {mebibytes}M\n"
    for name, words, autostart, keys in guests:
        conf += GUEST.format(name=name, words=words, autostart=autostart, keys=keys)
    files = bundle.make(tmp_path / "share.cpio", conf, bundle.tiny(build, "disk_share"))
    return Qemu(build / image, bundle=files, extra=COUNTED)


def row(machine, vm):
    return next(row for row in machine.objects("disk stat") if row["vm"] == vm)


@pytest.mark.parametrize("rate, window", [(10, 20), (100000, 20000)])
def test_operations(build, tmp_path, rate, window):
    """
    A guest that asks as fast as it may gets what is set while it runs, within 1 %, and more once
    there is no limit.
    """
    guest = ("load", f"load depth=32 window={window} bytes=512", "yes", f"disk.ops = {2 * rate}")
    with boot(build, tmp_path, 4, guest) as machine:
        machine.wait_prompt()
        order(machine, f"vm set load disk.ops={rate}")
        machine.attach("load")
        while not 0.9 * rate < rate_of(machine) < 1.1 * rate:
            pass
        value(machine, "RATE") # the first window may have begun before the change
        rates = [rate_of(machine) for _ in range(3)]
        print(rates)
        machine.leave()
        assert all(0.99 * rate <= each <= 1.01 * rate for each in rates), rates
        assert row(machine, "load")["ops_limit"] == rate
        assert row(machine, "load")["limited_ns"] > 0
        assert f"{rate} operations a second" in machine.command("disk stat")
        order(machine, "vm set load disk.ops=0")
        machine.attach("load")
        while rate_of(machine) < 1.2 * rate:
            pass
        machine.leave()


def test_weights(build, tmp_path):
    """Two guests that ask for more than the disk can do get it by their weights, also new ones."""
    guests = [(name, "load depth=128 window=1000", "yes", f"disk.weight = {weight}")
              for name, weight in (("one", 100), ("two", 200))]
    with boot(build, tmp_path, 160, *guests, image="tests/slow") as machine:
        machine.wait_prompt()
        assert share_of_two(machine) == pytest.approx(2, rel=0.02)
        order(machine, "vm set one disk.weight=400")
        assert share_of_two(machine) == pytest.approx(0.5, rel=0.02)


def share_of_two(machine):
    """Returns how much more `two` has got than `one` for some time from now on."""
    def counts():
        return {row["vm"]: row["requests"] for row in machine.objects("disk stat")}

    before = counts()
    wait_for(lambda: min(now - before[vm] for vm, now in counts().items()) > 5000)
    one, two = (now - before[vm] for vm, now in sorted(counts().items()))
    print(one, two, two / one)
    return two / one


def test_neighbour(build, tmp_path):
    """
    While another guest has 128 requests at all times, single requests take at most twice as
    long.
    """
    guests = (("ping", "ping", "yes", ""), ("load", "load depth=128 window=10000", "no", ""))
    with boot(build, tmp_path, 4, *guests, image="tests/slow") as machine:
        machine.wait_prompt()
        quiet = ping(machine, "q")
        for line in ("create load", "start load"):
            order(machine, f"vm {line}")
        machine.attach("load")
        value(machine, "RATE")
        rate = rate_of(machine)
        machine.leave()
        busy = ping(machine, "b")
        print("quiet", quiet, "busy", busy, "ns; neighbour", rate)
        assert busy[1] <= 2 * quiet[1], (quiet, busy)


def test_smallest(build, tmp_path):
    """
    With the least of every limit, each request waits, none waits for ever, and the VM can end.
    """
    keys = "disk.ops = 1\ndisk.bytes = 1\ndisk.burst = 1\ndisk.weight = 1"
    guest = ("load", "load depth=8 window=1 bytes=65536", "yes", keys)
    with boot(build, tmp_path, 4, guest) as machine:
        machine.wait_prompt()
        wait_for(lambda: row(machine, "load")["requests"] == 1)
        for ops, rate in ((0, 65536), (1, 0)):
            # the debt is paid sooner: a request a second
            order(machine, f"vm set load disk.ops={ops} disk.bytes={rate}")
            machine.attach("load")
            # the last one of the old rate may look like the new one
            while not all(0.99 < rate_of(machine) < 1.01 for _ in range(3)):
                pass
            machine.leave()
        order(machine, "vm set load disk.bytes=1")
        machine.command("vm destroy load")
        wait_for(lambda: machine.vm("load") is None)
        assert machine.objects("driver list")[0]["starts"] == 1
