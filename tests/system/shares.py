# SPDX-License-Identifier: MIT
"""What the tests of shares have in common: tiny guests that measure (tests/guest/rt/samples.c)."""
from machine import wait_for


def value(machine, what):
    """Returns the next value that the attached guest prints; what it had printed counts too."""
    machine.wait(rf"{what} 0x([0-9a-f]+)\r*\n")
    return int(machine.match().group(1), 16)


def rate_of(machine):
    return value(machine, "RATE") / 1000


def order(machine, line):
    """A command about a VM that may still have to do with the last one."""
    wait_for(lambda: "busy" not in machine.command(line))


def ping(machine, key):
    """The median and the 99th percentile of its pings from now on, in instructions."""
    machine.attach("ping")
    machine.type(key)
    found = value(machine, f"MEDIAN {key}"), value(machine, f"TAIL {key}")
    machine.leave()
    return found
