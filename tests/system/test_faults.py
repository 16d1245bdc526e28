# SPDX-License-Identifier: MIT
"""Faults made on purpose, by the commands that only a TEST=1 image has (tests/faults)."""
import contextlib
import re
import time

import pytest

import bundle
from machine import COUNTED, Bochs, Qemu, wait_for

# Each broken invariant, and what an audit must say of it.
BROKEN = {
    "owner": "belongs to two memory objects",
    "two-guests": "is writable by a VM and by somebody else",
    "process": "is writable by a VM and by somebody else",
    "guest": "(kernel) is reached at 0x800000000, but no memory object has it",
    "ring3": "(table) is writable from ring 3 or a guest",
    "executable": "is writable and executable",
    "alias": "is executable at one address and writable at another",
    "user": "is open to ring 3",
    "references": "counts 1 references more than there are",
    "quota": "is charged 1 pages (guest) more than it has",
}


def spinning(build, tmp_path, names):
    conf = "".join(f"[vm {name}]\nkernel = spin.bin\nmemory = 24M\nautostart = yes\n"
                   for name in names)
    return bundle.make(tmp_path / "faults.cpio", conf,
                       bundle.read(build / "tests/guest/spin.bin"))


def findings(machine):
    return [row["found"] for row in machine.objects("audit") if "found" in row]


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_audit_catches(build, tmp_path, emulator):
    """
    An audit names a broken invariant, and finds nothing otherwise. A kernel stack that
    overflows into its guard page is reported as such.
    """
    with emulator(build / "tests/faults", bundle=spinning(build, tmp_path, "ab")) as machine:
        machine.wait_running("ab")
        assert findings(machine) == []
        for what, text in BROKEN.items():
            machine.command(f"fault break {what}")
            found = findings(machine)
            assert any(text in line for line in found), (what, found)
            machine.command("fault mend")
            assert findings(machine) == [], what
        machine.type("fault stack\r")
        machine.wait(r"panic on CPU 0: ([^\r\n]*)[\r\n]")
        assert machine.match().group(1) == "kernel stack overflow"
        machine.wait(r"halted\r*\n")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
@pytest.mark.parametrize("what", ["canary", "boot"])
def test_sealed(build, emulator, what):
    """
    Once the kernel has started, its stack canary is constant and the code of boot/ is unmapped:
    a write to the canary and a call of that code are page faults.
    """
    with emulator(build / "tests/faults") as machine:
        machine.wait_prompt()
        machine.type(f"fault {what}\r")
        machine.wait(r"panic on CPU 0: ([^\r\n]*)[\r\n]")
        assert machine.match().group(1).startswith("page fault"), machine.match().group(1)
        machine.wait(r"halted\r*\n")


def kernel_pages(machine):
    """Pages of the owners that the manager's own first touches do not change."""
    return {row["owner"]: row["pages"] for row in machine.objects("mem")
            if row.get("owner") in ("kernel", "guest", "control")}


def settled(machine, pages):
    """Whether kernel_pages() returns to `pages`: freed pages wait until every CPU has passed."""
    end = time.monotonic() + 60
    while (found := kernel_pages(machine) == pages) is False and time.monotonic() < end:
        pass
    return found


def life(machine):
    """Makes a VM, runs it to its end and destroys it; returns how far that went."""
    said = machine.command("vm create a")
    if machine.vm("a") is None:
        assert "error: " in said, said
        return "refused"
    said = machine.command("vm start a")
    end = "created"
    while "error: " not in said and (machine.vm("a") or {}).get("state") == "running":
        pass
    if machine.vm("a") is not None:
        end = machine.vm("a")["state"]
    else:
        assert "error: " in said, said
    machine.command("vm destroy a")
    assert machine.vm("a") is None
    return end


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_allocation_fails(build, tmp_path, emulator):
    """
    Each allocation site of the kernel in the life of a VM fails at its first call, then at its
    last: the operation is refused or the VM ends, no page is lost, and the next VM runs.
    """
    conf = "[vm a]\nkernel = cpuid.bin\nmemory = 24M\n"
    archive = bundle.make(tmp_path / "alloc.cpio", conf,
                          bundle.read(build / "tests/guest/cpuid.bin"))
    with emulator(build / "tests/faults", bundle=archive) as machine:
        machine.wait_prompt()
        machine.command("vm destroy a")
        assert life(machine) == "stopped"
        machine.command("fault count")
        assert life(machine) == "stopped"
        machine.command("fault off")
        sites = [site for site in machine.objects("fault sites") if site["calls"] > 0]
        assert len(sites) > 15, sites
        pages = kernel_pages(machine)
        ends = []
        for site in sites:
            for call in sorted({1, site["calls"]}):
                machine.command(f"fault alloc {site['site']} {call}")
                ends.append(life(machine))
                machine.command("fault off")
                assert settled(machine, pages), (site, call, pages, kernel_pages(machine))
            assert findings(machine) == [], site
        assert life(machine) == "stopped"
        failed = [site["failed"] for site in machine.objects("fault sites")]
        assert all(failed[site["site"]] > 0 for site in sites), failed
        print(f"{len(sites)} sites, {sum(failed)} failures: "
              f"{ {end: ends.count(end) for end in ends} }")
        assert ends.count("refused") > len(sites) / 2


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_unexpected_interrupts(build, tmp_path, emulator):
    """An unexpected vector is logged whenever its count is a power of two; the VMs go on."""
    with emulator(build / "tests/faults", bundle=spinning(build, tmp_path, "ab")) as machine:
        machine.wait_prompt()
        for vector, times in ((0x27, 1), (0x3f, 5), (0x77, 9), (0xff, 2)):
            for _ in range(times):
                machine.command(f"fault interrupt {vector:#x}")
        said = machine.command("log show -c cpu")
        for vector, times in ((0x27, (1,)), (0x3f, (1, 2, 4)), (0x77, (1, 2, 4, 8)), (0xff, (1, 2))):
            found = re.findall(rf"unexpected interrupt: vector {vector:#x}, (\d+) times", said)
            assert [int(text) for text in found] == list(times), said
        assert [machine.vm(name)["state"] for name in "ab"] == ["running"] * 2
        assert findings(machine) == []


