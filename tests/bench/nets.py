#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Counts what a frame from guest to guest costs, under Skerry and under KVM with vhost-net, both in
QEMU with one CPU that counts instructions. Prints a table; every figure is per frame.
"""
import argparse
import re
import sys
import tempfile
from pathlib import Path

from run import COUNTED, TRIES, run

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
import kvm  # noqa: E402
from machine import Qemu  # noqa: E402

LIMIT = 240 # seconds a run may take
# Rounds of a batch there and one back: the difference is free of what begin and end cost.
FEW, MANY = 100, 1100
KVM_FEW, KVM_MANY = 50, 250
LOADS = {"64 bytes": "bytes=64 batch=16", "1500 bytes": "bytes=1500 batch=16",
         "64 KiB TSO": "bytes=65549 batch=4 tso", "64 bytes, alone": "bytes=64 batch=1"}
WIDE = ("64 bytes", "1500 bytes")
MACS = {"first": "52:54:00:00:00:02", "second": "52:54:00:00:00:03"}
VM = """
[vm {name}]
kernel = net.bin
cmdline = "{words}"
memory = 16M
autostart = yes
net = {net}
"""
# Idle ports beside the measured ones, for what their presence costs.
PORTS = 32
# Two cards of the host, joined by a hub: what the one sends the other receives at once.
CARDS = [word for name in "ab" for word in (
    "-netdev", f"hubport,id={name},hubid=0", "-device", f"e1000e,netdev={name}")]
WIRED = "\n[net left]\nuplink = net0\n\n[net right]\nuplink = net1\n"
MODULES = ("net/llc/llc", "net/802/stp", "net/bridge/bridge", "drivers/net/tun", "drivers/net/tap",
           "drivers/vhost/vhost_iotlb", "drivers/vhost/vhost", "drivers/vhost/vhost_net")
# The host under KVM: a bridge, and behind each guest a tap with vhost-net.
RUNS = """
$b mount -t proc p /proc
$b mount -t sysfs s /sys
for m in {modules}; do $b insmod /$m.ko; done
$b ip link add wire type bridge
$b ip link set wire up
echo '#!/bin/busybox sh' >/up
echo '/bin/busybox ip link set $1 master wire up' >>/up
$b chmod 755 /up
show() {{
	echo "COUNT switches $($b sed -n 's/^ctxt //p' /proc/stat)"
	echo "COUNT interrupts $($b sed -n 's/^intr \\([0-9]*\\).*/\\1/p' /proc/stat)"
}}
guest() {{
	run -M pc -m 16 -kernel /net.bin -append "$1 {load} rounds=$2" \\
		-device isa-debug-exit,iobase=0xf4,iosize=4 \\
		-netdev tap,id=n,ifname=$1,script=/up,downscript=no,vhost=on \\
		-device virtio-net-pci,netdev=n,mac=$3,romfile=,disable-legacy=on,modern-pio-notify=on
}}
for rounds in {few} {many}; do
	show
	guest second $rounds {second} </dev/null >/dev/null 2>&1 &
	guest first $rounds {first} </dev/null
	wait
done
show
echo MARK end
"""


def frames_of(load):
    """Returns the frames in a round of the load."""
    return 2 * int(re.search(r"batch=(\d+)", load)[1])


def bundle_of(build, folder, load, rounds, ports=2, wired=False):
    conf = WIRED if wired else "[net wire]\n"
    for number in range(2, ports):
        conf += VM.format(name=f"idle{number}", net="wire", words="idle")
    for name, net in (("second", "right"), ("first", "left")):
        conf += VM.format(name=name, net=f"{net if wired else 'wire'} mac={MACS[name]}",
                          words=f"{name} {load} rounds={rounds}")
    return bundle.make(folder / "net.cpio", conf, bundle.read(build / "tests/bench/net.bin"))


def skerry_once(build, folder, load, rounds, ports=2, wired=False):
    """{what: how much} from a boot to its end; the ticks of a round."""
    path = bundle_of(build, folder, load, rounds, ports, wired)
    extra = (*COUNTED, *(CARDS if wired else ()))
    text = run(lambda line: Qemu(build, bundle=path, memory="1G", cmdline=line, extra=extra),
               ["vm console first", "cpu -j", "vm stat first -j", "vm stat second -j"])
    counts = {what: int(re.search(rf'"{what}":(\d+)', text)[1])
              for what in ("exits", "switches", "interrupts", "syscalls")}
    ticks = re.findall(r"BENCH round (\d+) (\d+)", text)[-1]
    times = {what: sum(map(int, re.findall(rf'"{what}-ns","count":(\d+)', text)))
             for what in ("cpu-time", "guest-time")}
    return counts | {"in guests": times["guest-time"], "in VMs": times["cpu-time"]}, ticks


def per_frame(load, rounds, few, many, ticks):
    """Counts are of all rounds, so their difference is that of the rounds; ticks are those of one."""
    frames = frames_of(load)
    counts = {what: (many[what] - few[what]) / (rounds * frames) for what in few}
    least, median = (int(count) / frames for count in ticks)
    return counts | {"instructions": median, "least": least}


def skerry(build, folder, load, **words):
    (few, _), (many, ticks) = (skerry_once(build, folder, load, rounds, **words)
                               for rounds in (FEW, MANY))
    return per_frame(load, MANY - FEW, few, many, ticks)


def under_kvm(build, folder, load):
    modules = next((build / "guests/root/lib/modules").iterdir()) / "kernel"
    files = {Path(name).name + ".ko": modules / f"{name}.ko" for name in MODULES}
    files |= {"vmlinuz": build / "guests/vmlinuz", "net.bin": build / "tests/bench/net.bin"}
    runs = RUNS.format(modules=" ".join(Path(name).name for name in MODULES), load=load, few=KVM_FEW,
                       many=KVM_MANY, **MACS)
    for _ in range(TRIES):
        with kvm.boot(Qemu, build, folder, runs, files, extra=COUNTED) as machine:
            try:
                machine.wait("MARK end", LIMIT)
            except AssertionError as error:
                print(f"  once more: {str(error)[-800:]}", file=sys.stderr)
                continue
            text = machine.transcript()
        few, many = {}, {}
        for what in ("switches", "interrupts"):
            counts = [int(count) for count in re.findall(rf"COUNT {what} (\d+)", text)]
            few[what], many[what] = counts[1] - counts[0], counts[2] - counts[1]
        ticks = re.findall(r"BENCH round (\d+) (\d+)", text)[-1]
        return per_frame(load, KVM_MANY - KVM_FEW, few, many, ticks)
    sys.exit("KVM does not get through in the emulator")


def show(title, name, costs):
    print(f"  {title:8} {name:16}" +
          "".join(f" {what} {count:.{2 if count < 100 else 0}f}"
                  for what, count in sorted(costs.items())), flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--only", default="", help="skerry or kvm")
    options = parser.parse_args()
    build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as place:
        for name, load in LOADS.items():
            if options.only != "kvm":
                show("Skerry", name, skerry(build, Path(place), load))
                if name in WIDE:
                    show(f"{PORTS} ports", name, skerry(build, Path(place), load, ports=PORTS))
                    show("by wire", name, skerry(build, Path(place), load, wired=True))
            if options.only != "skerry":
                show("KVM", name, under_kvm(build, Path(place), load))


if __name__ == "__main__":
    main()
