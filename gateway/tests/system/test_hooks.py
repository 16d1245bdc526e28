# SPDX-License-Identifier: MIT
"""Web hooks of alerts: signatures, retries, refused addresses, redirects, receivers that are slow or never answer, the process's bounds."""
import contextlib
import hashlib
import hmac
import http.server
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from pathlib import Path

import pytest

from client import wait_for

RULE = {"name": "full", "what": "vm/vm00", "series": "resident_bytes", "comparison": "above", "threshold": 100 << 20}


class Receiver:
    """A web hook's receiver, which answers with the statuses that it is given, the last one again and again."""

    def __init__(self, *statuses, pem=None):
        self.statuses, self.got = list(statuses or (204,)), []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                outer.got.append((self.path, dict(self.headers), body))
                status = outer.statuses.pop(0) if len(outer.statuses) > 1 else outer.statuses[0]
                self.send_response(status)
                if status == 302:
                    self.send_header("Location", outer.elsewhere)
                self.end_headers()

            do_GET = do_POST

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if pem:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pem)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"http{'s' if pem else ''}://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receivers():
    made = []

    def make(*statuses, **keys):
        made.append(Receiver(*statuses, **keys))
        return made[-1]
    yield make
    for each in made:
        each.close()


def certificate(path):
    """Makes a key and a certificate for 127.0.0.1 in one file."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path,
                    "-out", f"{path}.crt", "-days", "2", "-subj", "/CN=hook", "-addext", "subjectAltName=IP:127.0.0.1"],
                   check=True, capture_output=True)
    path.write_text(path.read_text() + Path(f"{path}.crt").read_text())
    return path


def make(server, **more):
    answer = server.tls("POST", "/v1/alerts", {**RULE, **more})
    assert answer.status in (200, 201), answer.body
    return answer.json().get("secret")


def rule(server, name="full"):
    return next(each for each in server.tls("GET", "/v1/alerts").json()["items"] if each["name"] == name)


def delivery(server, words, name="full"):
    return wait_for(lambda: words in (rule(server, name)["delivery"] or "") and rule(server, name), 40, words)


def hook_pid(server):
    return server.children().get("skerryd-hook")


def signed(secret, headers, body):
    text = f"{headers['Skerry-Time']}.".encode() + body
    return headers["Skerry-Signature"] == "sha256=" + hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()


def test_what_a_receiver_gets(pair, receivers):
    fake, server = pair("--hook-allow", "127.0.0.0/8")
    server.start()
    receiver = receivers(500, 204)
    secret = make(server, url=f"{receiver.url}/in?key=1")
    assert secret.startswith("skh_")
    fake.vms["vm00"].resident = 200 << 20
    wait_for(lambda: len(receiver.got) == 2, 40, "the second try")      # the first was answered with 500
    (path, headers, body), (_, again, body_again) = receiver.got
    assert path == "/in?key=1" and headers["Host"] == receiver.url[7:] and body == body_again
    assert signed(secret, headers, body) and signed(secret, again, body) and not signed(secret + "x", headers, body)
    assert headers["Skerry-Delivery"] == again["Skerry-Delivery"] == json.loads(body)["delivery"]
    told = json.loads(body)
    assert (told["event"], told["name"], told["of"], told["value"]) == ("firing", "full", "vm/vm00", 200 << 20)
    assert abs(told["time"] - time.time()) < 60 and told["gateway"] == server.fingerprint
    shown = delivery(server, "answered 204")
    assert shown["waiting"] == 0 and "secret" not in shown
    # The same URL keeps the secret, another one gets another.
    assert make(server, url=f"{receiver.url}/in?key=1", hold_s=0) is None
    wait_for(lambda: len(receiver.got) == 4, 40, "the end of the old rule, and the new one")
    assert [json.loads(body)["event"] for _, _, body in receiver.got[2:]] == ["cleared", "firing"]
    assert signed(secret, *receiver.got[-1][1:])
    assert make(server, url=f"{receiver.url}/in?key=1", new_secret=True) not in (None, secret)
    assert make(server, url=f"{receiver.url}/else") not in (None, secret)
    for text in (server.errors(), server.local("GET", "/v1/audit?limit=500").body.decode(), json.dumps(rule(server))):
        assert "skh_" not in text
    assert (server.state / "alerts.json").stat().st_mode & 0o777 == 0o600


def test_addresses_that_are_refused(pair, receivers):
    fake, server = pair("--hook-allow", "127.0.0.2")
    server.start()
    receiver = receivers()
    port = receiver.url.rpartition(":")[2]
    urls = [f"http://127.0.0.1:{port}/", f"https://127.0.0.1:{port}/", f"https://[::1]:{port}/", "https://10.1.2.3/",
            f"https://[::ffff:127.0.0.1]:{port}/", "https://169.254.169.254/latest", "https://[fe80::1]/",
            f"https://localhost:{port}/", f"http://[::ffff:7f00:1]:{port}/", "https://0.0.0.0/", "http://1.1.1.1/",
            "https://[64:ff9b::7f00:1]/", "https://[2002:7f00:1::]/"]
    for number, url in enumerate(urls):
        make(server, name=f"r{number}", url=url)
    fake.vms["vm00"].resident = 200 << 20
    for number, url in enumerate(urls):
        found = wait_for(lambda: rule(server, f"r{number}")["delivery"], 60, url)
        assert "hook-allow" in found and "given up" in found or "localhost" in url, (url, found)
    assert not receiver.got
    audit = server.local("GET", "/v1/audit?limit=500").json()["items"]
    assert {line["target"] for line in audit if line["action"] == "alert.undelivered"} >= {"r0", "r1", "r2"}


def test_a_name_that_nobody_knows(pair):
    """The resolver works within the process's filter of system calls, and is not what ends it."""
    fake, server = pair()
    server.start()
    make(server, url="https://no-such-receiver.invalid/")
    fake.vms["vm00"].resident = 200 << 20
    assert "tried again" in delivery(server, "its name has no address")["delivery"]
    assert hook_pid(server) and "hook has ended" not in server.errors()


