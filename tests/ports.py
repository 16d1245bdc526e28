# SPDX-License-Identifier: MIT
"""Ports of this host, for programs that listen and cannot be given a socket that does already."""
import itertools
import os
import socket

# Ports below those that connections get by themselves (ip_local_port_range), and some for each of
# pytest's workers: no other worker takes a port before the program that was told to use it listens
# there.
FIRST, EACH = 20000, 1000
WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
NUMBERS = itertools.count(os.getpid())


def is_free(port):
    """Whether nobody has the port, over TCP or UDP."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def free_port():
    """A port that nobody listens at, over TCP or UDP."""
    ports = (FIRST + WORKER * EACH + number % EACH for number in NUMBERS)
    return next(port for port in ports if is_free(port))
