#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Measures in emulators whose TSC counts instructions, and compares with baseline.json."""
import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "system"))
import bundle  # noqa: E402
from machine import EPYC, Bochs, Qemu  # noqa: E402

COUNTED = ("-icount", "shift=0,sleep=off", "-seed", "1", "-rtc", "base=2024-01-01,clock=vm")
# QEMU 7.2 sometimes hangs when it counts instructions.
TRIES = 3
LIMIT = 400

EXITS = "[vm bench]\nkernel = exits.bin\nmemory = 64M\nautostart = yes\n"
IPI = "[vm bench]\nkernel = ipi.bin\nmemory = 4M\nvcpus = 2\nautostart = yes\n"
SWITCH = "[vm bench]\nkernel = switch.bin\nmemory = 4M\nvcpus = 2\nautostart = yes\n"
BOOT = ("[vm debian]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
        "cmdline = \"{cmdline}\"\npci = off\nautostart = yes\n")
BASELINE = Path(__file__).resolve().parent / "baseline.json"
GROWTH = 1.02 # the factor by which an instruction count may exceed the baseline

LINUX = "console=ttyS0 quiet pci=off"


def run(make, commands, options="", limit=LIMIT):
    """Boots, runs commands from the kernel's command line, and returns what the console says."""
    for _ in range(TRIES):
        machine = make(f'{options} run="' + "; ".join(commands) + '; version"')
        try:
            machine.wait("Skerry [0-9.]+, ABI", limit)
            return machine.transcript().replace("\r", "")
        except Exception as error:  # a machine that hangs is started anew
            print(f"  once more: {type(error).__name__}", file=sys.stderr)
        finally:
            machine.close()
    sys.exit("the emulator does not get through")


def makers(build, folder, name, files, cpus=1):
    """{emulator: a function that boots the bundle, or no bundle, there}."""
    counted = (*COUNTED, "-smp", str(cpus))
    path = bundle.write(folder / f"{name}.cpio", files) if files else None
    return {
        "qemu": lambda line: Qemu(build, cmdline=line, memory="512M", bundle=path, extra=counted),
        "bochs": lambda line: Bochs(build, cmdline=line, memory="512M", bundle=path, cpus=cpus),
    }


def guest_makers(build, folder, name, conf, cpus=1):
    """Does the same for a guest of tests/bench."""
    return makers(build, folder, name, {
        "skerry.conf": conf.encode(),
        f"{name}.bin": (build / f"tests/bench/{name}.bin").read_bytes()}, cpus)


def show(text):
    """Prints what a guest measured; returns the least count of each by name."""
    found = re.findall(r"^BENCH (\S+) (\d+) (\d+)$", text, re.MULTILINE)
    for name, least, mean in found:
        print(f"  {name:28} {least:>8} {mean:>10}")
    return {name: int(least) for name, least, _ in found}


def counts_of(build, folder, emulator):
    """Prints what exits and a context switch cost; returns the least count of each by name."""
    counts = {}
    for name, conf in (("exits", EXITS), ("switch", SWITCH)):
        text = run(guest_makers(build, folder, name, conf)[emulator], ["vm console bench"])
        counts |= show(text)
    return counts


def grown(emulator, counts):
    """Lists the counts that have grown against the baseline, or are missing: one line each."""
    known = json.loads(BASELINE.read_text())[emulator]
    return [f"{name}: {counts.get(name, 'not measured')}, baseline {count}"
            for name, count in known.items() if counts.get(name, 1e18) > count * GROWTH]


def compare(emulator, counts, update):
    if update:
        known = json.loads(BASELINE.read_text()) if BASELINE.exists() else {}
        known[emulator] = counts
        BASELINE.write_text(json.dumps(known, indent="\t") + "\n")
        return []
    lines = grown(emulator, counts)
    print("\n".join(["  more than 2 % above the baseline:"] + lines) if lines
          else "  within 2 % of the baseline")
    return lines


def interprocessor(make):
    """Shows what an interrupt to a vCPU that runs on another CPU costs."""
    with make('run="vm console bench"') as machine:
        machine.wait("DONE", LIMIT)
        show(machine.transcript().replace("\r", ""))


def logging(make):
    """Shows the exits with log=debug, which keeps every entry, beside those with log=off."""
    least = {}
    for level in ("off", "debug"):
        text = run(make, ["vm console bench", "log stat"], f"log={level}")
        for name, count in re.findall(r"^BENCH (\S+) \d+ (\d+)$", text, re.MULTILINE):
            least.setdefault(name, []).append(int(count))
        for line in re.findall(r"^(?:kernel_|cycles|cpu_share|message_|lines)\w* +\d+$", text,
                               re.MULTILINE):
            print(f"  {level:6} {line}")
    for name, counts in least.items():
        if len(counts) == 2:
            print(f"  {name:24} {counts[0]:>8} {counts[1]:>8}")


