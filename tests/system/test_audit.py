# SPDX-License-Identifier: MIT
"""`audit`: on a machine that works the invariants of memory hold."""
import pytest

import bundle
from machine import Bochs, Qemu, wait_for


def tiny(build, tmp_path):
    conf = "".join(f"[vm {name}]\nkernel = {guest}.bin\nmemory = 24M\nvcpus = {vcpus}\n"
                   f"autostart = yes\n" for name, guest, vcpus in
                   (("one", "spin", 1), ("two", "spin", 2), ("three", "cpuid", 1)))
    return bundle.make(tmp_path / "audit.cpio", conf, bundle.tiny(build, "spin", "cpuid"))


def audit(machine):
    rows = machine.objects("audit")
    assert [row["found"] for row in rows if "found" in row] == []
    assert rows[-1]["findings"] == 0
    return rows[-1]


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_audit(build, tmp_path, emulator):
    """
    The audit finds nothing while VMs run or after their end; their pages are counted, and then
    gone.
    """
    with emulator(build, bundle=tiny(build, tmp_path)) as machine:
        machine.wait_prompt()
        wait_for(lambda: machine.vm("three")["state"] == "stopped")
        full = audit(machine)
        for name in ("one", "two", "three"):
            machine.command(f"vm destroy {name}")
        empty = audit(machine)
        assert empty["objects"] < full["objects"] - 3 * 10
        assert empty["leaves"] < full["leaves"]
        assert full["guest_large_pages"] <= full["guest_pages"] and full["guest_pages"] >= 3
        assert empty["guest_pages"] == 0
        pages = {row["owner"]: row["pages"] for row in machine.objects("mem") if "owner" in row}
        in_use = sum(pages.values()) - pages["free"]
        # the audit's own tables come on top; their size depends on what they list
        assert in_use <= empty["pages"] < in_use + 4096, "the audit has not seen every page"
        assert "FOUND" not in machine.command("audit")
