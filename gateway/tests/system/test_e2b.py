# SPDX-License-Identifier: MIT
"""The unmodified npm package `e2b` at a gateway with a fake Skerry, and what of its door may not be."""
import concurrent.futures
import json
import os
import time

import pytest

from client import Server, wait_for
from e2b_package import drive
from fake_runs import frame
from fake_sandboxes import FakeSandboxes


@pytest.fixture
def line(program, tmp_path):
    root = tmp_path / "root"
    root.mkdir()
    fake = FakeSandboxes(str(tmp_path / "skerry.sock"), root)
    server = Server(program, tmp_path, fake.path).start()
    yield fake, server
    server.stop()
    fake.close()


def test_client(line):
    """What the client does with a sandbox, from its making to its end."""
    fake, server = line
    said = drive(server, "vm00", "/home")
    number = said.pop("id")
    assert said == {
        "run": ["one two\n", "no\n", 0], "pieces": "a\nb\n", "failed": ["CommandExitError", 7],
        "listed": [[True, "/bin/bash", "cat; echo end"]], "cat": "typed end\n", "killed": [True, -1], "killedAgain": False,
        "written": ["file.txt", "/home/new/file.txt"], "read": True, "empty": ["none", ""], "made": [True, False],
        "entries": [["file.txt", False, "/home/new/file.txt"], ["folder", True, "/home/new/folder"], ["none", False, "/home/new/none"]],
        "info": True, "moved": "/home/new/other", "exists": [True, False], "gone": "FileNotFoundError", "fork": [True, "fork", "one\n", True],
        "state": "running", "all": [True], "paused": [True, False, "paused"], "again": "again\n", "left": True, "running": True,
        "end": [True, False, False], "after": "SandboxNotFoundError"}, said
    assert number.isdigit()
    wait_for(lambda: list(fake.vms) == ["vm00"])


def ask(server, method, path, body=None, key=None, **headers):
    """One request of E2B's, with the key where its client has it."""
    key = server.token if key is None else key
    return server.tls(method, "/e2b" + path, body, token="", headers={**({"X-API-Key": key} if key else {}), **headers})


def make(server, **more):
    made = ask(server, "POST", "/v2/sandboxes", {"templateID": "vm00"}, **more)
    assert made.status == 201, made.body
    return made.json()["sandboxID"]


def message(value):
    text = json.dumps(value).encode()
    return b"\0" + len(text).to_bytes(4, "big") + text


def form(data, end=b"\r\n--xx--\r\n"):
    return b'--xx\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + data + end


UNARY = {"Content-Type": "application/json"}
FORM = {"Content-Type": "multipart/form-data; boundary=xx"}


def test_key(line):
    """No key, a wrong one, a cookie or a name and a password reach nothing; a key is what a token of REST is."""
    _, server = line
    box = make(server)
    wrong = "sky_" + "0" * 40
    for key, headers in (("", {}), (wrong, {}), ("", {"Authorization": f"Bearer {server.token}"}), ("", {"Cookie": f"__Host-skerry={server.token}"})):
        for method, path in (("GET", f"/sandboxes/{box}"), ("POST", "/v2/sandboxes"), ("GET", "/health"), ("GET", "/files?path=/a")):
            answer = ask(server, method, path, {} if method == "POST" else None, key=key, **{"E2b-Sandbox-Id": box, **headers})
            assert answer.status in (401, 429), (method, path, answer.body)
    assert ask(server, "GET", f"/sandboxes/{box}", key=server.make_token(["viewer"])).status == 403
    assert ask(server, "POST", "/v2/sandboxes", {"templateID": "vm00"}, key=server.make_token(["operator"], "x*")).status == 403
    # a token of REST's, in the form of REST's, is no key of E2B's and nobody's password
    assert server.tls("GET", f"/e2b/sandboxes/{box}").status == 401


