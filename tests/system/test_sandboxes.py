# SPDX-License-Identifier: MIT
"""/v1/sandboxes at the real image: a clone that stays, commands in it, files, its end."""
import base64
import hashlib
import os
import sys

import bundle
import pytest
from machine import ROOT, Qemu, wait_for
from ports import free_port
from test_runs import CONF, FILES

sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402


@pytest.fixture(scope="module")
def line(build, tmp_path_factory):
    """The image with skerryd at COM2, and a template of busybox."""
    folder = tmp_path_factory.mktemp("sandboxes")
    port = free_port()
    files = bundle.make(folder / "runs.cpio", CONF, bundle.read(*(build / "runs" / name for name in FILES)))
    with Qemu(build, bundle=files, memory="1G", extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")) as machine:
        machine.wait_prompt()
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), folder, f"tcp:127.0.0.1:{port}").start()
        try:
            wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
            assert server.tls("POST", "/v1/vms", {"name": "busybox"}, timeout=60).status in (201, 409)
            made = server.tls("POST", "/v1/vms/busybox/actions/template", timeout=100)
            assert made.status == 200, made.body
            yield machine, server
        finally:
            server.stop()


@pytest.fixture(autouse=True)
def left_over(line):
    """A test leaves no sandbox to the next one."""
    yield
    _, server = line
    for box in server.tls("GET", "/v1/sandboxes").json()["items"]:
        server.tls("DELETE", "/v1/sandboxes/" + box["id"])


def make(server, **more):
    made = server.tls("POST", "/v1/sandboxes", {"template": "busybox", **more}, timeout=100)
    assert made.status == 201, made.body
    return "/v1/sandboxes/" + made.json()["id"]


def shell(server, box, text, **more):
    done = server.tls("POST", box + "/commands", {"command": ["sh", "-c", text], **more}, timeout=100)
    assert done.status == 200, done.body
    return done.json()


def files(server, box, action, path, **more):
    return server.tls("POST", box + "/files", {"action": action, "path": path, **more}, timeout=100)


def put(server, box, path, data):
    return server.tls("PUT", f"{box}/content?path={path}", data, headers={"Content-Type": "application/octet-stream"}, timeout=100)


def test_commands(line):
    """Commands one after another and at a time in one VM, which stays as they leave it."""
    machine, server = line
    box = make(server, env={"A": "1"})
    done = shell(server, box, "echo $A $B; echo no >&2; echo kept >/tmp/kept; exit 3", env={"B": "2"})
    assert (done["result"], done["exit_code"], done["stdout"], done["stderr"]) == ("exit", 3, "1 2\n", "no\n")
    assert shell(server, box, "cat /tmp/kept; cat", stdin="typed")["stdout"] == "kept\ntyped"
    assert shell(server, box, "id -u; kill -9 $$", user="7:7") ["signal"] == 9
    # one waits while another ends
    slow = server.tls("POST", box + "/commands", {"command": ["sh", "-c", "cat >/dev/null; echo woken"], "stdin_open": True},
                      headers={"Prefer": "wait=0"}).json()
    assert shell(server, box, "echo meanwhile")["stdout"] == "meanwhile\n"
    path = "/v1/runs/" + slow["id"]
    assert server.tls("POST", path + "/input", {"end": True}).status == 200
    done = server.tls("GET", path + "?wait=40", timeout=60).json()
    assert (done["exit_code"], done["stdout"]) == (0, "woken\n")
    # a signal, and an end by the host, reach all of a command and nothing else
    slow = server.tls("POST", box + "/commands", {"command": ["sh", "-c", "trap 'exit 4' TERM; echo up; while :; do sleep 0.1; done"]},
                      headers={"Prefer": "wait=0"}).json()
    path = "/v1/runs/" + slow["id"]
    wait_for(lambda: server.tls("GET", path).json().get("stdout") == "up\n")
    assert server.tls("POST", path + "/signal", {"signal": 15}).status == 200
    assert server.tls("GET", path + "?wait=40", timeout=60).json()["exit_code"] == 4
    slow = server.tls("POST", box + "/commands", {"command": ["sleep", "1000"]}, headers={"Prefer": "wait=0"}).json()
    path = "/v1/runs/" + slow["id"]
    wait_for(lambda: "sleep 1000" in shell(server, box, "ps")["stdout"])
    server.tls("DELETE", path)
    wait_for(lambda: "sleep 1000" not in shell(server, box, "ps | grep -v grep")["stdout"])
    assert server.tls("DELETE", box).json()["state"] == "ended"
    assert server.tls("POST", box + "/commands", {"command": ["true"]}).status == 404
    wait_for(lambda: {row["name"] for row in machine.objects("vm list")} == {"busybox"})


