# SPDX-License-Identifier: MIT
"""
Makes the pieces of initramfs that give a Debian guest tools for disks and networks:
disk_tools.py GUESTS OUT.

OUT/fio.cpio.gz, OUT/file_systems.cpio.gz, OUT/iperf3.cpio.gz, OUT/socat.cpio.gz, OUT/ssh.cpio.gz and OUT/agent.cpio.gz each follow
guests/initramfs.cpio.gz in a test's initramfs; several may. Programs are the host's, in /sbin, with the libraries they need; /sbin/load
NAME inserts the kernel's module of a file system.
"""
import gzip
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle

PROGRAMS = {"fio": ("fio", "blkdiscard", "blockdev"),
            "file_systems": ("blkdiscard", "mke2fs", "e2fsck", "mkfs.xfs", "xfs_repair",
                             "mkfs.btrfs", "btrfs"),
            "iperf3": ("iperf3",), "socat": ("socat",),
            "ssh": ("sshd", "ssh-keygen"), "agent": ("qemu-ga",)}
MODULES = {"fio": (), "file_systems": ("xfs", "btrfs"), "iperf3": (),
           "socat": ("vmw_vsock_virtio_transport",), "ssh": (), "agent": ()}
FOLDERS = ("sbin", "lib64", "lib/x86_64-linux-gnu", "lib/modules", "mnt")
# Clients of storage over networks, 80 MB with what they need; fio calls them only for their engines.
STUBBED = ("libgfapi", "libnbd", "libibverbs", "librdmacm", "librados", "librbd", "libpmem",
           "libpmemblk")


def output(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def find_program(name):
    for folder in ("/usr/sbin", "/sbin", "/usr/bin", "/bin"):
        path = Path(folder, name)
        if path.exists():
            return path
    sys.exit(f"{name} is missing; make test-packages installs it")


def needed(path):
    return re.findall(r"\(NEEDED\).*\[(.*)\]", output("readelf", "-d", path))


def is_stubbed(library):
    return library.split(".so")[0] in STUBBED


def add_libraries(path, files):
    """The libraries of a program or library, and theirs, under their names for the loader."""
    where = dict(re.findall(r"(\S+) => (/\S+)", output("ldd", path)))
    for library in needed(path):
        if library.startswith("ld-linux") or is_stubbed(library):
            continue
        name = f"lib/x86_64-linux-gnu/{library}"
        if name not in files:
            files[name] = Path(where[library]).read_bytes()
            add_libraries(where[library], files)


def defined(paths):
    return {word.split("@")[0] for path in paths
            for word in re.findall(r" [A-Za-z] (\S+)", output("nm", "-D", "--defined-only", path))}


def versions(path):
    """The names of versions that a program wants of each library."""
    parts = re.split(r"File: (\S+)", output("readelf", "-W", "-V", path))
    return {library: re.findall(r"Name: (\S+)", text)
            for library, text in zip(parts[1::2], parts[2::2])}


def make_stub(library, functions, names, path):
    """A library of functions, (name, version) each, of which none may be called."""
    source, script = path.with_suffix(".c"), path.with_suffix(".map")
    source.write_text("".join(f"void {name}(void) {{ __builtin_trap(); }}\n"
                              for name, _ in functions))
    nodes = {version: " ".join(f"{name};" for name, of in functions if of == version)
             for version in names}
    script.write_text("".join(f"{version} {{ global: {text} }};\n"
                              for version, text in nodes.items()) or "{ global: *; };")
    subprocess.run(["gcc", "-w", "-fno-builtin", "-nostdlib", "-shared", "-fPIC", "-o", path,
                    f"-Wl,-soname,{library},--version-script={script}", source], check=True)


def add_stubs(path, files):
    """Puts stubs in place of the libraries left out, with what the program wants of them."""
    stubbed = [library for library in needed(path) if is_stubbed(library)]
    if not stubbed:
        return
    found = defined(Path("/usr", name) for name in files if name.startswith("lib/x86"))
    words = re.findall(r" U (\S+)", output("nm", "-D", "--undefined-only", path))
    functions = [tuple(word.partition("@")[::2]) for word in words]
    with tempfile.TemporaryDirectory() as folder:
        for library in stubbed:
            names = versions(path).get(library, [])
            mine = [each for each in functions
                    if each[1] in names or not each[1] and each[0] not in found]
            stub = Path(folder, "stub.so")
            make_stub(library, mine, names, stub)
            files[f"lib/x86_64-linux-gnu/{library}"] = stub.read_bytes()


def add_module(guests, name, files, order):
    """A module and, before it in the order, those that it depends on."""
    paths = [path for path in (guests / "root/lib/modules").rglob("*.ko")
             if path.stem.replace("-", "_") == name]
    if not paths:
        return  # the module is part of the kernel
    data = paths[0].read_bytes()
    for other in re.search(rb"\0depends=([^\0]*)\0", data).group(1).decode().split(","):
        add_module(guests, other, files, order)
    if name not in order:
        files[f"lib/modules/{name}.ko"] = data
        order.append(name)


def loader(modules):
    """Writes the script /sbin/load, which loads modules by name, in the order of their needs."""
    cases = "".join(f"{name}) set -- {' '.join(order)} ;;\n" for name, order in modules.items())
    return (f"#!/bin/busybox sh\ncase $1 in\n{cases}esac\n"
            "for module; do\n[ -e /sys/module/$module ] || "
            "insmod /lib/modules/$module.ko || exit 1\ndone\n").encode()


def piece(guests, name):
    files, modules = {}, {}
    for program in PROGRAMS[name]:
        path = find_program(program)
        add_libraries(path, files)
        add_stubs(path, files)
        files[f"sbin/{program}"] = path.read_bytes()
    files["lib64/ld-linux-x86-64.so.2"] = Path("/lib64/ld-linux-x86-64.so.2").read_bytes()
    for module in MODULES[name]:
        add_module(guests, module, files, modules.setdefault(module, []))
    if modules:
        files["sbin/load"] = loader(modules)
    members = [bundle.member(number, folder, mode=bundle.FOLDER)
               for number, folder in enumerate(FOLDERS, 1)]
    members += [bundle.member(number, path, data, bundle.PROGRAM)
                for number, (path, data) in enumerate(sorted(files.items()), 100)]
    return gzip.compress(b"".join(members) + bundle.pack({}), mtime=0)


def main(guests, out):
    out.mkdir(parents=True, exist_ok=True)
    for name in PROGRAMS:
        (out / f"{name}.cpio.gz").write_bytes(piece(guests, name))


if __name__ == "__main__":
    main(*(Path(word) for word in sys.argv[1:]))
