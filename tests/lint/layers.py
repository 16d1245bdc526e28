#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Include directions: docs/architecture.md says who may use whom, this enforces it. Within a program its
folders stand in the order in which they call each other (calls.py), and a file includes headers of its
own folder and of lower ones. From a folder above or beside it takes only x_types.h: structures, and
nothing that the file could not include itself.
"""

import functools
import os
import re
import sys

import calls

# Folder -> what its files may include, longest match first. Every folder may include itself.
RULES = {
    "lib": [],
    "arch/x86_64/hw": ["lib"],
    "arch/x86_64/cpu": ["lib", "arch/x86_64/hw", "kernel/abi"],
    "mm": ["lib", "arch/x86_64/hw", "arch/x86_64/cpu", "kernel/abi"],
    "arch/x86_64/virt": ["lib", "arch/x86_64/hw", "arch/x86_64/cpu", "mm", "kernel/abi"],
    "arch/x86_64/iommu": ["lib", "arch/x86_64/hw", "arch/x86_64/cpu", "mm", "kernel/abi"],
    "arch/x86_64/virt/svm": ["arch/x86_64/virt"],
    "arch/x86_64/virt/vmx": ["arch/x86_64/virt"],
    "kernel/abi": ["lib"],
    "kernel": ["lib", "arch/x86_64/hw", "arch/x86_64/cpu", "mm", "arch/x86_64/virt/virt.h",
               "arch/x86_64/iommu/iommu.h",
               "kernel/abi"],
    "boot": ["lib", "arch/x86_64/hw", "arch/x86_64/cpu", "kernel/abi", "vmm/hw"],
    # Starts all of ring 0, and is gone before the first process runs.
    "boot/init": ["lib", "arch/x86_64", "boot", "kernel", "mm", "vmm/hw"],
    # The hardware that ring 0 drives no more once the boot is over.
    "vmm/hw": ["lib", "arch/x86_64/hw"],
    "vmm/rt": ["lib", "arch/x86_64/hw", "kernel/abi"],
    "vmm/io": ["lib", "kernel/abi", "vmm/rt"],
    "vmm/manager": ["lib", "arch/x86_64/hw", "kernel/abi", "vmm/hw", "vmm/rt", "vmm/io"],
    "vmm/monitor": ["lib", "arch/x86_64/hw", "kernel/abi", "vmm/hw", "vmm/rt", "vmm/io"],
    "vmm/driver": ["lib", "arch/x86_64/hw", "kernel/abi", "vmm/hw", "vmm/rt", "vmm/io",
                   "vmm/driver/disk/core", "vmm/driver/disk/layers"],
    # What disk drivers share: the core knows no layer, and neither the core nor a layer knows a
    # device.
    "vmm/driver/disk/core": ["lib", "kernel/abi", "vmm/rt", "vmm/io", "vmm/driver/process.h"],
    "vmm/driver/disk/layers": ["lib", "kernel/abi", "vmm/rt", "vmm/io", "vmm/driver/process.h",
                               "vmm/driver/disk/core"],
    "vmm/service": ["lib", "kernel/abi", "vmm/rt", "vmm/io", "vmm/driver"],
    "vmm/switch": ["lib", "kernel/abi", "vmm/rt", "vmm/io"],
    "vmm/demo": ["arch/x86_64/hw"],
    # A program for Linux: it shares nothing with the image, and its three processes only what joins
    # them. core/main.c alone knows all. What of core may include what, ORDERS says.
    "gateway/base": [],
    "gateway/link": ["gateway/base"],
    "gateway/core": ["gateway/base", "gateway/link", "gateway/web/web.h", "gateway/door/door.h", "gateway/hook/hook.h", "gateway/mail/mail.h", "gateway/publish/publish.h"],
    "gateway/door": ["gateway/base"],
    "gateway/hook": ["gateway/base"],
    "gateway/mail": ["gateway/base"],
    "gateway/publish": ["gateway/base"],
    "gateway/web": ["gateway/base"],
    "gateway/cli": ["gateway/base"],
    "gateway/proxy": ["gateway/base"],
}

# A back end obeys its parent folder's rules too, and no other folder may reach into it.
INHERITS = {"arch/x86_64/virt/svm": "arch/x86_64/virt", "arch/x86_64/virt/vmx": "arch/x86_64/virt"}
PRIVATE = ["arch/x86_64/virt/svm", "arch/x86_64/virt/vmx"]

# The lowest first, as in calls.py; a folder that has no place of its own has that of the one it is in.
# boot/ comes first in time and last in the order of calls, as it jumps into boot/init: see RULES.
ORDERS = {
    "ring 0": [line for line in calls.ORDERS["ring 0"].split("\n") if "boot" not in line],
    "monitor": calls.ORDERS["monitor"].split("\n"),
    "manager": calls.ORDERS["manager"].split("\n"),
    "gateway": calls.ORDERS["gateway"].split("\n"),
    "drivers and switch": """
        vmm/rt
        vmm/io
        vmm/driver
        vmm/driver/virtio
        vmm/driver/disk vmm/driver/net
        vmm/driver/disk/ahci vmm/driver/disk/ide vmm/driver/disk/nvme vmm/driver/disk/ramdisk
        vmm/driver/net/e1000
        vmm/driver/disk/virtio_blk vmm/driver/disk/virtio_scsi vmm/driver/net/virtio_net
        vmm/service vmm/switch""".split("\n"),
}
FREE = {"offsets.h"}  # made from kernel/offsets.c
SYSTEM = {"stdarg.h", "stdbool.h", "stddef.h", "stdint.h"}  # the compiler's own
INCLUDE = re.compile(r'^\s*#\s*include\s+([<"])([^">]+)[">]')


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def folder_of(path):
    matches = [folder for folder in RULES if inside(path, folder)]
    return max(matches, key=len) if matches else None


def allowed(folder, header):
    owner = folder_of(header)
    if header in FREE or owner == folder:
        return True
    if owner in PRIVATE:
        # the one place that knows the back ends chooses between them
        return folder in ("arch/x86_64/virt", "boot/init")
    permitted = list(RULES[folder])
    if folder in INHERITS:
        permitted += RULES[INHERITS[folder]]
    return any(inside(header, entry) for entry in permitted)


@functools.cache
def includes(path):
    """(line, bracket, header) of each #include; nothing for a file that the build makes."""
    if not os.path.exists(path):
        return ()
    with open(path, encoding="utf-8") as lines:
        return tuple((number, *match.groups()) for number, match in
                     ((number, INCLUDE.match(line)) for number, line in enumerate(lines, 1)) if match)


