#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
How often each lock of an image built with DEBUG=1 was taken and was not free at once: four Debian
guests with two vCPUs each on four CPUs boot, compute and read a page that is replaced;
then one of them is destroyed, created and started again 20 times. Two rows of numbers each.
"""
import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
from machine import Qemu  # noqa: E402

GUESTS = ("alpha", "beta", "gamma", "delta")
RESTARTS = 20
LIMIT = 1200


def conf():
    return "".join(f"[vm {name}]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\n"
                   f"cmdline = console=ttyS0 quiet name={name}\nmemory = 128M\nvcpus = 2\n"
                   "autostart = yes\n" for name in GUESTS)


def counts(machine):
    return {row["lock"]: (row["taken"], row["waited"]) for row in machine.objects("locks")}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build/debug"), help="with DEBUG=1")
    parser.add_argument("--guests", type=Path, default=Path("build/guests"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = bundle.make(Path(folder) / "locks.cpio", conf(), bundle.debian(options.guests))
        with Qemu(options.build, bundle=path, memory="2G", extra=("-smp", "4")) as machine:
            machine.wait_prompt()
            for name in GUESTS:
                machine.attach_shell(name, LIMIT)
                machine.type("work load 2 2000\n")
                machine.leave()
            for name in GUESTS:
                machine.attach(name)
                machine.wait("load: cpus .* good", LIMIT)
                machine.leave()
            worked = counts(machine)
            for _ in range(RESTARTS):
                machine.command(f"vm destroy {GUESTS[-1]}")
                machine.command(f"vm create {GUESTS[-1]}")
                machine.command(f"vm start {GUESTS[-1]}")
            renewed = counts(machine)
    for lock, (taken, waited) in worked.items():
        print(f"| {lock} | {taken} | {waited} | {renewed[lock][0]} | {renewed[lock][1]} |")


if __name__ == "__main__":
    main()
