#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Runs iperf3 between two Debian guests, on one network and through two cards of the host's that a wire
joins, in QEMU with one CPU that counts instructions, 10^9 a second. Prints the throughput and each
process' share, system calls included, of what all took of the CPU; a guest's kernel and iperf3 are
the guest's.
"""
import argparse
import re
import sys
import tempfile
from pathlib import Path

from nets import CARDS, COUNTED, WIRED

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
import net  # noqa: E402
from machine import Qemu  # noqa: E402

SECONDS = 1
LIMIT = 300 # seconds of the host's
ADDRESSES = {"alpha": "10.0.2.15", "beta": "10.0.2.16"}
COMMAND = (f"iperf3 -J -c {ADDRESSES['beta']} -t {SECONDS} > /tmp/iperf; "
           "sed -n '/\"sum_received\"/,/}/p' /tmp/iperf; echo iperf''-ends=$?")


def times(machine):
    """{process: ns of the CPU that it has taken}"""
    taken = {row["name"]: row["cpu_ns"] for row in machine.objects("driver list")}
    for name in ADDRESSES:
        counts = {row["reason"]: row["count"] for row in machine.objects(f"vm stat {name}")
                  if "count" in row}
        taken[f"{name}, guest"] = counts["guest-time-ns"]
        taken[f"{name}, monitor"] = counts["cpu-time-ns"] - counts["guest-time-ns"]
    return taken


def measure(build, folder, wired):
    """(bits a second, {process: its share}) of one run."""
    nets = {"alpha": "left", "beta": "right"} if wired else dict.fromkeys(ADDRESSES, "lan")
    conf = (WIRED if wired else "[net lan]\n") + "\n".join(
        net.guest(name, address, nets[name]) for name, address in ADDRESSES.items())
    files = bundle.make(folder / "iperf.cpio", conf, bundle.debian_tools(build, "iperf3"))
    with Qemu(build, bundle=files, extra=(*COUNTED, *(CARDS if wired else ()))) as machine:
        machine.limit = LIMIT
        machine.wait_prompt()
        for name in ADDRESSES:
            machine.attach_shell(name, LIMIT)
            machine.leave()
        net.shell(machine, "beta", "iperf3 -s -D >/dev/null 2>&1; sleep 1")
        before = times(machine)
        machine.attach("alpha")
        machine.type(COMMAND + "\r")
        machine.wait(r"iperf-ends=(\d+)")
        machine.leave()
        after = times(machine)
        text = machine.transcript().replace("\r", "")
        rate = float(re.findall(r'"bits_per_second":\s+([\d.e+]+)', text)[-1])
        taken = {name: after[name] - before[name] for name in after}
        return rate, {name: time / sum(taken.values()) for name, time in taken.items()}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    build = parser.parse_args().build.resolve()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as place:
        for wired in (False, True):
            rate, shares = measure(build, Path(place), wired)
            print(f"{'by the wire' if wired else 'guest to guest'}: {rate / 1e6:.0f} Mbit/s",
                  ", ".join(f"{name} {100 * share:.1f} %" for name, share in shares.items()),
                  flush=True)


if __name__ == "__main__":
    main()
