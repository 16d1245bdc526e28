# SPDX-License-Identifier: MIT
"""Users with a password: made, logged in, changed, removed; what is tried to get in without one."""
import json
import math
import statistics
import threading
import time
from pathlib import Path

import pytest

PASSWORD = "correct horse"
ROLES = ["operator", "console-read"]


def login(server, user, password, **more):
    return server.tls("POST", "/v1/login", {"user": user, "password": password, **more}, token="")


def make(server, name, password=PASSWORD, roles=ROLES, token=None, **more):
    return server.tls("POST", "/v1/users", {"name": name, "password": password, "roles": roles, **more},
                      token=token)


@pytest.fixture
def alone(pair):
    """A server whose count of wrong logins is nobody else's."""
    _, server = pair()
    return server.start()


def test_login(server, fake):
    assert make(server, "alice", scope="vm0*").status == 201
    answer = login(server, "alice", PASSWORD)
    body = answer.json()
    assert answer.status == 200 and "token" not in body and body["by"] == "password"
    assert body["roles"] == ["viewer", "operator", "console-read"] and body["session_s"] == 12 * 3600
    cookie = answer.headers["Set-Cookie"].split(";")[0]
    assert "HttpOnly" in answer.headers["Set-Cookie"] and "Secure" in answer.headers["Set-Cookie"]
    me = server.tls("GET", "/v1/me", token="", headers={"Cookie": cookie}).json()
    assert (me["name"], me["by"], me["scope"]) == ("alice", "password", "vm0*")
    # Actions of a user bear the user's name, here and in Skerry's own audit.
    secret = login(server, "alice", PASSWORD, cookie=False).json()["token"]
    assert secret.startswith("sks_")
    assert server.tls("POST", "/v1/vms/vm02/actions/pause", token=secret).status == 200
    assert server.tls("POST", "/v1/vms/vm15/actions/pause", token=secret).status == 404
    assert server.tls("GET", "/v1/audit", token=secret).status == 403
    line, = [each for each in server.tls("GET", "/v1/audit").json()["items"]
             if each["action"] == "vm.pause" and each["result"] == "ok"]
    assert line["who"] == "alice via password" and line["target"] == "vm02"
    assert (["vm", "pause", "vm02"], "alice via password") in fake.commands
    # A cookie's secret is no bearer token, nor the other way round.
    assert server.tls("GET", "/v1/me", token=cookie.split("=", 1)[1]).status == 401
    assert server.tls("GET", "/v1/me", token="",
                      headers={"Cookie": f"__Host-skerry={secret}"}).json().get("name") == "alice"
    assert server.tls("POST", "/v1/logout", token=secret).status == 204
    assert server.tls("GET", "/v1/me", token=secret).status == 401
    assert server.tls("GET", "/v1/me", token="", headers={"Cookie": cookie}).status == 200


def test_what_is_written(server):
    """
    The file holds yescrypt with a salt of its own; the password is in no file, no list and no
    answer.
    """
    for name in ("same1", "same2"):
        assert make(server, name).status == 201
    hashes = [each["hash"] for each in json.loads((server.state / "users.json").read_text())["users"]
              if each["name"].startswith("same")]
    assert len(set(hashes)) == 2 and all(each.startswith("$y$") for each in hashes)
    assert (server.state / "users.json").stat().st_mode & 0o77 == 0
    for path in filter(Path.is_file, server.state.rglob("*")):
        assert PASSWORD.encode() not in path.read_bytes(), path
    shown = server.tls("GET", "/v1/users").body.decode()
    assert "same1" in shown and "$y$" not in shown and PASSWORD not in shown


def test_bad_users(server):
    assert make(server, "taken").status == 201
    assert make(server, "taken").code == "exists"
    for name in ("", "a b", "x" * 32, "-a", 7, None):
        assert make(server, name).status == 422, name
    for password in ("", "short", "x" * 201, "with\ncontrol", 1234567890, None):
        assert make(server, "bob", password).status == 422, password
    assert make(server, "bob", roles=["king"]).status == 422
    assert make(server, "bob", roles=[]).status == 422
    assert make(server, "bob", scope="a b").status == 422
    assert server.tls("PATCH", "/v1/users/bob", {"roles": ["viewer"]}).status == 404
    assert server.tls("DELETE", "/v1/users/bob").status == 404


def test_nobody_gives_or_takes_more_than_they_have(server):
    """An admin of few machines and without the audit cannot become one who has both."""
    few = server.make_token(["admin"], "vm0*")
    assert make(server, "big", roles=["admin", "auditor"]).status == 201
    assert make(server, "wide", roles=["viewer"]).status == 201
    assert make(server, "x1", roles=["auditor"], scope="vm0*", token=few).status == 403
    assert make(server, "x1", roles=["viewer"], scope="*", token=few).status == 403
    assert make(server, "small", roles=["viewer"], scope="vm01", token=few).status == 201
    for name in ("big", "wide"):
        for change in ({"password": "new password 1"}, {"roles": ["viewer"]}, {"scope": "vm00"}):
            assert server.tls("PATCH", f"/v1/users/{name}", change, token=few).status == 404, name
        assert server.tls("DELETE", f"/v1/users/{name}", token=few).status == 404
    assert [each["name"] for each in server.tls("GET", "/v1/users", token=few).json()["items"]] == ["small"]
    assert server.tls("PATCH", "/v1/users/small", {"roles": ["auditor"]}, token=few).status == 403
    assert server.tls("DELETE", "/v1/users/small", token=few).status == 204
    brief = server.make_token(["admin"], "*", expires_s=100)
    assert make(server, "lasting", roles=["viewer"], token=brief).status == 403


