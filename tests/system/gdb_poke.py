# SPDX-License-Identifier: MIT
"""Writes to the physical memory of a QEMU machine, devices included, by its own GDB server."""
import socket


def option(port):
    """Words for QEMU's command line."""
    return ("-gdb", f"tcp:127.0.0.1:{port}")


def ask(link, words):
    """Sends one packet of the GDB remote protocol, and returns the answer."""
    packet = words.encode()
    link.sendall(b"$%s#%02x" % (packet, sum(packet) & 0xff))
    said = b""
    while b"#" not in said or len(said) < said.index(b"#") + 3:
        more = link.recv(4096)
        assert more, f"QEMU's GDB server has ended: {said!r}"
        said += more
    link.sendall(b"+")


def poke(port, writes):
    """{address: bytes}; the machine stands still meanwhile."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as link:
        ask(link, "Qqemu.PhyMemMode:1")
        for address, data in writes.items():
            ask(link, f"M{address:x},{len(data):x}:{data.hex()}")
        ask(link, "D")
