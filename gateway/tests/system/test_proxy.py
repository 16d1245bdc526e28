# SPDX-License-Identifier: MIT
"""skerry-proxy: what a guest may ask whom, with which header, and what it gets back."""
import ctypes
import os
import signal
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from client import wait_for
from proxy import KEY, Host, Names, Proxy, authority, body, head, page, value


@pytest.fixture(scope="module")
def world(request, tmp_path_factory):
    """The program, a CA, and a host `page` with its certificate."""
    class World:
        folder = tmp_path_factory.mktemp("proxy")
        program = str(Path(request.config.getoption("--gateway")) / "skerry-proxy")
        ca, certificate = authority(folder, "api.test", "other.test")
        host = Host(page, certificate)

        def rule(self, port=None, name="api.test", more=""):
            return (f"resolve = {name} 127.0.0.1\n[host {name}]\nport = {port or self.host.port}\n"
                    f"address = 127.0.0.0/8\nca = {self.ca}\n{more}\n")

        def key(self, port=None, more=""):
            return self.rule(port, more=f"header = Authorization: Bearer @{self.folder}/key\n{more}")
    made = World()
    yield made
    made.host.close()


@pytest.fixture
def proxy(world):
    made = []

    def make(text):
        made.append(Proxy(world.program, world.folder, text))
        return made[-1]
    yield make
    for each in made:
        each.close()


def test_header(world, proxy):
    """The host gets the rule's header in place of the guest's; neither the guest nor the log sees it."""
    one = proxy(world.key())
    with one.client() as client:
        for headers in ((), ("Authorization: mine", "authorization: x", "Author_ization: y", "AUTHORIZATION: z")):
            status, lines, text = client.get("http://api.test/v1/a?b=secret", headers=headers)
            assert (status, text) == (200, b"GET /v1/a?b=secret HTTP/1.1\n"), (text, one.log())
            assert value(lines, "x-host") == ["one"] and KEY not in str(lines)
            assert value(world.host.heads[-1], "authorization") == [f"Bearer {KEY}"]
            assert value(world.host.heads[-1], "host") == [f"api.test:{world.host.port}"]
        status, _, text = client.get("http://api.test/v1/b", "POST", content=b"x" * 100000)
        assert status == 200 and text.endswith(b"\n" + b"x" * 100000)
    log = one.wait_log("POST")
    assert "127.0.0.1 GET api.test /v1/a 200 up " in log and "secret" not in log, log


def test_refused(world, proxy):
    """Other hosts, ports, methods, paths and forms of requests are refused with what would be right."""
    one = proxy(world.key(more="methods = GET POST\npaths = /v1/"))
    port, begun = world.host.port, len(world.host.heads)
    for text, status, why in (
            ("GET http://evil.test/v1/ HTTP/1.1\r\nHost: evil.test\r\n", 403, r"no rule lets you ask evil.test"),
            ("GET http://127.0.0.1/v1/ HTTP/1.1\r\nHost: 127.0.0.1\r\n", 403, "no rule lets you ask 127.0.0.1"),
            ("GET http://api.test:22/v1/ HTTP/1.1\r\nHost: api.test:22\r\n", 403, f"at port {port} alone"),
            ("DELETE http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\n", 403, "by these methods: GET POST"),
            ("TRACE http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\n", 403, "by these methods"),
            ("GET http://api.test/v2/ HTTP/1.1\r\nHost: api.test\r\n", 403, "below /v1/"),
            ("GET http://api.test/v1/../admin HTTP/1.1\r\nHost: api.test\r\n", 403, "write the path without"),
            (f"CONNECT api.test:{port} HTTP/1.1\r\nHost: api.test:{port}\r\n", 403, "without CONNECT"),
            ("GET /v1/ HTTP/1.1\r\nHost: api.test\r\n", 400, "a whole URL"),
            ("GET http://api.test/v1/ HTTP/1.1\r\nHost: evil.test\r\n", 400, "must name the host of the URL"),
            ("GET http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\nHost: api.test\r\n", 400, "one header Host"),
            ("GET http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\nA: b\r\n c: d\r\n", 400, "begins with a blank"),
            ("GET http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\nA: b\0\r\n", 400, "no other control"),
            ("GET http://api.test/v1/ HTTP/1.1\nHost: api.test\n", 400, "end with CR LF"),
            ("POST http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n",
             400, "not both"),
            ("POST http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked, identity\r\n", 400, "chunked"),
            ("GET http://api.test/v1/ HTTP/1.1\r\nHost: api.test\r\nA: " + 40000 * "x" + "\r\n", 400, "32 KiB")):
        with one.client() as client:
            found, _, body = client.send(text + "\r\n").answer()
            assert found == status and why in body.decode(), (text, found, body)
            assert client.answer()[0] == 0, text
    assert len(world.host.heads) == begun
    # what a guest puts behind a request in the hope that the host takes it for another one
    with one.client() as client:
        smuggled = b"GET /v1/smuggled HTTP/1.1\r\nHost: api.test\r\n\r\n"
        assert client.get("http://api.test/v1/a", "POST", content=smuggled)[2].endswith(smuggled)
        chunk = b"5;a=b\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n"
        status, _, text = client.send(b"POST http://api.test/v1/b HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n"
                                      b"Connection: authorization, x-mine\r\nX-Mine: 1\r\nX-HTTP-Method-Override: DELETE\r\n"
                                      b"X.Original.URI: /admin\r\nX-Forwarded-Prefix: /a\r\n"
                                      b"Accept-Charset: utf-16\r\n"
                                      b"Proxy-Authorization: p\r\nTE: trailers\r\nUpgrade: h2c\r\n\r\n" + chunk).answer()
        assert (status, text) == (200, b"POST /v1/b HTTP/1.1\nhello")
        names = {line.split(":")[0].lower() for line in world.host.heads[-1][1:]}
        assert names == {"host", "authorization", "accept-encoding", "transfer-encoding", "connection"}, names
        assert client.send(b"POST http://api.test/v1/c HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n"
                           b"5\r\nhelloXX").answer()[0] == 400
    assert not any("smuggled" in lines[0] for lines in world.host.heads)


