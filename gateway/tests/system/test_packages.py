# SPDX-License-Identifier: MIT
"""The Debian packages: built from the sources alone, nothing for lintian to say, a unit that shuts off."""
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def run(*words, **keys):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=1200,
                          **keys)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """Builds the packages here and not in a test, so that compiling has no test's time limit."""
    folder = tmp_path_factory.mktemp("packages")
    code, text = run("gateway/debian/make.sh", folder / "out", cwd=ROOT)
    assert code == 0, text
    run("cp", "-r", ROOT / "gateway/debian", folder / "debian")
    return folder


def test_lintian(packages):
    changes = next((packages / "out").glob("*.changes"))
    code, text = run("lintian", "--allow-root", "--fail-on", "error,warning", changes)
    assert code == 0 and "W: " not in text and "E: " not in text, text


def test_what_is_in_them(packages):
    """Each file lies where it belongs, and the packages hold no state, no source and no test."""
    wanted = {
        "skerryd": {"/usr/sbin/skerryd", "/lib/systemd/system/skerryd.service",
                    "/etc/default/skerryd", "/usr/share/man/man8/skerryd.8.gz",
                    "/usr/share/doc/skerryd/examples/skerry.rules.yml",
                    "/usr/share/doc/skerryd/examples/prometheus.yml", "/usr/share/doc/skerryd/examples/grafana.json"},
        "skerryctl": {"/usr/bin/skerryctl", "/usr/share/man/man1/skerryctl.1.gz",
                      "/usr/share/bash-completion/completions/skerryctl"}}
    for name, files in wanted.items():
        package = next((packages / "out").glob(f"{name}_*.deb"))
        _, text = run("dpkg-deb", "-c", package)
        found = {line.split()[5].lstrip(".") for line in text.splitlines()
                 if not line.startswith("d")}
        # since Debian 13 a unit is where /lib leads to
        found = {name.replace("/usr/lib/systemd", "/lib/systemd") for name in found}
        extra = {f"/usr/share/doc/{name}/{each}" for each in ("changelog.gz", "copyright")}
        assert found == files | extra


def test_hardened_programs(packages):
    """
    Both programs have RELRO, are bound at the start, position-independent, and have a guarded
    stack.
    """
    for name, path in (("skerryd", "usr/sbin/skerryd"), ("skerryctl", "usr/bin/skerryctl")):
        package = next((packages / "out").glob(f"{name}_*.deb"))
        run("dpkg-deb", "-x", package, packages / name)
        _, text = run("readelf", "-W", "-h", "-l", "-d", "--dyn-syms", packages / name / path)
        assert "DYN (Pos" in text and "GNU_RELRO" in text and "BIND_NOW" in text
        assert "__stack_chk_fail" in text
        assert re.search(r"GNU_STACK .* RW +0x", text)


def test_unit(packages):
    """The unit's restrictions hold."""
    unit = packages / "debian/skerryd.service"
    code, text = run("systemd-analyze", "security", "--offline=true", "--threshold=20",
                     "--no-pager", unit)
    assert code == 0, text[-3000:]
    lines = unit.read_text().splitlines()
    for line in ("DynamicUser=yes", "ProtectSystem=strict", "MemoryDenyWriteExecute=yes",
                 "CapabilityBoundingSet=", "NoNewPrivileges=yes", "StandardOutput=null",
                 "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK"):
        assert line in lines, line
