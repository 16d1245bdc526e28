# SPDX-License-Identifier: MIT
"""
The same sources give the same bytes in another folder, later; and a list says what went into the
image.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from machine import make_iso

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("Makefile", "linker.ld", "arch", "boot", "iso", "kernel", "lib", "mm", "vmm")
# The ISO's maker enters into it where it lies.
PATCHED = "./boot/grub/i386-pc/eltorito.img"


def make(folder, *words):
    done = subprocess.run(["make", "-s", "-j2", *words], cwd=folder, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-4000:]


def switches(build):
    """
    Returns the switches that the first build was made with, and its commit, which the copy does
    not know.
    """
    flags = (build / "flags").read_text().split()
    return [f"CC={flags[0]}", f"COMMIT={(build / 'commit').read_text().strip()}",
            *(f"{name}=1" for name in ("DEBUG", "TEST") if f"-D{name}" in flags)]


@pytest.fixture(scope="module")
def copy(build):
    """A second build, of a copy of the sources in a folder of another name and length."""
    folder = build / "tests/reproduce/another place/of the sources".replace(" ", "-")
    shutil.rmtree(build / "tests/reproduce", ignore_errors=True)
    folder.mkdir(parents=True)
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name)
        else:
            shutil.copy2(ROOT / name, folder / name)
    # the second build goes in another order, too
    make(folder, *switches(build), "build/monitor.elf")
    make(folder, *switches(build))
    yield folder
    shutil.rmtree(build / "tests/reproduce")


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.long
def test_image(build, copy, tmp_path):
    """The image, and the ISO without a bundle, are the same in both folders."""
    assert (copy / "build/skerry.elf").read_bytes() == (build / "skerry.elf").read_bytes()
    iso = make_iso(build, tmp_path / "first.iso")
    assert sha256_of(iso) == sha256_of(copy / "build/skerry.iso")
    # ... which is another one for other files
    other = make_iso(build, tmp_path / "other.iso", cmdline="log=debug")
    assert sha256_of(other) != sha256_of(iso)


@pytest.mark.long
def test_bundle(build, copy):
    """The demonstration's bundle, from the same Debian packages."""
    for folder in ("guests", "guests-trixie"):
        guests = copy / "build" / folder
        guests.mkdir()
        for name in ("packages", "kernel-version"):
            shutil.copy2(build / folder / name, guests / name)
        for name in ("root", "debs"):
            os.symlink(build / folder / name, guests / name)
    old = os.umask(0o077)
    try:
        make(copy, *switches(build), "build/guests.cpio")
    finally:
        os.umask(old)
    assert sha256_of(copy / "build/guests.cpio") == sha256_of(build / "guests.cpio")


# --- SPDX 2.3, annex D: what a document, a package, a file and a relationship must have ---

def check_document(document):
    assert document["spdxVersion"] == "SPDX-2.3" and document["dataLicense"] == "CC0-1.0"
    assert document["SPDXID"] == "SPDXRef-DOCUMENT" and document["name"]
    assert re.fullmatch(r"https://[^#\s]+", document["documentNamespace"])
    created = document["creationInfo"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", created["created"])
    assert created["creators"] and all(re.match("(Tool|Person|Organization): ", creator)
                                       for creator in created["creators"])


def check_sums(element, *algorithms):
    sums = {entry["algorithm"]: entry["checksumValue"] for entry in element["checksums"]}
    assert set(algorithms) <= set(sums), element
    for algorithm, digits in (("SHA1", 40), ("SHA256", 64)):
        assert algorithm not in sums or re.fullmatch(rf"[0-9a-f]{{{digits}}}", sums[algorithm])
    return sums


def check_elements(document):
    """
    Checks that each element has what it must, and a name of its own, and that relationships
    lead from one element to another.
    """
    for package in document["packages"]:
        assert package["name"] and package["downloadLocation"]
        if package["filesAnalyzed"]:
            code = package["packageVerificationCode"]["packageVerificationCodeValue"]
            assert re.fullmatch("[0-9a-f]{40}", code)
        assert re.search(r"\d", package["versionInfo"]), package
    for file in document["files"]:
        assert file["fileName"].startswith("./")
        check_sums(file, "SHA1", "SHA256")
    elements = [document, *document["packages"], *document["files"]]
    names = [element["SPDXID"] for element in elements]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", name) for name in names)
    for relation in document["relationships"]:
        assert relation["relationshipType"] in ("DESCRIBES", "CONTAINS", "GENERATED_FROM")
        assert {relation["spdxElementId"], relation["relatedSpdxElement"]} <= set(names)


def contained(document, package):
    return {relation["relatedSpdxElement"] for relation in document["relationships"]
            if (relation["spdxElementId"], relation["relationshipType"])
            == (package["SPDXID"], "CONTAINS")}


def check_codes(document):
    """SPDX 2.3, 7.9: of the SHA-1 of each file that a package contains."""
    sums = {file["SPDXID"]: check_sums(file)["SHA1"] for file in document["files"]}
    covered = set()
    for package in document["packages"]:
        mine = contained(document, package) & set(sums)
        if package["filesAnalyzed"]:
            code = hashlib.sha1("".join(sorted(sums[name] for name in mine)).encode()).hexdigest()
            assert code == package["packageVerificationCode"]["packageVerificationCodeValue"]
        assert not covered & mine
        covered |= mine
    assert covered == set(sums), "a file belongs to no package"


def test_sbom(copy, tmp_path):
    document = json.loads((copy / "build/skerry.spdx.json").read_text())
    check_document(document)
    check_elements(document)
    check_codes(document)
    packages = {package["name"]: package for package in document["packages"]}
    version = re.search(r'SKERRY_VERSION "(.*)"', (ROOT / "kernel/abi/version.h").read_text())[1]
    assert packages["skerry"]["versionInfo"].startswith(version)
    iso = copy / "build/skerry.iso"
    assert check_sums(packages["skerry"], "SHA256")["SHA256"] == sha256_of(iso)
    assert {"grub-pc-bin", "grub-efi-amd64-bin"} <= set(packages)
    for name in ("grub-pc-bin", "grub-efi-amd64-bin"):
        said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], check=True,
                              text=True, stdout=subprocess.PIPE).stdout
        assert packages[name]["versionInfo"] == said
        assert len(contained(document, packages[name])) > 100
    # lists what is in the ISO, byte by byte
    subprocess.run(["xorriso", "-osirrox", "on", "-indev", iso, "-extract", "/", tmp_path / "iso"],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found = {f"./{path.relative_to(tmp_path / 'iso')}": sha256_of(path)
             for path in (tmp_path / "iso").rglob("*") if path.is_file()}
    del found["./boot.catalog"]  # the ISO's maker writes this file
    listed = {file["fileName"]: check_sums(file)["SHA256"] for file in document["files"]}
    assert set(found) == set(listed) and "./boot/skerry.elf" in found
    assert {name for name in found if found[name] != listed[name]} <= {PATCHED}
