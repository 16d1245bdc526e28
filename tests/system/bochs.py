#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Boots an ISO in Bochs with its serial console on this terminal: make run EMULATOR=bochs."""
import argparse
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import machine


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--iso", type=Path, required=True)
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--cpus", type=int, default=1)
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="bochs-"))
    port = machine.free_port()
    (folder / "rc").write_text("c\n")
    (folder / "bochsrc").write_text(machine.BOCHS_CONFIGURATION.format(
        memory=machine.megabytes(options.memory), model="corei7_skylake_x", cpus=options.cpus,
        iso=options.iso.resolve(), port=port, com2="", log=folder / "bochs.log"))
    with open(folder / "out", "wb") as out:
        bochs = subprocess.Popen(["bochs", "-q", "-f", folder / "bochsrc", "-rc", folder / "rc"],
                                 stdin=subprocess.DEVNULL, stdout=out, stderr=out)
    print("  BOCHS   Ctrl-\\ ends the emulator; poweroff at the prompt does it properly")
    terminal = "STDIO,raw,echo=0,isig=1,intr=0x1c" if os.isatty(0) else "STDIO"
    try:
        subprocess.run(["socat", terminal, f"TCP:127.0.0.1:{port},retry=100,interval=0.1"])
    finally:
        if bochs.poll() is None:
            bochs.kill()
        bochs.wait()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