def test_whose(line):
    """A sandbox, its files and its processes are those of the key alone that has made it; a pid is one of the sandbox in the header."""
    _, server = line
    mine, also = make(server), make(server)
    other = server.make_token(["operator"])
    begun = server.tls("POST", f"/v1/sandboxes/{mine}/commands", {"command": ["sleep", "100"]}, headers={"Prefer": "wait=0"}).json()
    pid = int(begun["id"]) % (1 << 32)
    named = {"process": {"pid": pid}, "signal": "SIGNAL_SIGKILL"}

    def signal(box, key=None):
        return ask(server, "POST", "/process.Process/SendSignal", named, key, **{"E2b-Sandbox-Id": box, **UNARY})
    assert signal(mine, other).status == 502 and signal(also).code == "not_found" and signal("1").status == 502
    assert ask(server, "GET", f"/sandboxes/{mine}", key=other).status == 404
    assert ask(server, "DELETE", f"/sandboxes/{mine}", key=other).status == 404
    assert ask(server, "GET", "/files?path=/a", key=other, **{"E2b-Sandbox-Id": mine}).status == 502
    assert ask(server, "GET", "/v2/sandboxes", key=other).json() == []
    assert server.tls("GET", "/v1/runs/" + begun["id"]).json()["state"] == "running"
    assert signal(mine).status == 200
    assert server.tls("GET", f"/v1/runs/{begun['id']}?wait=9").json()["signal"] == 9
    # how many: 8 of one key, and not for long once the key is gone
    for _ in range(8):
        last = make(server, key=other)
    assert ask(server, "POST", "/v2/sandboxes", {"templateID": "vm00"}, other).status == 429
    number = [each["id"] for each in server.local("GET", "/v1/tokens").json()["items"]][-1]
    assert server.local("DELETE", f"/v1/tokens/{number}").status in (200, 204)
    wait_for(lambda: len(server.local("GET", "/v1/vms").json()["items"]) == 3)
    assert ask(server, "GET", f"/sandboxes/{last}", key=other).status in (401, 429)


def test_forks(line):
    """Several at a time, with what there is no room for in words; no snapshot is left over."""
    fake, server = line
    box = make(server)
    made = ask(server, "POST", f"/sandboxes/{box}/fork", {"count": 8}).json()
    assert [list(each) for each in made] == [["sandbox"]] * 7 + [["error"]], made
    assert len({each["sandbox"]["sandboxID"] for each in made[:7]} | {box}) == 8 and made[7]["error"]["code"] == 429
    wait_for(lambda: not any(vm.snapshots for name, vm in fake.vms.items() if name != "vm00"))
    assert len(fake.seeds) == 8 and len(set(fake.seeds)) == 8
    assert ask(server, "POST", "/sandboxes/1/fork", {}).status == 404
    for bad in ({"count": 0}, {"count": 9}, {"timeout": 4000}):
        assert ask(server, "POST", f"/sandboxes/{box}/fork", bad).status == 400
    fake.room = 9
    ask(server, "DELETE", f"/sandboxes/{made[0]['sandbox']['sandboxID']}")
    assert ask(server, "POST", f"/sandboxes/{box}/fork", {}).status in (201, 503)
    wait_for(lambda: not any(vm.snapshots for name, vm in fake.vms.items() if name != "vm00"))


