# SPDX-License-Identifier: MIT
"""Connects one client after the other, each a GDB, to a serial line that is a single socket."""
import selectors
import socket
import threading


class Relay:
    def __init__(self, link):
        self.link = link
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.closed = False
        threading.Thread(target=self.run, daemon=True).start()

    def close(self):
        self.closed = True
        self.server.close()
        self.link.close()

    def pump(self, client):
        """Copies both ways until one side hangs up."""
        with selectors.DefaultSelector() as selector:
            selector.register(client, selectors.EVENT_READ, self.link)
            selector.register(self.link, selectors.EVENT_READ, client)
            while True:
                for key, _ in selector.select():
                    data = key.fileobj.recv(4096)
                    if not data:
                        return
                    key.data.sendall(data)

    def run(self):
        self.link.settimeout(None)
        while not self.closed:
            try:
                client, _ = self.server.accept()
                with client:
                    self.pump(client)
            except (OSError, ValueError):
                pass