def test_echo(world, proxy):
    """A host that sends the key back, in headers or in a body and in pieces, is cut off before it."""
    def echo(host, stream):
        lines = head(stream)
        path = lines[0].split()[1]
        if path == "/said":
            key = value(lines, "authorization")[0].encode()
            stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(key) + key)
        elif path == "/header":
            stream.write(b"HTTP/1.1 200 OK\r\nX-You-Said: Bearer " + KEY.encode() + b"\r\nContent-Length: 0\r\n\r\n")
        elif path == "/interim":
            stream.write(b"HTTP/1.1 103 Early\r\nX: " + KEY.encode() + b"\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        else:
            text = b"you said: " + KEY.encode() + b" and more" if path == "/body" else KEY[:-1].encode()
            stream.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                         b"".join(b"1\r\n%c\r\n" % byte for byte in text) + b"0\r\n\r\n")
        stream.flush()

    host = Host(echo, world.certificate)
    one = proxy(world.key(host.port))
    for path in ("/header", "/interim"):
        with one.client() as client:
            status, lines, text = client.get(f"http://api.test{path}")
            assert status == 502 and b"has the key of the rule in its headers" in text and KEY not in str(lines)
    with one.client() as client:
        name = "api.test"
        client.send(f"GET http://{name}/body HTTP/1.1\r\nHost: {name}\r\n\r\n")
        said = client.stream.read()
        assert said.startswith(b"HTTP/1.1 200 OK\r\n") and b"sk-" not in said.replace(b"\r\n1\r\n", b"")
        assert not said.endswith(b"0\r\n\r\n")
    with one.client() as client:
        assert client.get("http://api.test/nearly")[2] == KEY[:-1].encode()
    one.wait_log("was cut off before it")
    # a host drops blanks around a key, and then sends back what is left
    (world.folder / "key").write_text(f" {KEY} \r\n")
    one.again()
    one.wait_log("has read")
    with one.client() as client:
        client.send("GET http://api.test/said HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\n\r\n")
        assert KEY.encode() not in client.stream.read()
    host.close()


