# SPDX-License-Identifier: MIT
"""Makes bundles: newc cpio archives as `make guests` makes them, and broken ones."""
TRAILER = "TRAILER!!!"
REGULAR_FILE = 0o100644


def member(number, name, data):
    """One member: cpio(5), «New ASCII Format»."""
    fields = [number, REGULAR_FILE if name != TRAILER else 0, 0, 0, 1, 0, len(data), 0, 0, 0, 0,
              len(name) + 1, 0]
    head = b"070701" + b"".join(b"%08X" % field for field in fields)
    head += name.encode() + b"\0"
    return pad(head) + pad(data)


def pad(data):
    return data + b"\0" * (-len(data) % 4)


def pack(files):
    """{name: bytes} as an archive."""
    parts = [member(number, name, data) for number, (name, data) in enumerate(files.items(), 1)]
    return b"".join(parts) + member(0, TRAILER, b"")


def write(path, files):
    path.write_bytes(pack(files))
    return path
