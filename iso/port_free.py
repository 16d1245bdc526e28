#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""port_free.py PORT: whether `make run` can have that TCP port of this machine for its guest."""
import socket
import sys


def main(word):
    if not word.isdecimal() or not 0 < int(word) < 65536:
        sys.exit(f"HTTP_PORT: found {word}, allowed: 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(word)))
        except OSError as error:
            sys.exit(f"HTTP_PORT: found {word}, which cannot be had ({error.strerror}), "
                     "allowed: a free port such as HTTP_PORT=8081")


main(sys.argv[1])
