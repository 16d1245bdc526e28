# SPDX-License-Identifier: MIT
"""Makes bundles and initramfs: newc cpio archives as `make guests` makes them, and broken ones."""
import gzip

TRAILER = "TRAILER!!!"
REGULAR_FILE = 0o100644
PROGRAM = 0o100755
FOLDER = 0o040755
CHARACTER_DEVICE = 0o020600


def member(number, name, data=b"", mode=REGULAR_FILE, device=(0, 0)):
    """One member: cpio(5), «New ASCII Format»."""
    fields = [number, mode if name != TRAILER else 0, 0, 0, 1, 0, len(data), 0, 0, *device,
              len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    head += name.encode() + b"\0"
    return pad(head) + pad(data)


def pad(data):
    return data + b"\0" * (-len(data) % 4)


def pack(files):
    """{name: bytes} as an archive."""
    parts = [member(number, name, data) for number, (name, data) in enumerate(files.items(), 1)]
    return b"".join(parts) + member(0, TRAILER)


def write(path, files):
    path.write_bytes(pack(files))
    return path


def make(path, conf, files=None):
    """A bundle of a configuration and of {name: bytes} more files."""
    return write(path, (files or {}) | {"skerry.conf": conf.encode()})


def read(*paths):
    return {path.name: path.read_bytes() for path in paths}


def tiny(build, *names):
    """Tiny guests, each as NAME.bin."""
    return read(*(build / f"tests/guest/{name}.bin" for name in names))


def debian(folder):
    """Debian's kernel as vmlinuz and its initramfs as initramfs.cpio.gz."""
    return read(folder / "vmlinuz", folder / "initramfs.cpio.gz")


def debian_tools(build, *names):
    """
    Packs the same files with tools in /sbin, after tests/tools/disk_tools.py: "fio",
    "file_systems", "iperf3", "socat". With the first two a guest needs 192 MiB.
    """
    files = debian(build / "guests")
    for name in names:
        files["initramfs.cpio.gz"] += (build / f"tests/disk_tools/{name}.cpio.gz").read_bytes()
    return files


VIRTIO_MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev",
                  "virtio_pci", "virtio-rng", "virtio_console")


# Cards with VLANs: "ip link add ... type vlan".
VLAN_MODULES = ("llc", "stp", "garp", "mrp", "8021q")


def debian_virtio(folder):
    """
    Does what debian() does, and lets /init load the kernel's drivers for virtio devices first.
    """
    return debian_modules(folder, VIRTIO_MODULES)


def debian_modules(folder, modules):
    """Packs the same files with these modules of the kernel, in this order."""
    files = debian(folder)
    init = (folder / "initramfs/init").read_text()
    load = f"for module in {' '.join(modules)}; do insmod /lib/modules/$module.ko; done\n"
    assert "mkdir -p /etc" in init
    init = init.replace("mkdir -p /etc", f"{load}mkdir -p /etc", 1)
    members = [member(number, f"lib/modules/{name}.ko",
                      next((folder / "root/lib/modules").rglob(f"{name}.ko")).read_bytes())
               for number, name in enumerate(modules, 1000)]
    members.append(member(2000, "init", init.encode(), PROGRAM))
    more = gzip.compress(b"".join(members) + pack({}), mtime=0)
    files["initramfs.cpio.gz"] += more
    return files


def initramfs(init):
    """A compressed archive with one program as /init and the console that it writes to."""
    members = (member(1, "dev", mode=FOLDER),
               member(2, "dev/console", mode=CHARACTER_DEVICE, device=(5, 1)),
               member(3, "init", init.read_bytes(), PROGRAM))
    return gzip.compress(b"".join(members) + pack({}), mtime=0)
