# SPDX-License-Identifier: MIT
"""Debian's virsh at skerryd's libvirt socket."""
import subprocess

import pexpect

from client import LIMIT


# virsh does these in a thread of its own, and waits for ever if that thread has ended before virsh waits
# for it (it calls g_main_loop_quit before g_main_loop_run): the sooner the refusal, the likelier.
IN_A_THREAD = {"dump", "managedsave", "save"}


class Virsh:
    """Runs virsh, and returns what it prints; `fails`: it fails, and what it says of that counts."""

    def __init__(self, socket, limit=LIMIT):
        self.uri = f"skerry+unix:///system?socket={socket}"
        self.limit = limit

    def __call__(self, *words, fails=False, options=(), prefix=()):
        command = [*prefix, "virsh", *options, "-c", self.uri, *words]
        try:
            done = self.run(command)
        except subprocess.TimeoutExpired:
            if not fails or words[0] not in IN_A_THREAD:
                raise
            done = self.run(command)
        assert bool(done.returncode) == fails, (words, done.stdout, done.stderr)
        return (done.stderr if fails else done.stdout).strip()

    def run(self, command):
        return subprocess.run(command, text=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=self.limit)

    def console(self, name, text):
        """Attaches to a VM's console, waits for a text, and leaves."""
        console = pexpect.spawn("virsh", ["-c", self.uri, "console", name], timeout=self.limit, encoding="utf-8")
        console.expect(text)
        console.send("\x1d")
        console.expect(pexpect.EOF)
