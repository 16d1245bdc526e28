#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""state.py SKERRYD DISK PORT: what `make run WEB=1` says before it starts, and the service VM's disk.

A new disk gets the state that skerryd itself makes at its first start: key, certificate and first
token. The token is printed here and nowhere else; the disk has its hash only. PORT is that of this
machine where skerryd is reached. DISK.fingerprint has the certificate's fingerprint.
"""
import os
import re
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MIB = 64
LIMIT_S = 20


def first_start(skerryd, folder):
    """Returns (token, fingerprint) that skerryd prints when it finds nothing in `folder`."""
    command = [skerryd, "--link", f"unix:{folder}/none", "--listen", "127.0.0.1:0",
               "--state", f"{folder}/state"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as program:
        text = b""
        end = time.monotonic() + LIMIT_S
        try:
            while (left := end - time.monotonic()) > 0:
                if not select.select([program.stdout], [], [], left)[0]:
                    break
                if not (piece := os.read(program.stdout.fileno(), 4096)):
                    break
                text += piece
                token = re.search(rb"\bsky_\w+(?=\s)", text)
                fingerprint = re.search(rb"\b[0-9a-f]{64}\b", text.replace(token[0], b"") if token
                                        else text)
                if token and fingerprint:
                    return token[0].decode(), fingerprint[0].decode()
        finally:
            program.terminate()
    sys.exit("skerryd has not printed a token and a fingerprint at its first start")


def make_disk(folder, disk):
    with open(f"{disk}.new", "wb") as file:
        file.truncate(MIB << 20)
    subprocess.run(["/sbin/mke2fs", "-q", "-t", "ext4", "-L", "state", "-d", f"{folder}/state",
                    f"{disk}.new"], check=True)
    os.replace(f"{disk}.new", disk)


def main(skerryd, disk, port):
    kept = Path(f"{disk}.fingerprint")
    token = None
    if not os.path.exists(disk) or not kept.exists():
        with tempfile.TemporaryDirectory() as folder:
            os.mkdir(f"{folder}/state", 0o700)
            token, fingerprint = first_start(skerryd, folder)
            make_disk(folder, disk)
            kept.write_text(fingerprint + "\n", encoding="ascii")
    print(f"  WEB     https://localhost:{port}/")
    print(f"  WEB     fingerprint {kept.read_text(encoding='ascii').strip()}")
    if token:
        print(f"  WEB     first token {token}  (shown this once)", flush=True)


main(*sys.argv[1:])