@functools.cache
def place(path):
    """(program, level) of the file's folder in ORDERS, of the longest name that fits; else None."""
    fitting = [(len(folder), folder, program, level) for program, lines in ORDERS.items()
               for level, line in enumerate(lines) for folder in line.split() if inside(path, folder)]
    return max(fitting)[1:] if fitting else None


def goes_up(path, header):
    """
    Returns whether the header is of a folder of the same program that lies above that of the
    file, or beside it.
    """
    if os.path.dirname(path) == os.path.dirname(header) or not place(path) or not place(header):
        return False
    (folder, program, level), (other, others, above) = place(path), place(header)
    return program == others and folder != other and above >= level


def up_includes(path, through):
    """The headers that go up from `path`, in the file `through` that is part of it."""
    for number, bracket, header in includes(through):
        if bracket == "<" or not goes_up(path, header):
            continue
        if header.endswith("_types.h"):
            yield from ((number, found) for _, found in up_includes(path, header))
        else:
            yield number, header


def check(path):
    folder = folder_of(path)
    for number, bracket, header in includes(path):
        if bracket == "<":
            good = header in SYSTEM or inside(folder, "gateway")
        else:
            good = allowed(folder, header)
        if not good:
            yield f"{path}:{number}: {folder} may not include {header}"
    for number, header in up_includes(path, path):
        yield f"{path}:{number}: {header} is of a folder above, or beside"


def sources():
    for top in ("lib", "arch", "mm", "kernel", "boot", "vmm", "gateway"):
        for place, _, names in os.walk(top):
            for name in names:
                path = os.path.join(place, name)
                if name.endswith((".c", ".h", ".S")) and folder_of(path):
                    yield path


def main():
    errors = [error for path in sorted(sources()) for error in check(path)]
    print("\n".join(errors + [f"layers: {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
