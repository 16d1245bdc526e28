# SPDX-License-Identifier: MIT
"""The HTTP side: limits, media types, origins, cookies, the UI's files, the filter."""
import os
import socket
import ssl
import time
from pathlib import Path

import pytest
from client import wait_for


@pytest.fixture(scope="module")
def site(program, fake, tmp_path_factory):
    """A server with a UI of two files."""
    from client import Server
    folder = tmp_path_factory.mktemp("site")
    ui = folder / "dist"
    (ui / "assets").mkdir(parents=True)
    (ui / "index.html").write_text('<!doctype html><meta name="nonce" content="{{nonce}}">')
    (ui / "assets/app.js").write_text("export {}\n")
    (ui / "assets/app.js.gz").write_bytes(b"packed")
    (ui / ".hidden").write_text("no")
    (folder / "secret").write_text("no")
    os.symlink(folder / "secret", ui / "link.txt")
    server = Server(program, folder, fake.path, "--ui", str(ui), "--name", "box.example")
    # Only one gateway at a time has the line.
    yield server.start(ready=False)
    server.stop()


def origin(server):
    return {"Origin": f"https://127.0.0.1:{server.port}", "Content-Type": "application/json"}


def login(server):
    answer = server.tls("POST", "/v1/login", {"token": server.token}, token="")
    assert answer.status == 200 and "admin" in answer.json()["roles"]
    cookie = answer.headers["Set-Cookie"]
    assert cookie.startswith("__Host-skerry=")
    for word in ("Path=/", "Secure", "HttpOnly", "SameSite=Strict"):
        assert word in cookie
    return cookie.split(";")[0]


def test_login_and_logout(server):
    cookie = login(server)
    headers = {"Cookie": cookie}
    assert server.tls("GET", "/v1/me", token="", headers=headers).json()["name"] == "first"
    assert server.tls("POST", "/v1/logout", {}, token="",
                      headers={**headers, **origin(server)}).status == 204
    assert server.tls("GET", "/v1/me", token="", headers=headers).status == 401


def test_changes_with_a_cookie_are_of_the_same_origin(server):
    cookie = {"Cookie": login(server)}
    path = "/v1/vms/vm02/actions/reset"

    def status(headers, body="{}"):
        return server.tls("POST", path, body, token="", headers={**cookie, **headers}).status

    good = origin(server)
    assert status(good) == 200
    assert status({**good, "Sec-Fetch-Site": "same-origin"}) == 200
    assert status({"Content-Type": "application/json"}) == 403
    assert status({**good, "Origin": "https://evil.example"}) == 403
    assert status({**good, "Origin": f"http://127.0.0.1:{server.port}"}) == 403
    assert status({**good, "Origin": "null"}) == 403
    assert status({**good, "Sec-Fetch-Site": "cross-site"}) == 403
    assert status({**good, "Content-Type": "text/plain"}) == 415
    assert status({"Origin": good["Origin"]}, None) == 415
    # A bearer token is no ambient authority.
    assert server.tls("POST", path).status == 200


def test_login_from_another_origin_is_refused(server):
    answer = server.tls("POST", "/v1/login", {"token": server.token}, token="",
                        headers={"Origin": "https://evil.example"})
    assert answer.status == 403 and "Set-Cookie" not in answer.headers


def test_stream_with_a_cookie_is_of_the_same_origin(server):
    cookie = login(server)
    headers = {"Cookie": cookie, "Origin": f"https://127.0.0.1:{server.port}"}
    good = server.websocket("/v1/stream", "skerry.stream.v1", headers)
    assert good.status == 101 and good.json()["type"] == "snapshot"
    good.close()
    headers["Origin"] = "https://evil.example"
    assert server.websocket("/v1/stream", "skerry.stream.v1", headers).status == 403
    del headers["Origin"]
    assert server.websocket("/v1/stream", "skerry.stream.v1", headers).status == 403


def test_host_must_be_ours(site):
    def status(host):
        return site.tls("GET", "/v1/me", headers={"Host": host}).status

    assert status("evil.example") == 421
    assert status(f"box.example:{site.port}") == 200
    assert status("localhost") == 200
    assert status("[::1]:8443") == 200
    assert status("[::1]") == 200
    for host in ("[evil]", "[::1", "[::1]x", "[::1]:x", "[::1]@evil", "[]", "localhost:80@evil", "localhost:",
                 "localhost:x", ":80", "10.1.2.3.evil", "user@localhost"):
        assert status(host) == 421, host
    assert status("10.1.2.3:8443") == 200


