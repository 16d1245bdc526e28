# SPDX-License-Identifier: MIT
"""`make run` in each of its variants, on a terminal as a person would use it; other targets."""
import os
import re
import socket
import subprocess

import pexpect
import pytest

import bundle
from machine import PROMPT, ROOT
from net import fetch
from ports import free_port

CONF = {"skerry.conf": b"[host]\nlog = info\n[disk data]\ncontroller = nvme0 ide0.0\n"
                       b"partition = data\n[vm mine]\nkernel = built-in\nmemory = 16M\n"
                       b"autostart = yes\n"}

# Arguments of make (None: none, so with the demonstration bundle), a command, what it must show.
VARIANTS = {
    "iso": ("BOOT=iso", "disk list", r"data +nvme0 +ready"),
    "kernel": ("BOOT=kernel MEMORY=2G", "mem", r"free\s+5\d\d\d\d\d"),
    "uefi": ("BOOT=uefi", "vm list", "mine"),
    "bochs": ("EMULATOR=bochs MEMORY=512M", "disk list", r"data +ide0\.0 +ready"),
    "cpus": ("BOOT=kernel CPUS=4", "version", "SVM/NPT"),
    "cmdline": ("BOOT=kernel CMDLINE='run=\"version; mem\" nokaslr'", "version", "ABI"),
    "demonstration": (None, "vm list", "alpha[^\n]*\r\nbeta"),
}


def check_network(terminal, port):
    """
    Checks what the README promises: a page for the user's machine; guests that reach each
    other.
    """
    for name, address in (("alpha", "10.0.2.15"), ("beta", "10.0.2.16")):
        terminal.send(f"vm console {name}\r")
        terminal.expect(f"ADDRESS {address}")
        terminal.expect(f"READY {name}")
        terminal.expect(f"{name}# ")
        if name == "beta":
            terminal.send("ping -c 1 -W 20 10.0.2.15\r")
            terminal.expect("1 packets received")
            terminal.expect(f"{name}# ")
        terminal.send("\x1d")
        terminal.expect(PROMPT)
    assert fetch(port) == "alpha says: hello\n"


@pytest.mark.parametrize("variant", VARIANTS)
def test_run(build, tmp_path, variant):
    words, command, shown = VARIANTS[variant]
    port = free_port()
    line = f"make run HTTP_PORT={port} BUILD={os.path.relpath(build, ROOT)}"
    if words:
        line += f" {words} BUNDLE={bundle.write(tmp_path / 'mine.cpio', CONF)}"
    terminal = pexpect.spawn("/bin/sh", ["-c", line], cwd=ROOT, timeout=300, encoding="utf-8",
                             codec_errors="replace")
    try:
        terminal.expect("Skerry [0-9.]+, (SVM/NPT|VMX/EPT)")
        terminal.expect(PROMPT)
        if variant == "cmdline":
            terminal.expect(r"skerry> mem\r*\n")
            terminal.expect(PROMPT)
        terminal.send(command + "\r")
        terminal.expect(shown)
        terminal.expect(PROMPT)
        if variant == "demonstration":
            check_network(terminal, port)
        terminal.send("poweroff now\r")
        terminal.expect(pexpect.EOF)
        terminal.close()
        assert terminal.exitstatus == 0
    finally:
        terminal.close(force=True)


