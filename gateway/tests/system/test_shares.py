# SPDX-License-Identifier: MIT
"""
What one user may not take from others: their logins, their places, their rights, the audit's disk.
"""
import hashlib
import json
import math
import subprocess
import time

import pytest
from client import Closed, wait_for

PASSWORD = "correct horse"
WRONG = "sky_" + "0" * 64


def login(server, user, password):
    return server.tls("POST", "/v1/login", {"user": user, "password": password, "cookie": False}, token="")


@pytest.fixture
def alone(pair):
    _, server = pair()
    return server.start()


def test_wrong_tokens_lock_out_no_right_one(alone):
    codes = []
    while 429 not in codes and len(codes) < 60:     # a slow machine may ask when a pause is over
        codes.append(alone.tls("GET", "/v1/me", token=WRONG).status)
    assert codes[:6] == [401] * 6 and codes[-1] == 429
    assert alone.tls("GET", "/v1/me").status == 200
    assert alone.tls("POST", "/v1/login", {"token": alone.token}, token="").status == 200


def test_a_right_token_clears_no_count_of_passwords(alone):
    alone.local("POST", "/v1/users", {"name": "erin", "password": PASSWORD, "roles": ["viewer"]})
    alone.local("POST", "/v1/users", {"name": "mallory", "password": PASSWORD, "roles": ["viewer"]})
    wrong, began = 0, time.monotonic()
    for number in range(12):
        wrong += login(alone, "erin", f"guess {number}").status == 401
        # Neither a token nor another user's password makes a guess free.
        assert alone.tls("GET", "/v1/me").status == 200
        assert alone.tls("POST", "/v1/login", {"token": alone.token}, token="").status == 200
        assert login(alone, "mallory", PASSWORD).status == 200
    # the pause after the sixth is a second, and each is twice the one before
    assert wrong <= 7 + math.log2(1 + time.monotonic() - began)


def test_one_users_guesses_are_not_another_ones(alone):
    alone.local("POST", "/v1/users", {"name": "bob", "password": PASSWORD, "roles": ["viewer"]})
    guesses = [login(alone, "alice", f"guess {number}").status for number in range(12)]
    assert guesses[:6] == [401] * 6 and 429 in guesses
    assert login(alone, "bob", PASSWORD).status == 200
    # All names of an address have a count, too; a user who logged in from there before is not kept
    # out by it.
    codes = [login(alone, f"name{number}", "guess").status for number in range(40)]
    assert 429 in codes and codes.count(401) <= 30
    # the pause may be over just now, and the next one is longer
    assert 429 in [login(alone, f"carol{number}", "guess").status for number in range(4)]
    assert login(alone, "bob", PASSWORD).status == 200


def test_a_ticket_is_for_its_route_alone(server):
    """A ticket is no credential on any other method or path."""
    def ticket(path, body=None):
        return server.tls("POST", path, body).json()["ticket"]

    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    for path, body in (("/v1/stream/tickets", None), ("/v1/vms/vm02/console/tickets", {"mode": "read"}),
                       ("/v1/vms/vm02/console/tickets", {"mode": "write"})):
        for method, route, what in (("POST", "/v1/tokens", {"name": "x", "roles": ["admin"]}),
                                    ("POST", "/v1/vms/vm02/actions/kill", None),
                                    ("DELETE", "/v1/vms/vm02", None), ("GET", "/v1/audit", None),
                                    ("GET", "/v1/vms/vm02", None), ("HEAD", "/v1/stream", None),
                                    ("GET", "/v1/vms/vm01/console", None), ("GET", "/v1/events", None)):
            protocol = f"skerry.stream.v1, skerry.console.v1, ticket.{ticket(path, body)}"
            answer = server.tls(method, route, what, token="",
                                headers={**upgrade, "Sec-WebSocket-Protocol": protocol})
            assert answer.status == 401, (path, method, route)
    assert server.tls("GET", "/v1/vms/vm02").json()["state"] == "running"
    # A ticket that is not good is not made good by other words beside it.
    assert server.websocket("/v1/stream", "skerry.stream.v1, ticket.00", token=server.token).status == 401


