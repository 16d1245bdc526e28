# SPDX-License-Identifier: MIT
"""
A Linux guest at its prompt: booted once, and then each test begins with a clone of it there. The
transcript, which a failed test shows, names the snapshot: `vm clone alpha@prompt beta`.
"""
import contextlib


class Prompt:
    """A machine with a guest that is kept, paused, where it had just booted."""

    def __init__(self, machine, name="alpha"):
        self.machine, self.name = machine, name
        machine.wait_prompt()
        machine.attach_shell(name, 600)
        machine.leave()
        machine.good(f"vm snapshot {name} prompt")
        machine.good(f"vm pause {name}")

    def clone(self, name):
        """Makes another guest, at the same prompt."""
        self.machine.good(f"vm clone {self.name}@prompt {name}")

    @contextlib.contextmanager
    def guest(self, name):
        """Yields the machine, with a clone of that name for as long."""
        self.clone(name)
        yield self.machine
        self.machine.good(f"vm destroy {name}")
