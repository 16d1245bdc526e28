# SPDX-License-Identifier: MIT
"""
A VM's share of its network, measured by tiny guests (tests/guest/net_share.c) with -icount: a
nanosecond of the machine is an instruction, whatever else the host has to do.
"""
import pytest

import bundle
import fio
from machine import COUNTED, Qemu, wait_for
from net import ports
from shares import order, ping, rate_of, value

DEATHS = 35  # twice what the quota of a switch would do for if nothing were freed
GUEST = """[vm {name}]
kernel = net_share.bin
cmdline = {words}
memory = 16M
autostart = {autostart}
net = {net} mac=52:54:00:00:00:0{number}
net.packets = {packets}
"""


def boot(build, tmp_path, *guests, packets=0, image=""):
    """
    Boots tiny guests: name, words of the command line, whether the guest starts by itself,
    maybe the name of its network. Each may send this many packets a second; 0: as many as it
    likes.
    """
    conf = "".join(f"[net {name}]\nrestart_limit = 0\n" for name in ("lan", "other"))
    for number, (name, words, autostart, *net) in enumerate(guests, 1):
        conf += GUEST.format(name=name, words=words, autostart=autostart, number=number,
                             packets=packets, net="".join(net) or "lan")
    files = bundle.make(tmp_path / "share.cpio", conf, bundle.tiny(build, "net_share"))
    return Qemu(build / image, bundle=files, extra=COUNTED)


@pytest.mark.parametrize("rate, window", [(100, 200), (100000, 60000)])
def test_packets(build, tmp_path, rate, window):
    """
    A guest that sends as fast as it may gets what is set while it runs, within 1 %, and more once
    there is no limit.
    """
    guests = ("flood", "flood to=2", "yes"), ("count", f"count window={window}", "yes")
    with boot(build, tmp_path, *guests, packets=2 * rate) as machine:
        machine.wait_prompt()
        order(machine, f"vm set flood net.packets={rate}")
        machine.attach("count")
        while not 0.9 * rate < rate_of(machine) < 1.1 * rate:
            pass
        value(machine, "RATE") # the first window may have begun before the change
        rates = [rate_of(machine) for _ in range(3)]
        print(rates)
        machine.leave()
        assert all(0.99 * rate <= each <= 1.01 * rate for each in rates), rates
        order(machine, "vm set flood net.packets=0")
        machine.attach("count")
        while rate_of(machine) < 1.5 * rate:
            pass
        machine.leave()


def test_flood(build, tmp_path):
    """While another guest floods at its limit, pings take at most twice as long as without it."""
    guests = (("ping", "ping to=2", "yes"), ("echo", "", "yes"), ("flood", "flood to=4", "no"),
              ("count", "count window=1000", "yes"))
    with boot(build, tmp_path, *guests) as machine:
        machine.wait_prompt()
        quiet = ping(machine, "q")
        for line in ("create flood", "set flood net.packets=10000", "start flood"):
            order(machine, f"vm {line}")
        machine.attach("count")
        value(machine, "RATE") # the first value includes the first burst
        rate = rate_of(machine)
        machine.leave()
        busy = ping(machine, "b")
        print("quiet", quiet, "busy", busy, "instructions; flood", rate)
        assert 9900 <= rate <= 10100, rate
        assert busy[1] <= 2 * quiet[1], (quiet, busy)


def progress(machine):
    """Frames that a guest has received so far, and when: seconds of the machine's clock."""
    return ports(machine)["count"]["sent_frames"], machine.vm("count")["uptime_ns"] / 1e9


def rate_while(machine, what, times):
    """
    Does something several times; returns the frames a second during that, and how often a
    second it was done.
    """
    first, begin = progress(machine)
    for _ in range(times):
        what()
    last, end = progress(machine)
    return (last - first) / (end - begin), times / (end - begin)


def test_deaths_elsewhere(build, tmp_path):
    """
    Another network's switch dies, more often than every 50 ms. The three processes that move
    frames here, two monitors and a switch, have a third of the CPU each: they lose far less
    than a fourth's share would be. The network does not run out of quota either, although no
    idle CPU frees what the dead had.
    """
    guests = (("flood", "flood to=2", "yes"), ("count", "count window=1000000000", "yes"),
              ("echo", "", "yes", "other"))
    with boot(build, tmp_path, *guests, image="tests/faults") as machine:
        machine.wait_prompt()
        wait_for(lambda: ports(machine)["count"]["sent_frames"] > 10000)
        quiet, _ = rate_while(machine, lambda: fio.driver(machine, "other.switch"), DEATHS)
        rounds, often = 0, 0
        while often <= 20 and rounds < 4:  # where the host is busy this test asks for deaths too seldom
            dead, often = rate_while(machine, lambda: fio.die(machine, "other.switch"), DEATHS)
            rounds += 1
        print(f"quiet {quiet:.0f} frames/s, with {often:.0f} deaths/s {dead:.0f}")
        assert fio.driver(machine, "other.switch")["starts"] == rounds * DEATHS + 1
        assert often > 20, often
        assert dead > 0.9 * quiet, (dead, quiet)
