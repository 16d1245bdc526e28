#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The name of every function begins with words of its file's name, or of the header that declares it,
so that a profile and a backtrace say where it is; and no program has two of one name.
"""

import collections
import os
import re
import sys

import files

TOPS = ("arch/", "boot/", "kernel/", "lib/", "mm/", "vmm/",
        "gateway/base/", "gateway/cli/", "gateway/core/", "gateway/door/", "gateway/hook/", "gateway/link/", "gateway/mail/",
        "gateway/proxy/", "gateway/publish/", "gateway/web/")
# Words of everybody's: instructions, C's own functions, arithmetic, bytes, characters, this CPU.
COMMON = ("arch/x86_64/cpu/instructions.h", "arch/x86_64/cpu/percpu.h", "gateway/base/bytes.c", "gateway/base/wipe.c",
          "arch/x86_64/virt/vmx/instructions.h", "lib/bits.h", "lib/checked.h", "lib/libc.c",
          "mm/address.h", "vmm/manager/text/text.h", "vmm/monitor/load/bytes.h")
# The subject of a file or a folder whose name says it in other words.
ALSO = {"kernel/sched/queue": "signal", "kernel/call/syscall": "sys", "vmm/rt/syscall": "sys",
        "mm/discard": "memory", "mm/slots": "memory",
        "vmm/driver/disk/virtio_blk/": "vblk", "vmm/driver/disk/virtio_scsi/": "vscsi",
        "vmm/driver/net/virtio_net/": "vnet",
        "gateway/cli/": "command", "gateway/core/identity/session": "ticket"}
# Functions that are mostly named as what they command, which is in the same program.
COMMANDS = "vmm/manager/commands/"
ENTRIES = ("main", "kernel_main")
FUNCTION = re.compile(r"^(?!typedef\b|return\b|else\b)([A-Za-z_][\w \t*]*?[\s*])([a-z]\w*)\([^;{}]*\)[^;{}()=]*\n\{",
                      re.MULTILINE)
DECLARATION = re.compile(r"^(?!typedef\b|static\b|return\b)[A-Za-z_][\w \t*]*?[\s*]([a-z]\w*)\([^;{}]*\)[^;{}]*;",
                         re.MULTILINE)
# The folder of a program; sources outside all of these belong to no program.
PROGRAM = re.compile(r"gateway/(?:core|door|web|cli|proxy)|gateway|vmm/(?:manager|monitor|switch|service/\w+|"
                     r"driver/(?:disk|net)/(?!core/|layers/)\w+(?=/))|vmm|")


def singular(word):
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def words_of(path):
    """Returns what the names in that file may begin with."""
    stem = os.path.splitext(path)[0]
    folder, name = os.path.split(stem)
    parts = name.split("_")
    yield from ("_".join(parts[i:j]) for i in range(len(parts)) for j in range(i + 1, len(parts) + 1))
    yield singular(name)
    yield os.path.basename(folder)
    yield singular(os.path.basename(folder))
    yield from (word for place, word in ALSO.items()
                if stem == place or place.endswith("/") and path.startswith(place))


def begins_with(name, word):
    return re.match(rf"(is_)?{re.escape(word)}s?(_|$)", name) is not None


def program(path):
    """"vmm" is linked into every program of ring 3, "gateway" into its own; "" is ring 0."""
    return PROGRAM.match(path)[0]


def meet(a, b):
    top = a.split("/")[0]
    return a == b or top in (a, b) and top == b.split("/")[0] != ""


def main():
    sources = {}
    for path in files.files():
        if path.startswith(TOPS) and path.endswith((".c", ".h")):
            with open(path, encoding="utf-8") as file:
                sources[path] = files.COMMENT.sub(" ", file.read())
    declared = collections.defaultdict(set)
    for path, text in sources.items():
        if path.endswith(".h"):
            for name in DECLARATION.findall(text):
                declared[name].add(path)
    places = collections.defaultdict(list)
    errors = []
    for path, text in sorted(sources.items()):
        for kind, name in FUNCTION.findall(text):
            places[name].append(path)
            if path.startswith(COMMANDS) and "static" in kind.split() and \
               not name.startswith("command_"):
                errors.append(f"{path}: {name} does not begin with command_")
            homes = {path} | (set() if "static" in kind.split() else declared[name])
            if path in COMMON or name in ENTRIES:
                continue
            if not any(begins_with(name, word) for home in homes for word in words_of(home)):
                errors.append(f"{path}: {name} does not begin with words of its file's name")
    for name, where in sorted(places.items()):
        errors += [f"{path}: {name} is in {other} too" for at, path in enumerate(where)
                   for other in where[:at] if meet(program(path), program(other)) and name not in ENTRIES]
    print("\n".join(errors + [f"names: {sum(map(len, places.values()))} functions, "
                              f"{len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
