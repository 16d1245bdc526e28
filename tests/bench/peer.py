#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The benchmark guest under KVM, in the emulator that Skerry was measured in: Debian's cloud kernel
is the host and Debian's QEMU the monitor. Prints a table, checks nothing."""
import argparse
import gzip
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from run import COUNTED, LIMIT, LINUX, TRIES, initramfs

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
from machine import EPYC  # noqa: E402

MODULES = ("virt/lib/irqbypass", "arch/x86/kvm/kvm", "arch/x86/kvm/kvm-amd")
FIRMWARE = ("bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin", "multiboot_dma.bin")
DATA = ("/usr/share/qemu", "/usr/share/seabios")

INIT = """\
#!/bin/busybox sh
b=/bin/busybox
for d in proc sys dev tmp; do $b mkdir -p /$d; done
$b mount -t devtmpfs d /dev
for m in irqbypass kvm kvm-amd; do [ -e /dev/kvm ] || $b insmod /$m.ko; done
run() {{
	/usr/bin/qemu-system-x86_64 -M pc,accel=kvm -cpu host -m {memory} -nodefaults -no-user-config \\
		-display none -vga none -serial stdio -no-reboot "$@" </dev/null
}}
{runs}
$b poweroff -f
"""
EXITS = "run -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel /exits.bin"
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
        "vmlinuz": (build / "guests/vmlinuz").read_bytes(),
        "guest.gz": initramfs(build / "tests/bench/init"),
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


def run(build, folder, runs, memory, wanted):
    """What the machine prints, once it has printed what is wanted."""
    (folder / "host.gz").write_bytes(host_archive(build, runs, memory))
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", EPYC, "-m", "1G",
               "-display", "none", "-nic", "none", "-no-reboot", "-serial", "stdio", *COUNTED,
               "-kernel", str(build / "guests/vmlinuz"), "-initrd", str(folder / "host.gz"),
               "-append", "console=ttyS0 quiet"]
    for _ in range(TRIES):
        try:
            text = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                                  timeout=LIMIT, check=False).stdout.decode(errors="replace")
        except subprocess.TimeoutExpired:
            text = ""
        if wanted in text:
            return text.replace("\r", "")
        print("  once more: no answer", file=sys.stderr)
    sys.exit("KVM does not get through in the emulator:\n" + text[-2000:])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    build = parser.parse_args().build.resolve()
    with tempfile.TemporaryDirectory(prefix="peer-", dir=build) as place:
        folder = Path(place)
        print("qemu: instructions of an exit under KVM, least and mean of 1000", flush=True)
        text = run(build, folder, EXITS, 64, "DONE")
        for name, least, mean in re.findall(r"^BENCH (\S+) (\d+) (\d+)$", text, re.MULTILINE):
            print(f"  {name:24} {least:>8} {mean:>10}")
        print(f"qemu: Debian {LINUX} under KVM", flush=True)
        text = run(build, folder, BOOT.format(cmdline=LINUX), 128, "BENCH userspace")
        print("  to userspace, from the start of its virtual machine:",
              re.search(r"BENCH userspace (\d+)", text)[1])


if __name__ == "__main__":
    main()
