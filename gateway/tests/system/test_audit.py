# SPDX-License-Identifier: MIT
"""The audit: its lines, their chain, and that nothing is changed without a line."""
import hashlib
import json
import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor

from client import wait_for


def lines_of(server):
    return (server.state / "audit.jsonl").read_bytes().splitlines()


def test_line_before_the_change_and_result_after(pair):
    fake, server = pair()
    server.start()
    seen = []
    act = fake.act

    def look(*words):
        seen.append([json.loads(line) for line in lines_of(server)])
        return act(*words)
    fake.act = look
    assert server.tls("POST", "/v1/vms/vm00/actions/pause").status == 200
    before = seen[0][-1]
    assert (before["action"], before["target"], before["result"]) == ("vm.pause", "vm00", "begun")
    assert before["who"] == "first via token 1" and before["from"] == "127.0.0.1"
    after = json.loads(lines_of(server)[-1])
    assert after["of"] == before["n"] and after["result"] == "ok"


def test_a_replayed_answer_ends_its_line(pair):
    """A request that repeats an Idempotency-Key does nothing, and its line in the audit says so."""
    _, server = pair()
    server.start()
    headers = {"Idempotency-Key": "one"}
    for _ in range(2):
        assert server.tls("POST", "/v1/vms/vm00/actions/reset", headers=headers).status == 200
    items = server.tls("GET", "/v1/audit").json()["items"]
    assert [item["result"] for item in items if item["action"] == "vm.reset"] == ["ok", "replayed"]


def test_a_lost_connection_ends_its_line(pair):
    """No operation goes on with a balloon's request: when web dies under it, nobody is told the outcome."""
    fake, server = pair()
    server.start()
    fake.silent = True
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(server.tls, "POST", "/v1/vms/vm00/actions/balloon", {"bytes": 1 << 26})
        begun = wait_for(lambda: [line for line in map(json.loads, lines_of(server)) if line.get("result") == "begun"])
        os.kill(server.web_pid(), signal.SIGKILL)
        ended = wait_for(lambda: [line for line in map(json.loads, lines_of(server)) if line.get("of") == begun[0]["n"]])
        assert answer.exception() is not None
    assert begun[0]["action"] == "vm.balloon" and ended[0]["result"] == "client-left"


def test_denied_and_failed_ones_too(pair):
    _, server = pair()
    server.start()
    viewer = server.make_token(["viewer"], "vm0*")
    server.tls("POST", "/v1/vms/vm00/actions/pause", token=viewer)
    server.tls("POST", "/v1/vms/vm09/actions/pause")
    server.tls("GET", "/v1/me", token="sky_" + "1" * 64)
    items = server.tls("GET", "/v1/audit").json()["items"]
    results = [(item["action"], item["target"], item["result"]) for item in items]
    assert ("vm.pause", "vm00", "forbidden") in results
    assert ("vm.pause", "vm09", "bad-state") in results
    assert ("login", "", "unauthenticated") in results
    assert ("token.create", "test", "ok") in results
    text = b"\n".join(lines_of(server))
    assert viewer.encode() not in text and server.token.encode() not in text


