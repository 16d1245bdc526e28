# SPDX-License-Identifier: MIT
"""Services: programs of the bundle that serve disks, are killed and come back."""
import pytest

import bundle
import fio
import ring_3
from machine import Qemu, wait_for

CONF = """[service numbers]
program = {program}
memory = 4K
argument = {argument}

[disk data]
service = numbers
restart_limit = {limit}

[vm alpha]
kernel = sectors.bin
memory = 16M
autostart = yes
disk = data
"""
LAST_WORD = 512 - 8


def start(build, folder, emulator=Qemu, program="numbers.bin", argument="once", limit=5, conf=CONF):
    files = bundle.make(folder / "services.cpio",
                        conf.format(program=program, argument=argument, limit=limit),
                        bundle.tiny(build, "sectors") |
                        bundle.read(build / "tests/services/numbers.bin"))
    return emulator(build, bundle=files)


def read(machine, number):
    """(status, first word, last word) of sector 100 * number; the guest's console is attached."""
    machine.type(str(number))
    machine.wait(rf"SECTOR 0x{100 * number:x} 0x([0-9a-f]+) 0x([0-9a-f]+) 0x([0-9a-f]+)\s")
    return tuple(int(word, 16) for word in machine.match().groups())


def held(number):
    """Returns what the disk holds at that place."""
    at = 100 * number * 512
    return (0, at, at + LAST_WORD)


def attach(machine):
    machine.attach("alpha")
    machine.wait("READY")


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_comes_back(build, tmp_path, emulator):
    """
    Reading some sectors kills it, by a page fault, by its own will, by a loop without end: the guest
    gets its answer from the next one, whose memory is the one before's.
    """
    with start(build, tmp_path, emulator) as machine:
        machine.wait_prompt()
        attach(machine)
        assert read(machine, 4) == held(4)
        assert read(machine, 0) == (0, 1, LAST_WORD)
        for starts, number in enumerate((1, 2, 3), 2):
            assert read(machine, number) == held(number)
            assert read(machine, 0) == (0, starts, LAST_WORD)
        machine.type("w")
        machine.wait("WRITTEN 0x1\\s")
        machine.leave()
        log = machine.command("log show -n 60 -c device")
        assert "driver numbers: died of a page fault" in log
        assert "driver numbers: died: no wish" in log
        assert "driver numbers: ended, it answers nothing any more" in log
        row = fio.driver(machine, "numbers")
        assert (row["image"], row["state"], row["starts"]) == ("numbers.bin", "ready", 4)
        shown = machine.command("config show")
        assert "[service numbers]\nprogram = \"numbers.bin\"\n" in shown
        assert "[disk data]\nservice = \"numbers\"\n" in shown
        machine.command("vm destroy alpha")
        assert ": 0 found" in machine.command("audit")


def wait_failed(machine):
    wait_for(lambda: fio.driver(machine, "numbers")["state"] == "failed")
    assert fio.driver(machine, "numbers")["reason"] == (
        "it died 2 times within 60 s; `driver restart numbers` tries again")


def test_dies_too_often(build, tmp_path):
    """
    A service that dies too often stays down, in words, until `driver restart`: then it is asked
    for the same again.
    """
    with start(build, tmp_path, argument="always", limit=2) as machine:
        machine.wait_prompt()
        attach(machine)
        machine.type("1")
        machine.leave()
        wait_failed(machine)
        assert machine.vm("alpha")["state"] == "running"
        starts = fio.driver(machine, "numbers")["starts"]
        machine.command("driver restart numbers")
        wait_failed(machine)
        assert fio.driver(machine, "numbers")["starts"] == starts + 2


def problem(machine):
    return next(row["problem"] for row in machine.objects("disk list") if row["name"] == "data")


@pytest.mark.parametrize("program, said", [
    ("missing.bin", 'program: there is no file "missing.bin" in the bundle'),
    ("sectors.bin", 'program: "sectors.bin" is no program for Skerry'),
    ("skerry.conf", 'program: "skerry.conf" is no program for Skerry'),
])
def test_no_program(build, tmp_path, program, said):
    with start(build, tmp_path, program=program) as machine:
        assert f"alpha: disk data: {said}" in machine.wait_prompt()
        assert said in problem(machine)


def test_no_memory(build, tmp_path):
    """A service that cannot start says why."""
    with start(build, tmp_path, conf=CONF.replace("memory = 4K\n", "")) as machine:
        machine.wait_prompt()
        assert "there is no memory; set memory = 4K" in problem(machine)


@pytest.mark.parametrize("line, instead, said", [
    ("[disk data]\n", "[disk other]\ncontroller = memory\nsize = 4K\n[disk data]\ncontroller = memory\n",
     "disk data: set either \"controller\" or \"service\", not both"),
    ("[vm alpha]\n", "[disk more]\nservice = numbers\nrestart_limit = 3\n[vm alpha]\n",
     "disk more: restart_limit: 3 does not go with the other disks; set 5, as for those of numbers"),
    ("program = {program}\n", "", "service numbers has no program; set program = FILE"),
    ("service = numbers\n", "service = letters\n", "service: there is no section [service letters]"),
])
def test_mistakes(build, tmp_path, line, instead, said):
    with start(build, tmp_path, conf=CONF.replace(line, instead, 1)) as machine:
        assert said in machine.wait_prompt() + machine.command("log show -l warning")
