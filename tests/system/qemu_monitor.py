# SPDX-License-Identifier: MIT
"""QEMU's own monitor, on a socket at a path."""
import re
import socket
import time

PROMPT = b"(qemu) "


def option(path):
    """Words for QEMU's command line."""
    return ("-monitor", f"unix:{path},server=on,wait=off")


class Monitor:
    """The monitor of a machine that runs or is starting."""

    def __init__(self, path):
        self.link = socket.socket(socket.AF_UNIX)
        self.link.settimeout(60)
        self.connect(str(path))
        self.answer()

    def connect(self, path):
        limit = time.monotonic() + 60
        while True:
            try:
                return self.link.connect(path)
            except (FileNotFoundError, ConnectionRefusedError):
                if time.monotonic() > limit:
                    raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.link.close()

    def answer(self):
        said = b""
        while not said.endswith(PROMPT):
            more = self.link.recv(4096)
            assert more, f"QEMU's monitor has ended: {said!r}"
            said += more
        return said[:-len(PROMPT)].decode(errors="replace")

    def command(self, line):
        """Returns the answer, without the echo of the line."""
        self.link.sendall(line.encode() + b"\n")
        return self.answer().replace("\r", "").partition("\n")[2]

    def number(self, line, pattern):
        """The hexadecimal number that the pattern finds in the answer."""
        out = self.command(line)
        found = re.search(pattern, out)
        assert found, out
        return int(found.group(1), 16)