def test_where(world, proxy):
    """The proxy connects to an address that the rule allows, and to the very one that it has looked at."""
    names = Names(["127.0.0.1"], ["9.9.9.9", "127.0.0.1"], ["169.254.169.254"], [])
    base = f"resolver = 127.0.0.1:{names.port}\n"
    rule = f"[host api.test]\nport = {world.host.port}\nca = {world.ca}\n"
    one = proxy(base + rule)
    with one.client() as client:
        found, _, text = client.get("http://api.test/")
        assert found == 403 and b"an address that its rule does not allow" in text, text
    two = proxy(base + rule + "address = 127.0.0.0/8\n")
    with two.client() as client:        # the first of two is not allowed by the rule; the second is taken
        assert client.get("http://api.test/rebound")[0] == 200
    with two.client() as client:
        assert client.get("http://api.test/")[0] == 403
    with two.client() as client:
        found, _, text = client.get("http://api.test/")
        assert found == 502 and b"no IPv4 address" in text
    assert len(names.asked) == 4
    names.close()
    # a name in no line and no server; a host that is not who it says; one that does not speak TLS
    three = proxy(f"resolver = 127.0.0.1:{names.port}\n" + world.rule(name="wrong.test") +
                  world.rule(Host(lambda host, stream: None).port) + world.rule(name="other.test").replace("127.0.0.1", "127.0.0.9"))
    for name, why in (("wrong.test", b"certificate is not one for its name"), ("api.test", b"TLS"),
                      ("other.test", b"no connection")):
        with three.client() as client:
            found, _, text = client.get(f"http://{name}/")
            assert found == 502 and why in text, text


def test_tunnel(world, proxy):
    """A tunnel goes to the rule's port alone, and carries bytes both ways until both ends have closed."""
    one = proxy(world.rule(more="tunnel = yes"))
    with one.client() as client:
        client.send(f"CONNECT api.test:{world.host.port} HTTP/1.0\r\n\r\n")
        assert head(client.stream) == ["HTTP/1.1 200 Connection established"]
        context = ssl.create_default_context(cafile=world.ca)
        with context.wrap_socket(client.socket, server_hostname="api.test") as secure:
            secure.sendall(b"GET /inside HTTP/1.1\r\nHost: api.test\r\n\r\n")
            assert secure.makefile("rb").readline() == b"HTTP/1.1 200 OK\r\n"
    assert "CONNECT api.test - 200 up" in one.wait_log("CONNECT")
    with one.client() as client:
        assert client.send("CONNECT api.test:22 HTTP/1.1\r\nHost: api.test:22\r\n\r\n").answer()[0] == 403


def test_many(world, proxy):
    """64 clients at once from 64 addresses are served; of one address there may be so many, and of bytes."""
    one = proxy("connections.client = 2\n" + world.key(more="bytes = 300K"))
    clients = [one.client(f"127.0.1.{number}") for number in range(64)]
    for client in clients:
        client.send("GET http://api.test/many HTTP/1.1\r\nHost: api.test\r\n\r\n")
    for client in clients:
        assert client.answer()[0] == 200
    for client in clients:      # none of them has to connect again
        assert client.get("http://api.test/again")[0] == 200
    with one.client("127.0.1.5"):
        assert one.client("127.0.1.5").answer()[0] == 503
    for client in clients:
        client.__exit__()
    until = time.monotonic() + 30
    while len(one.family()) > 1:
        assert time.monotonic() < until, one.family()
        time.sleep(0.05)
    with one.client("127.0.2.1") as client:
        assert client.get("http://api.test/", "POST", content=bytes(100000))[0] == 200
        assert client.get("http://api.test/", "POST", content=bytes(200000))[0] in (0, 429)
    with one.client("127.0.2.1") as client:
        assert client.get("http://api.test/")[0] == 429
    with one.client("127.0.2.2") as client:
        assert client.get("http://api.test/")[0] == 200


def test_slow(world, proxy):
    """Who reads or writes slowly holds nobody else up; a host that stalls neither."""
    def stall(host, stream):
        head(stream)
        stream.read(1)

    host = Host(stall, world.certificate)
    one = proxy(world.key() + world.rule(host.port, "other.test"))
    waiting = [one.client() for _ in range(12)]
    for number, client in enumerate(waiting):
        client.send(["GET http://api.test/ HT", "GET http://other.test/ HTTP/1.1\r\nHost: other.test\r\n\r\n", "",
                     "POST http://api.test/ HTTP/1.1\r\nHost: api.test\r\nContent-Length: 9\r\n\r\n123"][number % 4])
    # who has twelve connections gets less of the CPU by the last of them, and others as much as before
    until = time.monotonic() + 30
    while max(one.niceness(), default=0) < min(11, 19 - os.nice(0)):
        assert time.monotonic() < until, one.niceness()
        time.sleep(0.05)
    with one.client("127.0.0.2") as client:
        assert client.get("http://api.test/quick")[0] == 200
        assert one.niceness().count(0) >= 2
    began = time.monotonic()
    with one.client() as client:
        for _ in range(5):
            assert client.get("http://api.test/quick")[0] == 200
    assert time.monotonic() - began < 8
    assert waiting[0].answer()[0] == 408 and time.monotonic() - began < 25
    for client in waiting:
        client.__exit__()
    host.close()


