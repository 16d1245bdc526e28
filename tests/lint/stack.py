#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The deepest call path of ring 0 fits into half of a kernel stack.

Frames and calls are from gcc (-fcallgraph-info=su), one .ci file beside each object. Calls through
pointers are listed here by their caller. Every entry to ring 0 is a root; to the deepest path are
added the frames that assembly pushes and an interrupt in one of the two windows that admit one.
"""
import glob
import os
import re
import sys

STACK_BYTES = 16384
# The size of the entry's stack: its highest page has the frame of the entry alone.
ENTRY_BYTES = 4096
RING0 = ("boot", "arch", "mm", "kernel", "lib")
# The bytes that entry.S pushes: the CPU's frame, vector, error code and 15 registers; then a return
# address.
TRAP_FRAME = 22 * 8
RETURN = 8
# The bytes for assembly called from C: it saves registers, and calls what fills the return stack:
# 32 calls deep.
ASSEMBLY_BYTES = 128 + 40 * 8
# The functions that run once in a CPU's life, on a stack that nothing else has used yet.
ONCE = {"kernel_main", "boot_main", "cpu_main"}

# The functions that end the machine; the stack that they need is counted apart, on top of the
# deepest path.
PANICS = ("panic", "panic_trap", "__stack_chk_fail")
# A recursion with a bound, and that bound: both right spines of a heap of a million threads.
BOUNDED = {"heap_merge": 40}

RELEASES = ("group_release", "teardown_release_later", "teardown_release_event",
            "irq_release", "vm_release")
# Releasing an object may let go of another: an event of its queue, a VM of its space and group.
RELEASE_NESTS = 3
# Calls through pointers, by the caller's name or file: what they reach. Whatever is not here can
# only be an object_put, which calls a function of RELEASES.
POINTERS = (
    ("syscall_dispatch", r"sys_\w+"),
    ("boot/init/acpi.c", r"machine_firmware"),
    ("kernel/machine/machine.c", r"(svm|vmx)_cpu_disable"),
    ("kernel/(guest/(vcpu|vm|cpuid)|sched/vcpu_load).c", r"(svm|vmx)_((vm|vcpu)_\w+|enter|leave|get|set|request|dump)"),
)

NODE = re.compile(r'node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
BYTES = re.compile(r"\\n(\d+) bytes \((\w[\w,]*)\)")


def plain(name):
    return name.rsplit(":", 1)[-1].split(".", 1)[0]


def read(folder):
    frames, calls, files = {}, {}, {}
    for top in RING0:
        for path in glob.glob(os.path.join(folder, top, "**/*.ci"), recursive=True):
            with open(path, encoding="utf-8") as file:
                text = file.read()
            for name, label in NODE.findall(text):
                size = BYTES.search(label)
                if size:
                    frames[name] = int(size[1])
                    files[name] = label.split("\\n")[1].split(":")[0]
                    calls.setdefault(name, set())
                    if size[2] == "dynamic":
                        frames[name] = STACK_BYTES  # alloca or an array of variable length
            for source, target in EDGE.findall(text):
                calls.setdefault(source, set()).add(target)
    return frames, calls, files


class Depths:
    def __init__(self, frames, calls, files):
        self.frames, self.calls, self.files = frames, calls, files
        self.known, self.open = {}, []
        self.errors = []
        self.cut = True

    def pointed(self, name, nests):
        """Returns what an indirect call in `name` may reach."""
        for caller, pattern in POINTERS:
            if re.fullmatch(caller, name) or re.fullmatch(caller, self.files[name]):
                for other in self.frames:
                    if re.fullmatch(pattern, plain(other)):
                        yield other, nests
                break
        if nests:
            for other in self.frames:
                if plain(other) in RELEASES:
                    yield other, nests - 1

    def of(self, name, nests=RELEASE_NESTS):
        """(bytes, path) from the entry of `name` on."""
        key = (name, nests)
        if key in self.known:
            return self.known[key]
        if name not in self.frames:
            return (ASSEMBLY_BYTES, (name,))
        if plain(name) in BOUNDED:
            return (BOUNDED[plain(name)] * (self.frames[name] + RETURN), (name,))
        if self.cut and plain(name) in PANICS:
            return (0, ())
        if key in self.open:
            chain = self.open[self.open.index(key):] + [key]
            self.errors.append("recursion: " + " > ".join(plain(entry[0]) for entry in chain))
            return (0, ())
        self.open.append(key)
        deepest = (0, ())
        for target in sorted(self.calls[name]):
            if target == "__indirect_call":
                ways = [self.of(*other) for other in self.pointed(name, nests)]
            else:
                ways = [self.of(target, nests)]
            deepest = max([deepest, *ways], key=lambda way: way[0])
        self.open.pop()
        result = (self.frames[name] + RETURN + deepest[0], (name, *deepest[1]))
        self.known[key] = result
        return result


def show(depths, label, way):
    print(f"stack: {label}: {way[0]} bytes")
    for name in way[1]:
        print(f"    {depths.frames.get(name, ASSEMBLY_BYTES):5} {name}")


def main():
    frames, calls, files = read(sys.argv[1])
    if not frames:
        print("stack: no call graph, only gcc writes one")
        return 0
    depths = Depths(frames, calls, files)
    roots = [name for name in frames if plain(name) not in ONCE]
    path = max((depths.of(name) for name in roots), key=lambda way: way[0])
    interrupt = max((depths.of(name) for name in roots if plain(name) == "trap_from_kernel"),
                    key=lambda way: way[0])
    total = path[0] + interrupt[0] + 2 * TRAP_FRAME
    errors = sorted(set(depths.errors))
    there = {plain(name) for name in frames}
    errors += [f"{name}: there is no such function" for name in (*RELEASES, *PANICS, *BOUNDED)
               if name not in there]
    depths.known, depths.cut = {}, False
    last = max((depths.frames[name] + RETURN + max(depths.of(target)[0] for target in calls[name])
                for name in PANICS if name in frames))
    if total > STACK_BYTES // 2 or len(sys.argv) > 2:
        show(depths, "deepest", path)
        show(depths, "in an interrupt", interrupt)
    if total > STACK_BYTES // 2:
        errors.append(f"the deepest path takes {total} bytes, {STACK_BYTES // 2} at most")
    if total + last > STACK_BYTES - ENTRY_BYTES:
        errors.append(f"a panic on top of it takes {last} bytes more, "
                      f"{STACK_BYTES - ENTRY_BYTES} are there")
    for error in errors:
        print(error)
    print(f"stack: deepest path {path[0]} + interrupt {interrupt[0]} + frames {2 * TRAP_FRAME} = "
          f"{total} of {STACK_BYTES} bytes; a panic {last} more; {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
