# SPDX-License-Identifier: MIT
"""As much HTTP/1.1 and WebSocket (RFC 6455) as the mock server needs, over asyncio streams."""

import asyncio
import base64
import gzip
import hashlib
import json
import struct
from urllib.parse import parse_qs, unquote, urlsplit

MAGIC = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
REASONS = {200: "OK", 201: "Created", 202: "Accepted", 204: "No Content", 101: "Switching Protocols"}


class Request:
    def __init__(self, method, target, headers, body, writer, reader):
        parts = urlsplit(target)
        self.method, self.headers, self.body = method, headers, body
        self.path = unquote(parts.path)
        self.words = [unquote(word) for word in parts.path.split("/") if word]
        self.query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        self.writer, self.reader = writer, reader

    def json(self):
        return json.loads(self.body or b"{}")

    def cookie(self, name):
        for part in self.headers.get("cookie", "").split(";"):
            key, _, value = part.strip().partition("=")
            if key == name:
                return value
        return None


class Problem(Exception):
    def __init__(self, status, code, detail, **more):
        super().__init__(detail)
        self.status = status
        self.body = {"type": "about:blank", "title": code.replace("-", " "), "status": status,
                     "code": code, "detail": detail, "request_id": "mock", **more}


async def read_request(reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    method, target, _ = head[0].split(" ")
    headers = {}
    for line in head[1:]:
        key, _, value = line.partition(":")
        if key:
            headers[key.strip().lower()] = value.strip()
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body, writer, reader)


def send(request, status, body=b"", headers=(), kind="application/json"):
    if not isinstance(body, bytes):
        body = json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Error')}", f"Content-Type: {kind}"]
    if "gzip" in request.headers.get("accept-encoding", "") and len(body) > 1000:
        body = gzip.compress(body, 6)
        lines.append("Content-Encoding: gzip")
    lines += [f"Content-Length: {len(body)}", *[f"{key}: {value}" for key, value in headers]]
    request.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)


class Socket:
    """A server's side of a WebSocket."""

    def __init__(self, request, protocol):
        self.reader, self.writer = request.reader, request.writer
        key = request.headers["sec-websocket-key"] + MAGIC
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.writer.write((
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())

    def send(self, data):
        if self.writer.is_closing():
            return
        code = 2 if isinstance(data, bytes) else 1
        if not isinstance(data, bytes):
            data = json.dumps(data).encode()
        size = len(data)
        head = bytes([0x80 | code])
        if size < 126:
            head += bytes([size])
        elif size < 65536:
            head += struct.pack(">BH", 126, size)
        else:
            head += struct.pack(">BQ", 127, size)
        self.writer.write(head + data)

    def close(self, code=1000, reason=""):
        if not self.writer.is_closing():
            data = struct.pack(">H", code) + reason.encode()
            self.writer.write(bytes([0x88, len(data)]) + data)
            self.writer.close()

    async def receive(self):
        """Bytes for binary, str for text, None at the end."""
        try:
            while True:
                first, second = await self.reader.readexactly(2)
                size = second & 127
                if size == 126:
                    size, = struct.unpack(">H", await self.reader.readexactly(2))
                elif size == 127:
                    size, = struct.unpack(">Q", await self.reader.readexactly(8))
                mask = await self.reader.readexactly(4) if second & 128 else bytes(4)
                data = await self.reader.readexactly(size)
                data = bytes(byte ^ mask[n & 3] for n, byte in enumerate(data))
                code = first & 15
                if code == 8:
                    return None
                if code == 9:
                    self.writer.write(bytes([0x8a, len(data)]) + data)
                elif code in (1, 2):
                    return data.decode() if code == 1 else data
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