def test_a_viewer_ends_nobodys_login(alone):
    alone.local("POST", "/v1/users", {"name": "bob", "password": PASSWORD, "roles": ["viewer"]})
    other = login(alone, "bob", PASSWORD).json()["token"]
    viewer = alone.make_token(["viewer"])
    connection = alone.connect()
    first = None
    for _ in range(300):
        answer = alone.ask(connection, "POST", "/v1/login", {"token": viewer, "cookie": False})
        first = first or answer.json()["token"]
    assert alone.tls("GET", "/v1/me", token=other).status == 200
    assert alone.tls("GET", "/v1/me", token=answer.json()["token"]).status == 200
    assert alone.tls("GET", "/v1/me", token=first).status == 401


def test_consoles_and_streams_are_shared(alone):
    reader = alone.make_token(["console-read", "viewer"])
    consoles = [alone.console("vm00", "read", token=reader) for _ in range(16)]
    for console in consoles:
        console.message()
    mine = alone.console("vm00", "write")
    assert mine.status == 101
    with pytest.raises(Closed):
        while True:
            consoles[0].message()
    # An asker's own consoles are not ended when the asker opens more.
    assert alone.console("vm00", "read", token=reader).status == 503
    streams = [alone.stream(token=reader) for _ in range(64)]
    assert alone.stream(token=reader).status == 503
    stream = alone.stream()
    assert stream.status == 101 and stream.json("snapshot")
    for each in (*consoles, *streams, mine, stream):
        each.close()


def test_nobody_revokes_what_is_above(alone):
    admin = alone.make_token(["admin"])
    auditor = alone.make_token(["auditor", "admin"])
    ids = {item["id"]: item["roles"] for item in alone.tls("GET", "/v1/tokens").json()["items"]}
    for number, roles in ids.items():
        wanted = 403 if {"auditor", "console-write"} & set(roles) else 409 if number == "1" else 204
        if "admin" in roles and not {"auditor", "console-write"} & set(roles):
            continue
        assert alone.tls("DELETE", f"/v1/tokens/{number}", token=admin).status == wanted
    # A token that is also auditor may not revoke the first token, which types at consoles.
    assert alone.tls("DELETE", "/v1/tokens/1", token=auditor).status == 403
    assert alone.tls("GET", "/v1/me").status == 200


def test_the_last_auditor_and_the_last_admin_stay(alone):
    last = alone.tls("DELETE", "/v1/tokens/1")
    assert (last.status, last.code) == (409, "last-one")
    alone.make_token(["admin", "auditor"], expires_s=100)
    alone.make_token(["admin", "auditor"], "vm0*")
    assert alone.tls("DELETE", "/v1/tokens/1").status == 409
    assert alone.tls("POST", "/v1/users", {"name": "ann", "password": PASSWORD,
                                           "roles": ["admin", "auditor"]}).status == 201
    assert alone.tls("DELETE", "/v1/tokens/1").status == 204
    for change in ({"roles": ["admin"]}, {"roles": ["auditor"]}, {"scope": "vm0*"}):
        assert alone.local("PATCH", "/v1/users/ann", change).code == "last-one", change
    assert alone.local("DELETE", "/v1/users/ann").code == "last-one"
    assert alone.local("PATCH", "/v1/users/ann", {"password": "another horse"}).status == 200
    alone.make_token(["admin", "auditor"])
    assert alone.local("DELETE", "/v1/users/ann").status == 204


def test_a_lost_token_has_a_way_back(pair):
    """
    The hash of a new token, given at the start, lets its owner in; a second start makes no
    second token of it.
    """
    _, server = pair()
    server.start()
    server.stop()
    secret = "sky_" + "5a" * 32
    server.options = ("--token-hash", hashlib.sha256(secret.encode()).hexdigest())
    for _ in range(2):
        server.start()
        me = server.tls("GET", "/v1/me", token=secret).json()
        assert {"admin", "auditor", "console-write"} <= set(me["roles"]) and me["scope"] == "*"
        assert len(server.tls("GET", "/v1/tokens", token=secret).json()["items"]) == 2
        server.stop()
    server.options = ("--token-hash", "abc")
    with pytest.raises(AssertionError, match="64 hex digits"):
        server.start(ready=False)


