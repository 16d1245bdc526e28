# SPDX-License-Identifier: MIT
"""Debian's virsh at skerryd's libvirt socket."""
import subprocess

import pexpect

from client import LIMIT


class Virsh:
    """Runs virsh, and returns what it prints; `fails`: it fails, and what it says of that counts."""

    def __init__(self, socket, limit=LIMIT):
        self.uri = f"skerry+unix:///system?socket={socket}"
        self.limit = limit

    def __call__(self, *words, fails=False, options=(), prefix=()):
        done = subprocess.run([*prefix, "virsh", *options, "-c", self.uri, *words], text=True, stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=self.limit)
        assert bool(done.returncode) == fails, (words, done.stdout, done.stderr)
        return (done.stderr if fails else done.stdout).strip()

    def console(self, name, text):
        """Attaches to a VM's console, waits for a text, and leaves."""
        console = pexpect.spawn("virsh", ["-c", self.uri, "console", name], timeout=self.limit, encoding="utf-8")
        console.expect(text)
        console.send("\x1d")
        console.expect(pexpect.EOF)
