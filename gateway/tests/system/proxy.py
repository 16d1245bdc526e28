# SPDX-License-Identifier: MIT
"""skerry-proxy, hosts over TLS with certificates of a CA of the test's, and a client that says any bytes."""
import os
import re
import select
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

from ports import free_port

KEY = "sk-test-0123456789abcdef-MUST-NOT-BE-SEEN"


def authority(folder, *names):
    """Makes a CA and a certificate for the names; returns (CA, certificate with its key)."""
    ca, ca_key, cert, key = (folder / name for name in ("ca.pem", "ca.key", "host.pem", "host.key"))
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    run = {"check": True, "capture_output": True}
    subprocess.run([*new, "-x509", "-days", "2", "-subj", "/CN=a test's", "-keyout", ca_key, "-out", ca], **run)
    (folder / "names").write_text("subjectAltName=" + ",".join(f"DNS:{name}" for name in names))
    subprocess.run([*new, "-subj", "/CN=host", "-keyout", key, "-out", folder / "host.csr"], **run)
    subprocess.run(["openssl", "x509", "-req", "-in", folder / "host.csr", "-CA", ca, "-CAkey", ca_key, "-days", "2",
                    "-CAcreateserial", "-extfile", folder / "names", "-out", cert], **run)
    cert.write_bytes(cert.read_bytes() + key.read_bytes())
    return ca, cert


class Host:
    """A host over TLS (or without): each connection goes to `serve(stream)`; what it has read is kept in `heads`."""

    def __init__(self, serve, certificate=None):
        self.serve, self.heads, self.wrong = serve, [], []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self.listener.getsockname()[1]
        self.context = None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.one, args=(connection,), daemon=True).start()

    def one(self, connection):
        try:
            with connection:
                connection.settimeout(60)
                if self.context:
                    connection = self.context.wrap_socket(connection, server_side=True)
                with connection, connection.makefile("rwb") as stream:
                    self.serve(self, stream)
        except (OSError, ValueError, AssertionError) as error:
            self.wrong.append(error)

    def close(self):
        # A thread may wait in accept(), which closing alone would not end.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()


def head(stream):
    """The first line and the headers of a message; [] at the end."""
    lines = []
    while (line := stream.readline()) not in (b"\r\n", b""):
        lines.append(line.decode("latin-1").rstrip("\r\n"))
    return lines


def value(lines, name):
    """All values of a header."""
    return [line.split(":", 1)[1].strip() for line in lines[1:] if line.lower().startswith(name.lower() + ":")]


def body(stream, lines):
    """Reads the body that the headers announce, in pieces."""
    if value(lines, "transfer-encoding"):
        while size := int(stream.readline(), 16):
            while size:
                piece = stream.read(min(size, 65536))
                size -= len(piece)
                yield piece
            assert stream.readline() == b"\r\n"
        assert stream.readline() == b"\r\n"
        return
    left = int(value(lines, "content-length")[0]) if value(lines, "content-length") else 0
    while left:
        piece = stream.read(min(left, 65536))
        assert piece, "the body is cut off"
        left -= len(piece)
        yield piece


def page(host, stream):
    """Answers each request with its first line and body."""
    while lines := head(stream):
        host.heads.append(lines)
        text = f"{lines[0]}\n".encode() + b"".join(body(stream, lines))
        stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX-Host: one\r\n\r\n" % len(text) + text)
        stream.flush()


