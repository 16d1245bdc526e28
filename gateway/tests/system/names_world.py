# SPDX-License-Identifier: MIT
"""The world of test_names_guest.py: hosts that answer everywhere, and a name server at 9.9.9.53 that also lies."""
import selectors
import socket

from name_server import Server, answer, record

NAMES = {"api.test": "9.9.9.9", "two.lib.test": "9.9.9.10", "evil.test": "9.9.9.10", "router.lib.test": "198.51.100.2",
         "long.lib.test": "9.9.9.9", "mine.lib.test": "10.7.0.1", "private.lib.test": "192.168.77.7", "wire.lib.test": "198.51.100.1",
         "local.lib.test": "127.0.0.1"}


def say(asked, name):
    if name in NAMES:
        return [answer(asked, record(b"\xc0\x0c", NAMES[name], seconds=300 if name == "long.lib.test" else 1))]
    number = int(name[1:].split(".")[0])
    return [answer(asked, *(record(b"\xc0\x0c", f"9.9.{number}.{last + 100}") for last in range(8)))]


Server(say, ("9.9.9.53", 53))
ready = selectors.DefaultSelector()
for port in (22, 53, 80, 443, 3128):
    ready.register(socket.create_server(("", port)), selectors.EVENT_READ)
echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
echo.bind(("", 443))
ready.register(echo, selectors.EVENT_READ)
print("ready", flush=True)
while True:
    for key, _ in ready.select():
        if key.fileobj is echo:
            echo.sendto(*echo.recvfrom(2048))
            continue
        connection, _ = key.fileobj.accept()
        with connection:
            connection.sendall(b"the world\n")
