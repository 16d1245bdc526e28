#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures the benchmark guests under KVM, in the same emulators as Skerry: the host is Debian's
cloud kernel, the monitor Debian's QEMU. Prints a table."""
import argparse
import re
import sys
import tempfile
from pathlib import Path

from run import COUNTED, LINUX, TRIES, compare, show

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
import kvm  # noqa: E402
from machine import Bochs, Qemu  # noqa: E402

PC = "run -M pc -m {memory} </dev/null"
EXITS = f"{PC.format(memory=64)} -device isa-debug-exit,iobase=0xf4,iosize=4 -kernel /exits.bin"
IPI = f"{EXITS.replace('exits', 'ipi')} -smp 2"
BOOT = f'{PC.format(memory=128)} -kernel /vmlinuz -initrd /guest.gz -append "{LINUX}"'
EMULATORS = {"qemu": Qemu, "bochs": Bochs}
LIMIT = {"qemu": 400, "bochs": 1500} # seconds a run may take


def run(build, folder, emulator, runs, wanted, cpus=1):
    """Returns what the machine prints, up to the wanted text."""
    guest = folder / "guest.gz"
    guest.write_bytes(bundle.initramfs(build / "tests/bench/init"))
    files = {path.name: path for path in (build / "tests/bench/exits.bin",
                                          build / "tests/bench/ipi.bin",
                                          build / "guests/vmlinuz", guest)}
    for _ in range(TRIES):
        with kvm.boot(EMULATORS[emulator], build, folder, runs, files, cpus=cpus,
                      extra=COUNTED) as machine:
            try:
                machine.wait(wanted, LIMIT[emulator])
                return machine.transcript().replace("\r", "")
            except AssertionError as error:
                print(f"  once more: {error}", file=sys.stderr)
    sys.exit("KVM does not get through in the emulator")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--emulator", default="")
    parser.add_argument("--update", action="store_true", help="keep the counts in baseline.json")
    options = parser.parse_args()
    build = options.build.resolve()
    for emulator in (options.emulator,) if options.emulator else EMULATORS:
        with tempfile.TemporaryDirectory(prefix="peer-", dir=build) as place:
            folder = Path(place)
            print(f"{emulator}: instructions of an exit under KVM, least and mean of 1000", flush=True)
            counts = show(run(build, folder, emulator, EXITS, "DONE"))
            # QEMU's CPUs take turns, so that each guest would wait for the other
            if emulator == "bochs":
                show(run(build, folder, emulator, IPI, "DONE", cpus=2))
            compare(f"kvm-{emulator}", counts, options.update)
            print(f"{emulator}: Debian {LINUX} under KVM", flush=True)
            text = run(build, folder, emulator, BOOT, r"userspace \d+\s")
            print("  to userspace, from the start of its virtual machine:",
                  re.search(r"BENCH userspace (\d+)", text)[1])


if __name__ == "__main__":
    main()