@contextlib.contextmanager
def deaf_one(build, tmp_path, image, cmdline):
    """
    No kick reaches CPU 1, which has the VM b. On CPU 0 the VM a is halted, so that the manager
    stays there: a deaf CPU that several threads share is interrupted by its own timer.
    """
    conf = ("[vm a]\nkernel = hostile_fatal.bin\nmemory = 32M\nautostart = yes\naffinity = 0\n"
            "cmdline = halt-for-ever qemu\n"
            f"[vm b]\nkernel = {image}.bin\nmemory = 24M\nautostart = yes\naffinity = 1\n"
            f"cmdline = {cmdline}\n")
    archive = bundle.make(tmp_path / "faults.cpio", conf,
                          bundle.tiny(build, "hostile_fatal", image))
    with Qemu(build / "tests/faults", bundle=archive, extra=("-smp", "2")) as machine:
        machine.wait_running("ab")
        wait_for(lambda: machine.objects("cpu")[0]["runs"] == "manager")
        machine.command("fault deaf 1")
        yield machine


def test_lost_kick(build, tmp_path):
    """A CPU that gets no more kicks, in a guest that never exits: the panic says so and shows what
    that CPU does."""
    with deaf_one(build, tmp_path, "spin", "off") as machine:
        machine.type("vm destroy a\r")
        machine.wait(r"panic on CPU 0: CPU 1 does not answer")
        said = machine.wait(r"halted\r*\n")
        assert re.search(r"CPU 1 at\r*\n.*svm_switch_out", said), said


def test_lost_kick_with_exits(build, tmp_path):
    """A CPU that gets no more kicks, in a guest that exits all the time: at its exits it looks, and
    pages come back all the same."""
    with deaf_one(build, tmp_path, "hostile_storm", "cpuid") as machine:
        before = kernel_pages(machine)["guest"]
        machine.command("vm destroy a")
        wait_for(lambda: kernel_pages(machine)["guest"] < before)
        assert machine.vm("b")["state"] == "running"


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_lost_timer(build, tmp_path, emulator):
    """The timer of a CPU that runs a guest does not fire any more, as QEMU 7.2 forgets an interrupt
    now and then (docs/platforms.md): guests that exit take turns all the same."""
    conf = "".join(f"[vm {name}]\nkernel = hostile_storm.bin\nmemory = 24M\nautostart = yes\n"
                   f"cmdline = {storm}\n" for name, storm in (("a", "in"), ("b", "cpuid")))
    archive = bundle.make(tmp_path / "faults.cpio", conf, bundle.tiny(build, "hostile_storm"))
    # by the host's clock a guest would be charged for what the host had no time for
    counted = {"extra": COUNTED} if emulator is Qemu else {}
    with emulator(build / "tests/faults", bundle=archive, **counted) as machine:
        machine.wait_prompt()
        machine.command("fault timer")
        passed, seconds = 0, 4
        while passed < 3e8:  # a hundred turns
            before = [machine.vm(name) for name in "ab"]
            time.sleep(seconds)  # a question would make the threads take turns
            after = [machine.vm(name) for name in "ab"]
            passed = after[0]["uptime_ns"] - before[0]["uptime_ns"]
            used = [new["cpu_ns"] - old["cpu_ns"] for old, new in zip(before, after)]
            seconds *= 2
        assert all(0.4 * passed < mine < 0.6 * passed for mine in used), (used, passed)


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_live_audit(build, tmp_path, emulator):
    """An audit runs before each command in the life of several VMs: it finds only what is broken on
    purpose."""
    with emulator(build / "tests/faults", bundle=spinning(build, tmp_path, "ab")) as machine:
        machine.wait_prompt()
        machine.command("fault audit 1")
        lines = ["vm pause a", "vm resume a", "vm set a weight=512", "vm stat a", "vm regs a",
                 "vm reset b", "vm destroy b", "vm create b", "vm start b", "mem",
                 "vm create c kernel=spin.bin memory=16M autostart=no", "vm start c", "vm dump a",
                 "vm translate a 0x100000", "trace a", "vm destroy a", "vm destroy c", "vm list"]
        for line in lines:
            machine.command(line)
        (done,) = machine.objects("fault audits")
        assert done["audits"] >= len(lines) and done["findings"] == 0, machine.command("log show")
        machine.command("vm create a")
        machine.command("vm start a")
        wait_for(lambda: all(machine.vm(name)["state"] == "running" for name in "ab"))
        assert machine.objects("fault audits")[0]["findings"] == 0
        machine.command("fault break quota")
        machine.command("fault mend")
        assert machine.objects("fault audits")[0]["findings"] == 1
        assert "is charged 1 pages (guest) more than it has" in machine.command("log show -c audit")
