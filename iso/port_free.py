#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
port_free.py NAME PORT: tells whether `make run` can have this TCP port of the machine for its
guest; NAME is the word of the command line that chooses another port.
"""
import socket
import sys

OTHER = {"HTTP_PORT": 8081, "HTTPS_PORT": 8444}


def main(name, word):
    if not word.isdecimal() or not 0 < int(word) < 65536:
        sys.exit(f"{name}={word} is not possible; use 1 to 65535")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(word)))
        except OSError as error:
            sys.exit(f"{name}: {word} cannot be had ({error.strerror}); "
                     f"use a free port such as {name}={OTHER[name]}")


main(sys.argv[1], sys.argv[2])
