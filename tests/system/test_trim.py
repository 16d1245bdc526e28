# SPDX-License-Identifier: MIT
"""Pages that hold only zeros go back to the host while their guest uses them, and it cannot tell."""
import pytest

import bundle
from machine import Bochs, Qemu, wait_for
from test_overcommit import is_starved
from test_snapshot import one

ZEROS = "[vm {name}]\nkernel = zeros.bin\nmemory = 80M\nautostart = yes\novercommit = {how}\n"
MIB = 1 << 20


def start(build, folder, names, emulator=Qemu, how="yes", **more):
    conf = "".join(ZEROS.format(name=name, how=how) for name in names)
    files = bundle.make(folder / "trim.cpio", conf, bundle.tiny(build, "zeros"))
    return emulator(build, bundle=files, **more)


def press(machine, name, key, answer):
    machine.attach(name)
    machine.type(key)
    machine.wait(rf"{answer}0x([0-9a-f]+)\s")
    found = int(machine.match().group(1), 16)
    machine.leave()
    return found


def resident(machine, name):
    return machine.vm(name)["resident_bytes"]


def trimmed(machine, name):
    """Bytes that were taken back from a VM since it was started."""
    rows = {row["reason"]: row["count"] for row in machine.objects(f"vm stat {name}")}
    return rows["pages-trimmed"] * 4096


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_trim(build, tmp_path, emulator):
    with start(build, tmp_path, ["alpha"], emulator, memory="256M") as machine:
        machine.wait_prompt()
        press(machine, "alpha", "f", "FILLED")
        full = resident(machine, "alpha")
        assert one(machine, "vm trim alpha")["given_bytes"] < MIB
        press(machine, "alpha", "z", "CLEARED")
        assert resident(machine, "alpha") > full - MIB
        given = one(machine, "vm trim alpha")["given_bytes"]
        assert given >= 64 * MIB and resident(machine, "alpha") < full - 63 * MIB
        assert trimmed(machine, "alpha") >= given
        assert press(machine, "alpha", "c", "WRONG") == 0
        press(machine, "alpha", "f", "FILLED")
        one(machine, "vm snapshot alpha one")
        out = machine.command("vm trim alpha")
        assert "its memory lies above a snapshot's; only a VM without snapshots" in out, out
        one(machine, "vm clone alpha@one beta")
        assert "lies above another's" in machine.command("vm trim beta")
        machine.command("vm destroy beta")
        machine.command("vm kill alpha")
        wait_for(lambda: machine.vm("alpha")["state"] == "stopped")
        assert "it is stopped; only a running or paused VM can be trimmed" in machine.command("vm trim alpha")
        assert ": 0 found" in machine.command("audit")


def test_while_it_writes(build, tmp_path):
    """Another CPU gives back pages that the guest is about to write to: nothing is lost."""
    with start(build, tmp_path, ["alpha"], memory="256M", extra=("-smp", "2")) as machine:
        machine.wait_prompt()
        machine.attach("alpha")
        machine.type("e")
        machine.wait("ROUND")
        machine.leave()
        given = [one(machine, "vm trim alpha")["given_bytes"] for _ in range(20)]
        # pages that it has cleared since, too
        wait_for(lambda: sum(given) > 66 * MIB or given.append(one(machine, "vm trim alpha")["given_bytes"]))
        # the guest goes on writing
        wait_for(lambda: one(machine, "vm trim alpha")["given_bytes"] > 0)
        machine.attach("alpha")
        machine.wait("ROUND")
        machine.leave()
        assert "LOST" not in machine.transcript()
        assert ": 0 found" in machine.command("audit")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_needed_elsewhere(build, tmp_path, emulator):
    """
    A VM that waits for memory gets what another VM has cleared, without anybody asking for it.
    """
    with start(build, tmp_path, ["alpha", "beta"], emulator, memory="136M") as machine:
        machine.wait_prompt()
        press(machine, "alpha", "f", "FILLED")
        press(machine, "alpha", "z", "CLEARED")
        press(machine, "beta", "f", "FILLED")
        # beta may have all that it wants before alpha is gone through to its end
        wait_for(lambda: trimmed(machine, "alpha") > 60 * MIB)
        assert machine.vm("beta")["state"] == "running"
        assert ": 0 found" in machine.command("audit")
        # alpha's pages are beta's now
        machine.attach("alpha")
        machine.type("f")
        machine.leave()
        wait_for(lambda: is_starved(machine, "alpha"))
        machine.command("vm destroy beta")
        machine.attach("alpha")
        machine.wait("FILLED")
        machine.leave()
        assert ": 0 found" in machine.command("audit")
