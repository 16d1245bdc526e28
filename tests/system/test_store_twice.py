# SPDX-License-Identifier: MIT
"""A disk with a store and a copy of it in one machine: the first is used, the other is left as it is."""
import os
import shutil
import sys

import bundle
from machine import ROOT, Qemu, plain_iso

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

CONF = """[disk raw]
controller = nvme0
[disk other]
controller = nvme1
[store pool]
disk = raw
[store copy]
disk = other
[vm alpha]
kernel = hlt.bin
memory = 16M
disk = copy/one
"""
SAID = "its disk has the same store as that of store pool"


def boot(build, folder, *images):
    folder.mkdir()
    conf = CONF if len(images) == 2 else CONF.replace("[disk other]\ncontroller = nvme1\n", "")
    iso = plain_iso(build, folder, bundle.make(folder / "guests.cpio", conf, bundle.tiny(build, "hlt")), "")
    drives = [word for number, image in enumerate(images) for word in (
        "-drive", f"file={image},if=none,id=n{number},format=raw", "-device",
        f"nvme,serial=n{number},drive=n{number}")]
    return Qemu(build, boot="cd", iso=iso, extra=drives)


def test_twice(build, tmp_path):
    image, copy = tmp_path / "disk.img", tmp_path / "copy.img"
    image.write_bytes(b"")
    os.truncate(image, 16 << 20)
    with boot(build, tmp_path / "one", image) as machine:
        machine.wait_prompt()
        assert 'no section [disk other]' in machine.command("store list")
        machine.good("store format pool")
        machine.good("volume create pool/one 4M")
    shutil.copy(image, copy)
    with boot(build, tmp_path / "two", image, copy) as machine:
        machine.wait_prompt()
        assert SAID in machine.command("store list")
        for command in ("volume create copy/two 4M", "volume drop copy/one", "store format copy overwrite",
                        "store check copy", "vm create alpha"):
            assert SAID in machine.command(command), command
        machine.good("volume create pool/two 4M")
        assert "0 found" in machine.command("audit")
    assert [{row[1] for row in store_check.Image(at).volumes()} for at in (image, copy)] == [{"one", "two"}, {"one"}]
    os.truncate(copy, 8 << 20)
    before = copy.read_bytes()
    with boot(build, tmp_path / "three", copy) as machine:
        machine.wait_prompt()
        assert "its disk has become smaller" in machine.command("store list")
        assert "the store is not ready" in machine.command("volume create pool/two 4M")
    assert copy.read_bytes() == before
