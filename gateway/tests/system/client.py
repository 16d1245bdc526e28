# SPDX-License-Identifier: MIT
"""Starts skerryd beside a fake Skerry, and speaks HTTP, SSE and WebSocket with it."""
import base64
import contextlib
import hashlib
import http.client
import json
import os
import socket
import ssl
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[3] / "tests"))
from ports import free_port  # noqa: E402

LIMIT = 10
PATIENCE = 120     # seconds for what a busy host may take long for: the link, and an answer
GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def wait_for(found, limit=6 * LIMIT, what="it"):
    """Waits until found() returns something, and returns that."""
    deadline = time.monotonic() + limit
    while True:
        value = found()
        if value:
            return value
        assert time.monotonic() < deadline, f"{what} did not happen in {limit} s"
        time.sleep(0.01)


class Answer:
    def __init__(self, response, body):
        self.status, self.headers, self.body = response.status, response.headers, body

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        return self.json().get("code")


class LocalConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Server:
    """A skerryd process; `start` waits until it serves."""

    def __init__(self, program, folder, link, *options):
        self.program, self.folder, self.link, self.options = program, Path(folder), link, options
        self.state = self.folder / "state"
        self.socket = str(self.folder / "api.sock")
        self.port = free_port()
        self.token = self.fingerprint = None
        self.process = None
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False
        self.context.verify_mode = ssl.CERT_NONE

    def spawn(self):
        """
        Starts skerryd and returns the first line that it prints; uses another port if
        somebody has taken the port meanwhile.
        """
        for _ in range(5):
            self.log = open(self.folder / "skerryd.log", "ab")
            self.process = subprocess.Popen(
                [self.program, "--link", self.link, "--state", self.state, "--listen",
                 f"127.0.0.1:{self.port}", "--socket", self.socket, "--rate", "0",
                 "--change-rate", "0", "--per-address", "0", *self.options],
                stdout=subprocess.PIPE, stderr=self.log)
            line = self.process.stdout.readline().decode()
            said = (self.folder / "skerryd.log").read_text()
            if line or f":{self.port}: Address already in use" not in said:
                assert line, said
                return line
            self.stop()
            self.port = free_port()
        raise AssertionError(said)

    def start(self, ready=True, limit=PATIENCE):
        line = self.spawn()
        while True:
            word, value = line.split()
            if word == "fingerprint":
                self.fingerprint = value
                if self.token:
                    break
            if word == "token":
                self.token = value
                break
            line = self.process.stdout.readline().decode()
            assert line, (self.folder / "skerryd.log").read_text()
        if ready:
            wait_for(lambda: self.health()["ready"], limit, "the link")
        return self

    def health(self):
        try:
            return self.local("GET", "/v1/health").json()
        except (OSError, http.client.HTTPException):
            return {"ready": False, "live": False}

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(LIMIT)
            self.process.stdout.close()
            self.log.close()
            self.process = None

    def kill(self):
        self.process.kill()
        self.process.wait(LIMIT)

    def errors(self):
        return (self.folder / "skerryd.log").read_text()

    def children(self):
        """Returns the process ids of skerryd's processes by their names, as `skerryd-hook`."""
        pids = {}
        for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            with contextlib.suppress(OSError):      # it may have ended since
                pids[Path(f"/proc/{pid}/comm").read_text().strip()] = int(pid)
        return pids

    def web_pid(self):
        """Returns the process id of web."""
        return self.children().get("skerryd-web")

    # --- HTTP ---

    def connect(self, timeout=LIMIT):
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=timeout,
                                           context=self.context)

    def ask(self, connection, method, path, body=None, headers=None):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body=body, headers=headers)
        response = connection.getresponse()
        return Answer(response, response.read())

    def tls(self, method, path, body=None, token=None, headers=None, timeout=PATIENCE):
        """Makes one request over TLS; `token` None: the first token, "": no token."""
        headers = dict(headers or {})
        token = self.token if token is None else token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        connection = self.connect(timeout)
        try:
            return self.ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def local(self, method, path, body=None, headers=None, timeout=PATIENCE):
        connection = LocalConnection(self.socket, timeout)
        try:
            return self.ask(connection, method, path, body, headers)
        finally:
            connection.close()

    def make_token(self, roles, scope="*", **more):
        answer = self.local("POST", "/v1/tokens", {"name": "test", "roles": roles, "scope": scope,
                                                   **more})
        assert answer.status == 201, answer.body
        return answer.json()["token"]

    def raw(self, window=None):
        """
        Opens a TLS connection without HTTP; window: bytes that the kernel keeps unread for
        the test.
        """
        plain = socket.socket()
        if window:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        plain.settimeout(LIMIT)
        plain.connect(("127.0.0.1", self.port))
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)   # browsers set this option too
        return self.context.wrap_socket(plain)

    def events(self, query="", token=None, headers=None):
        return Events(self, query, token, headers)

    def websocket(self, path, protocols, headers=None, token=None, window=None):
        return WebSocket(self, path, protocols, headers, token, window)

    def stream(self, token=None, window=None):
        ticket = self.tls("POST", "/v1/stream/tickets", token=token).json()["ticket"]
        return self.websocket("/v1/stream", f"skerry.stream.v1, ticket.{ticket}", window=window)

    def console(self, vm, mode="write", query="", token=None):
        answer = self.tls("POST", f"/v1/vms/{vm}/console/tickets", {"mode": mode}, token=token)
        assert answer.status == 201, answer.body
        ticket = answer.json()["ticket"]
        return self.websocket(f"/v1/vms/{vm}/console{query}",
                              f"skerry.console.v1, ticket.{ticket}")