def boot(make):
    text = run(make, ["vm console debian", "vm stat debian"])
    print("  to userspace, from vm start:", re.search(r"BENCH userspace (\d+)", text)[1])
    rows = re.findall(r"^([a-z][a-z-]*) +(\d+)$", text.split("vm stat debian")[-1], re.MULTILINE)
    print("\n".join(f"  {name:28} {count:>12}" for name, count in rows))
    guest, cpu = (int(dict(rows)[name]) for name in ("guest-time-ns", "cpu-time-ns"))
    print(f"  outside the guest for each one inside: {(cpu - guest) / guest:.4f}")


def start(make):
    """Shows, by the times in the log, how long it takes from the kernel's entry to the first VM and
    from there to the VM's first exit, which its first instruction causes."""
    with make("log=debug") as machine:
        machine.wait_prompt(LIMIT)
        machine.attach("demo")
        machine.wait(r"\n", LIMIT)
        machine.leave()
        log = machine.objects("log show -n 500 -u 1")
    per_ns = int(re.search(r"TSC (\d+) kHz", "".join(row["text"] for row in log))[1]) / 1e6
    created = next(row["time_ns"] for row in log if row["text"].endswith("created"))
    exit_1 = next(row["time_ns"] for row in log if row["text"].startswith("exit "))
    print(f"  {'kernel entry to first VM':28} {created * per_ns:>12.0f}")
    print(f"  {'VM created to first exit':28} {(exit_1 - created) * per_ns:>12.0f}")


def bare(build, folder):
    """The same kernel without Skerry; a tiny guest measures the firmware's part."""
    def counted(kernel, *more):
        command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", EPYC, "-m", "128M",
                   "-display", "none", "-nic", "none", "-no-reboot", "-serial", "stdio",
                   "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *COUNTED,
                   "-kernel", str(kernel), *more]
        return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=LIMIT, check=False).stdout.decode(errors="replace")

    archive = folder / "initramfs.gz"
    archive.write_bytes(bundle.initramfs(build / "tests/bench/init"))
    text = counted(build / "guests/vmlinuz", "-initrd", str(archive), "-append", LINUX)
    userspace = int(re.search(r"BENCH userspace (\d+)", text)[1])
    text = counted(build / "tests/bench/exits.bin", "-append", "bare")
    entry = int(re.search(r"BENCH kernel-entry (\d+)", text)[1])
    print(f"  to userspace, from power-on: {userspace}, from the kernel's entry: {userspace - entry}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--build", type=Path, default=Path("build"))
    parser.add_argument("--emulator", default="")
    parser.add_argument("--update", action="store_true", help="write the baseline anew")
    parser.add_argument("--exits", action="store_true", help="no boots")
    options = parser.parse_args()
    build = options.build.resolve()
    with tempfile.TemporaryDirectory(prefix="bench-", dir=build) as place:
        folder = Path(place)
        worse = []
        guest = guest_makers(build, folder, "exits", EXITS)
        debian = makers(build, folder, "debian", {
            "skerry.conf": BOOT.format(cmdline=LINUX).encode(),
            "vmlinuz": (build / "guests/vmlinuz").read_bytes(),
            "initramfs.cpio.gz": bundle.initramfs(build / "tests/bench/init")})
        for emulator in ("qemu", "bochs"):
            if options.emulator not in ("", emulator):
                continue
            print(f"{emulator}: instructions of an exit, least and mean of 1000", flush=True)
            worse += compare(emulator, counts_of(build, folder, emulator), options.update)
            if options.exits:
                continue
            print(f"{emulator}: an interrupt to another CPU, least and mean of 100", flush=True)
            interprocessor(guest_makers(build, folder, "ipi", IPI, 2)[emulator])
            print(f"{emulator}: means of 1000, log=off and log=debug", flush=True)
            logging(guest[emulator])
            print(f"{emulator}: the built-in guest", flush=True)
            start(makers(build, folder, None, None)[emulator])
            print(f"{emulator}: Debian {LINUX}", flush=True)
            boot(debian[emulator])
        if options.emulator in ("", "qemu") and not options.exits:
            print("qemu: the same kernel on the bare machine", flush=True)
            bare(build, folder)
    sys.exit(1 if worse else 0)


if __name__ == "__main__":
    main()