def test_a_scoped_admin_leaves_room_for_tokens_and_users(pair):
    _, server = pair()
    server.start()
    small = server.make_token(["admin"], "test-*")
    server.local("POST", "/v1/users", {"name": "u", "password": PASSWORD, "roles": ["viewer"], "scope": "test-1"})
    server.stop()

    def fill(name, key, count, **more):
        path = server.state / name
        state = json.loads(path.read_text())
        form, last = state[key][-1], state["last"]
        for number in range(last + 1, count + 1):
            state[key].append({**form, "id": str(number), "number": number, "name": f"n{number}",
                               "sha256": f"{number:064x}", **more})
        path.write_text(json.dumps({**state, "last": count}))

    fill("tokens.json", "tokens", 1024 - 32)
    fill("users.json", "users", 256 - 16)
    server.start()

    def token(scope, secret):
        return server.tls("POST", "/v1/tokens", {"name": "x", "roles": ["viewer"], "scope": scope}, token=secret).status

    def user(name, scope):
        return server.tls("POST", "/v1/users", {"name": name, "password": PASSWORD, "roles": ["viewer"],
                                                "scope": scope}).status

    assert token("test-1", small) == 503 and token("*", server.token) == 201
    assert user("small", "test-1") == 503 and user("large", "*") == 201
    server.stop()
    # All places are taken: a user who has lost the token gets in. Tokens that have expired are in
    # nobody's way.
    fill("tokens.json", "tokens", 1024)
    secret = "sky_" + "6b" * 32
    server.options = ("--token-hash", hashlib.sha256(secret.encode()).hexdigest())
    server.start()
    assert server.tls("GET", "/v1/me", token=secret).status == 200
    assert token("*", secret) == 503
    server.stop()
    path = server.state / "tokens.json"
    state = json.loads(path.read_text())
    for each in state["tokens"][100:200]:
        each["expires"] = 1
    path.write_text(json.dumps(state))
    server.start()
    assert token("test-1", small) == token("*", secret) == 201


def test_the_gateways_own_machine_is_changed_at_the_console(pair):
    """
    The gateway's own VM is changed at Skerry's console only: its command line can name a token
    with all roles, which is more than an admin may have.
    """
    fake, server = pair()
    fake.own = "vm00"
    server.start()
    answer = server.tls("PATCH", "/v1/vms/vm00", {"config": {"cmdline": "token-hash=" + "0" * 64}})
    assert (answer.status, answer.code) == (403, "own-vm")
    assert server.tls("PATCH", "/v1/vms/vm00", {"config": {"weight": "300"}}).status == 200


def test_the_gateways_own_machine_is_not_copied(pair):
    """A copy of the gateway's own VM would hold its key and tokens; an operator gets no copy."""
    fake, server = pair()
    fake.own = "vm00"
    server.start()
    for path, body in (("snapshots", {"name": "s"}), ("snapshots/s/clones", {"name": "web2"}),
                       ("backups", {"kind": "full", "disks": "state=scratch"}),
                       ("actions/reset?force=true", {"snapshot": "s"})):
        answer = server.tls("POST", f"/v1/vms/vm00/{path}", body)
        assert (answer.status, answer.code) == (403, "own-vm"), path
    operator = server.make_token(["operator"])
    answer = server.tls("PATCH", "/v1/vms/vm00", {"config": {"cap": 1}}, token=operator)
    assert (answer.status, answer.code) == (403, "own-vm")
    assert server.tls("PATCH", "/v1/vms/vm01", {"config": {"cap": 1}}, token=operator).status == 200
    foreign = server.make_token(["operator"], "vm01")
    assert server.tls("POST", "/v1/vms/vm00/snapshots", {"name": "s"}, token=foreign).status == 404


