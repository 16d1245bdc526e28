#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Include directions: docs/architecture.md says who may use whom, this enforces it."""

import os
import re
import sys

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
    # What ring 0 drives no more once the boot is over.
    "vmm/hw": ["lib", "arch/x86_64/hw"],
    "vmm/rt": ["lib", "arch/x86_64/hw", "kernel/abi"],
    "vmm/io": ["lib", "kernel/abi", "vmm/rt"],
    "vmm/manager": ["lib", "arch/x86_64/hw", "kernel/abi", "vmm/hw", "vmm/rt", "vmm/io"],
    "vmm/monitor": ["lib", "arch/x86_64/hw", "kernel/abi", "vmm/hw", "vmm/rt", "vmm/io"],
    "vmm/driver": ["lib", "arch/x86_64/hw", "kernel/abi", "vmm/hw", "vmm/rt", "vmm/io"],
    "vmm/service": ["lib", "kernel/abi", "vmm/rt", "vmm/io", "vmm/driver"],
    "vmm/switch": ["lib", "kernel/abi", "vmm/rt", "vmm/io"],
    "vmm/demo": ["arch/x86_64/hw"],
    # A program for Linux: it shares nothing with the image, and its two processes only what joins
    # them. core/main.c alone knows both.
    "gateway/base": [],
    "gateway/link": ["gateway/base"],
    "gateway/core": ["gateway/base", "gateway/link", "gateway/web/web.h"],
    "gateway/web": ["gateway/base"],
}

# A back end obeys its parent folder's rules too, and nobody else reaches into it.
INHERITS = {"arch/x86_64/virt/svm": "arch/x86_64/virt", "arch/x86_64/virt/vmx": "arch/x86_64/virt"}
PRIVATE = ["arch/x86_64/virt/svm", "arch/x86_64/virt/vmx"]

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
        # The one place that knows the back ends chooses between them.
        return folder in ("arch/x86_64/virt", "boot/init")
    permitted = list(RULES[folder])
    if folder in INHERITS:
        permitted += RULES[INHERITS[folder]]
    return any(inside(header, entry) for entry in permitted)


def check(path):
    folder = folder_of(path)
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            match = INCLUDE.match(line)
            if not match:
                continue
            bracket, header = match.groups()
            if bracket == "<":
                good = header in SYSTEM or inside(folder, "gateway")
            else:
                good = allowed(folder, header)
            if not good:
                yield f"{path}:{number}: {folder} may not include {header}"


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
