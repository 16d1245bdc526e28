# SPDX-License-Identifier: MIT
"""A VM on volumes is snapshotted and cloned, its clone again, and each has its own disk."""
import sys

import bundle
from disk_clones import at
from machine import ROOT, Qemu, wait_for
from test_disk import GUEST

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

MIB = 1 << 20


def start(build, folder, keep=False):
    """A machine with an empty NVMe disk for a store; alpha, which has a volume, is not started."""
    image = folder / "store.img"
    if not keep:
        image.write_bytes(bytes(256 * MIB))
    conf = ("[disk flash]\ncontroller = nvme0\n[store main]\ndisk = flash\novercommit = yes\n" +
            GUEST.replace("autostart = yes\n", "") + "disk = main/root\n")
    files = bundle.make(folder / "volumes.cpio", conf, bundle.debian(build / "guests"))
    return Qemu(build, bundle=files, extra=(
        "-drive", f"if=none,id=flash0,file={image},format=raw", "-device", "nvme,serial=one,drive=flash0"))


def boot(machine):
    machine.objects("vm create alpha")
    machine.command("vm start alpha")
    machine.attach_shell("alpha", 600)
    machine.leave()


def write(machine, name, word):
    at(machine, name, f"yes {word} | dd of=/dev/vda bs=4k count=1 seek=100 iflag=fullblock "
       "oflag=direct conv=notrunc 2>/dev/null; sync")


def read(machine, name):
    return at(machine, name, "dd if=/dev/vda bs=4k count=1 skip=100 iflag=direct 2>/dev/null | "
              "sort -u; echo end").split()[0]


def names(machine):
    return {v["name"] for v in machine.objects("volume list") if not v["name"].startswith("@")}


def test_trees(build, tmp_path):
    """A store is made; a VM on a volume of it is snapshotted and cloned, and the clone again."""
    with start(build, tmp_path) as machine:
        assert "the store is not ready" in machine.command("volume create main/root 64M")
        assert "holds no store" in machine.command("store list")
        machine.command("store format main")
        machine.objects("volume create main/root 64M")
        boot(machine)
        write(machine, "alpha", "one")
        machine.objects("vm snapshot alpha first")
        write(machine, "alpha", "two")
        machine.objects("vm clone alpha@first beta")
        assert read(machine, "beta") == "one"
        write(machine, "beta", "bbb")
        machine.objects("vm snapshot beta second")
        write(machine, "beta", "ccc")
        machine.objects("vm clone beta@second gamma")
        assert read(machine, "gamma") == "bbb"
        write(machine, "gamma", "ddd")
        assert [read(machine, n) for n in ("alpha", "beta", "gamma")] == ["two", "ccc", "ddd"]
        assert names(machine) == {"root", "beta.root", "gamma.root"}
        machine.command("driver restart nvme0")
        assert [read(machine, n) for n in ("alpha", "beta", "gamma")] == ["two", "ccc", "ddd"]
        machine.command("vm reset beta --to second")
        assert read(machine, "beta") == "bbb"
        machine.command("vm destroy gamma")
        machine.command("vm snapshot drop beta second")
        machine.command("vm destroy beta")
        assert names(machine) == {"root"}
    assert not store_check.check(tmp_path / "store.img")[1]
    with start(build, tmp_path, keep=True) as machine:
        wait_for(lambda: [v["name"] for v in machine.objects("volume list")] == ["root"])
        boot(machine)
        assert read(machine, "alpha") == "two"
    assert not store_check.check(tmp_path / "store.img")[1]