def test_a_logout_ends_the_login_that_it_was_asked_with(alone):
    origin = {"Origin": f"https://127.0.0.1:{alone.port}"}
    answer = alone.tls("POST", "/v1/login", {"token": alone.token}, token="", headers=origin)
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    headers = {**origin, "Cookie": f"x__Host-skerry=zz; {cookie}"}
    assert alone.tls("GET", "/v1/me", token="", headers=headers).status == 200
    assert alone.tls("POST", "/v1/logout", {}, token="", headers=headers).status == 204
    assert alone.tls("GET", "/v1/me", token="", headers=headers).status == 401


def test_who_may_not_read_the_audit_stands_in_it(alone):
    viewer = alone.make_token(["viewer"])
    for path in ("audit", "tokens", "users"):
        assert alone.tls("GET", f"/v1/{path}", token=viewer).status == 403
        assert alone.tls("GET", f"/v1/{path}").status == 200
    lines = alone.tls("GET", "/v1/audit").json()["items"]
    reads = [(line["action"], line["result"]) for line in lines
             if line["action"] in ("audit.read", "token.list", "user.list")]
    assert reads == [("audit.read", "forbidden"), ("token.list", "forbidden"), ("user.list", "forbidden")]


def test_denied_requests_fill_no_disk(alone, program):
    """Denied requests are counted; what others do is still written, and the chain has the count."""
    path = alone.state / "audit.jsonl"
    viewer = alone.make_token(["viewer"])
    connection = alone.connect()
    headers = {"Authorization": f"Bearer {viewer}"}
    before = path.stat().st_size
    for _ in range(300):
        assert alone.ask(connection, "POST", "/v1/vms/vm00/actions/pause", headers=headers).status == 403
    for _ in range(60):
        alone.tls("GET", "/v1/me", token=WRONG)
    assert path.stat().st_size - before < 45 * 400
    assert alone.tls("POST", "/v1/vms/vm00/actions/reset").status == 200
    assert alone.tls("POST", "/v1/login", {"token": alone.token}, token="").status == 200
    text = alone.tls("GET", "/metrics").body.decode()
    counted = int(text.split("\nskerryd_audit_counted_total ")[1].split()[0])
    assert counted >= 280
    alone.stop()
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert sum(line.get("count", 0) for line in lines if line.get("action") == "audit.denied") == counted
    assert subprocess.run([program, "verify-audit", alone.state], check=False).returncode == 0


def test_what_is_of_ones_own_fills_no_disk(alone):
    """
    Tickets, logins and logouts have a limited number of lines for each credential; lines about
    others stay.
    """
    path = alone.state / "audit.jsonl"
    viewer = alone.make_token(["viewer"], "nothing")
    connection = alone.connect()
    headers = {"Authorization": f"Bearer {viewer}"}
    before = path.stat().st_size
    for _ in range(60):
        assert alone.ask(connection, "POST", "/v1/stream/tickets", {"name": "x" * 9000}, headers).status == 201
        assert alone.ask(connection, "POST", "/v1/login", {"token": viewer, "cookie": False}).status == 200
        assert alone.ask(connection, "POST", "/v1/logout", {}, headers).status == 204
    assert path.stat().st_size - before < 45 * 400
    alone.stop()
    lines = [json.loads(line) for line in path.read_bytes().splitlines()]
    assert sum(line["count"] for line in lines if line.get("action") == "audit.own") >= 155


def test_the_audit_says_what_it_was_about(pair):
    """A field that the route does not take says nothing; a long one is cut, in whole characters."""
    _, server = pair()
    server.start()
    server.tls("POST", "/v1/me/password", {"old": "x", "new": PASSWORD, "name": "admin"})
    server.tls("POST", "/v1/disks/restore", {"disk": "db", "from": "full", "name": "scratch"})
    server.tls("POST", "/v1/vms", {"name": "\u20ac" * 2000})
    lines = [json.loads(line) for line in (server.state / "audit.jsonl").read_bytes().splitlines()]
    targets = {line["action"]: line["target"] for line in lines if "action" in line}
    assert (targets["user.password"], targets["disk.restore"]) == ("", "db")
    assert 0 < len(targets["vm.create"].encode()) < 64 and set(targets["vm.create"]) == {"\u20ac"}