def test_files(line):
    """Files go in and come out whole; folders are listed, made, moved and removed, with the user's rights."""
    _, server = line
    box = make(server)
    data = hashlib.shake_256(b"a file").digest(20000)
    assert put(server, box, "/tmp/new/a", data).json() == {"changed": True}
    assert server.tls("GET", box + "/content?path=/tmp/new/a", timeout=60).body == data
    assert put(server, box, "/tmp/new/none", b"").status == 200
    listed = files(server, box, "list", "/tmp/new").json()["items"]
    assert sorted((item["path"], item["type"], item["bytes"]) for item in listed) == [("/tmp/new/a", "file", 20000), ("/tmp/new/none", "file", 0)]
    assert files(server, box, "make", "/tmp/x/y").json()["items"][0]["type"] == "folder"
    assert files(server, box, "make", "/tmp/x/y").code == "exists"
    assert files(server, box, "move", "/tmp/new/a", to="/tmp/x/b").json()["items"][0]["bytes"] == 20000
    assert files(server, box, "make", "/tmp/x/y/z").status == 200
    assert sorted(item["path"] for item in files(server, box, "list", "/tmp", depth=3).json()["items"]) == [
        "/tmp/new", "/tmp/new/none", "/tmp/x", "/tmp/x/b", "/tmp/x/y", "/tmp/x/y/z"]
    assert files(server, box, "stat", "/tmp/new/a").code == "no-file"
    assert files(server, box, "remove", "/tmp/x").json() == {"items": []}
    assert files(server, box, "stat", "/tmp/x").code == "no-file"
    assert files(server, box, "make", "/bin/z", user="7:7").code == "forbidden"
    assert server.tls("GET", box + "/content?path=/tmp", timeout=60).status == 422
    assert server.tls("GET", box + "/content?path=/dev/zero", timeout=60).status == 422
    assert server.tls("GET", box + "/content?path=/none", timeout=60).status == 404
    server.tls("DELETE", box)


def test_pause(line):
    """A paused sandbox stands still, and goes on where it was, with its commands."""
    _, server = line
    box = make(server)
    slow = server.tls("POST", box + "/commands", {"command": ["sh", "-c", "cat; echo end"], "stdin_open": True}, headers={"Prefer": "wait=0"}).json()
    shell(server, box, "true")
    assert server.tls("POST", box + "/actions/pause").json()["state"] == "paused"
    assert server.tls("POST", box + "/commands", {"command": ["true"]}).code == "bad-state"
    assert server.tls("POST", box + "/actions/pause").code == "bad-state"
    assert server.tls("POST", box + "/actions/resume").json()["state"] == "running"
    path = "/v1/runs/" + slow["id"]
    server.tls("POST", path + "/input", {"data_base64": base64.b64encode(b"on").decode(), "end": True})
    assert server.tls("GET", path + "?wait=40", timeout=60).json()["stdout"] == "onend\n"
    assert server.tls("PATCH", box, {"timeout_s": 1}).json()["left_s"] <= 1
    wait_for(lambda: server.tls("GET", box).status == 404)


def test_fork(line):
    """A fork goes on as its source was, with random numbers of its own, and neither sees what the other one does."""
    machine, server = line
    box = make(server, env={"A": "1"})
    shell(server, box, "echo both >/tmp/a")
    made = server.tls("POST", box + "/fork", {"timeout_s": 600}, timeout=100)
    assert made.status == 201, made.body
    fork = "/v1/sandboxes/" + made.json()["id"]
    assert shell(server, fork, "echo $A; cat /tmp/a; echo fork >/tmp/a")["stdout"] == "1\nboth\n"
    assert shell(server, box, "cat /tmp/a")["stdout"] == "both\n"
    drawn = {shell(server, each, "od -An -tx1 -N16 /dev/urandom")["stdout"] for each in (box, fork)}
    assert len(drawn) == 2
    wait_for(lambda: not [row for row in machine.objects("vm snapshot list") if row["name"] != "busybox"])
    for each in (fork, box):
        server.tls("DELETE", each)


def test_revoked(line):
    """A sandbox ends with the token that it was made with; nobody else has it."""
    machine, server = line
    token = server.make_token(["operator"])
    number = [each["id"] for each in server.tls("GET", "/v1/tokens").json()["items"]][-1]
    made = server.tls("POST", "/v1/sandboxes", {"template": "busybox"}, token=token, timeout=100).json()
    box = "/v1/sandboxes/" + made["id"]
    for path in (box, box + "/content?path=/etc/passwd"):
        assert server.tls("GET", path).status == 404
    assert server.tls("DELETE", f"/v1/tokens/{number}").status in (200, 204)
    wait_for(lambda: {row["name"] for row in machine.objects("vm list")} == {"busybox"})