class Client:
    """A connection to the proxy, from an address of its own."""

    def __init__(self, port, source="127.0.0.1"):
        self.socket = socket.create_connection(("127.0.0.1", port), 30, (source, 0))
        self.stream = self.socket.makefile("rwb")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()
        try:
            self.stream.close()
        except OSError:
            pass

    def send(self, text):
        self.stream.write(text.encode("latin-1") if isinstance(text, str) else text)
        self.stream.flush()
        return self

    def answer(self, method="GET"):
        """(status, headers, body) of the next answer; status 0: the connection has ended."""
        lines = head(self.stream)
        while lines and lines[0].split()[1] == "100":
            lines = head(self.stream)
        if not lines:
            return 0, [], b""
        return int(lines[0].split()[1]), lines, b"" if method == "HEAD" else b"".join(body(self.stream, lines))

    def get(self, url, method="GET", headers=(), content=b""):
        name = url.split("/")[2]
        more = [f"Content-Length: {len(content)}"] if content else []
        lines = [f"{method} {url} HTTP/1.1", f"Host: {name}", *headers, *more, "", ""]
        return self.send("\r\n".join(lines).encode("latin-1") + content).answer(method)


class Proxy:
    """skerry-proxy with a configuration, whose log is kept."""

    def __init__(self, program, folder, text):
        self.program, self.folder, self.conf = program, folder, folder / "proxy.conf"
        self.port = free_port()
        self.write(text)
        self.log_path = folder / "proxy.log"
        with open(self.log_path, "wb") as log:
            self.process = subprocess.Popen([program, self.conf], stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        self.wait_log("listens")

    def write(self, text):
        (self.folder / "key").write_text(KEY + "\n")
        # What is of no host stands above the first section.
        lines = sorted(text.splitlines(), key=lambda line: not line.startswith(("resolve", "connections", "names")))
        self.conf.write_text("\n".join([f"listen = 127.0.0.1:{self.port}", *lines, ""]))

    def log(self):
        return self.log_path.read_text()

    def wait_log(self, pattern, seconds=30):
        until = time.monotonic() + seconds
        while not re.search(pattern, self.log()):
            assert self.process.poll() is None and time.monotonic() < until, (pattern, self.log())
            time.sleep(0.02)
        return self.log()

    def client(self, source="127.0.0.1"):
        return Client(self.port, source)

    def family(self):
        """The ids of all its processes."""
        parents = {}
        for place in Path("/proc").glob("[0-9]*/stat"):
            try:
                said = place.read_text(encoding="latin-1")
            except OSError:
                continue        # it has ended meanwhile
            parents[int(place.parent.name)] = int(said.rsplit(")", 1)[1].split()[1])
        ids = [self.process.pid]
        for each in ids:        # which grows
            ids += [child for child, parent in parents.items() if parent == each]
        return ids

    def memory(self):
        """KiB of memory of the largest process of a connection."""
        def own(process):
            with open(f"/proc/{process}/status", encoding="ascii") as file:
                return sum(int(line.split()[1]) for line in file if line.startswith("RssAnon:"))
        return max(own(process) for process in self.family()[1:])

    def niceness(self):
        """How much less of a CPU each process of a connection gets than the first process, if others want it."""
        found = []
        for process in self.family():
            try:
                said = Path(f"/proc/{process}/stat").read_text(encoding="latin-1")
            except OSError:
                continue        # it has ended meanwhile
            found.append(int(said.rsplit(")", 1)[1].split()[16]))
        return [each - found[0] for each in found[1:]]

    def again(self):
        os.kill(self.process.pid, signal.SIGHUP)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
        assert self.process.wait(30) == 0, self.log()
        assert KEY not in self.log()


class Names(threading.Thread):
    """A name server that answers each question with the next of `answers`, a list of addresses."""

    def __init__(self, *answers):
        super().__init__(daemon=True)
        self.answers, self.asked = list(answers), []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            readable, _, _ = select.select([self.socket], [], [])
            question, client = self.socket.recvfrom(2048)
            if question == b"end":
                return
            addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            self.asked.append(question)
            records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\0\0\4" + socket.inet_aton(address) for address in addresses)
            self.socket.sendto(question[:2] + b"\x81\x80\0\1\0" + bytes([len(addresses)]) + bytes(4) + question[12:] +
                               records, client)

    def close(self):
        self.socket.sendto(b"end", ("127.0.0.1", self.port))
        self.join()
        self.socket.close()