def test_uploads(line, tmp_path):
    """A file is whole or an error: forms that are none, have no end or two files; too long a file; who has no key sends nothing."""
    fake, server = line
    box = make(server)

    def upload(body, key=None, path="/u"):
        return ask(server, "POST", f"/files?path={path}", body, key, **{"E2b-Sandbox-Id": box, **FORM})
    assert upload(form(b"x" * 70000)).status == 200
    assert (tmp_path / "root/u").read_bytes() == b"x" * 70000
    assert upload(form(b"\r\n--x\r\n--xxx\r\n")).status == 400        # the boundary inside, and no end
    assert upload(form(b"a\r\n--x\r\nb")).status == 200
    assert (tmp_path / "root/u").read_bytes() == b"a\r\n--x\r\nb"
    two = form(b"one", b"\r\n") + form(b"two")
    for bad in (b"", b"no form", b"--xx\r\nno end", form(b"cut", b""), form(b"cut", b"\r\n--x"), two, b"--" + b"y" * 200 + b"\r\n\r\nz"):
        assert upload(bad).status in (400, 401), bad
    assert upload(form(b"y" * (1 << 20) + b"z")).status in (400, 413)
    # refused before core is asked: of no sandbox, by a name that is too long
    for headers in ({}, {"E2b-Sandbox-Id": "x"}, {"E2b-Sandbox-Id": box, "Authorization": "Basic " + "dXV1" * 30}):
        assert ask(server, "POST", "/files?path=/u", form(b"x" * 50000), **{**FORM, **headers}).status == 400, headers
    told = len(fake.told)
    assert upload(form(b"nobody's" * 20000), key="").status == 401
    assert len(fake.told) == told
    assert upload(form(b"last")).status == 200 and (tmp_path / "root/u").read_bytes() == b"last"


def test_refused(line):
    """What is not done is said; what a guest prints ends in bounds."""
    _, server = line
    box = make(server)
    here = {"E2b-Sandbox-Id": box}
    for body in ({"templateID": "vm00", "timeout": 3601}, {"templateID": "vm00", "network": {"allowOut": ["a"]}}, {"templateID": "vm00", "autoPause": True},
                 {"templateID": "../"}, {}):
        assert ask(server, "POST", "/v2/sandboxes", body).status == 400, body
    refused = ask(server, "POST", "/v2/sandboxes", {"templateID": "vm00", "volumeMounts": [{"name": "pool/home", "path": "/data"}]})
    assert refused.status == 400 and b"Skerry has no volumes for sandboxes" in refused.body, refused.body
    assert ask(server, "GET", "/templates").status == 404
    assert ask(server, "POST", "/process.Process/Nothing", {}, **here).status == 404
    assert ask(server, "POST", "/process.Process/List", {}, **UNARY).status == 400      # of no sandbox
    for body in (b"", b"\0\0\0", b"\1" + message({})[1:], message([])):
        assert ask(server, "POST", "/process.Process/Start", body, **here).status in (200, 400)
    start = {"process": {"cmd": "head", "args": ["-c", "3000000", "/dev/zero"]}}
    answer = ask(server, "POST", "/process.Process/Start", message(start), **{**here, "Content-Type": "application/connect+json"})
    assert answer.status == 200 and b"resource_exhausted" in answer.body and len(answer.body) < 3_000_000


def test_not_come_to_be(line):
    """Who asks for a sandbox that its init refuses, or cannot make, is told why, as whoever asks for a run."""
    fake, server = line

    def refused():
        answer = server.tls("POST", "/v1/sandboxes", {"template": "vm00"}, headers={"Prefer": "wait=10"})
        return answer.status, answer.code, answer.json()["detail"]
    fake.seed_frames = frame("R") + frame("N", b"no address")
    status, code, why = refused()
    assert (status, code) == (409, "failed") and "DHCP" in why
    assert "DHCP" in ask(server, "POST", "/v2/sandboxes", {"templateID": "vm00"}).json()["message"]
    fake.seed_frames = frame("N", b"no address")    # none knows that it lacks an address before it is sown
    assert refused()[2].endswith("crash")
    fake.seed_frames, fake.hello_frames = frame("R"), frame("H", b"\1")
    status, code, why = refused()
    assert (status, code) == (422, "bad-argument") and "too old" in why


