#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Counts what a disk's requests of 4 KiB cost, under Skerry in QEMU and Bochs and under KVM in QEMU,
with one CPU that counts instructions. Prints a table; every figure is per request.
"""
import argparse
import gzip
import re
import sys
import tempfile
from pathlib import Path

from run import COUNTED, TRIES, run

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
import kvm  # noqa: E402
from machine import Bochs, Qemu  # noqa: E402

LIMIT = 240 # seconds a test may take
# Requests by depth: the difference is free of what begin and end cost, and under Skerry the boot,
# which differs by some thousand system calls while the driver waits for its NVMe.
FEW = 640
MANY = {"Skerry": {1: 12800, 32: 51200}, "Bochs": {1: 5120, 32: 20480}, "KVM": {1: 2560, 32: 2560}}
LOADS = [(operation, depth) for operation in ("read", "write") for depth in (1, 32)]
MEBIBYTES = 32
MODULES = [name for name in bundle.VIRTIO_MODULES if name != "virtio-rng"] + ["virtio_blk"]
INIT = """\
#!/bin/busybox sh
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do
	/bin/busybox insmod /lib/modules/$module.ko
done
exec /disk_load {words}
"""
CONF = """
[disk data]
{controller}

[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet
memory = 128M
autostart = yes
disk = data
"""
CONTROLLERS = {"memory": f"controller = memory\nsize = {MEBIBYTES}M",
               "NVMe": "controller = nvme0", "IDE": "controller = ide0.0"}
KINDS = {"qemu": ("memory", "NVMe"), "bochs": ("memory", "IDE")}

# The host under KVM: a memory disk is brd's. The guest's marks come by a pipe, and so do answers.
HOST_DISKS = {"memory": "/dev/ram0", "NVMe": "/dev/nvme0n1"}
TRACE = "/sys/kernel/tracing/events/raw_syscalls/sys_enter"
RUNS = """
$b mount -t proc p /proc
$b mount -t sysfs s /sys
$b mount -t debugfs d /sys/kernel/debug
$b mount -t tracefs t /sys/kernel/tracing
$b insmod /brd.ko rd_nr=1 rd_size={kib}
[ {counted} = 0 ] || echo hist:keys=id >{trace}/trigger
show() {{
	for name in exits halt_exits irq_injections; do
		echo "COUNT $name $($b cat /sys/kernel/debug/kvm/$name)"
	done
	echo "COUNT switches $($b sed -n 's/^ctxt //p' /proc/stat)"
	echo "COUNT interrupts $($b sed -n 's/^intr \\([0-9]*\\).*/\\1/p' /proc/stat)"
	[ {counted} = 0 ] || $b sed -n -e 's/.*id: *16 .*hitcount: */COUNT ioctls /p' \\
		-e 's/^ *Hits: /COUNT syscalls /p' {trace}/hist
}}
$b mkfifo /in
exec 3<>/in
run -M pc -m 128 -kernel /vmlinuz -initrd /guest.gz -append "console=ttyS0 quiet" \\
	-drive if=none,id=disk,file={disk},format=raw,cache=none,aio=native \\
	-device virtio-blk-pci,drive=disk </in 3>&- | while read -r line; do
	echo "$line"
	case $line in
	MARK*) show; echo >&3 ;;
	esac
