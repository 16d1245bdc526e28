# SPDX-License-Identifier: MIT
"""Questions of the DNS, and a name server that says what a test has it say."""
import os
import select
import socket
import struct
import threading

A, CNAME, AAAA, TXT = 1, 5, 28, 16
CODES = {0: "done", 1: "format", 2: "failed", 3: "no name", 4: "no kind", 5: "refused"}


def encoded(name):
    if isinstance(name, bytes):
        return name
    return b"".join(bytes([len(label)]) + label.encode() for label in name.split(".") if label) + b"\0"


def question(name, kind=A, number=None, head=b"\1\0\0\1\0\0\0\0\0\0", group=1):
    number = os.urandom(2) if number is None else number
    return number + head + encoded(name) + struct.pack(">HH", kind, group)


def record(name, content, kind=A, seconds=60):
    """A record; `name` and an alias may be bytes of the DNS, as a pointer is."""
    content = socket.inet_aton(content) if kind == A else encoded(content) if kind == CNAME else content
    return encoded(name) + struct.pack(">HHIH", kind, 1, seconds, len(content)) + content


def answer(asked, *records, flags=b"\x81\x80"):
    return asked[:2] + flags + b"\0\1" + struct.pack(">H", len(records)) + bytes(4) + asked[12:] + b"".join(records)


def read(packet, asked):
    """(code, addresses, lifetime) of an answer to the question, which it repeats."""
    assert packet[:2] == asked[:2] and packet[2] & 0x80, packet
    flags, count = packet[3], struct.unpack(">H", packet[6:8])[0]
    if len(packet) == 12:       # the question could not be read, and is not repeated
        return CODES[flags & 15], [], None
    end = asked.index(b"\0", 12) + 5
    assert packet[12:end] == asked[12:end], (packet, asked)
    found, seconds = [], None
    for number in range(count):
        one = packet[end + 16 * number:end + 16 * number + 16]
        assert one[:6] == b"\xc0\x0c\0\1\0\1" and one[10:12] == b"\0\4", one
        seconds = struct.unpack(">I", one[6:10])[0]
        found.append(socket.inet_ntoa(one[12:]))
    assert len(packet) == end + 16 * count, packet
    return CODES[flags & 15], found, seconds


class Asker:
    """A client that asks over UDP, from an address of its own."""

    def __init__(self, port, source="127.0.0.1"):
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        self.socket.settimeout(20)

    def send(self, packet):
        self.socket.sendto(packet, ("127.0.0.1", self.port))

    def ask(self, name, kind=A, **more):
        asked = question(name, kind, **more)
        self.send(asked)
        return read(self.socket.recv(2048), asked)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class Server(threading.Thread):
    """A name server: `say(question, name)` returns the packets that it sends for each question."""

    def __init__(self, say, at=("127.0.0.1", 0)):
        super().__init__(daemon=True)
        self.say, self.asked, self.ports = say, [], []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(at)
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            select.select([self.socket], [], [])
            asked, client = self.socket.recvfrom(2048)
            if asked == b"end":
                return
            labels, at = [], 12
            while asked[at]:
                labels.append(asked[at + 1:at + 1 + asked[at]].decode())
                at += 1 + asked[at]
            self.asked.append(".".join(labels))
            self.ports.append((client[1], asked[:2]))
            for packet in self.say(asked, ".".join(labels)):
                self.socket.sendto(packet, client)

    def close(self):
        self.socket.sendto(b"end", self.socket.getsockname())
        self.join()
        self.socket.close()
