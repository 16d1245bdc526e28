# SPDX-License-Identifier: MIT
"""Stock GDB, attached to the machine's COM3."""
import re
import subprocess

from pexpect import TIMEOUT


def start(machine, *commands):
    """Starts GDB, which attaches and runs the commands."""
    words = ["gdb", "-nx", "-batch", "-ex", "set remotetimeout 60", "-ex", "set pagination off",
             "-ex", f"target remote 127.0.0.1:{machine.com3.port}"]
    for command in commands:
        words += ["-ex", command]
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def rest(machine, gdb, limit=250):
    """Waits until GDB ends; returns the rest of what it prints."""
    try:
        return gdb.communicate(timeout=limit)[0]
    except subprocess.TimeoutExpired:
        gdb.kill()
        said = gdb.communicate()[0]
        raise AssertionError(machine.report(f"GDB's end; it said {said!r}", TIMEOUT)) from None
    finally:
        gdb.kill()


def run(machine, *commands):
    """Runs the commands in GDB; returns what it printed."""
    return rest(machine, start(machine, *commands))


def wait_running(machine, gdb):
    """Waits until GDB has run `echo going` and then lets the VM run; returns what it printed."""
    lines = []
    for line in gdb.stdout:
        lines.append(line)
        if line.startswith("going"):
            break
    while machine.objects("gdb")[0]["state"] != "running":
        assert gdb.poll() is None, lines + [gdb.stdout.read()]
    return "".join(lines)


def value(out, number):
    """The value $number that GDB printed."""
    return int(re.search(rf"^\${number} = (0x[0-9a-f]+|\d+)", out, re.M).group(1), 0)