class Events:
    """
    Server-sent events, one after the other: (number, name, data); `id` is the last id as it
    came.
    """

    def __init__(self, server, query, token, headers):
        self.connection = server.connect()
        self.connection.request("GET", f"/v1/events{query}", headers={
            "Authorization": f"Bearer {token or server.token}", **(headers or {})})
        self.response = self.connection.getresponse()
        self.status = self.response.status
        self.id = None

    def next(self):
        number = name = data = None
        while True:
            line = self.response.readline().decode().rstrip("\n")
            key, _, value = line.partition(": ")
            if key == "id":
                self.id = value
                number = int(value.rpartition(".")[2])
            elif key == "event":
                name = value
            elif key == "data":
                data = json.loads(value)
            elif not line and name:
                return number, name, data

    def until(self, name):
        while True:
            event = self.next()
            if event[1] == name:
                return event

    def close(self):
        # The response holds the socket open beside the connection.
        self.connection.sock and self.connection.sock.close()
        self.response.close()
        self.connection.close()


class Closed(Exception):
    def __init__(self, code):
        super().__init__(code)
        self.code = code


class WebSocket:
    def __init__(self, server, path, protocols, headers=None, token=None, window=None):
        self.sock = server.raw(window)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [f"GET {path} HTTP/1.1", f"Host: 127.0.0.1:{server.port}", "Upgrade: websocket",
                 "Connection: Upgrade", "Sec-WebSocket-Version: 13", f"Sec-WebSocket-Key: {key}"]
        if protocols:
            lines.append(f"Sec-WebSocket-Protocol: {protocols}")
        if token:
            lines.append(f"Authorization: Bearer {token}")
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.sock.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        self.buffer = b""
        while b"\r\n\r\n" not in self.buffer:
            self.fill()
        head, _, self.buffer = self.buffer.partition(b"\r\n\r\n")
        first, *rest = head.decode().split("\r\n")
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value for name, value in
                        (line.split(": ", 1) for line in rest)}
        if self.status == 101:
            wanted = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
            assert self.headers["sec-websocket-accept"] == wanted

    def fill(self):
        data = self.sock.recv(65536)
        if not data:
            raise Closed(None)
        self.buffer += data

    def take(self, count):
        while len(self.buffer) < count:
            self.fill()
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def frame(self):
        """Returns (opcode, payload) of the next frame."""
        first, second = self.take(2)
        assert first & 0x80 and not second & 0x80, "servers send whole, unmasked frames"
        length = second
        if length == 126:
            length, = struct.unpack(">H", self.take(2))
        elif length == 127:
            length, = struct.unpack(">Q", self.take(8))
        return first & 15, self.take(length)

    def message(self):
        opcode, data = self.frame()
        if opcode == 8:
            raise Closed(struct.unpack(">H", data[:2])[0] if data else None)
        return data.decode() if opcode == 1 else data

    def json(self, kind=None):
        """Returns the next text message, of that type."""
        while True:
            message = self.message()
            if isinstance(message, str):
                value = json.loads(message)
                if kind is None or value.get("type") == kind:
                    return value

    def send_frame(self, opcode, data, final=True, mask=b"\x01\x02\x03\x04", reserved=0):
        head = bytes([(0x80 if final else 0) | reserved | opcode])
        if len(data) < 126:
            head += bytes([0x80 | len(data)])
        elif len(data) < 65536:
            head += bytes([0x80 | 126]) + struct.pack(">H", len(data))
        else:
            head += bytes([0x80 | 127]) + struct.pack(">Q", len(data))
        masked = bytes(byte ^ mask[place & 3] for place, byte in enumerate(data))
        self.sock.sendall(head + mask + masked)

    def send(self, data):
        if isinstance(data, str):
            self.send_frame(1, data.encode())
        else:
            self.send_frame(2, data)

    def read_until(self, wanted, ack=True):
        """Reads binary messages until the bytes hold `wanted`; returns all bytes."""
        got = b""
        while wanted not in got:
            message = self.message()
            if isinstance(message, bytes):
                got += message
                if ack:
                    self.send(json.dumps({"ack": len(message)}))
        return got

    def close(self):
        self.sock.close()
