# SPDX-License-Identifier: MIT
"""
A network's switch and its card's driver die again and again: what goes over the network arrives
whole.
"""
import hashlib
import random
import socket
import threading
import time

import pytest

import bundle
import fio
from machine import Qemu, wait_for
from net import boot, guest, shell, user_card
from ports import free_port

LAN = "[net lan]\nuplink = net0\nrestart_limit = 0\n"
PIECE = 65536

# A command that sums up whatever comes to port 5000: nc's other end is the program's input.
TAKE = ("printf '#!/bin/sh\\nmd5sum >/tmp/sum\\n' >/tmp/take; chmod +x /tmp/take; "
        "(nc -l -p 5000 -e /tmp/take >/dev/null 2>&1 &)")


class Source:
    """
    Serves random bytes by HTTP, once, so many a second until end(); bytes that were late may be
    sent as fast as possible.
    """

    def __init__(self, pace, random_bytes):
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port = self.listening.getsockname()[1]
        self.pace = pace
        self.pieces = [random_bytes(PIECE) for _ in range(16)]
        self.ends = False
        self.sent = 0
        self.digest = hashlib.md5()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        link, _ = self.listening.accept()
        with link:
            while b"\r\n\r\n" not in link.recv(4096):
                pass
            link.sendall(b"HTTP/1.0 200 OK\r\n\r\n")
            begin = time.monotonic()
            while not self.ends:
                # each piece begins with its number, so that no two pieces are the same
                head = self.sent.to_bytes(8, "little")
                data = head + self.pieces[self.sent // PIECE % 16][8:]
                link.sendall(data)
                self.digest.update(data)
                self.sent += len(data)
                time.sleep(max(0, begin + self.sent / self.pace - time.monotonic()))

    def end(self):
        """Returns when all has been sent, to somebody who may not have taken it yet."""
        self.ends = True
        self.thread.join()

    def close(self):
        self.listening.close()


def die_apart(machine, names, times, apart, chance):
    """
    Lets each process die this often, in turn, at arbitrary moments, this many seconds apart and
    up to 1 more.
    """
    last = 0
    for name in names * times:
        time.sleep(max(0, last + apart + chance.random() - time.monotonic()))
        last = time.monotonic()
        fio.die(machine, name)


@pytest.mark.parametrize("times, apart", [
    (2, 1.0), pytest.param(100, 2.0, marks=pytest.mark.long)])
def test_transfer(build, tmp_path, times, apart):
    """The host sends to a guest through the card, and that one to another one meanwhile."""
    chance = random.Random(times)
    source = Source(400 << 10, chance.randbytes)
    conf = bundle.make(tmp_path / "net.cpio", LAN + guest("alpha", "10.0.2.15") +
                       guest("beta", "10.0.2.16"), bundle.debian(build / "guests"))
    with Qemu(build / "tests/faults", bundle=conf, extra=user_card(free_port())) as machine:
        machine.limit = 300 + 10 * times
        boot(machine, "alpha", "beta")
        shell(machine, "beta", TAKE)
        machine.attach("alpha")
        machine.type(f"wget -q -O - http://10.0.2.2:{source.port}/ | nc 10.0.2.16 5000; "
                     "echo all''-sent\r")
        machine.leave()
        wait_for(lambda: source.sent > 0)
        die_apart(machine, ["lan.switch", "net0"], times, apart, chance)
        source.end()
        machine.attach("alpha")
        machine.wait("all-sent")
        machine.leave()
        wait_for(lambda: shell(machine, "beta", "cat /tmp/sum") != "")
        assert shell(machine, "beta", "cat /tmp/sum").split()[0] == source.digest.hexdigest()
        for name in ("lan.switch", "net0"):
            assert fio.driver(machine, name)["starts"] == times + 1
    source.close()