def test_redirects_and_refusals_are_final(pair, receivers):
    fake, server = pair("--hook-allow", "127.0.0.1")
    server.start()
    target, moved, gone = receivers(), receivers(302), receivers(404)
    moved.elsewhere = target.url + "/secret"
    make(server, name="moved", url=moved.url)
    make(server, name="gone", url=gone.url)
    fake.vms["vm00"].resident = 200 << 20
    assert "given up" in delivery(server, "answered 302", "moved")["delivery"]
    assert "given up" in delivery(server, "answered 404", "gone")["delivery"]
    assert not target.got and len(moved.got) == len(gone.got) == 1


def test_the_answer_that_counts(pair):
    """Answers of 1xx come before it."""
    early = b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    answers = [(b"HTTP/1.1 100 Continue\r\n\r\n" + early + b"HTTP/1.1 204 No Content\r\n\r\n", "it has answered 204"),
               (early + b"HTTP/1.1 404 Not Found\r\n\r\n", "answered 404, and was given up"), (early * 1000, "not answered with HTTP/1.1"),
               (b"HTTP/1.1 \r\n200 OK\r\n\r\n", "not answered with HTTP/1.1"), (b"HTTP/1.1 2000 OK\r\n\r\n", "not answered with HTTP/1.1")]
    fake, server = pair("--hook-allow", "127.0.0.1")
    server.start()
    listeners = [socket.create_server(("127.0.0.1", 0)) for _ in answers]

    def serve(listener, answer):
        peer, _ = listener.accept()
        peer.recv(65536)
        with contextlib.suppress(OSError):      # hook reads 4 KiB and no more
            peer.sendall(answer)
            peer.shutdown(socket.SHUT_WR)
            peer.recv(1)
    for number, listener in enumerate(listeners):
        threading.Thread(target=serve, args=(listener, answers[number][0]), daemon=True).start()
        make(server, name=f"r{number}", url=f"http://127.0.0.1:{listener.getsockname()[1]}/")
    fake.vms["vm00"].resident = 200 << 20
    for number, (_, said) in enumerate(answers):
        delivery(server, said, f"r{number}")
    for listener in listeners:
        listener.close()


