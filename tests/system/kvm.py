# SPDX-License-Identifier: MIT
"""KVM as a host inside an emulator: Debian's cloud kernel, and Debian's QEMU with its guests."""
import gzip
import re
import subprocess
from pathlib import Path

import bundle
from machine import EPYC, Bochs, Qemu

MODULES = ("virt/lib/irqbypass", "arch/x86/kvm/kvm", "arch/x86/kvm/kvm-amd", "arch/x86/kvm/kvm-intel")
FIRMWARE = ("bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "multiboot_dma.bin", "pvh.bin")
DATA = ("/usr/share/qemu", "/usr/share/seabios")
EMULATOR = "/usr/bin/qemu-system-x86_64"

# A guest that a line of `runs` starts has the host's console as its own.
INIT = """\
#!/bin/busybox sh
b=/bin/busybox
for d in proc sys dev tmp; do $b mkdir -p /$d; done
$b mount -t devtmpfs d /dev
for m in irqbypass kvm kvm-amd kvm-intel; do [ -e /dev/kvm ] || $b insmod /$m.ko; done 2>/dev/null
$b stty raw -echo
run() {{
	{emulator} -accel kvm -cpu host -nodefaults -no-user-config \\
		-display none -vga none -serial stdio -no-reboot "$@"
}}
{runs}
$b poweroff -f
"""
CMDLINE = "console=ttyS0 quiet"


def libraries(program):
    """A program's dynamic linker and the libraries that it loads."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    return re.findall(r"(/\S+) \(0x", said)


def folders(names):
    """Every folder that holds one of the names, outermost first."""
    found = {"/".join(name.split("/")[:depth])
             for name in names for depth in range(1, name.count("/") + 1)}
    return sorted(found)


def archive(build, runs, more):
    """The host's initramfs, with the files {name: path} that its guests need besides."""
    root = build / "guests/root"
    modules = next((root / "lib/modules").iterdir()) / "kernel"
    paths = {"bin/busybox": root / "bin/busybox"}
    paths |= {Path(name).name + ".ko": modules / f"{name}.ko" for name in MODULES}
    paths |= {f"usr/share/qemu/{name}": next(path for path in (Path(place) / name for place in DATA)
                                             if path.exists()) for name in FIRMWARE}
    paths |= {path.lstrip("/"): Path(path) for path in (EMULATOR, *libraries(EMULATOR))}
    files = {name: path.read_bytes() for name, path in (paths | more).items()}
    files["init"] = INIT.format(emulator=EMULATOR, runs=runs).encode()
    members = [bundle.member(1, name, mode=bundle.FOLDER) for name in folders(files)]
    members += [bundle.member(1, name, data, bundle.PROGRAM) for name, data in files.items()]
    return gzip.compress(b"".join(members) + bundle.pack({}), compresslevel=1, mtime=0)


def iso(build, folder):
    """A CD for Bochs, which boots by GRUB, with the kernel and the folder's host.gz."""
    tree = folder / "tree"
    (tree / "boot/grub").mkdir(parents=True, exist_ok=True)
    (tree / "vmlinuz").write_bytes((build / "guests/vmlinuz").read_bytes())
    (tree / "host.gz").write_bytes((folder / "host.gz").read_bytes())
    (tree / "boot/grub/grub.cfg").write_text(
        f"linux /vmlinuz {CMDLINE}\ninitrd /host.gz\nboot\n")
    subprocess.run(["grub-mkrescue", "-o", folder / "host.iso", tree], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return folder / "host.iso"


def boot(emulator, build, folder, runs, more, memory="2G", cpus=1, cpu=EPYC, extra=()):
    """
    A host that runs the shell's lines `runs`, in which `run` starts Debian's QEMU with KVM. The
    caller gives an empty folder, and keeps it until the machine has booted.
    """
    (folder / "host.gz").write_bytes(archive(build, runs, more))
    if emulator is Bochs:
        return Bochs(build, memory=memory, iso=iso(build, folder), cpus=cpus)
    return Qemu(build, memory=memory, cpu=cpu, extra=(*extra, "-smp", str(cpus)),
                kernel=build / "guests/vmlinuz", bundle=folder / "host.gz", cmdline=CMDLINE)
