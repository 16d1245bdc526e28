# SPDX-License-Identifier: MIT
"""Two stock Debian guests side by side, with each emulator, processor and way to boot (a cell)."""
import re
import time

import pytest

from machine import EPYC, Bochs, Qemu, make_iso, wait_for

CELLS = {
    "kernel-epyc": ("kernel", EPYC),
    "kernel-max": ("kernel", "max"),
    "bios-epyc": ("bios", EPYC),
    "bios-max": ("bios", "max"),
    "uefi-epyc": ("uefi", EPYC),
    "uefi-max": ("uefi", "max"),
    "bochs": None,
}
# the machines that go through the whole life cycle; in the long set every machine does
FULL = ("kernel-epyc", "bochs")
LIVES = [pytest.param(cell, cell in FULL, id=cell) for cell in CELLS]
LIVES += [pytest.param(cell, True, id=f"{cell}-full", marks=pytest.mark.long)
          for cell in CELLS if cell not in FULL]


def boot(build, folder, cell):
    files = build / "guests.cpio"
    if CELLS[cell] is None:
        return Bochs(build, iso=make_iso(build, folder / "first_light.iso", files))
    way, cpu = CELLS[cell]
    return Qemu(build, boot=way, cpu=cpu, bundle=files)


def check_up(machine):
    """Checks that the prompt comes, and both guests come up by themselves."""
    machine.wait_prompt()
    for name in ("alpha", "beta"):
        machine.attach_shell(name)
        assert machine.shell("hostname") == f"{name}\n"
        machine.leave()
    found = {vm["name"]: vm["state"] for vm in machine.objects("vm list")}
    assert found == {"alpha": "running", "beta": "running"}


def check_poweroff(machine):
    machine.type("poweroff now\r")
    assert machine.ended(), "poweroff does not end the emulator"


def check_console(machine):
    """Commands in alpha work; what beta prints meanwhile is shown on attaching to it."""
    machine.attach("beta")
    machine.shell("(sleep 1; printf 'said''-behind-the-back\\033[7m\\033]0;title\\007\\n') & true")
    machine.leave()
    machine.attach("alpha")
    assert "Linux alpha 6.1" in machine.shell("uname -a")
    interrupts = machine.shell("cat /proc/interrupts")
    assert re.search(r"IO-APIC.*ttyS0", interrupts), interrupts
    timer = re.search(r"LOC:\s+(\d+)", interrupts)
    assert timer and int(timer.group(1)) > 0, interrupts
    machine.shell("sleep 2")
    machine.leave()
    assert "\x1b[7m" not in machine.transcript()
    machine.attach("beta")
    machine.wait(r"said-behind-the-back\x1b\[7m")
    machine.leave()
    # A guest's escape sequences reach only whoever is attached to it, and not all of them.
    assert "\x1b]0;title" not in machine.transcript()
    assert "title" not in str(machine.objects("log show"))


def slept(machine):
    """Returns how long a sleep of two seconds takes by the guest's clock, and no less than what by Skerry's."""
    before = machine.vm("alpha")["uptime_ns"]
    machine.attach("alpha")
    out = machine.shell("cat /proc/uptime; sleep 2; cat /proc/uptime")
    machine.leave()
    after = machine.vm("alpha")["uptime_ns"]
    first, second = [float(line.split()[0]) for line in out.strip().split("\n")]
    return second - first, (after - before) / 1e9


def check_sleep(machine):
    """Two seconds by the guest's clock are two by Skerry's."""
    # A busy host makes each longer; a clock that is wrong makes all too long, or too short.
    times = []
    while len(times) < 8 and not (times and times[-1][0] < 3.0 and times[-1][1] < 10.0):
        times.append(slept(machine))
        assert times[-1][0] >= 2.0 and times[-1][1] >= 2.0, times
    assert times[-1][0] < 3.0 and times[-1][1] < 10.0, times


def check_stop_and_start(machine):
    """Checks that alpha switches itself off, beta does not notice, and alpha comes up again."""
    beta = machine.vm("beta")
    machine.attach("alpha")
    machine.type("poweroff -f\n")
    machine.wait(r"\[the guest has ended\]")
    machine.wait_prompt()
    assert machine.vm("alpha")["state"] == "stopped"
    again = machine.vm("beta")
    assert again["state"] == "running"
    assert again["uptime_ns"] > beta["uptime_ns"]
    machine.attach("beta")
    assert machine.shell("hostname") == "beta\n"
    machine.leave()
    machine.command("vm start alpha")
    machine.attach_shell("alpha")
    machine.leave()
    assert machine.vm("alpha")["state"] == "running"


def rtc_seconds(machine):
    """The guest's wall clock by its RTC, in seconds of the day."""
    out = machine.shell("hwclock -u -r")
    hours, minutes, seconds = [int(part) for part in
                               re.search(r"(\d\d):(\d\d):(\d\d)", out).groups()]
    return hours * 3600 + minutes * 60 + seconds