def test_what_a_handler_denies_has_one_line(pair):
    """
    A request that a handler denies has one line, as one that the router denies; beyond a few
    the denials are counted; an action that is done has two lines.
    """
    _, server = pair("--change-rate", "0")
    server.start()
    few = server.make_token(["admin"], "vm00")
    reader = server.make_token(["console-read"], "vm00")
    server.tls("POST", "/v1/users", {"name": "bob", "password": "correct horse", "roles": ["viewer"]})
    login = {"user": "bob", "password": "correct horse", "cookie": False}
    bob = server.tls("POST", "/v1/login", login, token="").json()["token"]
    for method, path, body, token, status, action in (
            ("DELETE", "/v1/tokens/1", None, few, 404, "token.revoke"),
            ("DELETE", "/v1/tokens/999", None, None, 404, "token.revoke"),
            ("POST", "/v1/tokens", {"name": "x", "roles": ["auditor"]}, few, 403, "token.create"),
            ("POST", "/v1/users", {"name": "x", "password": "correct horse", "roles": ["auditor"]}, few, 403,
             "user.create"),
            ("PATCH", "/v1/users/bob", {"roles": ["admin"]}, few, 404, "user.change"),
            ("DELETE", "/v1/users/bob", None, few, 404, "user.remove"),
            ("POST", "/v1/vms/vm00/snapshots/a/clones", {"name": "other"}, few, 403, "vm.clone"),
            ("POST", "/v1/vms/vm00/console/tickets", {"mode": "write"}, reader, 403, "console.ticket"),
            ("POST", "/v1/me/password", {"old": "wrong horse", "new": "correct horse"}, bob, 403, "user.password")):
        count = len(lines_of(server))
        assert server.tls(method, path, body, token=token or server.token).status == status, path
        line, = [json.loads(each) for each in lines_of(server)[count:]]
        assert (line["action"], line["result"]) == (action, "not-found" if status == 404 else
                                                    "wrong-password" if token == bob else "forbidden")
    assert server.tls("POST", "/v1/vms/vm00/snapshots", {"name": "a"}).status == 200
    for method, path, body, token, action in (
            ("POST", "/v1/tokens", {"name": "x", "roles": ["viewer"]}, None, "token.create"),
            ("DELETE", "/v1/tokens/2", None, None, "token.revoke"),
            ("POST", "/v1/me/password", {"old": "correct horse", "new": "battery staple"}, bob, "user.password"),
            ("POST", "/v1/users", {"name": "y", "password": "correct horse", "roles": ["viewer"]}, None, "user.create"),
            ("PATCH", "/v1/users/bob", {"roles": ["operator"]}, None, "user.change"),
            ("DELETE", "/v1/users/bob", None, None, "user.remove"),
            ("POST", "/v1/vms/vm00/console/tickets", {"mode": "write"}, None, "console.ticket"),
            ("POST", "/v1/vms/vm00/snapshots/a/clones", {"name": "other"}, None, "vm.clone")):
        count = len(lines_of(server))
        assert server.tls(method, path, body, token=token or server.token).status in (200, 201, 204), path
        begun, done = [json.loads(each) for each in lines_of(server)[count:]]
        assert (begun["action"], begun["result"], done["of"], done["result"]) == (action, "begun", begun["n"], "ok")
    count = len(lines_of(server))
    for _ in range(60):
        assert server.tls("DELETE", "/v1/tokens/999").status == 404
    assert len(lines_of(server)) - count < 25


def test_chain_and_its_anchor(pair):
    fake, server = pair("--anchor", "1")
    server.start()
    for _ in range(3):
        server.tls("POST", "/v1/vms/vm00/actions/reset")
    head = "0" * 64
    for number, line in enumerate(lines_of(server), 1):
        entry = json.loads(line)
        assert (entry["prev"], entry["n"]) == (head, number)
        head = hashlib.sha256(line).hexdigest()
    shown = server.tls("GET", "/v1/audit").json()
    assert shown["head"] == head
    wait_for(lambda: fake.anchors and fake.anchors[-1] == head)
    assert server.tls("GET", "/v1/audit").json()["anchored"] == head
    by_line = {item["n"]: item["hash"] for item in shown["items"]}
    assert by_line["1"] == hashlib.sha256(lines_of(server)[0]).hexdigest()


def test_pages_of_the_audit(pair):
    _, server = pair()
    server.start()
    for _ in range(5):
        server.tls("POST", "/v1/vms/vm00/actions/reset")
    newest = server.tls("GET", "/v1/audit?limit=2").json()["items"]
    assert len(newest) == 2
    later = server.tls("GET", f"/v1/audit?after={newest[0]['n']}").json()["items"]
    assert [item["n"] for item in later] == [newest[1]["n"]]


def verify(program, server):
    return subprocess.run([program, "verify-audit", server.state], capture_output=True, text=True)


def test_a_change_in_it_is_found(pair, program):
    _, server = pair()
    server.start()
    for _ in range(3):
        server.tls("POST", "/v1/vms/vm00/actions/reset")
    server.stop()
    assert verify(program, server).returncode == 0
    path = server.state / "audit.jsonl"
    text = path.read_bytes()
    path.write_bytes(text.replace(b"vm.reset", b"vm.pause", 1))
    found = verify(program, server)
    assert found.returncode == 1 and "broken at line 2" in found.stderr
    server.start()
    answer = server.tls("POST", "/v1/vms/vm00/actions/reset")
    assert (answer.status, answer.code) == (503, "audit-unwritable")
    assert server.tls("GET", "/v1/vms").status == 200
    assert b"skerryd_audit_works 0" in server.tls("GET", "/metrics").body


