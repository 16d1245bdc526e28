# SPDX-License-Identifier: MIT
"""
Which emulators this machine has, and what each version of them lacks: the one place of the tests that
knows. A guest's check that no hypervisor can make pass there gets the word no-NAME on its command line, and
answers ABSENT. What they do differently is explained in docs/platforms.md.
"""
import functools
import re
import subprocess

NEVER = (999,)
# Faults of QEMU's CPU: {guest: {check: the first version known to do it right}}.
QEMU = {
    "debug": {"step-sti": (10, 0), "icebp": (10, 0), "general-detect": (10, 0)},
    "exceptions": {"np-gate": (10, 0), "ss-non-canonical": NEVER, "cr8-reserved": NEVER, "xm": NEVER,
                   "ac": NEVER},
    "hostile_cpu": {"register-checks": NEVER},
    "msr": {"canonical-checks": NEVER},
    "paging": {"control-checks": NEVER},
    "paging32": {"pae-pdpte-reserved": NEVER},
    "v8086": {"limit": NEVER},
}
# Faults of QEMU's CPU without Skerry, which does the checked thing itself: the first version known
# to do it right.
QEMU_BARE = {"debug": {"rep-steps": (10, 0)}}
BOCHS = {}
# Bochs' models, and the version from which they are gone.
BOCHS_GONE = {"bx_generic": (3, 0)}
# From this version on Bochs takes commands for its debugger only with -debugger, and runs whole
# traces of instructions without: a test that stops between two instructions needs the steps.
BOCHS_DEBUGGER = (3, 0)
# The first version of QEMU whose software CPU has an x2APIC.
QEMU_X2APIC = (9, 0)
PROGRAMS = {"qemu": "qemu-system-x86", "bochs": "bochs"}


@functools.cache
def version(emulator):
    """
    Returns (major, minor) of the Debian package: Bochs does not say its version without a
    machine.
    """
    said = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", PROGRAMS[emulator]],
                          check=True, text=True, stdout=subprocess.PIPE).stdout
    major, minor = re.match(r"(?:\d+:)?(\d+)\.(\d+)", said).groups()
    return int(major), int(minor)


def lacks(emulator, guest, bare=False):
    """The checks of a guest that this machine's emulator fails."""
    table = {"qemu": QEMU, "bochs": BOCHS}[emulator]
    wrong = QEMU_BARE.get(guest, {}) if bare else {}
    return {check for check, since in table.get(guest, {}).items() if version(emulator) < since} | \
        {check for check, since in wrong.items() if version(emulator) >= since}


def words(emulator, guest, bare=False):
    """Returns the words by which a guest's command line tells it of the emulator."""
    return " ".join(sorted(f"no-{check}" for check in lacks(emulator, guest, bare)))


def bochs_command():
    """Returns the command for Bochs as it starts in its debugger, which Debian builds in."""
    return ["bochs", *(["-debugger"] if version("bochs") >= BOCHS_DEBUGGER else [])]


def bochs_has(model):
    return version("bochs") < BOCHS_GONE.get(model, NEVER)


def qemu_has_x2apic():
    return version("qemu") >= QEMU_X2APIC