def check_wall_clock(machine):
    """QEMU's RTC has the developer's time, and a guest's RTC has Skerry's."""
    machine.attach("alpha")
    guest = rtc_seconds(machine)
    machine.leave()
    now = time.gmtime()
    late = now.tm_hour * 3600 + now.tm_min * 60 + now.tm_sec - guest
    assert -5 <= (late + 43200) % 86400 - 43200 <= 60


# Notes each change of the monotonic clock, without starting a process.
WATCH = ("while read now rest </proc/uptime; do [ $now = \"$last\" ] || echo $now; last=$now; done"
         " >/tmp/times & true")


def wait_lines(machine, count):
    """Waits until the watch has noted so many changes; returns how many it has."""
    machine.shell(f"while [ $(wc -l </tmp/times) -lt {count} ]; do usleep 10000; done")
    return int(machine.shell("wc -l </tmp/times"))


def pause_beta(machine):
    """Pauses beta for ten seconds of alpha's clock."""
    machine.leave()
    machine.command("vm pause beta")
    paused = machine.vm("beta")
    assert paused["state"] == "paused"
    machine.attach("alpha")
    machine.shell("sleep 10")
    machine.leave()
    assert machine.vm("beta")["uptime_ns"] == paused["uptime_ns"]
    machine.command("vm resume beta")
    assert machine.vm("beta")["state"] == "running"
    machine.attach("beta")


def clock_gap(machine):
    """The largest step of beta's monotonic clock over one pause; how far its RTC went meanwhile."""
    machine.attach("beta")
    machine.shell(WATCH)
    wall_before = rtc_seconds(machine)
    before = wait_lines(machine, 20)
    pause_beta(machine)
    wall_after = rtc_seconds(machine)
    wait_lines(machine, before + 100)
    machine.shell("kill %1; wait")
    times = [float(line) for line in
             re.findall(r"^[\d.]+$", machine.shell("cat /tmp/times"), re.MULTILINE)]
    machine.leave()
    gap = max(later - earlier for earlier, later in zip(times, times[1:]))
    return gap, (wall_after - wall_before) % 86400


def check_pause(machine):
    """Checks that in a pause the monotonic clock stands still and the RTC goes on."""
    # A busy host makes a gap larger, by what it withholds from beta; a clock that ran on makes each ten seconds.
    gaps = []
    while len(gaps) < 12 and (not gaps or gaps[-1] >= 1):
        gap, wall = clock_gap(machine)
        assert 10 <= wall < 100
        gaps.append(gap)
    assert gaps[-1] < 1, gaps


def check_healthy(machine):
    """Checks that no program in beta has crashed because of what happened beside it."""
    machine.attach("beta")
    assert machine.shell("dmesg | grep -E 'segfault|general protection|traps:'") == ""
    machine.leave()


# The pages of a VM before its guest runs are fewer than this, and an unpacked kernel has more.
LIVES_PAGES = 8192


def lose_life(machine, free):
    """
    beta is created, lives to its prompt and is destroyed; returns the pages that did not come back. On
    Bochs, where a boot takes half a minute of computing, it lives until its kernel has unpacked itself.
    """
    machine.command("vm create beta")
    assert machine.free_pages() < free
    machine.command("vm start beta")
    if isinstance(machine, Qemu):
        machine.attach_shell("beta")
        machine.leave()
    wait_for(lambda: machine.free_pages() < free - LIVES_PAGES)
    machine.command("vm destroy beta")
    return free - machine.settled_free(free)


def check_pages(machine):
    """
    Checks that all pages of a destroyed VM come back, and that the other VM gets none
    meanwhile.
    """
    machine.good("vm pause alpha")
    out = machine.command("vm destroy beta")
    assert "error" not in out
    assert machine.vm("beta") is None
    free = machine.free_pages()
    # The manager is given a page of its own when it first touches it, here or there once; what a life
    # loses is lost in each.
    lost = []
    while len(lost) < 3 and (not lost or lost[-1] != 0):
        lost.append(lose_life(machine, free))
        free -= lost[-1]
    assert lost[-1] == 0, f"pages that one life after the other has lost: {lost}"
    machine.good("vm resume alpha")


def check_stop(machine):
    """A guest that heeds the power button ends by itself; one that does not is ended."""
    machine.type("vm stop alpha\r")
    assert machine.wait_end("alpha") == ("stopped", "guest powered off")
    machine.command("vm create deaf kernel=built-in memory=16M stop_timeout=500ms")
    machine.command("vm start deaf")
    machine.type("vm stop deaf\r")
    assert machine.wait_end("deaf") == ("stopped",
                                        "ended by `vm stop`, the power button had no effect")
    machine.command("vm destroy deaf")


def check_life(machine):
    check_console(machine)
    check_sleep(machine)
    check_stop_and_start(machine)
    if isinstance(machine, Qemu):
        check_wall_clock(machine)
    check_pause(machine)
    check_healthy(machine)
    check_pages(machine)
    check_stop(machine)


@pytest.mark.parametrize("cell, full", LIVES)
def test_life(build, tmp_path, cell, full):
    with boot(build, tmp_path, cell) as machine:
        check_up(machine)
        if full:
            check_life(machine)
        check_poweroff(machine)
