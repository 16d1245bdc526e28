# SPDX-License-Identifier: MIT
"""Other releases of Debian: where packages come from, and what is known of the emulators by version."""
import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import emulators
from machine import ROOT

sys.path.append(str(ROOT / "tests"))
# The module has another name here, as tests/bench has a run.py, too.
SPECIFICATION = importlib.util.spec_from_file_location("tests_run", ROOT / "tests/run.py")
run = importlib.util.module_from_spec(SPECIFICATION)
SPECIFICATION.loader.exec_module(run)

# (owner, address, release) of each of apt's package sources
SOURCES = [("Debian", "http://mirror.example/debian/", "{own}"), ("", "http://mirror.example/debian/", "{own}-updates"),
           ("Debian", "http://mirror.example/security/", "{own}-security"),
           ("Debian", "http://mirror.example/debian/", "{own}-backports"),
           ("Vendor", "http://vendor.example/debian/", "{own}"), ("Debian", "http://old.example/debian/", "potato")]


def sources(folder, suite, told):
    """Returns what sources.sh makes of an apt that has these sources."""
    program = folder / "apt-get"
    program.write_text("#!/bin/sh\ncat <<'EOF'\n" + "".join(f"{' '.join(line)}\n" for line in told) + "EOF\n")
    program.chmod(0o755)
    done = subprocess.run([ROOT / "iso/sources.sh", suite], text=True, capture_output=True,
                          env=os.environ | {"PATH": f"{folder}:{os.environ['PATH']}"}, check=True)
    lines = [re.fullmatch(r"deb \[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg\] (\S+) (\S+) main", line)
             for line in done.stdout.splitlines()]
    assert all(lines), done.stdout
    return {line.groups() for line in lines}


def own_release():
    found = re.search(r"^VERSION_CODENAME=(\S+)", open("/etc/os-release", encoding="utf-8").read(), re.MULTILINE)
    return found.group(1)


def test_sources(tmp_path):
    """
    The sources are the same servers for another release, without those that somebody else has
    for this one.
    """
    told = [(whose, where, suite.format(own=own_release())) for whose, where, suite in SOURCES]
    assert sources(tmp_path, "trixie", told) == {
        ("http://mirror.example/debian/", "trixie"), ("http://mirror.example/debian/", "trixie-updates"),
        ("http://mirror.example/security/", "trixie-security")}
    assert sources(tmp_path, "sid", told) == {("http://mirror.example/debian/", "sid")}
    # an apt that knows of none, as in some containers
    assert ("http://deb.debian.org/debian/", "bookworm") in sources(tmp_path, "bookworm", [])


@pytest.mark.parametrize("emulator", emulators.PROGRAMS)
def test_version(emulator, monkeypatch):
    """What an emulator lacks depends on its version, and on nothing else."""
    assert emulators.version(emulator) >= (2, 0)
    monkeypatch.setattr(emulators, "QEMU", {"debug": {"icebp": (8, 1), "step-sti": emulators.NEVER}})
    for version, lacking in (((7, 2), "no-icebp no-step-sti"), ((8, 1), "no-step-sti"), ((10, 0), "no-step-sti")):
        monkeypatch.setattr(emulators, "version", lambda _, found=version: found)
        assert emulators.words("qemu", "debug") == lacking


def test_bochs_steps(monkeypatch):
    """Bochs 3 without its debugger would run whole traces between two looks at what is pending."""
    for version, words in (((2, 7), ["bochs"]), ((3, 0), ["bochs", "-debugger"])):
        monkeypatch.setattr(emulators, "version", lambda _, found=version: found)
        assert emulators.bochs_command() == words
        assert emulators.bochs_has("bx_generic") == (version < (3, 0))


@pytest.mark.parametrize("programs, said", [
    ({"id": "echo 1000", "sudo": "exit 1"}, "sudo without a password"),
    ({"id": "echo 0", "unshare": "exit 1"}, "the right to mount"),
])
def test_no_bed(tmp_path, monkeypatch, capsys, programs, said):
    """
    Where no chroot can be had, or none is there, the whole set says so and goes without one; a
    request for a chroot that cannot be had fails.
    """
    made = tmp_path / "beds/trixie/made"
    made.parent.mkdir(parents=True)
    for name, does in {"make": "exit 1", **programs}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setattr(run, "failures", [])
    assert run.run_bed("trixie", tmp_path, "", False, False) == (0, 0) and not run.failures
    assert "`make bed SUITE=trixie`" in capsys.readouterr().out
    made.touch()
    for asked, count in ((False, (0, 0)), (True, (0, 1))):
        assert run.run_bed("trixie", tmp_path, "", asked, False) == count
        assert said in capsys.readouterr().out
        assert len(run.failures) == asked


# A release of Debian in so far as a bed needs it: busybox, and an `env` that takes -C.
ENV = "#!/bin/sh\n[ $1 = -C ]\ncd $2\nshift 2\nexec \"$@\"\n"


def small_bed(folder):
    """Makes a bed with busybox alone."""
    for name in ("bin", "dev", "etc/ssl/certs", "proc", "run", "sys"):
        (folder / "root" / name).mkdir(parents=True)
    programs = folder / "root/bin"
    shutil.copy(shutil.which("busybox"), programs / "busybox")
    for name in ("cat", "mount", "sh"):
        (programs / name).symlink_to("busybox")
    (programs / "env").write_text(ENV)
    (programs / "env").chmod(0o755)
    return folder


def test_bed_is_like_a_machine(tmp_path):
    """
    A bed trusts the servers that this machine trusts, and may make namespaces of its own: it
    can have a bed, too. Where no chroot can be had there is nothing to try.
    """
    program = ROOT / "iso/bed.sh"
    if subprocess.run([program, "check"], stderr=subprocess.DEVNULL, check=False).returncode != 0:
        return
    does = "cat /etc/ssl/certs/ca-certificates.crt && mount --make-rprivate / && echo private"
    done = subprocess.run([program, "run", small_bed(tmp_path / "bed"), "sh", "-c", does], cwd=ROOT, text=True,
                          capture_output=True, check=False)
    trusted = Path("/etc/ssl/certs/ca-certificates.crt").read_text(encoding="utf-8")
    assert done.stdout == trusted + "private\n", done.stderr


@pytest.mark.parametrize("words, beds", [
    ("", "trixie"), ("BEDS=", ""), ("NAME=walk", ""), ("ONLY=bed", "trixie"),
])
def test_default(words, beds):
    """The whole set takes Debian 13 besides this Debian 12, and a part of the set does not."""
    kept = {key: value for key, value in os.environ.items() if not re.match("MAKE|MFLAGS|BED|ONLY|NAME", key)}
    shown = subprocess.run(["make", "-n", "HOST_SUITE=bookworm", *words.split(), "test"], cwd=ROOT, text=True,
                           stdout=subprocess.PIPE, check=False, env=kept).stdout
    assert f"--beds '{beds}' " in shown
