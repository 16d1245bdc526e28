# SPDX-License-Identifier: MIT
"""skerryctl against a server that answers as a test wants: trust, tokens, codes, hostile answers."""
import json
import os
import socket
import subprocess
import time
import threading

import pexpect
import pytest

from rest_server import VM, Server, certificate, frame, read_frame

TOKEN = "sky_" + "a" * 43


@pytest.fixture(scope="module")
def pems(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pems")
    return certificate(folder, "a"), certificate(folder, "b")


class Client:
    def __init__(self, program, server, folder, fingerprint):
        self.program, self.server, self.fingerprint = program, server, fingerprint
        self.environment = {"PATH": os.environ["PATH"], "XDG_CONFIG_HOME": str(folder),
                            "SKERRY_HOST": server.url, "SKERRY_TOKEN": TOKEN, "LC_ALL": "C.UTF-8"}

    def run(self, *words, trust=True, stdin="", **environment):
        words = (["--fingerprint", self.fingerprint] if trust else []) + list(words)
        return subprocess.run([self.program, *words], env={**self.environment, **environment},
                              capture_output=True, input=stdin, text=True, timeout=20,
                              start_new_session=True)

    def spawn(self, *words):
        return pexpect.spawn(self.program, ["--fingerprint", self.fingerprint, *words],
                             env=self.environment, timeout=10, encoding="utf-8", echo=False)


@pytest.fixture
def client(request, pems, tmp_path):
    server = Server(pems[0][0])
    yield Client(request.config.getoption("--gateway") + "/skerryctl", server, tmp_path, pems[0][1])
    server.stop()


def problem(status, code, detail="no", **more):
    return status, {"type": "about:blank", "title": "t", "status": status, "code": code,
                    "detail": detail, **more}, {}


def listing(*vms):
    return 200, {"items": [{**VM, **vm} for vm in vms], "next": None, "stale": False}, {}


def test_list(client):
    client.server.answers["GET", "/v1/vms"] = listing({}, {"name": "beta", "state": "crashed",
                                                           "reason": "triple fault"})
    done = client.run("vm", "list")
    assert done.returncode == 0, done.stderr
    title, alpha, beta = done.stdout.splitlines()
    assert title.split()[:2] == ["NAME", "STATE"]
    assert alpha.split() == ["alpha", "running", "2", "256M", "100M", "1:02:03", "3.1", "-", "-"]
    assert beta.endswith("triple fault")
    assert client.server.seen[0][2]["Authorization"] == f"Bearer {TOKEN}"
    assert [vm["name"] for vm in json.loads(client.run("vm", "list", "--json").stdout)] == [
        "alpha", "beta"]


def test_pages_and_chunks(client):
    """A list comes in two pages, the second page in chunks of one byte."""
    def page(handler):
        if "after=" not in handler.path:
            return 200, {"items": [VM], "next": "a/b", "stale": True}, {}
        assert handler.path.endswith("after=a%2Fb")
        body = json.dumps({"items": [{**VM, "name": "omega"}], "next": None}).encode()
        return handler.chunks([body[i:i + 1] for i in range(len(body))] + [b""])
    client.server.answers["GET", "/v1/vms"] = page
    done = client.run("vm", "list")
    assert "alpha" in done.stdout and "omega" in done.stdout, done.stderr


def test_nothing_moves_the_terminal(client):
    """Names and reasons are a guest's or a stranger's: no control byte, no turned text gets out."""
    evil = "a\x1b[2J\u009b\u202e\u200b\x07\r\n\x7f\\é"
    client.server.answers["GET", "/v1/vms"] = listing({"name": evil, "reason": evil})
    for words in (("vm", "list"), ("vm", "list", "--json")):
        done = client.run(*words)
        shown = done.stdout.replace("\n", "")
        assert shown.replace("é", "").isascii() and shown.isprintable(), done.stdout
    assert json.loads(done.stdout)[0]["name"] == evil
    assert r"a\x1b[2J\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\x07\x0d\x0a\x7f\\é" in client.run("vm", "list").stdout
    client.server.answers["POST", "/v1/vms/alpha/actions/stop"] = problem(409, "bad-state", evil)
    assert "\x1b" not in client.run("vm", "stop", "alpha").stderr


@pytest.mark.parametrize("status, code, number", [
    (401, "unauthenticated", 4), (403, "forbidden", 4), (404, "not-found", 3), (409, "bad-state", 5),
    (409, "busy", 5), (412, "changed", 5), (422, "bad-argument", 1), (429, "rate-limited", 1),
    (503, "link-down", 6)])
def test_exit_codes(client, status, code, number):
    client.server.answers["POST", "/v1/vms/alpha/actions/start"] = problem(
        status, code, "a sentence", allowed_states=["stopped", "crashed"])
    done = client.run("vm", "start", "alpha")
    assert done.returncode == number
    assert "alpha: a sentence; allowed when stopped, crashed" in done.stderr


def test_template_of_nobody(client):
    """A template whose machine cannot be looked at is not made, and is not taken for one that is there."""
    client.server.answers["GET", "/v1/vms/alpha"] = problem(403, "forbidden", "a sentence")
    for words in ((), ("net.egress=none",)):
        done = client.run("template", "alpha", *words)
        assert (done.returncode, done.stderr) == (4, "skerryctl: a sentence\n")
    assert {seen[0] for seen in client.server.seen} == {"GET"}


def test_several(client):
    """
    A VM that fails does not keep the others from being handled; the first failure is the exit
    code.
    """
    good = 200, {"changed": True, "vm": VM}, {}
    client.server.answers["POST", "/v1/vms/alpha/actions/pause"] = good
    client.server.answers["POST", "/v1/vms/gamma/actions/pause"] = good
    done = client.run("vm", "pause", "alpha", "none", "gamma")
    assert done.returncode == 3
    assert "alpha: pause" in done.stdout and "gamma: pause" in done.stdout and "none" in done.stderr


def test_slow(client):
    """skerryctl waits for an operation and tells why it failed."""
    left = [2]

    def operation(_):
        left[0] -= 1
        state = "running" if left[0] else "failed"
        return 200, {"id": "7", "state": state, "target": "alpha",
                     "problem": None if left[0] else problem(409, "bad-state", "it stays")[1]}, {}
    client.server.answers["POST", "/v1/vms/alpha/actions/stop"] = (
        202, {"id": "7", "state": "running", "problem": None, "target": "alpha"},
        {"Location": "/v1/operations/7"})
    client.server.answers["GET", "/v1/operations/7"] = operation
    done = client.run("vm", "stop", "alpha")
    assert done.returncode == 5 and "alpha: it stays" in done.stderr and left[0] == 0


def test_set_only_what_was_seen(client):
    client.server.answers["GET", "/v1/vms/alpha"] = 200, VM, {"ETag": '"r7"'}
    client.server.answers["PATCH", "/v1/vms/alpha"] = problem(412, "changed")
    assert client.run("vm", "set", "alpha", "weight=200", "cap=").returncode == 5
    _, _, headers, body = client.server.seen[-1]
    assert headers["If-Match"] == '"r7"'
    assert json.loads(body) == {"config": {"weight": "200", "cap": None}}


def test_names_stay_names(client):
    """A name is one step of the path, whatever characters are in it."""
    client.run("vm", "kill", "../host/actions/poweroff?x", "..")
    paths = [path for _, path, _, _ in client.server.seen]
    assert paths == ["/v1/vms/..%2Fhost%2Factions%2Fpoweroff%3Fx/actions/kill",
                     "/v1/vms/%2E%2E/actions/kill"]


# --- trust ---

def test_not_trusted_without_a_word(client):
    """Where nobody can be asked about the certificate nothing is sent, the token least of all."""
    done = client.run("vm", "list", trust=False)
    assert done.returncode == 7 and client.fingerprint in done.stderr
    assert client.server.seen == []


def test_changed_certificate(client, pems):
    client.server.answers["GET", "/v1/vms"] = listing({})
    assert client.run("vm", "list").returncode == 0
    assert client.run("vm", "list", trust=False).returncode == 0
    known = os.path.join(client.environment["XDG_CONFIG_HOME"], "skerry/known_hosts")
    name = client.server.url.removeprefix("https://")
    with open(known, encoding="ascii") as file:
        assert file.read() == f"{name} {client.fingerprint}\n"
    with open(known, "w", encoding="ascii") as file:
        file.write(f"{name} {pems[1][1]}\n")
    seen = len(client.server.seen)
    for trust in (False, True):
        done = client.run("vm", "list", trust=trust)
        assert done.returncode == 7 and "shows another certificate than before" in done.stderr
    assert len(client.server.seen) == seen


def test_asked(client):
    """skerryctl asks once on a terminal about the certificate, and keeps the answer."""
    client.server.answers["GET", "/v1/vms"] = listing({})
    terminal = pexpect.spawn(client.program, ["vm", "list"], env=client.environment, timeout=10,
                             encoding="utf-8")
    terminal.expect(client.fingerprint)
    terminal.sendline("n")
    terminal.expect("is not trusted")
    terminal.expect(pexpect.EOF)
    terminal = pexpect.spawn(client.program, ["vm", "list"], env=client.environment, timeout=10,
                             encoding="utf-8")
    terminal.expect("from now on")
    terminal.sendline("y")
    terminal.expect("alpha")
    terminal.expect(pexpect.EOF)
    assert client.run("vm", "list", trust=False).returncode == 0


def test_force(client):
    """The server's refusal is told; with --force the server is asked to do it all the same."""
    def answer(handler):
        if "force=true" in handler.path:
            return 204, {}, {}
        return problem(409, "own-vm", "this gateway runs in web; with force=true it is done")
    client.server.answers["DELETE", "/v1/vms/web"] = answer
    refused = client.run("vm", "destroy", "web")
    assert refused.returncode != 0 and "this gateway runs in web" in refused.stderr
    done = client.run("vm", "destroy", "--force", "web")
    assert (done.returncode, done.stdout) == (0, "web: destroyed\n"), done.stderr


def test_login(client):
    """login tries the token, then keeps it for this host, readable by the user alone."""
    client.server.answers["GET", "/v1/me"] = 200, {"name": "alice", "roles": [], "scope": "*"}, {}
    client.server.answers["GET", "/v1/vms"] = listing({})
    assert client.run("login", TOKEN).returncode == 2
    done = client.run("login", stdin="sky_mine\n", SKERRY_TOKEN="")
    assert done.returncode == 0 and "alice" in done.stdout and "sky_mine" not in done.stdout
    kept = done.stdout.split("kept in ")[1].strip()
    assert os.stat(kept).st_mode & 0o777 == 0o600
    client.run("vm", "list", SKERRY_TOKEN="")
    assert client.server.seen[-1][2]["Authorization"] == "Bearer sky_mine"
    os.chmod(kept, 0o644)
    done = client.run("vm", "list", SKERRY_TOKEN="")
    assert done.returncode == 2 and "others may read" in done.stderr


def test_refused_login_keeps_nothing(client):
    client.server.answers["GET", "/v1/me"] = problem(401, "unauthenticated")
    assert client.run("login", stdin="sky_wrong\n", SKERRY_TOKEN="").returncode == 4
    assert not os.path.exists(os.path.join(client.environment["XDG_CONFIG_HOME"], "skerry/tokens"))


# --- answers that are none ---

@pytest.mark.parametrize("answer", [
    b"SSH-2.0-OpenSSH_9\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70000,
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 9000 + b"\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"])
def test_not_an_answer(client, answer):
    def raw(handler):
        handler.wfile.write(answer)
        handler.close_connection = True
    client.server.answers["GET", "/v1/vms"] = raw
    done = client.run("vm", "list")
    assert done.returncode == 6 and done.stderr.startswith("skerryctl: "), done


def test_nobody_there(client, tmp_path):
    assert client.run("--host", "https://127.0.0.1:1", "vm", "list", SKERRY_HOST="").returncode == 6
    assert client.run("--socket", str(tmp_path / "none"), "vm", "list").returncode == 6
    assert client.run("--host", "http://a", "vm", "list").returncode == 2


@pytest.mark.parametrize("answer, words", [
    (b"HTTP/1.1 400 Bad Request\r\n\r\n", "its answer begins with 0x48, which is no TLS"),
    (b"\x16\x03\x03\x00\x04\x02\xff\xff\xff", "TLS handshake, after nothing: ")])
def test_bad_tls(client, answer, words):
    """The words tell a server in plain text from a server that breaks its first message off."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        def serve():
            with listener.accept()[0] as peer:
                peer.recv(4096)
                peer.sendall(answer)
        thread = threading.Thread(target=serve)
        thread.start()
        host = f"https://127.0.0.1:{listener.getsockname()[1]}"
        done = client.run("--host", host, "vm", "list")
        thread.join()
    assert done.returncode == 6 and words in done.stderr, done


# --- events ---

def test_events(client):
    """The kept events are shown; a broken stream is taken up behind the last event seen."""
    def stream(handler):
        last = handler.headers.get("Last-Event-ID")
        if last in (None, "0"):
            handler.chunks([b'event: snapshot\ndata: {"vms":[]}\n\n',
                            b'id: 16\nevent: crashed\ndata: {"time_s":1.5,"vm":"al',
                            b'pha","reason":"triple \\u001b fault"}\n\n'])
        elif last == "16":
            handler.chunks([b': alive\n\nid: ab12.17\nevent: started\ndata: {"time_s":2,"vm":"beta"}\n\n', b""])
        else:
            assert last == "ab12.17"
            handler.chunks([b'id: ab12.99\nevent: ended\ndata: {"time_s":3,"vm":"beta"}\n\n'])
            handler.rfile.read(1)
        handler.close_connection = True
    client.server.answers["GET", "/v1/events"] = stream
    done = client.run("events")
    assert done.stdout == "16 1.500 alpha crashed: triple \\x1b fault\n", done
    assert done.stderr == "", done
    assert "not all of what happened" in client.run("events", "--since", "0").stderr
    terminal = client.spawn("events", "--follow")
    terminal.expect("16 1.500 alpha crashed")
    terminal.expect("17 2.000 beta started")
    terminal.expect("99 3.000 beta ended")
    terminal.close(force=True)


# --- console ---

def console(client, talk):
    """Opens alpha's console, and calls talk(handler) once it is open."""
    def opened(handler):
        handler.upgrade()
        return talk(handler)
    client.server.answers["POST", "/v1/vms/alpha/console/tickets"] = (
        201, {"ticket": "T123", "expires_s": 30}, {})
    client.server.answers["GET", "/v1/vms/alpha/console"] = opened


def test_console(client):
    """
    The console shows output, a ping between, a message in pieces; it sends input, credit, and
    ends at Ctrl-].
    """
    got = []

    def talk(handler):
        handler.wfile.write(frame(1, b'{"from":"100","lost":5}') + frame(2, b"log", last=False) +
                            frame(9, b"ping") + frame(0, b"in: "))
        handler.wfile.flush()
        while (one := read_frame(handler.rfile)) is not None:
            got.append(one)
            if one == (2, b"r"):
                handler.wfile.write(frame(2, b"ROOT"))
                handler.wfile.flush()
    console(client, talk)
    terminal = client.spawn("console", "alpha")
    terminal.expect(r"\[5 bytes are lost\]")
    terminal.expect("login: ")
    terminal.send("r")
    terminal.expect("ROOT")
    terminal.send("x\x1d")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert (10, b"ping") in got and (2, b"x") in got
    assert sum(json.loads(data)["ack"] for op, data in got if op == 1) == 11
    headers = client.server.seen[-1][2]
    assert headers["Sec-WebSocket-Protocol"] == "skerry.console.v1, ticket.T123"
    assert headers["Origin"] == client.server.url


def test_console_comes_back(client):
    """A connection that breaks is taken up at the byte after the last one shown."""
    def talk(handler):
        if "from=" not in handler.path:
            handler.wfile.write(frame(1, b'{"from":"100","lost":0}') + frame(2, b"first"))
            return
        assert handler.path.endswith("?from=105")
        handler.wfile.write(frame(1, b'{"from":"105","lost":0}') + frame(2, b"second") +
                            frame(8, (1000).to_bytes(2, "big")))
    console(client, talk)
    done = client.run("console", "alpha")
    assert done.returncode == 0, done
    assert done.stdout == "firstsecond"
    assert done.stderr == "[connection lost]\n[connected again]\n"


def test_console_leaves(client):
    """The program ends after the server has answered its close: who types next finds the place free."""
    answered = []

    def talk(handler):
        handler.wfile.write(frame(1, b'{"from":"0","lost":0}') + frame(2, b"login: "))
        handler.wfile.flush()
        while (one := read_frame(handler.rfile)) is not None:
            if one[0] == 8:
                time.sleep(0.5)
                answered.append(one[1])
                handler.wfile.write(frame(2, b"the last bytes") + frame(8, one[1]))
                return
    console(client, talk)
    terminal = client.spawn("console", "alpha")
    terminal.expect("login: ")
    terminal.send("\x1d")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert answered == [(1000).to_bytes(2, "big")]


START = b"\x00\x7d"  # of a frame with 125 bytes


@pytest.mark.parametrize("more", [frame(0, b"", last=False), frame(9, b"ping"), START])
def test_console_is_kept(client, more):
    """A server that goes on with a message in place of its answer, at any pace, keeps the program for some seconds."""
    def talk(handler):
        handler.wfile.write(frame(1, b'{"from":"0","lost":0}') + frame(2, b"login: "))
        handler.wfile.flush()
        while read_frame(handler.rfile)[0] != 8:
            pass
        handler.wfile.write(frame(2, b"", last=False))
        try:
            for number in range(60):
                handler.wfile.write(b"x" if number > 0 and more == START else more)
                handler.wfile.flush()
                time.sleep(0.2)
        except OSError:
            pass
    console(client, talk)
    terminal = client.spawn("console", "alpha")
    terminal.expect("login: ")
    left = time.monotonic()
    terminal.send("\x1d")
    terminal.expect(pexpect.EOF)
    terminal.close()
    assert terminal.exitstatus == 0
    assert time.monotonic() - left < 6


def test_console_cannot_come_back(client):
    """A console that is refused after its connection broke is no WebSocket any more, which would have to be closed."""
    after = []
    ended = threading.Event()

    def ticket(handler):
        if len(client.server.seen) == 1:
            return 201, {"ticket": "T123", "expires_s": 30}, {}
        handler.give(*problem(403, "forbidden"))
        after.append(handler.rfile.read(1))
        ended.set()

    def talk(handler):
        handler.wfile.write(frame(1, b'{"from":"0","lost":0}') + frame(2, b"first"))
    console(client, talk)
    client.server.answers["POST", "/v1/vms/alpha/console/tickets"] = ticket
    done = client.run("console", "alpha")
    assert done.stdout == "first" and done.returncode not in (0, 1), done
    assert ended.wait(10) and after == [b""]


@pytest.mark.parametrize("hostile", [
    b"\x82\xff\0\0\0\0", b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff", b"\x82\x7f\0\0\0\0\0\2\0\0",
    b"\xf2\x01a", b"\x80\x01a", b"\x09\x00", b"\x89\x7e\x00\x7ea", b"\x83\x01a", b"\x02\x01a\x02\x01b"])
def test_hostile_frames(client, hostile):
    """Frames that RFC 6455 forbids, or that are too long, end the console."""
    tries = []

    def talk(handler):
        tries.append(1)
        handler.wfile.write(hostile if len(tries) == 1 else frame(8, (4000).to_bytes(2, "big")))
        handler.wfile.flush()
        while len(tries) == 1 and read_frame(handler.rfile) is not None:
            pass
    console(client, talk)
    done = client.run("console", "alpha", "--read-only")
    assert done.returncode == 1 and "[connection lost]" in done.stderr and len(tries) == 2
