# SPDX-License-Identifier: MIT
"""What a guest of test_names_guest.py tries: each function says what came of it in a word."""
import itertools
import socket
import subprocess

from name_server import question

QUIET_S = 0.7       # after which nobody answers any more: what is reached has answered within milliseconds
ANSWER_S = 20       # after which what has been reached will not answer any more


def ask(name, server="10.7.0.1", source=None, every=False, seconds=10):
    """The first address that the server gives to a name, or `none`; with `every`, how many."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
        asker.settimeout(QUIET_S if server != "10.7.0.1" or source else seconds)
        if source:
            subprocess.run(["ip", "address", "add", f"{source}/32", "dev", "lo"], check=False, capture_output=True)
            asker.bind((source, 0))
        asked = question(name)
        try:
            asker.sendto(asked, (server, 53))
            packet = asker.recv(2048)
        except OSError:
            return "none"
    count = packet[7]
    if every:
        return count
    return socket.inet_ntoa(packet[len(asked) + 12:len(asked) + 16]) if count else "none"


def fetch(address, port=80):
    """`yes` if the host at the address has answered, `open` if a connection was made, else `no`."""
    try:
        connection = socket.create_connection((address, port), QUIET_S)
    except OSError:
        return "no"
    with connection:
        # Kernels alone make the connection; a program answers, which a busy machine may let wait. The router's waits for a question.
        connection.settimeout(QUIET_S if address == "10.7.0.1" else ANSWER_S)
        try:
            return "yes" if connection.recv(16) == b"the world\n" else "open"
        except TimeoutError:
            return "open"
        except OSError:
            return "no"


HELD = []


def held(address):
    """Whether a connection to the address can be made, which is left open then."""
    try:
        HELD.append(socket.create_connection((address, 80), QUIET_S / 2))
    except OSError:
        return "no"
    return "yes"


def datagram(address, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.settimeout(QUIET_S)
        sender.sendto(b"hello", (address, port))
        try:
            return "yes" if sender.recv(16) else "no"
        except OSError:
            return "no"


def ping(address):
    """An echo request of its own making."""
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
        sender.settimeout(QUIET_S)
        sender.sendto(b"\x08\0\xf7\xfe\0\1\0\0", (address, 0))
        try:
            return "yes" if sender.recv(64) else "no"
        except OSError:
            return "no"


def flood():
    """Asks for a name of no list, as fast as it can."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.connect(("10.7.0.1", 53))
        packet = question("evil.test")
        for number in itertools.count():
            sender.send(packet)
            if number == 10000:
                print("floods", flush=True)


if __name__ == "__main__":
    flood()