done
"""


def initramfs(build, words):
    """
    Packs Debian's initramfs with its drivers for virtio, and the load with these words in place
    of a shell.
    """
    init = INIT.format(modules=" ".join(MODULES), words=words)
    root = build / "guests/root/lib/modules"
    members = [bundle.member(number, f"lib/modules/{name}.ko",
                             next(root.rglob(f"{name}.ko")).read_bytes())
               for number, name in enumerate(MODULES, 1000)]
    members += [bundle.member(2000, "init", init.encode(), bundle.PROGRAM),
                bundle.member(2001, "disk_load", (build / "tests/bench/disk_load").read_bytes(),
                              bundle.PROGRAM)]
    return ((build / "guests/initramfs.cpio.gz").read_bytes() +
            gzip.compress(b"".join(members) + bundle.pack({}), mtime=0))


# Answers at once: what waits for a file of the host's would wait in its time, not in the guest's.
NVME = ("-drive", f"if=none,id=disk0,driver=null-co,size={MEBIBYTES}M,read-zeroes=on",
        "-device", "nvme,drive=disk0,serial=one")


def qemu(build, folder, files):
    return lambda line: Qemu(build, bundle=files, memory="512M", cmdline=line,
                             extra=(*COUNTED, *NVME))


def bochs(build, folder, files):
    disk = folder / "disk.img"
    disk.write_bytes(bytes(MEBIBYTES << 20))
    return lambda line: Bochs(build, bundle=files, memory="512M", cmdline=line, disk=disk)


def skerry_once(make, build, folder, kind, load):
    """{what: how much} from a boot to its end, in which a guest makes so many requests."""
    files = bundle.read(build / "guests/vmlinuz")
    files["initramfs.cpio.gz"] = initramfs(build, "go " + " ".join(map(str, load)))
    path = bundle.make(folder / "disk.cpio", CONF.format(controller=CONTROLLERS[kind]), files)
    text = run(make(build, folder, path), ["vm console alpha", "cpu -j", "vm stat alpha"])
    counts = {what: int(re.search(rf'"{what}":(\d+)', text)[1])
              for what in ("exits", "switches", "interrupts", "syscalls")}
    counts["instructions"] = int(re.search(r"TIME \w+ \d+ (\d+)", text)[1])
    return counts


def per_request(host, depth, few, many):
    return {what: (many[what] - few[what]) / (MANY[host][depth] - FEW) for what in few}


def skerry(make, host, build, folder, kind):
    for load in LOADS:
        few, many = (skerry_once(make, build, folder, kind, (*load, count))
                     for count in (FEW, MANY[host][load[1]]))
        show(f"{host}, {kind}", load, per_request(host, load[1], few, many))


def kvm_counts(machine, names):
    counts = {}
    while set(counts) != names:
        machine.wait(r"COUNT (\w+) +(\d+)\r*\n", LIMIT)
        counts[machine.match().group(1)] = int(machine.match().group(2))
    return counts


def kvm_run(machine, names):
    """Returns what one run costs: the host counts at the run's two marks."""
    machine.wait(r"MARK (?:read|write) \d+ \d+\r*\n", LIMIT)
    before = kvm_counts(machine, names)
    machine.wait(r"TIME \w+ \d+ (\d+)\r*\n", LIMIT)
    instructions = int(machine.match().group(1))
    machine.wait("MARK end", LIMIT)
    after = kvm_counts(machine, names)
    return {what: after[what] - before[what] for what in names} | {"instructions": instructions}


def kvm_once(build, folder, kind, load, counted):
    """
    Makes few requests, then many; system calls are counted only if asked for, as counting costs
    something.
    """
    words = " ".join(f"{load[0]} {load[1]} {count}" for count in (FEW, MANY["KVM"][load[1]]))
    (folder / "guest.gz").write_bytes(initramfs(build, f"wait {words}"))
    modules = next((build / "guests/root/lib/modules").iterdir()) / "kernel"
    files = {"vmlinuz": build / "guests/vmlinuz", "guest.gz": folder / "guest.gz",
             "brd.ko": modules / "drivers/block/brd.ko"}
    runs = RUNS.format(kib=MEBIBYTES << 10, counted=int(counted), trace=TRACE,
                       disk=HOST_DISKS[kind])
    names = {"exits", "halt_exits", "irq_injections", "switches", "interrupts"}
    if counted:
        names |= {"ioctls", "syscalls"}
    for _ in range(TRIES):
        with kvm.boot(Qemu, build, folder, runs, files,
                      extra=(*COUNTED, *NVME)) as machine:
            try:
                return [kvm_run(machine, names) for _ in range(2)]
            except AssertionError as error:
                print(f"  once more: {str(error)[:200]}", file=sys.stderr)
    sys.exit("KVM does not get through in the emulator")


def under_kvm(build, folder, kind):
    for load in LOADS:
        for counted in (False, True):
            few, many = kvm_once(build, folder, kind, load, counted)
            show(f"KVM, {kind}", load, per_request("KVM", load[1], few, many))


def show(title, load, costs):
    print(f"  {title:14} {load[0]:6} QD{load[1]:<3}" +
          "".join(f" {what} {count:.{2 if count < 1000 else 0}f}"
                  for what, count in sorted(costs.items())), flush=True)


def measure(build, folder, emulator, kind, only):
    if emulator == "bochs":
        skerry(bochs, "Bochs", build, folder, kind)
        return
    if only != "kvm":
        skerry(qemu, "Skerry", build, folder, kind)
    if only != "skerry":
        under_kvm(build, folder, kind)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--emulator", default="", help="qemu, or bochs, which has Skerry alone")
    parser.add_argument("--only", default="", help="skerry or kvm, in QEMU")
    parser.add_argument("--disk", default="", help="memory, NVMe (QEMU) or IDE (Bochs)")
    options = parser.parse_args()
    build = options.build.resolve()
    for emulator in (options.emulator,) if options.emulator else KINDS:
        for kind in KINDS[emulator]:
            if options.disk not in ("", kind):
                continue
            with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as place:
                measure(build, Path(place), emulator, kind, options.only)


if __name__ == "__main__":
    main()