def test_wrong_tokens_are_slowed_down(pair):
    _, server = pair()
    server.start()
    codes = [server.tls("GET", "/v1/me", token="sky_" + "0" * 64).status for _ in range(8)]
    assert codes[:6] == [401] * 6 and 429 in codes[6:]
    answer = server.tls("POST", "/v1/login", {"token": "sky_" + "1" * 64}, token="")
    assert answer.status == 429 and 1 <= int(answer.headers["Retry-After"]) <= 64
    # Users who are logged in by another way notice nothing.
    assert server.local("GET", "/v1/me").status == 200


def test_rates_of_a_token(pair):
    _, server = pair()
    server.options = ("--rate", "20", "--change-rate", "2")
    server.start()
    token, other = server.make_token(["operator"]), server.make_token(["operator"])
    connection = server.connect()
    headers = {"Authorization": f"Bearer {token}"}
    codes = [server.ask(connection, "GET", "/v1/me", headers=headers).status for _ in range(60)]
    assert codes[:40] == [200] * 40 and 429 in codes
    assert server.tls("GET", "/v1/me", token=other).status == 200
    codes = [server.tls("POST", "/v1/vms/vm00/actions/reset", token=other).status
             for _ in range(14)]
    assert codes[:8] == [200] * 8 and 429 in codes


def test_bodies(server):
    def status(body, kind="application/json"):
        return server.tls("POST", "/v1/tokens", body, headers={"Content-Type": kind}).status

    assert status(b"{") == 400
    assert status(b"[]") == 400
    assert status(b'{"a":1,"a":2}') == 400
    assert status(b'{"a":{"b":{"c":{"d":{"e":1}}}}}') == 400
    assert status(b'{"name":"a\\u0000b"}') == 400
    assert status(b'{"name":"\xff"}') == 400
    assert status(b'{"name":"x"}', "text/plain") == 415
    assert status(b'{"x":"' + b"a" * 20000 + b'"}') == 413
    assert status(b'{' + b",".join(b'"k%d":1' % n for n in range(400)) + b"}") in (400, 413)
    assert server.health()["ready"]


def test_paths(server):
    def status(path, method="GET"):
        return server.tls(method, path).status

    assert status("/v1/nothing") == 404
    assert status("/v1/vms/vm00%2factions") == 400
    assert status("/v1/vms/vm00%00") == 400
    assert status("/v1/vms/%zz") == 400
    assert status("/v1/vms/vm%30%30") == 200
    assert status("/v1/vms/" + "x" * 2000) == 400
    assert status("/v1/vms/../vms/vm00") == 404
    assert status("/v1/vms/vm00?" + "&".join(f"a{n}=1" for n in range(100))) == 400
    answer = server.tls("PUT", "/v1/vms/vm00")
    assert answer.status == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "PATCH", "DELETE"}
    assert server.tls("HEAD", "/v1/vms").body == b""


GARBAGE = [b"\x00" * 200, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"A" * 100000,
           b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
           b"POST /v1/login HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
           b"GET /v1 HTTP/1.1\r\n" + b"X: " + b"y" * 60000 + b"\r\n\r\n"]


@pytest.mark.parametrize("number", range(len(GARBAGE)))
def test_garbage_instead_of_http(server, number):
    pid = server.web_pid()
    link = server.raw()
    try:
        link.sendall(GARBAGE[number])
        link.settimeout(1)
        answer = link.recv(4096)
        assert not answer or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 5")
    except OSError:
        pass
    link.close()
    assert server.health()["ready"] and server.web_pid() == pid


def test_garbage_instead_of_tls(server):
    plain = socket.create_connection(("127.0.0.1", server.port), 5)
    plain.sendall(b"GET /v1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
    plain.settimeout(2)
    assert b"HTTP/1.1 200" not in plain.recv(4096)
    plain.close()
    old = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    old.check_hostname, old.verify_mode = False, ssl.CERT_NONE
    old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises(OSError):
        old.wrap_socket(socket.create_connection(("127.0.0.1", server.port), 5))
    assert server.health()["ready"]


def test_ui_files_and_their_policy(site):
    page = site.tls("GET", "/", token="")
    policy = page.headers["Content-Security-Policy"]
    nonce = page.body.decode().split('content="')[1].split('"')[0]
    assert len(nonce) == 32 and f"'nonce-{nonce}'" in policy
    for word in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'",
                 "require-trusted-types-for 'script'"):
        assert word in policy
    assert "unsafe" not in policy and "*" not in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert nonce not in site.tls("GET", "/", token="").body.decode()
    for path in ("/machines/vm00", "/redfishes", "/v2/vms", "/admin", "/../secret", "//", "/index"):
        assert site.tls("GET", path, token="").status == 404, path
    script = site.tls("GET", "/assets/app.js", token="")
    assert script.body == b"export {}\n"
    assert script.headers["Content-Type"].startswith("text/javascript")
    same = site.tls("GET", "/assets/app.js", token="",
                    headers={"If-None-Match": script.headers["ETag"]})
    assert same.status == 304
    packed = site.tls("GET", "/assets/app.js", token="", headers={"Accept-Encoding": "gzip"})
    assert packed.body == b"packed" and packed.headers["Content-Encoding"] == "gzip"
    for path in ("/.hidden", "/link.txt", "/assets/none.js"):
        assert site.tls("GET", path, token="").status == 404, path
    assert site.tls("POST", "/", token="").status == 405