def test_half_a_line_is_cut_off(pair, program):
    _, server = pair()
    server.start()
    server.tls("POST", "/v1/vms/vm00/actions/reset")
    server.kill()
    path = server.state / "audit.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"who":"x","act')
    server.start()
    assert path.read_bytes() == whole
    assert server.tls("POST", "/v1/vms/vm00/actions/reset").status == 200
    server.stop()
    assert verify(program, server).returncode == 0


def test_nothing_is_changed_when_it_cannot_be_written(pair, program):
    fake, server = pair()
    server.start()
    server.tls("POST", "/v1/vms/vm00/actions/reset")
    # From here on no file of this process can grow by a byte.
    size = (server.state / "audit.jsonl").stat().st_size
    subprocess.run(["prlimit", f"--fsize={size}:", "--pid", str(server.process.pid)], check=True)
    count = len(fake.commands)
    answer = server.tls("POST", "/v1/vms/vm00/actions/pause")
    assert (answer.status, answer.code) == (503, "audit-unwritable")
    assert not [words for words, _ in fake.commands[count:] if words[:2] == ["vm", "pause"]]
    assert server.tls("GET", "/v1/vms").status == 200
    subprocess.run(["prlimit", "--fsize=unlimited:", "--pid", str(server.process.pid)], check=True)
    assert server.tls("POST", "/v1/vms/vm00/actions/pause").status == 200
    server.stop()
    assert verify(program, server).returncode == 0


def test_twenty_kills_under_load(pair, program):
    """
    The audit's chain holds over twenty kills, and every request that was answered stands in it.
    """
    _, server = pair()
    server.start()
    answered = 0
    for _ in range(20):
        for _ in range(3):
            answered += server.tls("POST", "/v1/vms/vm00/actions/reset").status == 200
        server.kill()
        os.unlink(server.socket)
        server.start()
    entries = [json.loads(line) for line in lines_of(server)]
    assert sum(entry.get("action") == "vm.reset" for entry in entries) == answered == 60
    server.stop()
    assert verify(program, server).returncode == 0


def test_full_files(pair, program):
    """
    The chain goes on in the next file; a missing or changed file is found, moved older files
    are told.
    """
    _, server = pair("--audit-file", "1", "--change-rate", "0")
    server.start()
    for _ in range(20):
        assert server.tls("POST", "/v1/vms/vm00/actions/reset").status == 200
    server.kill()
    full = sorted(server.state.glob("audit-*.jsonl"))
    assert len(full) >= 4
    count = sum(len(path.read_bytes().splitlines()) for path in full) + len(lines_of(server))
    for path in full:
        assert 1024 <= path.stat().st_size < 2048
        assert json.loads(path.read_bytes().splitlines()[0])["n"] == int(path.stem.split("-")[1])
    done = verify(program, server)
    assert done.returncode == 0 and f"first 1\nlines {count}\n" in done.stdout, done.stderr
    # The process is killed between the two steps of beginning a new file.
    active = server.state / "audit.jsonl"
    first = json.loads(lines_of(server)[0])["n"]
    active.rename(server.state / f"audit-{first:012}.jsonl")
    server.start()
    assert server.tls("POST", "/v1/vms/vm00/actions/reset").status == 200
    items = server.tls("GET", "/v1/audit").json()["items"]
    assert [item["action"] for item in items].count("vm.reset") >= 2
    server.stop()
    assert json.loads(lines_of(server)[0])["n"] == count + 1
    assert f"lines {count + 2}\n" in verify(program, server).stdout
    # The oldest file may lie elsewhere; a file in the middle may not.
    full[0].rename(server.state / "elsewhere")
    begins = int(full[1].stem.split("-")[1])
    assert f"first {begins}\n" in verify(program, server).stdout
    full[2].rename(server.state / "gone")
    assert verify(program, server).returncode == 1
    (server.state / "gone").rename(full[2])
    text = full[2].read_bytes()
    full[2].write_bytes(text.replace(b"vm.reset", b"vm.pause", 1))
    assert verify(program, server).returncode == 1
