# SPDX-License-Identifier: MIT
"""docs/guides/debian-on-a-disk.md, as it stands there: from an empty disk to a Debian on it."""
import os
import re
import subprocess

import pexpect
import pytest

from machine import PROMPT, ROOT
from ports import free_port

GUIDE = ROOT / "docs/guides/debian-on-a-disk.md"
BOOT_LIMIT = 400


def shell(folder, lines):
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    subprocess.run(["/bin/sh", "-e", "-c", lines], cwd=folder, check=True, timeout=1800,
                   env={**os.environ, "PATH": path}, stdout=subprocess.DEVNULL)


def make_disk(folder):
    lines = re.search(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL).group(1)
    first, rest = lines.split("\n", 1)
    assert first.startswith("debootstrap ")
    # debootstrap leaves /proc mounted where a process of somebody else's looks into it at its end.
    shell(folder, f"{first}\n! mountpoint -q root/proc || umount --lazy root/proc\n{rest}")


def run_line(build, folder):
    words = next(line for line in GUIDE.read_text().splitlines() if "make run BUNDLE" in line)
    words = re.sub(r"=(debian\.\w+)", lambda found: f"={folder}/{found.group(1)}", words.strip())
    return f"{words} HTTP_PORT={free_port()} BOOT=kernel BUILD={os.path.relpath(build, ROOT)}"


@pytest.mark.long
def test_debian_on_a_disk(build, tmp_path):
    make_disk(tmp_path)
    terminal = pexpect.spawn("/bin/sh", ["-c", run_line(build, tmp_path)], cwd=ROOT,
                             timeout=BOOT_LIMIT, encoding="utf-8", codec_errors="replace")
    try:
        terminal.expect(PROMPT)
        terminal.send("vm console debian\r")
        terminal.expect("debian login: ")
        terminal.send("root\r")
        terminal.expect(r"root@debian:~# ")
        terminal.send("findmnt -no SOURCE,FSTYPE /; echo written >kept\r")
        terminal.expect(r"/dev/vda +ext4")
        terminal.expect(r"root@debian:~# ")
        terminal.send("\x1d")
        terminal.expect(PROMPT)
        terminal.send("vm stop debian\r")
        # the guest obeys its power button, for which it needs dbus, and is not ended at the limit
        terminal.expect("debian: stopped: guest powered off")
        terminal.expect(PROMPT)
        terminal.send("poweroff\r")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close(force=True)
    kept = subprocess.run(["/sbin/debugfs", "-R", "cat /root/kept",
                           f"{tmp_path}/debian.img?offset=1048576"],
                          capture_output=True, text=True, check=True)
    assert kept.stdout == "written\n", kept.stderr