def test_upload_costs(line):
    """A form whose head does not end costs no more for each further piece: nobody is known yet."""
    _, server = line
    with server.raw() as client:
        client.sendall(b"POST /e2b/files?path=/a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Type: multipart/form-data; boundary=xx\r\n\r\n")
        client.sendall(b"f000\r\n" + b"\r" * 0xf000 + b"\r\n")
        began = spent(server.web_pid())
        for _ in range(200):
            client.sendall(b"1\r\nx\r\n" * 2000)
        client.sendall(b"0\r\n\r\n")
        assert client.recv(100).startswith(b"HTTP/1.1 400")
        assert spent(server.web_pid()) - began < 0.6


def spent(pid):
    """Returns the seconds of CPU time that a process has had."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
        words = file.read().rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def test_mute(line):
    """Guests that answer no connection, as whoever is in them may have it, keep commands and runs of others waiting for nothing."""
    fake, server = line
    mine, other = make(server), server.make_token(["operator"])
    before = set(fake.vms)
    mute = [make(server, key=other) for _ in range(2)]
    names, take, open_calls = set(fake.vms) - before, fake.take_request, []

    def take_request(request):
        if request.get("command") == "vsock connect" and any(name in json.dumps(request) for name in names):
            open_calls.append(request["id"])
            return
        take(request)
    fake.take_request = take_request
    for box in mute * 4:
        server.tls("POST", f"/v1/sandboxes/{box}/commands", {"command": ["true"]}, token=other, headers={"Prefer": "wait=0"})
    began = time.monotonic()
    assert server.tls("POST", f"/v1/sandboxes/{mine}/commands", {"command": ["true"]}).json()["result"] == "exit"
    assert time.monotonic() - began < 5 and len(open_calls) == 1
    # and what is left of one call is the same once its command is gone
    for item in server.tls("GET", "/v1/runs", token=other).json()["items"]:
        server.tls("DELETE", f"/v1/runs/{item['id']}", token=other)
    server.tls("POST", f"/v1/sandboxes/{mute[1]}/commands", {"command": ["true"]}, token=other, headers={"Prefer": "wait=0"})
    assert server.tls("POST", f"/v1/sandboxes/{mine}/commands", {"command": ["true"]}).json()["result"] == "exit"
    assert len(open_calls) == 1


def test_kept(line):
    """What a command prints is not kept for an Idempotency-Key: its number is, as that of a run."""
    _, server = line
    box = make(server)
    said = [server.tls("POST", f"/v1/sandboxes/{box}/commands", {"command": ["echo", "secret"]}, headers={"Idempotency-Key": "a"}) for _ in range(2)]
    assert said[0].json()["stdout"] == "secret\n" and said[1].headers["Idempotency-Replayed"] == "true"
    assert said[1].json() == {"id": said[0].json()["id"]}


def test_many_forks(line):
    """Forks that Skerry takes long for are some of each owner, so that others' forks and commands find room on the link."""
    fake, server = line
    mine, other = make(server), server.make_token(["operator"])
    theirs, take, held = make(server, key=other), fake.take_request, []

    def take_request(request):
        (held.append if request.get("command") == "vm snapshot" and len(held) < 2 else take)(request)
    fake.take_request = take_request
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        asked = [pool.submit(server.tls, "POST", f"/v1/sandboxes/{theirs}/fork", {}, other) for _ in range(20)]
        wait_for(lambda: sum(each.done() for each in asked) == 18)
        assert {each.result().status for each in asked if each.done()} == {429}
        assert server.tls("POST", f"/v1/sandboxes/{mine}/fork", {}).status == 201
        for request in held:
            take(request)
        assert [each.result().status for each in asked].count(201) == 2


def test_one_request_is_several(line):
    """A key against repetition is not handed on: each of three forks is a sandbox of its own."""
    _, server = line
    box = make(server)
    answer = ask(server, "POST", f"/sandboxes/{box}/fork", {"count": 3, "timeout": 60}, **{"Idempotency-Key": "once"})
    assert answer.status == 201, answer.body
    assert len({fork["sandbox"]["sandboxID"] for fork in answer.json()}) == 3, answer.body
