# SPDX-License-Identifier: MIT
"""
A small server with skerryd's paths and answers that a test chooses: for answers that a client must
withstand and that skerryd itself does not give.
"""
import base64
import hashlib
import http.server
import json
import ssl
import subprocess
import threading

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
VM = {"name": "alpha", "uuid": "1", "state": "running", "reason": "", "exit_code": None, "vcpus": 2,
      "memory_bytes": 268435456, "resident_bytes": 104857600, "uptime_s": 3723.5, "cpu_s": 3.1,
      "exits": "1234", "weight": 256, "cap_percent": None, "boots": 1, "sample": None}


def certificate(folder, name="a"):
    """Makes a key and a certificate in one file, and returns the certificate's fingerprint."""
    path = folder / f"{name}.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                    "ec_paramgen_curve:P-256", "-nodes", "-keyout", path, "-out", f"{path}.crt",
                    "-days", "2", "-subj", "/CN=skerry"], check=True, capture_output=True)
    text = (folder / f"{name}.pem.crt").read_text()
    path.write_text(path.read_text() + text)
    der = base64.b64decode("".join(text.splitlines()[1:-1]))
    return path, hashlib.sha256(der).hexdigest()


def frame(op, data, last=True):
    head = bytes([(0x80 if last else 0) | op])
    size = len(data)
    return head + (bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big")) + data


def read_frame(file):
    """Returns (op, payload) of a client's frame, or None at the end."""
    head = file.read(2)
    if len(head) < 2:
        return None
    assert head[1] & 0x80, "a client's frame has to be masked"
    size = head[1] & 0x7f
    if size == 126:
        size = int.from_bytes(file.read(2), "big")
    mask = file.read(4)
    data = bytes(byte ^ mask[i & 3] for i, byte in enumerate(file.read(size)))
    return head[0] & 15, data


class Server(http.server.ThreadingHTTPServer):
    """answers[(verb, path without query)] = (status, object or bytes, headers) or a function of the
    handler; `seen` has (verb, path, headers, body) of each request."""
    daemon_threads = True

    def __init__(self, pem):
        super().__init__(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        self.socket = context.wrap_socket(self.socket, server_side=True)
        self.answers = {}
        self.seen = []
        self.url = f"https://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, request, client_address):
        pass

    def stop(self):
        self.shutdown()
        self.server_close()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        path = self.path.split("?")[0]
        self.server.seen.append((self.command, self.path, dict(self.headers), body))
        found = self.server.answers.get((self.command, path))
        if found is None:
            found = (404, {"status": 404, "code": "not-found", "title": "Not found",
                           "detail": "there is no such thing"}, {})
        if callable(found):
            found = found(self)
        if found is not None:
            self.give(*found)

    do_GET = do_POST = do_PATCH = do_DELETE = answer

    def give(self, status, value, headers=None):
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(status)
        for key, text in (headers or {}).items():
            self.send_header(key, text)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(b"" if status == 204 else body)

    def chunks(self, pieces):
        """Answers with a body whose length is not known before."""
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            self.wfile.flush()

    def upgrade(self):
        key = self.headers["Sec-WebSocket-Key"]
        accept = base64.b64encode(hashlib.sha1((key + GUID).encode()).digest()).decode()
        self.send_response(101)
        for line in (("Upgrade", "websocket"), ("Connection", "Upgrade"),
                     ("Sec-WebSocket-Accept", accept),
                     ("Sec-WebSocket-Protocol", "skerry.console.v1")):
            self.send_header(*line)
        self.end_headers()
        self.wfile.flush()
        self.close_connection = True