def test_https_is_verified(pair, receivers, tmp_path):
    pem, other = certificate(tmp_path / "a.pem"), certificate(tmp_path / "b.pem")
    fake, server = pair("--hook-allow", "127.0.0.1", "--hook-ca", str(pem))
    server.start()
    good, bad = receivers(pem=pem), receivers(pem=other)
    secret = make(server, name="good", url=good.url)
    make(server, name="bad", url=bad.url)
    fake.vms["vm00"].resident = 200 << 20
    assert "TLS" in delivery(server, "tried again", "bad")["delivery"] and not bad.got
    delivery(server, "answered 204", "good")
    assert signed(secret, *good.got[0][1:])


def test_slow_receivers_delay_nobody(pair, receivers):
    """One takes connections and says nothing, one sends a byte now and then, one is behind a full backlog."""
    fake, server = pair("--hook-allow", "127.0.0.1")
    server.start()
    silent, slow = socket.create_server(("127.0.0.1", 0)), socket.create_server(("127.0.0.1", 0))
    held = []

    def trickle():
        peer, _ = slow.accept()
        held.append(peer)
        for byte in b"HTTP/1.1" + b" " * 1000:
            time.sleep(0.2)
            try:
                peer.send(bytes((byte,)))
            except OSError:
                return
    threading.Thread(target=trickle, daemon=True).start()
    receiver = receivers()
    for number in range(20):
        make(server, name=f"a{number}", url=f"http://127.0.0.1:{(silent, slow)[number % 2].getsockname()[1]}/")
    make(server, name="z", url=receiver.url)
    began = time.monotonic()
    fake.vms["vm00"].resident = 200 << 20
    wait_for(lambda: receiver.got, 30, "the delivery")
    answered = server.tls("GET", "/v1/alerts", timeout=5)
    assert answered.status == 200
    delivery(server, "in time", "a0")
    delivery(server, "in time", "a1")
    assert time.monotonic() - began < 50
    silent.close()
    slow.close()


def test_the_process_has_nothing(pair, receivers):
    fake, server = pair("--hook-allow", "127.0.0.1")
    server.start()
    assert hook_pid(server) is None             # it is not there before it is needed
    receiver = receivers()
    make(server, url=receiver.url)
    fake.vms["vm00"].resident = 200 << 20
    wait_for(lambda: receiver.got, 40, "the delivery")
    pid = hook_pid(server)
    assert "Seccomp:\t2" in Path(f"/proc/{pid}/status").read_text()
    links = [str(each.readlink()) for each in Path(f"/proc/{pid}/fd").iterdir() if each.exists()]
    assert not [link for link in links if str(server.state) in link or "anon_inode" in link], links
    # A process that is killed is started again, and nothing is lost.
    os.kill(pid, signal.SIGKILL)
    fake.vms["vm00"].resident = 16 << 20
    wait_for(lambda: len(receiver.got) == 2, 40, "the second delivery")
    assert hook_pid(server) not in (None, pid) and server.health()["ready"]


def test_a_flood_is_bounded(pair, receivers):
    """64 rules about 4 VMs fire at once, at a receiver that never answers."""
    fake, server = pair("--hook-allow", "127.0.0.1")
    for name in ("vm01", "vm02", "vm03"):
        fake.act("start", [name], [])
    server.start()
    silent = socket.create_server(("127.0.0.1", 0))
    for number in range(64):
        make(server, name=f"r{number}", what="vm/*", url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
    for _ in range(3):
        for size, state in ((200 << 20, "firing"), (16 << 20, "ok")):
            for vm in fake.vms.values():
                vm.resident = size
            wait_for(lambda: {each["state"] for each in server.tls("GET", "/v1/alerts").json()["items"]} == {state}, 40, state)
    rules = server.tls("GET", "/v1/alerts").json()["items"]
    assert all(each["waiting"] <= 8 for each in rules) and sum(each["waiting"] for each in rules) <= 512
    assert sum(each["dropped"] for each in rules) >= 64 * 4 * 6 - 512
    lines = [line for line in server.local("GET", "/v1/audit?limit=500").json()["items"] if line["action"] == "alert.firing"]
    assert len(lines) < 200
    silent.close()