def test_port_taken(build):
    """A port that somebody has: `make run` says so, and which words would do."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        out, status = pexpect.run(f"make run HTTP_PORT={port} BUILD={os.path.relpath(build, ROOT)}",
                                  cwd=ROOT, withexitstatus=True, encoding="utf-8", timeout=300)
    assert status != 0 and f"HTTP_PORT: {port} cannot be had" in out, out
    assert "HTTP_PORT=8081" in out, out


def test_page_where_nothing_is_built_yet(tmp_path):
    """
    The program that makes the page runs also before there is a build folder, and its output is
    kept.
    """
    npm = tmp_path / "bin/npm"
    npm.parent.mkdir()
    npm.write_text("#!/bin/sh\necho asked for $*\nexit 1\n")
    npm.chmod(0o755)
    done = subprocess.run(["make", "--no-print-directory", "run-ui", f"BUILD={tmp_path}/new"], cwd=ROOT, text=True,
                          capture_output=True, env={**os.environ, "PATH": f"{npm.parent}:{os.environ['PATH']}"}, check=True)
    assert "No page for browsers" in done.stdout and done.stderr == ""
    assert "asked for ci" in (tmp_path / "new/ui.log").read_text()


def test_only_what_is_tested(tmp_path):
    """A unit test asked for by name needs no image, and no other test."""
    parts, status = pexpect.run(f"make -n test-parts ONLY=unit NAME=walk BUILD={tmp_path}", cwd=ROOT,
                                withexitstatus=True, encoding="utf-8", timeout=300)
    assert status == 0 and "tests/unit/vmm/monitor/memory/walk_test.c" in parts, parts
    assert "skerry.elf" not in parts and parts.count("_test.c") < 6, parts


def test_bench_only():
    """ONLY= takes other words in `make bench` than in `make test`."""
    said, status = pexpect.run("make -n bench ONLY=exits", cwd=ROOT, withexitstatus=True, encoding="utf-8", timeout=300)
    assert status == 0 and "--exits" in said and "allowed" not in said, said


def test_reboot(build, tmp_path):
    """`reboot now` boots again, it does not end `make run`."""
    files = bundle.write(tmp_path / "mine.cpio", CONF)
    line = f"make run HTTP_PORT={free_port()} BOOT=kernel BUILD={os.path.relpath(build, ROOT)} BUNDLE={files}"
    terminal = pexpect.spawn("/bin/sh", ["-c", line], cwd=ROOT, timeout=300, encoding="utf-8",
                             codec_errors="replace")
    try:
        for word in ("reboot now", "poweroff now"):
            terminal.expect("Skerry [0-9.]+, SVM/NPT")
            terminal.expect(PROMPT)
            terminal.send(f"{word}\r")
        terminal.expect(pexpect.EOF)
    finally:
        terminal.close(force=True)


def test_container_packages():
    """
    The packages that `make container` puts into its image are all that the other targets
    install.
    """
    made = subprocess.run(["make", "-s", "container-packages"], cwd=ROOT, text=True, check=True,
                          capture_output=True).stdout.split()
    named = set()
    for path in [*ROOT.glob("*/*.mk"), *ROOT.glob("*/*/*.mk")]:
        if path.name != "verify.mk":  # proof tools of 2 GiB, which few want
            for line in re.findall(r"^\w*PACKAGES\w* :?= ((?:[^\n]*\\\n)*[^\n]*)", path.read_text(), re.MULTILINE):
                named |= set(re.findall(r"(?<![\w($])[a-z][a-z0-9+.-]+(?![\w)])", line))
    assert named > {"gcc", "qemu-system-x86", "clang-tidy"} and named <= set(made), named - set(made)


def test_installed_pages(build, tmp_path):
    """The pages that `make install` leaves find what they show and offer: pictures and programs."""
    made = [f"{os.path.relpath(build, ROOT)}/skerry.{end}" for end in ("elf", "iso", "spdx.json")]
    subprocess.run(["make", "-s", *(word for file in made for word in ("-o", file)), "install",
                    f"BUILD={os.path.relpath(build, ROOT)}", f"PREFIX={tmp_path}"], cwd=ROOT, check=True)
    pages = tmp_path / "share/doc/skerry"
    wanted = set()
    for page in (ROOT / "docs").rglob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+\.(?:png|svg|py|md))", page.read_text()):
            wanted.add(os.path.relpath((page.parent / link).resolve(), ROOT))
    wanted = {path for path in wanted if path.startswith("docs/")}
    assert {"docs/guides/backup_image.py", "docs/images/ui-overview-dark.png"} < wanted
    assert [path for path in sorted(wanted) if not (pages / path).is_file()] == []


@pytest.mark.parametrize("words, said", [
    ("run BOOT=tape", "BOOT=tape is not possible; use one of iso kernel uefi"),
    ("run EMULATOR=none", "EMULATOR=none is not possible; use one of qemu bochs"),
    ("run EMULATOR=bochs BOOT=kernel", "EMULATOR=bochs boots by BOOT=iso only"),
    ("bed SUITE=potato", "SUITE=potato is not possible; use one of bookworm trixie"),
    ("run WEB=1 EMULATOR=bochs", "WEB: goes with EMULATOR=qemu only"),
    ("test ONLY=units", "ONLY=units is not possible; use one of lint proofs unit fuzz guest system"),
    ("run BOOT=kernel BUNDLE=none.cpio", "BUNDLE: none.cpio is no file"),
    ("run DATA_DISK=dta.img", "DATA_DISK=dta.img is no file"),
    # the word is in two pieces, as named.py looks here as well
    ("test NAME=wal" "lk", "NAME: wal" "lk is in no test's name"),
    ("test ONLY=unit NAME=test_console", "NAME: test_console is in no test's name"),
    ("fuzz TARGET=nothing", "TARGET=nothing is not possible; use one of acpi_pm"),
    ("verify TARGET=nothing", "verify: nothing has that name"),
])
def test_refused(words, said):
    port = f" HTTP_PORT={free_port()}" if words.startswith("run ") else ""
    out, status = pexpect.run(f"make {words}{port}", cwd=ROOT, withexitstatus=True, encoding="utf-8",
                              timeout=300)
    assert status != 0 and said in out, out


@pytest.mark.parametrize("emulator, limit",
                         [("qemu", 300), pytest.param("bochs", 1200, marks=pytest.mark.long)])
def test_data_disk(build, tmp_path, emulator, limit):
    """
    A file that alpha writes to /data is there at the next `make run`; `make clean` asks before
    it removes the disk.
    """
    disk = tmp_path / "data.img"
    subprocess.run(["make", "-s", disk, f"DATA_DISK={disk}"], cwd=ROOT, check=True)
    line = (f"make run HTTP_PORT={free_port()} EMULATOR={emulator} DATA_DISK={disk} "
            f"BUILD={os.path.relpath(build, ROOT)}")
    for command, shown in (("echo kept >/data/note", "note"), ("cat /data/note", "\nkept")):
        terminal = pexpect.spawn("/bin/sh", ["-c", line], cwd=ROOT, timeout=limit, encoding="utf-8",
                                 codec_errors="replace")
        try:
            terminal.expect(PROMPT)
            terminal.send("vm console alpha\r")
            terminal.expect("DATA on vda")
            terminal.expect("READY alpha")
            terminal.expect("alpha# ")
            terminal.send(f"{command}\r")
            terminal.expect(shown)
            terminal.expect("alpha# ")
            terminal.send("umount /data\r")
            terminal.expect("alpha# ")
            terminal.send("\x1d")
            terminal.expect(PROMPT)
            terminal.send("poweroff now\r")
            terminal.expect(pexpect.EOF)
        finally:
            terminal.close(force=True)
    out, status = pexpect.run(f"make clean BUILD={tmp_path} DATA_DISK={disk}", cwd=ROOT, timeout=300,
                              withexitstatus=True, encoding="utf-8", events={"N] ": "n\n"})
    assert status == 0 and "which guests have written to" in out and disk.exists()
    out, status = pexpect.run(f"make clean BUILD={tmp_path} DATA_DISK={disk}", cwd=ROOT, timeout=300,
                              withexitstatus=True, encoding="utf-8", events={"N] ": "y\n"})
    assert status == 0 and not disk.exists()
