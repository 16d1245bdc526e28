#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Configures Bochs; as a program, boots an ISO with its console on this terminal."""
import argparse
import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import emulators

CONFIGURATION = """\
config_interface: textconfig
display_library: rfb, options="timeout=0"
plugin_ctrl: unmapped=1, biosdev=1, speaker=1, extfpuirq=1, parallel=1, serial=1, iodebug=1{plugin}
memory: guest={memory}, host={host}
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
cpu: model={model}, count={cpus}, ips=50000000, reset_on_triple_fault=0
pci: enabled=1, chipset=i440fx{slots}
ata0: enabled=1, ioaddr1=0x1f0, ioaddr2=0x3f0, irq=14
{disk}ata0-slave: type=cdrom, path={iso}, status=inserted
boot: cdrom
clock: sync=none, time0=local
com1: enabled=1, mode=socket-client, dev=localhost:{port}
{com2}{card}sound: driver=dummy
log: {log}
info: action=ignore
"""


# The geometry of a disk: with other values Bochs would cut off what is no whole cylinder.
HEADS, SECTORS_PER_TRACK, SECTOR = 16, 32, 512
HOST_MAX = 2048 # MiB; guest memory beyond that is kept in a file


def megabytes(memory):
    """1G or 512M as a number of MiB."""
    return int(memory[:-1]) * (1024 if memory[-1] in "Gg" else 1)


def disk_line(path):
    """The primary channel's master. Whoever killed a Bochs has left a lock beside its image."""
    cylinders, rest = divmod(path.stat().st_size, HEADS * SECTORS_PER_TRACK * SECTOR)
    assert rest == 0, f"{path}: found a size that is no multiple of 256 KiB"
    Path(f"{path}.lock").unlink(missing_ok=True)
    return (f"ata0-master: type=disk, path={path}, mode=flat, cylinders={cylinders}, "
            f"heads={HEADS}, spt={SECTORS_PER_TRACK}\n")


# A way out for TCP and UDP, and 10.0.2.2 for the host. Its hostfwd, a way in, listens nowhere: that takes a tap.
SLIRP, TAP = "slirp", "tuntap, ethdev=/dev/net/tun:{}, script=\"\""
CARD = "e1000: enabled=1, mac=52:54:00:12:34:56, ethmod={}\n"


def configuration(folder, iso, port, memory="1G", model="corei7_skylake_x", cpus=1, com2=None,
                  channel=None, com3=None, disk=None, card=False):
    """
    Writes Bochs's files into the folder; returns the command. COM1, COM2 (`channel`) and COM3
    connect to those ports, where the caller listens; COM2 can also be a file (`com2`). `disk` is a
    path. With `card` there is an e1000 that leads to the host, by the tap that it names if it is no
    True. Bochs logs errors alone: it would log each interrupt that it delivers to a guest, too.
    """
    second = f"com2: enabled=1, mode=file, dev={com2}\n" if com2 else ""
    if channel:
        second = f"com2: enabled=1, mode=socket-client, dev=localhost:{channel}\n"
    if com3:
        second += f"com3: enabled=1, mode=socket-client, dev=localhost:{com3}\n"
    # Debian's Bochs starts in its debugger, which is told to continue.
    (folder / "rc").write_text("c\n")
    (folder / "bochsrc").write_text(CONFIGURATION.format(
        memory=megabytes(memory), host=min(megabytes(memory), HOST_MAX), model=model, cpus=cpus,
        iso=iso, port=port, disk=disk_line(disk) if disk else "", com2=second,
        plugin=", e1000=1" if card else "", slots=", slot1=e1000" if card else "",
        card=CARD.format(SLIRP if card is True else TAP.format(card)) if card else "", log=folder / "bochs.log"))
    return [*emulators.bochs_command(), "-q", "-f", folder / "bochsrc", "-rc", folder / "rc"]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--iso", type=Path, required=True)
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--cpus", type=int, default=1)
    parser.add_argument("--disk", type=Path)
    parser.add_argument("--card", action="store_true")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bochs-"))
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(10)
    port = listener.getsockname()[1]
    command = configuration(folder, options.iso.resolve(), port, memory=options.memory,
                            cpus=options.cpus, disk=options.disk and options.disk.resolve(),
                            card=options.card)
    with open(folder / "out", "wb") as out:
        bochs = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                 start_new_session=True)
    print("  BOCHS   Ctrl-\\ ends the emulator; poweroff at the prompt does it properly",
          flush=True)
    terminal = "STDIO,raw,echo=0,isig=1,intr=0x1c" if os.isatty(0) else "STDIO"
    try:
        console, _ = listener.accept()
        subprocess.run(["socat", terminal, f"FD:{console.fileno()}"],
                       pass_fds=[console.fileno()], check=False)
    except TimeoutError:
        print((folder / "out").read_text(errors="replace"))
    except KeyboardInterrupt:
        pass
    finally:
        if bochs.poll() is None:
            bochs.kill()
        bochs.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
