#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
Calls between folders go one way: docs/architecture.md says which, this enforces it by the symbols
of the objects. A call through a pointer that the other side has set is none, nor is data.
"""
import os
import subprocess
import sys
from pathlib import Path

# The order of the folders of each program, the lowest first; folders in one line do not call each
# other.
ORDERS = {
    "ring 0": """
        lib
        arch/x86_64/cpu
        mm
        arch/x86_64/iommu arch/x86_64/virt
        arch/x86_64/virt/svm arch/x86_64/virt/vmx
        kernel/log kernel/machine kernel/run_queue
        kernel/object
        kernel/sched
        kernel/guest
        kernel/group
        kernel/call
        kernel/cpu
        boot/init
        boot""",
    "monitor": """
        vmm/monitor/bus vmm/monitor/cpuid vmm/monitor/disk vmm/monitor/memory
        vmm/monitor/irqchip vmm/monitor/x86
        vmm/monitor/platform vmm/monitor/task
        vmm/monitor/emulate vmm/monitor/pci
        vmm/monitor/virtio
        vmm/monitor/dev
        vmm/monitor/load
        vmm/monitor/machine
        vmm/monitor/pv
        vmm/monitor/vcpu
        vmm/monitor/exits vmm/monitor/state
        vmm/monitor/save
        vmm/monitor/life
        vmm/monitor""",
    "manager": """
        vmm/manager/text
        vmm/manager/process
        vmm/manager/host vmm/manager/transfer
        vmm/manager/log
        vmm/manager/inspect vmm/manager/login vmm/manager/pci
        vmm/manager/config vmm/manager/iommu
        vmm/manager/driver
        vmm/manager/disk vmm/manager/net
        vmm/manager/vm
        vmm/manager/vm/memory
        vmm/manager/vm/disks
        vmm/manager/vm/process
        vmm/manager/vm/operation/save vmm/manager/vm/operation/snapshot vmm/manager/vm/operation/stop
        vmm/manager/vm/operation/backup
        vmm/manager/vm/operation/rekey vmm/manager/vm/operation/media
        vmm/manager/command vmm/manager/gdb
        vmm/manager/channel vmm/manager/console
        vmm/manager
        vmm/manager/commands""",
    # A device's part is called through driver_ops, the layers through struct layer.
    "disk driver": """
        vmm/driver
        vmm/driver/virtio
        vmm/driver/disk/core
        vmm/driver/disk/layers vmm/driver/disk/ahci vmm/driver/disk/ide vmm/driver/disk/nvme vmm/driver/disk/ramdisk vmm/driver/disk/virtio_blk vmm/driver/disk/virtio_scsi""",
    "gateway": """
        gateway/base
        gateway/link gateway/core/common
        gateway/core/identity gateway/core/host
        gateway/core/audit gateway/core/history
        gateway/core/report gateway/core/alert
        gateway/core/http
        gateway/core/live
        gateway/core/api
        gateway/door gateway/hook gateway/mail gateway/publish gateway/web
        gateway/core""",
}
# The objects of a program that is built by itself: where they are, and what their names begin with.
OBJECTS = {"gateway": ("gateway/build", "gateway")}

# The functions where an interrupt, a trap and a system call enter, and those that the compiler
# calls.
UP_CALLS = {"cpu_loop", "trap_from_kernel", "trap_from_user", "trap_nmi", "trap_system_call",
            "__stack_chk_fail"}


def symbols(build, folders, top=""):
    """
    Returns ({function: its folder}, {(folder, source, function it names)}) of the objects that
    are built.
    """
    defined, named = {}, set()
    for path in sorted(build.glob("**/*.o")):
        source = Path(top) / path.relative_to(build).with_suffix("")
        folder = str(source.parent)
        is_built = source.suffix == ".S" or source.with_suffix(".c").exists()
        if folder not in folders or not is_built:
            continue
        text = subprocess.run(["nm", "-g", path], text=True, check=True,
                              stdout=subprocess.PIPE).stdout
        for line in text.splitlines():
            *_, kind, name = line.split()
            if kind in "TW":
                defined[name] = folder
            elif kind == "U":
                named.add((folder, str(source), name))
    return defined, named


def check(build, program):
    """Yields a line for each call that goes up, or to a folder beside."""
    order = ORDERS[program]
    level = {folder: number for number, line in enumerate(order.strip().splitlines())
             for folder in line.split()}
    objects, top = OBJECTS.get(program, (build / "obj", ""))
    defined, named = symbols(Path(objects), level, top)
    for folder, source, name in sorted(named):
        to = defined.get(name, folder)
        if to != folder and level[to] >= level[folder] and name not in UP_CALLS:
            yield f"{source}: {folder} may not call {name} of {to}"


def unlisted(order, top):
    """Folders with sources that the order does not know."""
    known = set(order.split())
    for place, _, files in os.walk(top):
        if place not in known and any(name.endswith(".c") for name in files):
            yield f"{place}: has no place in the order of calls"


def main():
    build = Path(sys.argv[1])
    errors = [error for program in ORDERS for error in check(build, program)]
    for program in ("monitor", "manager"):
        errors += unlisted(ORDERS[program], f"vmm/{program}")
    errors += unlisted(ORDERS["gateway"], "gateway/core")
    if not list(Path("gateway/build/core").glob("**/*.o")):
        print("calls: the gateway is not built, and its calls are not looked at")
    print("\n".join([*errors, f"calls: {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
