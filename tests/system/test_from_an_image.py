# SPDX-License-Identifier: MIT
"""docs/guides/from-an-image.md, as it stands there: a Debian that boots by its own GRUB from its own disk."""
import re
import shutil
import subprocess

import pytest

from machine import ROOT, Qemu, nvme

GUIDE = ROOT / "docs/guides/from-an-image.md"
BOOT_LIMIT = 300
EXITS_MAX = 120_000  # of a boot with its menu: 67,000 were counted


@pytest.fixture(scope="module")
def image(build, request):
    """The image takes two minutes to make, and is kept as downloaded guests are. No test writes to it."""
    kept = build / "tests/debian_image"
    script = ROOT / "tests/tools/debian_image.sh"
    made = kept / "script"
    if request.config.getoption("--long") or not made.exists() or made.read_text() != script.read_text():
        shutil.rmtree(kept, ignore_errors=True)
        subprocess.run([script, kept], check=True, timeout=900, stdout=subprocess.DEVNULL)
        made.write_text(script.read_text())
    return kept / "debian.img"


def make_bundle(folder):
    lines = re.search(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL).group(1)
    subprocess.run(["/bin/sh", "-e", "-c", lines], cwd=folder, check=True)
    return folder / "image.cpio"


def wait_login(machine):
    for line in (r"SeaBIOS \(version", "GRUB loading", "Loading Linux", "debian login: "):
        machine.wait(line, BOOT_LIMIT)


def test_debian(build, tmp_path, image):
    """Firmware, boot loader, system; a reboot goes through all three again; the power button ends it."""
    with Qemu(build, bundle=make_bundle(tmp_path), extra=("-snapshot", *nvme(image))) as machine:
        machine.wait_prompt()
        machine.attach("debian")
        wait_login(machine)
        machine.leave()
        assert machine.vm("debian")["exits"] < EXITS_MAX
        machine.attach("debian")
        machine.type("root\r")
        machine.wait(r"root@debian:~# ")
        machine.type("findmnt -no SOURCE,FSTYPE /; reboot\r")
        machine.wait(r"/dev/vda1 +ext4")
        wait_login(machine)
        machine.leave()
        machine.type("vm stop debian\r")
        assert machine.wait_end("debian", BOOT_LIMIT) == ("stopped", "guest powered off")
