#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes what went into an ISO as SPDX 2.3 JSON: its files, GRUB's packages, and those of the
bundle's guests. The same files and tools give the same bytes."""

import argparse
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

# The date of everything in the ISO, which is the same for every build.
CREATED = "1980-01-01T00:00:00Z"
NOTHING = "NOASSERTION"
GRUB = {"i386-pc": "grub-pc-bin", "x86_64-efi": "grub-efi-amd64-bin"}
# The two images that GRUB's tools make for the ISO from the modules of a platform.
IMAGES = {"./boot/grub/i386-pc/eltorito.img": "i386-pc", "./efi.img": "x86_64-efi"}
# The image in the ISO that the ISO's maker changes in place: it enters where the image lies.
PATCHED = "./boot/grub/i386-pc/eltorito.img"
BUNDLE = "./boot/guests.cpio"


def said_by(*command):
    """
    Returns what a tool prints, without the last newline; "" if there is no such tool or it
    fails.
    """
    try:
        done = subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL)
    except (OSError, subprocess.CalledProcessError):
        return ""
    return done.stdout.strip()


def sha256_of(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def listed(path):
    """Returns {file: (SHA-1, SHA-256)} of the list that iso.sh makes."""
    sums = {}
    for line in path.read_text().splitlines():
        value, name = line.split("  ", 1)
        sums.setdefault(name, []).append(value)
    assert sums and all([len(value) for value in values] == [40, 64] for values in sums.values())
    return sums


def identifier(text):
    return re.sub(r"[^A-Za-z0-9.-]", "-", text)


def file_entry(name, sums):
    entry = {"SPDXID": f"SPDXRef-File-{identifier(name[2:])}", "fileName": name,
             "checksums": [{"algorithm": "SHA1", "checksumValue": sums[0]},
                           {"algorithm": "SHA256", "checksumValue": sums[1]}],
             "licenseConcluded": NOTHING, "licenseInfoInFiles": [NOTHING],
             "copyrightText": NOTHING}
    if name == PATCHED:
        entry["comment"] = "as it was before its place in the ISO was entered into it"
    return entry


def verification_code(files, names):
    """Of a package whose files are listed: SPDX 2.3, 7.9."""
    sums = sorted(files[name][0] for name in names)
    return {"packageVerificationCodeValue": hashlib.sha1("".join(sums).encode()).hexdigest()}


def debian_package(name, version, architecture, **more):
    version = version or NOTHING
    return {"SPDXID": f"SPDXRef-Package-{identifier(name)}", "name": name, "versionInfo": version,
            "supplier": "Organization: Debian", "downloadLocation": NOTHING,
            "licenseConcluded": NOTHING, "licenseDeclared": NOTHING, "copyrightText": NOTHING,
            "externalRefs": [{
                "referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                "referenceLocator": f"pkg:deb/debian/{name}@{version}?arch={architecture}"}],
            **more}


def grub_packages(files):
    """Yields (package, its files) for each platform of GRUB's."""
    for platform, name in GRUB.items():
        version = said_by("dpkg-query", "-W", "-f", "${Version}", name)
        names = [file for file in files if file.startswith(f"./boot/grub/{platform}/")
                 and file not in IMAGES]
        yield debian_package(name, version, "amd64", filesAnalyzed=True,
                             licenseDeclared="GPL-3.0-or-later",
                             packageVerificationCode=verification_code(files, names)), names


def guest_packages(folders):
    """Yields the Debian packages that the demonstration's bundle is made of."""
    for deb in sorted(deb for folder in folders for deb in folder.glob("debs/*.deb")):
        name, version, architecture = (said_by("dpkg-deb", "-f", deb, field) for field in
                                       ("Package", "Version", "Architecture"))
        name = name or deb.stem.split("_")[0]
        yield debian_package(name, version, architecture,
                             # the version is part of the id, as a package may be there in two
                             # releases
                             SPDXID=f"SPDXRef-Package-{identifier(f'{name}-{version}')}",
                             filesAnalyzed=False, packageFileName=deb.name,
                             checksums=[{"algorithm": "SHA256",
                                         "checksumValue": sha256_of(deb)}])


def skerry_package(options, files, names):
    commit = f" ({options.commit})" if options.commit else ""
    return {"SPDXID": "SPDXRef-Package-skerry", "name": "skerry",
            "versionInfo": options.version + commit, "packageFileName": options.iso.name,
            "downloadLocation": NOTHING, "licenseConcluded": "MIT", "licenseDeclared": "MIT",
            "copyrightText": NOTHING, "filesAnalyzed": True,
            "packageVerificationCode": verification_code(files, names),
            "checksums": [{"algorithm": "SHA256", "checksumValue": sha256_of(options.iso)}]}


def relation(one, kind, other):
    return {"spdxElementId": one["SPDXID"], "relationshipType": kind,
            "relatedSpdxElement": other["SPDXID"]}


def document(options):
    files = listed(options.list)
    entries = {name: file_entry(name, sums) for name, sums in files.items()}
    grub = list(grub_packages(files))
    own = [name for name in files if not any(name in names for _, names in grub)]
    skerry = skerry_package(options, files, own)
    guests = list(guest_packages(options.guests)) if options.demonstration else []
    result = {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT",
              "name": f"skerry-{options.version}",
              "documentNamespace": f"https://spdx.org/spdxdocs/skerry-{options.version}-"
                                   f"{skerry['checksums'][0]['checksumValue'][:32]}",
              "creationInfo": {"created": CREATED, "creators": ["Tool: iso/sbom.py"],
                               "comment": "Every build has this date. Compiler: "
                                          + said_by(options.compiler, "--version").split("\n")[0]},
              "packages": [skerry, *(package for package, _ in grub), *guests],
              "files": list(entries.values())}
    relations = [relation(result, "DESCRIBES", skerry)]
    relations += [relation(skerry, "CONTAINS", entries[name]) for name in own]
    for package, names in grub:
        relations.append(relation(skerry, "CONTAINS", package))
        relations += [relation(package, "CONTAINS", entries[name]) for name in names]
    for name, platform in IMAGES.items():
        relations += [relation(entries[name], "GENERATED_FROM", package)
                      for package, _ in grub if package["name"] == GRUB[platform]]
    relations += [relation(entries[BUNDLE], "GENERATED_FROM", package) for package in guests]
    return result | {"relationships": relations}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--version", required=True)
    parser.add_argument("--commit", default="")
    parser.add_argument("--compiler", required=True)
    parser.add_argument("--iso", type=Path, required=True)
    parser.add_argument("--list", type=Path, required=True, help="as iso.sh has written it")
    parser.add_argument("--guests", type=Path, nargs="+", required=True, help="where `make guests` works")
    parser.add_argument("--demonstration", action="store_true", help="its bundle is in the ISO")
    json.dump(document(parser.parse_args()), sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