def test_api_answers_are_not_kept_or_guessed(server):
    for path in ("/v1/me", "/v1/nothing", "/v1/health"):
        answer = server.tls("GET", path)
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_web_can_open_nothing(server):
    """The process that parses is filtered, and cannot become more."""
    def filters(pid):
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        values = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
        assert values["Seccomp"] == "2" and values["NoNewPrivs"] == "1"
        return int(values["Seccomp_filters"])

    # web has core's filter, and a list of its own.
    assert filters(server.web_pid()) == filters(server.process.pid) + 1


def test_web_that_dies_is_started_again(pair):
    fake, server = pair()
    server.start()
    pid = server.web_pid()
    vm = server.tls("GET", "/v1/vms/vm00").json()["uuid"]
    began = time.monotonic()
    os.kill(pid, 9)
    wait_for(lambda: server.web_pid() not in (None, pid))
    wait_for(lambda: server.health()["ready"])
    assert time.monotonic() - began < 3
    assert server.tls("GET", "/v1/vms/vm00").json()["uuid"] == vm
    assert "web has ended (signal 9)" in server.errors()


def test_two_hundred_connections(server):
    links = [server.raw() for _ in range(200)]
    assert server.local("GET", "/v1/health").status == 200
    for link in links:
        link.close()
    wait_for(lambda: server.tls("GET", "/v1/me").status == 200)


def test_connections_of_one_address(pair):
    _, server = pair()
    server.options = ("--per-address", "4")
    server.start()
    links = []
    with pytest.raises(OSError):
        for _ in range(8):
            links.append(server.raw())
    assert len(links) == 4
    for link in links:
        link.close()


def heads(server, data, count=9, limit=3):
    """
    Returns the status lines that come for these bytes, until the connection is closed or
    nothing more comes.
    """
    link = server.raw()
    link.settimeout(limit)
    got = b""
    try:
        link.sendall(data)
        while got.count(b"HTTP/1.1 ") < count and (piece := link.recv(65536)):
            got += piece
        closed = got.count(b"HTTP/1.1 ") < count
    except TimeoutError:
        closed = False
    except OSError:
        closed = True
    link.close()
    return [int(each[:3]) for each in got.split(b"HTTP/1.1 ")[1:]], closed


def request_of(server, *more, line=b"GET /v1/vms HTTP/1.1", host=b"Host: localhost", body=b""):
    lines = [line, *([host] if host else []), b"Authorization: Bearer " + server.token.encode(), *more]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def test_targets_in_the_absolute_form(server):
    """
    A target may have the absolute form, as a proxy sends it: its authority counts, not the
    header Host.
    """
    def status(target, host=b"Host: localhost"):
        codes, _ = heads(server, request_of(server, line=b"GET " + target + b" HTTP/1.1", host=host), 1)
        return codes[0]
    assert status(b"https://localhost/v1/vms") == 200
    assert status(b"HTTPS://127.0.0.1:8443/v1/vms?limit=1", b"Host: evil.example") == 200
    assert status(b"https://evil.example/v1/vms") == 421
    assert status(b"https://[evil]/v1/vms") == 421
    assert status(b"http://localhost/v1/vms") == 421
    assert status(b"https:///v1/vms") == 421
    assert status(b"https://localhost@evil/v1/vms") == 421
    assert status(b"https://localhost") == 404          # no UI is served here
    assert status(b"localhost/v1/vms") == 421


BODY = b'{"name":"t","roles":["viewer"]}'
JSON = b"Content-Type: application/json"