def test_logins_with_a_token_have_a_rate(pair):
    _, server = pair("--change-rate", "5")
    server.start()
    body = {"token": server.token, "cookie": False}
    codes = [server.tls("POST", "/v1/login", body, token="").status for _ in range(40)]
    assert set(codes) == {200, 429}


def test_a_bound_of_another_type_is_refused(alone):
    """A request that states a scope or an end gets it, or no token and no user."""
    alone.local("POST", "/v1/users", {"name": "bob", "password": PASSWORD, "roles": ["viewer"], "scope": "vm0*"})
    for wrong in (["vm0*"], [], {"x": "vm0*"}, {}, None, 7, True, ""):
        token = alone.tls("POST", "/v1/tokens", {"name": "x", "roles": ["viewer"], "scope": wrong})
        user = alone.tls("POST", "/v1/users", {"name": "x", "password": PASSWORD, "roles": ["viewer"],
                                               "scope": wrong})
        change = alone.tls("PATCH", "/v1/users/bob", {"scope": wrong})
        assert (token.status, user.status, change.status) == (422, 422, 422), wrong
    for wrong in ([60], [], {"x": 60}, {}, None, True, "60", -1, 0.5):
        assert alone.tls("POST", "/v1/tokens", {"name": "x", "roles": ["viewer"], "expires_s": wrong}).status == 422
    users = {user["name"]: user["scope"] for user in alone.tls("GET", "/v1/users").json()["items"]}
    assert users == {"bob": "vm0*"}


def test_only_so_many_files_of_the_audit(pair, program):
    _, server = pair("--audit-file", "1", "--audit-files", "3")
    server.start()
    for _ in range(40):
        assert server.tls("POST", "/v1/vms/vm00/actions/reset").status == 200
    assert len(list(server.state.glob("audit-*.jsonl"))) == 3
    server.stop()
    done = subprocess.run([program, "verify-audit", server.state], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "first 1\n" not in done.stdout


def test_who_looks_after_the_audit_gets_in(alone):
    """
    When no line can be written, health says so, an auditor can log in, and the missed lines are
    told later.
    """
    alone.tls("POST", "/v1/vms/vm00/actions/reset")
    assert alone.health()["audit"] is True
    path = alone.state / "audit.jsonl"
    limit = ["prlimit", "--pid", str(alone.process.pid)]
    subprocess.run([*limit, f"--fsize={path.stat().st_size}:"], check=True)
    assert alone.tls("POST", "/v1/vms/vm00/actions/reset").code == "audit-unwritable"
    assert alone.tls("POST", "/v1/login", {"token": alone.token}, token="").status == 200
    assert alone.health()["audit"] is False
    assert alone.tls("GET", "/v1/audit").json()["works"] is False
    subprocess.run([*limit, "--fsize=unlimited:"], check=True)
    wait_for(lambda: alone.health()["audit"])
    missed = [item for item in alone.tls("GET", "/v1/audit").json()["items"]
              if item["action"] == "audit.missed"]
    assert sum(item["count"] for item in missed) >= 2


def test_what_was_begun_does_not_stay_so(pair):
    """
    A gateway that resets its own VM does not live to see the result; the next start ends the
    line.
    """
    fake, server = pair(stop_s=60)
    server.start()
    fake.silent = True
    with server.raw() as sock:
        sock.sendall(f"POST /v1/vms/vm00/actions/reset HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
                     "Prefer: wait=30\r\nContent-Length: 0\r\n\r\n".encode())
        wait_for(lambda: "vm.reset" in {item["action"] for item in server.tls("GET", "/v1/audit").json()["items"]})
        server.kill()
    fake.silent = False
    server.start()
    last = [item for item in server.tls("GET", "/v1/audit").json()["items"] if item["action"] == "vm.reset"]
    assert [item["result"] for item in last] == ["gateway-ended"]