def test_big(world, proxy):
    """64 MiB go up and come down at once through memory that stays as it was."""
    size = 64 << 20

    def mirror(host, stream):
        lines = head(stream)
        stream.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for piece in body(stream, lines):
            stream.write(piece)
        stream.flush()

    host = Host(mirror, world.certificate)
    one = proxy(world.key(host.port))
    with one.client() as client:
        piece = os.urandom(1 << 20)

        def feed():
            client.socket.sendall(b"POST http://api.test/ HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(size >> 20):
                client.socket.sendall(b"%x\r\n" % len(piece) + piece + b"\r\n")
            client.socket.sendall(b"0\r\n\r\n")
        feeder = threading.Thread(target=feed, daemon=True)
        feeder.start()
        lines = head(client.stream)
        assert lines[0].split()[1] == "200"
        memory = []
        for number in range(size >> 20):
            assert client.stream.read(1 << 20) == piece
            if number == 32:
                time.sleep(1)       # the client stops for a while, and the others go on if they can
            if number % 16 == 0:
                memory.append(one.memory())
        feeder.join()
        assert max(memory) - memory[0] < 512, memory
    host.close()


def test_cut(world, proxy):
    """A host that closes in the midst of its answer's head is found out at once."""
    def cut(host, stream):
        head(stream)
        stream.write(b"HTTP/1.1 200 OK\r\nX-Part: ")

    host = Host(cut, world.certificate)
    one = proxy(world.key(host.port))
    with one.client() as client:
        client.socket.settimeout(20)
        status, _, text = client.get("http://api.test/")
        assert status == 502 and b"before its answer was complete" in text
    host.close()


def test_reaps(world, proxy):
    """No process of a connection is left to whoever reaps orphans here; SIGHUP to all of them ends none."""
    assert ctypes.CDLL(None).prctl(36, 1, 0, 0, 0) == 0       # PR_SET_CHILD_SUBREAPER: orphans come to this process
    try:
        one = proxy(world.key())
        with one.client() as client:
            assert client.get("http://api.test/")[0] == 200
            for process in one.family()[1:]:
                os.kill(process, signal.SIGHUP)
            assert client.get("http://api.test/")[0] == 200
        for number in range(20):
            with one.client() as client:
                assert client.get("http://api.test/")[0] == 200
        until = time.monotonic() + 30
        while len(one.family()) > 1:
            assert time.monotonic() < until, one.family()
            time.sleep(0.05)
        mine = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        left = [child for child in mine if int(child) != one.process.pid and
                Path(f"/proc/{child}/comm").read_text(encoding="ascii") == "skerry-proxy\n"]
        assert not left, left
    finally:
        ctypes.CDLL(None).prctl(36, 0, 0, 0, 0)


def test_started_by_one_that_ignores_its_children(world, proxy):
    """Connections that are over make room, though SIGCHLD was ignored by whoever started the program."""
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        one = proxy("connections.client = 2\n" + world.key())
    finally:
        signal.signal(signal.SIGCHLD, before)
    for _ in range(6):
        with one.client() as client:
            assert client.get("http://api.test/")[0] == 200
        until = time.monotonic() + 30
        while len(one.family()) > 1:
            assert time.monotonic() < until, one.family()
            time.sleep(0.05)


def test_log(world, proxy):
    """When whoever reads the log has gone, all goes on, and SIGHUP too."""
    one = proxy(world.key())
    one.process.terminate()
    assert one.process.wait(30) == 0
    again = subprocess.Popen([world.program, one.conf], stderr=subprocess.PIPE)
    try:
        assert b"listens" in again.stderr.readline()
        again.stderr.close()
        with one.client() as client:
            for _ in range(3):
                assert client.get("http://api.test/")[0] == 200
            again.send_signal(signal.SIGHUP)
            until = time.monotonic() + 30
            while client.get("http://api.test/")[0] == 200:     # by the old rules
                assert time.monotonic() < until
        with one.client() as client:
            assert client.get("http://api.test/")[0] == 200
        assert again.poll() is None
    finally:
        again.kill()
        again.wait(30)


def test_again(world, proxy):
    """SIGHUP reads rules and keys again; with a wrong file the old ones stay. Both processes of a connection are held in."""
    one = proxy(world.key())
    one.conf.write_text("nonsense\n")
    one.again()
    assert "a line is KEY = VALUE" in one.wait_log("goes on by")
    old = one.client()
    assert old.get("http://api.test/")[0] == 200
    one.write(world.key(more="paths = /only/"))
    (world.folder / "key").write_text("another-key-of-the-host\n")
    one.again()
    one.wait_log("has read")
    status, _, text = old.get("http://api.test/")
    assert status == 503 and b"connect again" in text, text
    old.__exit__()
    with one.client() as client:
        assert client.get("http://api.test/only/")[0] == 200
        assert value(world.host.heads[-1], "authorization") == ["Bearer another-key-of-the-host"]
        assert client.get("http://api.test/")[0] == 403
    asked = len(world.host.heads)
    # an upload under way goes on by the old rules, and none of its bytes are counted by a new one
    one.write(world.rule(more="bytes = 10M"))
    one.again()
    one.wait_log("has read(.|\n)*has read")
    with one.client() as client:
        client.send(b"POST http://api.test/ HTTP/1.1\r\nHost: api.test\r\nContent-Length: 500001\r\n\r\n1")
        until = time.monotonic() + 30
        while len(world.host.heads) == asked:
            assert time.monotonic() < until
            time.sleep(0.02)
        one.write(world.rule(name="other.test", more="bytes = 100K") + world.key(more="paths = /only/"))
        one.again()
        one.wait_log("has read(.|\n)*has read(.|\n)*has read")
        assert client.send(bytes(500000)).answer()[0] == 200
    with one.client() as client:
        assert client.get("http://other.test/")[0] == 200
    # what the two processes of a connection may do
    with one.client() as client:
        assert client.get("http://api.test/only/")[0] == 200
        # those of the connection before are there until they have ended
        family = wait_for(lambda: len(found := one.family()) == 3 and found, what="the end of other connections")
        for process in family[1:]:
            said = Path(f"/proc/{process}/status").read_text(encoding="ascii")
            # that of the whole program, and that of the process
            assert "Seccomp_filters:\t2\n" in said and "NoNewPrivs:\t1\n" in said, said


def test_trust(world, proxy):
    """The system's certificates are in memory once, however many hosts there are: each connection copies its tables."""
    sizes = []
    for count in (1, 60):
        text = "".join(f"[host h{number}.test]\n" for number in range(count))
        (world.folder / "check.conf").write_text("listen = 127.0.0.1:1\n" + text)
        if subprocess.run([world.program, "--check", world.folder / "check.conf"], capture_output=True, check=False).returncode:
            pytest.skip("this system has no certificates")
        one = proxy(text)
        said = Path(f"/proc/{one.process.pid}/status").read_text(encoding="ascii")
        sizes += [int(line.split()[1]) for line in said.splitlines() if line.startswith("RssAnon:")]
        one.again()
        one.wait_log("has read")
    assert sizes[1] < sizes[0] + 4096, sizes


@pytest.mark.parametrize("text, why", [
    ("", "listen = ADDRESS:PORT is missing"),
    ("listen = 127.0.0.1:1\n[host a.test]\ncolour = red\n", "conf:3: the keys of a host are"),
    ("listen = 127.0.0.1:1\n[host a.test]\nheader = A: @/nowhere\n", "conf:3: the file behind @ cannot be opened"),
    ("listen = 127.0.0.1:1\n[host a.test]\ntunnel = yes\nheader = A: b\n", "either tunnel = yes or a header"),
    ("listen = 127.0.0.1:1\n[host a/b]\n", "conf:2: a host has a name")])
def test_wrong(world, tmp_path, text, why):
    """A configuration with a mistake is refused with the line and what would be right."""
    conf = tmp_path / "conf"
    conf.write_text(text)
    for words in ([world.program, conf], [world.program, "--check", conf]):
        done = subprocess.run(words, capture_output=True, text=True, timeout=30)
        assert done.returncode == 1 and why in done.stderr, done