def test_changes_end_logins(server):
    assert make(server, "carol").status == 201

    def change(**what):
        secret = login(server, "carol", what.pop("old", PASSWORD), cookie=False).json()["token"]
        assert server.tls("GET", "/v1/me", token=secret).status == 200
        assert server.tls("PATCH", "/v1/users/carol", what).status == 200
        assert server.tls("GET", "/v1/me", token=secret).status == 401
    change(roles=["viewer"])
    change(scope="vm01")
    change(password="another horse")
    assert login(server, "carol", PASSWORD).status == 401
    again = login(server, "carol", "another horse").json()
    assert again["roles"] == ["viewer"] and again["scope"] == "vm01"
    secret = login(server, "carol", "another horse", cookie=False).json()["token"]
    wrong = server.tls("POST", "/v1/me/password", {"old": "x", "new": "a third horse"}, token=secret)
    assert wrong.status == 403 and wrong.code == "wrong-password"
    assert server.tls("POST", "/v1/me/password", {"old": "another horse", "new": "x"},
                      token=secret).status == 422
    assert server.tls("POST", "/v1/me/password", {"old": "another horse", "new": "a third horse"},
                      token=secret).status == 204
    assert server.tls("GET", "/v1/me", token=secret).status == 401
    secret = login(server, "carol", "a third horse", cookie=False).json()["token"]
    assert server.tls("DELETE", "/v1/users/carol").status == 204
    assert server.tls("GET", "/v1/me", token=secret).status == 401
    assert login(server, "carol", "a third horse").status == 401
    assert server.tls("POST", "/v1/me/password", {"old": "x", "new": "long enough"}).code == "no-password"


def test_a_stream_ends_with_its_user(server):
    assert make(server, "dora", roles=["viewer"]).status == 201
    secret = login(server, "dora", PASSWORD, cookie=False).json()["token"]
    stream = server.stream(token=secret)
    stream.json("snapshot")
    assert server.tls("DELETE", "/v1/users/dora").status == 204
    with pytest.raises(Exception, match="1008"):
        while True:
            stream.message()


def test_wrong_ones_are_slowed_down_and_audited(alone):
    server = alone
    assert make(server, "erin").status == 201
    statuses = [login(server, "erin", f"wrong {number}").status for number in range(6)]
    assert statuses == [401] * 6
    for number in range(60):   # a slow machine may ask when the first second is over already
        statuses.append(login(server, "erin", f"more wrong {number}").status)
        blocked = login(server, "erin", PASSWORD)
        if blocked.status == 429:
            break
    assert blocked.status == 429 and int(blocked.headers["Retry-After"]) >= 1
    lines = [each for each in server.local("GET", "/v1/audit").json()["items"]
             if each["action"] == "login" and each["result"] == "unauthenticated"]
    assert len(lines) == statuses.count(401) and {each["target"] for each in lines} == {"erin"}
    time.sleep(int(blocked.headers["Retry-After"]))
    assert login(server, "erin", PASSWORD).status == 200


def test_none_is_free_while_another_is_looked_at(alone):
    """Many guesses at a time are not more tries."""
    assert make(alone, "fred").status == 201
    statuses, began = [], time.monotonic()
    threads = [threading.Thread(target=lambda: statuses.append(login(alone, "fred", "wrong one").status))
               for _ in range(24)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    # the pause after the sixth is a second, and each is twice the one before
    tries = 6 + int(math.log2(1 + time.monotonic() - began))
    assert statuses.count(401) <= tries and statuses.count(429) >= 24 - tries, statuses


def test_what_is_not_looked_at_is_no_wrong_one(alone):
    """Right passwords, too many at a time, are refused and lock nobody out."""
    assert make(alone, "hugo").status == 201
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(login(alone, "hugo", PASSWORD)))
               for _ in range(24)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert {each.status for each in answers} == {200, 429}
    assert {each.json()["detail"] for each in answers if each.status == 429} == \
        {"too many logins are being checked at the moment: try again in a second"}
    assert login(alone, "hugo", PASSWORD).status == 200


def test_a_name_that_nobody_has_takes_as_long(alone):
    """
    A name that nobody has takes as long as a real one, as both passwords are hashed: shown by
    core's CPU time, since clocks are no measure on a busy host.
    """
    server = alone
    assert make(server, "gina").status == 201

    def cost(user):
        def used():
            parts = open(f"/proc/{server.process.pid}/schedstat").read().split()
            tasks = [open(f"/proc/{server.process.pid}/task/{task}/schedstat").read().split()
                     for task in __import__("os").listdir(f"/proc/{server.process.pid}/task")]
            return sum(int(each[0]) for each in tasks) if tasks else int(parts[0])
        before = used()
        assert login(server, user, "wrong password").status == 401
        after = used()
        server.local("GET", "/v1/me")
        return after - before
    known, unknown = [], []
    for _ in range(2):
        known.append(cost("gina"))
        unknown.append(cost("nobody"))
        login(server, "gina", PASSWORD)
    ratio = statistics.median(unknown) / statistics.median(known)
    assert 0.5 < ratio < 2, (known, unknown)
    assert min(unknown) > 1_000_000     # nanoseconds: the password was hashed at all


def test_users_outlive_a_restart(pair):
    _, server = pair()
    server.start()
    assert make(server, "hugo").status == 201
    secret = login(server, "hugo", PASSWORD, cookie=False).json()["token"]
    server.stop()
    server.start()
    assert server.tls("GET", "/v1/me", token=secret).status == 401      # logins are in memory only
    assert login(server, "hugo", PASSWORD).status == 200
    server.stop()
    (server.state / "users.json").write_text('{"users":[{"name":"../x"}]}')
    with pytest.raises(AssertionError, match="users.json is damaged"):
        server.start(ready=False)
