# SPDX-License-Identifier: MIT
"""Layers of RAM in large pieces: what comes up when a snapshot goes is the VM's own, and all of it."""
import pytest

import bundle
from machine import Bochs, Qemu, wait_for

SPARSE = """\
[vm sparse]
kernel = sparse.bin
cmdline = first=1024 hole=1088 hole_end=1216 end=2048
memory = 2G
autostart = yes
[vm other]
kernel = sparse.bin
cmdline = first=16 end=1000
memory = 1G
pages = 2m
autostart = no
"""


def says(machine, name, key, text):
    """Returns what a VM's guest answers to a key."""
    machine.attach(name)
    machine.type(key)
    machine.wait(text)
    said = machine.match().group(1) if machine.match().groups() else None
    machine.leave()
    return said


def audited(machine):
    """Checks that the audit finds nothing wrong with the pages and who reaches them."""
    said = machine.command("audit")
    assert "FOUND" not in said and "error" not in said, said


def take_and_drop(machine, name):
    """A snapshot comes and goes; only once the memory below is the VM's own again it may be trimmed."""
    machine.good(f"vm snapshot {name} one")
    machine.good(f"vm snapshot drop {name} one")
    wait_for(lambda: "lies above a snapshot" not in machine.command(f"vm trim {name}"))


def test_hole(build, tmp_path):
    """
    A guest has left out some pieces of a GiB, and a snapshot goes. What it then touches there is its
    own: not what somebody else has got meanwhile, to which those pieces went.
    """
    files = bundle.make(tmp_path / "sparse.cpio", SPARSE, bundle.tiny(build, "sparse"))
    with Qemu(build / "tests/faults", bundle=files, memory="5G") as machine:
        machine.wait_prompt()
        machine.attach("sparse")
        machine.wait("PASS filled")
        machine.leave()
        take_and_drop(machine, "sparse")
        machine.command("vm create other")
        machine.command("vm start other")
        machine.attach("other")
        machine.wait("PASS filled")
        machine.leave()
        says(machine, "sparse", "f", "PASS hole-filled")
        audited(machine)
        # the first page touched outside the hole may be mapped with all of the GiB, and so the hole
        assert says(machine, "sparse", "c", r"LOST (0x[0-9a-f]+)\s") == "0x0"
        assert says(machine, "sparse", "s", r"FOREIGN (0x[0-9a-f]+)\s") == "0x0"
        assert says(machine, "other", "c", r"LOST (0x[0-9a-f]+)\s") == "0x0"
        machine.command("vm destroy sparse")
        audited(machine)


def round_of(machine):
    """The round that the guest says it has ended, which it does between two."""
    return int(says(machine, "busy", "r", r"ROUND (0x[0-9a-f]+)\s"), 16)


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_rewrite(build, tmp_path, emulator):
    """A guest that writes and reads all the time goes on, whenever a snapshot is taken and dropped."""
    conf = "[vm busy]\nkernel = rewrite.bin\nmemory = 160M\nautostart = yes\n"
    files = bundle.make(tmp_path / "busy.cpio", conf, bundle.tiny(build, "rewrite"))
    with emulator(build / "tests/faults", bundle=files, memory="1G") as machine:
        machine.wait_prompt()
        for _ in range(3):
            before = round_of(machine)
            machine.command("vm snapshot busy one")
            machine.command("vm snapshot drop busy one")
            after = round_of(machine)
            assert before < after < round_of(machine)
        assert "FAIL" not in machine.transcript()
        audits = machine.objects("fault audits")[0]
        assert audits["audits"] >= 6 and audits["findings"] == 0, machine.command("log show")


FETCHED = """\
[vm sparse]
kernel = sparse.bin
cmdline = first=1024 end=2048 fetch=100
memory = 2G
autostart = no
"""


def test_fetched(build, tmp_path):
    """
    A guest has fetched code in some pieces of a GiB, each of them in small pages on such a CPU,
    when it touches the rest: no table of the small ones is left behind when it ends.
    """
    files = bundle.make(tmp_path / "fetched.cpio", FETCHED, bundle.tiny(build, "sparse"))
    with Bochs(build, bundle=files, memory="2304M") as machine:
        machine.wait_prompt()
        free = machine.free_pages()
        machine.good("vm create sparse")
        machine.good("vm start sparse")
        machine.attach("sparse")
        machine.wait("PASS filled")
        machine.leave()
        audited(machine)
        machine.good("vm destroy sparse")
        machine.wait_free(free)