def test_where_a_request_ends_is_said_once(server):
    """
    A request whose end two readers could take differently is refused, and no request behind it
    is served.
    """
    post, after = b"POST /v1/tokens HTTP/1.1", request_of(server)
    before = len(server.tls("GET", "/v1/tokens").json()["items"])
    for more in ([b"Content-Length: 5", b"Content-Length: 31"], [b"Content-Length: 31", b"Content-Length: 31"],
                 [b"Content-Length: 31, 31"], [b"Content-Length: +31"], [b"Content-Length: 0x1f"],
                 [b"Content-Length: 31", b"Transfer-Encoding: chunked"],
                 [b"Transfer-Encoding: chunked", b"Content-Length: 5"],
                 [b"Transfer-Encoding: gzip, chunked"], [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
                 [b"Content-Length: 31", b"Host: other"], [b"Content-Length: 31", b"Authorization: Bearer x"],
                 [b"Content-Length: 31", JSON]):
        codes, closed = heads(server, request_of(server, JSON, *more, line=post, body=BODY) + after)
        # libmicrohttpd answers twice to a length that is none.
        assert codes and set(codes) <= {400, 413} and closed, (more, codes)
    assert len(server.tls("GET", "/v1/tokens").json()["items"]) == before
    chunks = b"5\r\n" + BODY[:5] + b"\r\n1a;x=y\r\n" + BODY[5:] + b"\r\n0\r\n\r\n"
    codes, closed = heads(server, request_of(server, JSON, b"Transfer-Encoding: Chunked", line=post,
                                             body=chunks) + after)
    assert codes == [201] and closed
    length = b"Content-Length: %d" % len(BODY)
    codes, _ = heads(server, request_of(server, JSON, length, line=post, body=BODY) + after * 2, 3)
    assert codes == [201, 200, 200]


def test_heads_that_are_read_in_two_ways(server):
    good = request_of(server)
    for more in (b"X: a\r\n folded", b"X: a\r\n\tfolded", b"X: a\0b", b"X : a", b"X", b"X: a\rY: b", b"X: \x0b",
                 b"X: a\nY: b", b"X: a\n folded", b"X: a\n"):
        codes, closed = heads(server, good + request_of(server, more) + good)
        assert codes == [200, 400] and closed, more
    assert heads(server, good * 3, 3)[0] == [200] * 3
    assert heads(server, b"\0" + good) == ([400], True)
    # The request comes one byte at a time, with a body that looks like a folded line.
    link = server.raw()
    for at in range(len(good)):
        link.sendall(good[at:at + 1])
    assert link.recv(65536).startswith(b"HTTP/1.1 200")
    link.close()
    answer = server.tls("POST", "/v1/tokens", b'{"name":"t",\r\n "roles":\r\n\t["viewer"]}',
                        headers={"Content-Type": "application/json"})
    assert answer.status == 201


def test_who_waits_for_100_continue(server):
    link = server.raw()
    link.sendall(request_of(server, JSON, b"Expect: 100-continue", b"Content-Length: %d" % len(BODY),
                            line=b"POST /v1/tokens HTTP/1.1"))
    assert link.recv(65536).startswith(b"HTTP/1.1 100")
    link.sendall(BODY)
    assert link.recv(65536).startswith(b"HTTP/1.1 201")
    link.close()


def test_only_a_certificate_of_others_is_for_good(pair, tmp_path):
    """
    Strict-Transport-Security is sent only with a certificate of others: it would lock out a
    user who has to click a warning away.
    """
    import subprocess
    _, server = pair()
    server.start()
    assert "Strict-Transport-Security" not in server.tls("GET", "/v1/health").headers
    server.stop()
    run = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    subprocess.run([*run, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=ca"], cwd=tmp_path, check=True,
                   capture_output=True)
    subprocess.run([*run, "-CA", "ca.pem", "-CAkey", "ca.key", "-keyout", server.state / "key.pem",
                    "-out", server.state / "cert.pem", "-subj", "/CN=box"], cwd=tmp_path, check=True,
                   capture_output=True)
    server.start()
    for path in ("/v1/health", "/v1/nothing", "/"):
        assert server.tls("GET", path).headers["Strict-Transport-Security"] == "max-age=31536000", path


def test_connections_are_shared_by_who_asks(pair):
    """Connections that have shown a credential use up no place of others at the same address."""
    _, server = pair()
    server.options = ("--per-address", "4")
    server.start()
    headers = {"Authorization": f"Bearer {server.token}"}
    mine = [server.connect() for _ in range(12)]
    for connection in mine:
        assert server.ask(connection, "GET", "/v1/me", headers=headers).status == 200
    assert server.tls("GET", "/v1/health", token="").status == 200
    # A credential has at most 4 x 4 connections; a further one takes the place of the connection
    # that was idle longest.
    mine += [server.connect() for _ in range(4)]
    for connection in mine[12:]:
        assert server.ask(connection, "GET", "/v1/me", headers=headers).status == 200
    more = server.connect()
    assert server.ask(more, "GET", "/v1/me", headers=headers).status == 200
    mine[0].auto_open = False
    with pytest.raises(Exception):
        server.ask(mine[0], "GET", "/v1/me", headers=headers)
    assert server.ask(mine[1], "GET", "/v1/me", headers=headers).status == 200
    for connection in (*mine, more):
        connection.close()
