#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The benchmark guests under KVM, in the emulators that Skerry was measured in: Debian's cloud kernel
is the host and Debian's QEMU the monitor. Prints a table."""
import argparse
import gzip
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from run import COUNTED, LINUX, TRIES, compare, show

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
from machine import Bochs, Qemu  # noqa: E402

MODULES = ("virt/lib/irqbypass", "arch/x86/kvm/kvm", "arch/x86/kvm/kvm-amd", "arch/x86/kvm/kvm-intel")
FIRMWARE = ("bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "multiboot_dma.bin")
DATA = ("/usr/share/qemu", "/usr/share/seabios")

INIT = """\
#!/bin/busybox sh
b=/bin/busybox
for d in proc sys dev tmp; do $b mkdir -p /$d; done
$b mount -t devtmpfs d /dev
for m in irqbypass kvm kvm-amd kvm-intel; do [ -e /dev/kvm ] || $b insmod /$m.ko; done 2>/dev/null
run() {{
	/usr/bin/qemu-system-x86_64 -M pc,accel=kvm -cpu host -m {memory} -nodefaults -no-user-config \\
		-display none -vga none -serial stdio -no-reboot "$@" </dev/null
}}
{runs}
$b poweroff -f
"""
EXITS = "run -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel /exits.bin"
IPI = f"{EXITS.replace('exits', 'ipi')} -smp 2"
CMDLINE = "console=ttyS0 quiet"
LIMIT = {"qemu": 400, "bochs": 1500} # seconds
BOOT = 'run -kernel /vmlinuz -initrd /guest.gz -append "{cmdline}"'


def libraries(program):
    """Of a program, the files that its dynamic linker opens, and that linker."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", said)


def folders(names):
    """Every folder that holds one of the names, outermost first."""
    found = {"/".join(name.split("/")[:depth])
             for name in names for depth in range(1, name.count("/") + 1)}
    return sorted(found)


def host_archive(build, runs, memory):
    """The initramfs of the machine that KVM runs on."""
    root = build / "guests/root"
    modules = next((root / "lib/modules").iterdir()) / "kernel"
    emulator = "/usr/bin/qemu-system-x86_64"
    files = {
        "init": INIT.format(runs=runs, memory=memory).encode(),
        "bin/busybox": (root / "bin/busybox").read_bytes(),
        "exits.bin": (build / "tests/bench/exits.bin").read_bytes(),
        "ipi.bin": (build / "tests/bench/ipi.bin").read_bytes(),
        "vmlinuz": (build / "guests/vmlinuz").read_bytes(),
        "guest.gz": bundle.initramfs(build / "tests/bench/init"),
    }
    for name in MODULES:
        path = modules / f"{name}.ko"
        files[path.name] = path.read_bytes()
    for name in FIRMWARE:
        path = next(Path(place) / name for place in DATA if (Path(place) / name).exists())
        files[f"usr/share/qemu/{name}"] = path.read_bytes()
    for path in (emulator, *libraries(emulator)):
        files[path.lstrip("/")] = Path(path).read_bytes()
    archive = b"".join(bundle.member(1, name, mode=bundle.FOLDER) for name in folders(files))
    archive += b"".join(bundle.member(1, name, data, bundle.PROGRAM)
                        for name, data in files.items())
    return gzip.compress(archive + bundle.pack({}), compresslevel=1, mtime=0)


def host_iso(build, folder):
    """Bochs boots from a CD, by GRUB: the kernel and the archive in the folder on one."""
    tree = folder / "tree"
    (tree / "boot/grub").mkdir(parents=True, exist_ok=True)
    (tree / "vmlinuz").write_bytes((build / "guests/vmlinuz").read_bytes())
    (tree / "host.gz").write_bytes((folder / "host.gz").read_bytes())
    (tree / "boot/grub/grub.cfg").write_text(
        f"linux /vmlinuz {CMDLINE}\ninitrd /host.gz\nboot\n")
    subprocess.run(["grub-mkrescue", "-o", folder / "host.iso", tree], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "host.iso"


def boot_qemu(build, folder, cpus):
    return Qemu(build, extra=(*COUNTED, "-smp", str(cpus)), kernel=build / "guests/vmlinuz",
                bundle=folder / "host.gz", cmdline=CMDLINE)


def boot_bochs(build, folder, cpus):
    return Bochs(build, memory="2G", iso=host_iso(build, folder), cpus=cpus)


BOOTS = {"qemu": boot_qemu, "bochs": boot_bochs}


def run(build, folder, emulator, runs, memory, wanted, cpus=1):
    """What the machine prints until it has printed what is wanted."""
    (folder / "host.gz").write_bytes(host_archive(build, runs, memory))
    for _ in range(TRIES):
        with BOOTS[emulator](build, folder, cpus) as machine:
            try:
                machine.wait(wanted, LIMIT[emulator])
                return machine.transcript().replace("\r", "")
            except AssertionError as error:
                print(f"  once more: {error}", file=sys.stderr)
    sys.exit("KVM does not get through in the emulator")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--emulator", default="")
    parser.add_argument("--update", action="store_true", help="keep the counts in baseline.json")
    options = parser.parse_args()
    build = options.build.resolve()
    for emulator in (options.emulator,) if options.emulator else BOOTS:
        with tempfile.TemporaryDirectory(prefix="peer-", dir=build) as place:
            folder = Path(place)
            print(f"{emulator}: instructions of an exit under KVM, least and mean of 1000", flush=True)
            counts = show(run(build, folder, emulator, EXITS, 64, "DONE"))
            if emulator == "bochs": # QEMU's CPUs take turns, and here wait for each other
                show(run(build, folder, emulator, IPI, 64, "DONE", cpus=2))
            compare(f"kvm-{emulator}", counts, options.update)
            print(f"{emulator}: Debian {LINUX} under KVM", flush=True)
            text = run(build, folder, emulator, BOOT.format(cmdline=LINUX), 128, r"userspace \d+\s")
            print("  to userspace, from the start of its virtual machine:",
                  re.search(r"BENCH userspace (\d+)", text)[1])


if __name__ == "__main__":
    main()
