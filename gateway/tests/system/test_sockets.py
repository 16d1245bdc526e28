# SPDX-License-Identifier: MIT
"""Programs in guests by WebSocket, and with skerryctl: `connect` and `ssh`."""
import json
import os
import subprocess

import pytest
from client import Closed, WebSocket, wait_for
from fake_vsock import ECHO, RESETS, SAYS, SILENT, STUCK, polite

PROTOCOL = "skerry.vsock.v1"
PATTERN = bytes(range(256)) * 1200


def open_socket(server, vm, port, token=None, protocols=PROTOCOL):
    return WebSocket(server, f"/v1/vms/{vm}/vsock/{port}", protocols, token=token or server.token)


def exchange(socket, data, end=True):
    """Sends within the credit and reads to the guest's end; what came, and the close's code."""
    got, room, ended = b"", 0, False
    while True:
        while room and data:
            piece, data = data[:min(room, 16384)], data[min(room, 16384):]
            room -= len(piece)
            socket.send(piece)
        if end and not data:
            socket.send(json.dumps({"end": True}))
            end = False
        try:
            message = socket.message()
        except Closed as closed:
            return got, ended, closed.code
        if isinstance(message, bytes):
            got += message
            socket.send(json.dumps({"ack": len(message)}))
            continue
        said = json.loads(message)
        room += said.get("credit", 0)
        ended = ended or said.get("end", False)


def sockets_of(fake):
    return [stream for stream in fake.streams.values() if "port" in stream]


def test_both_directions(server, fake):
    """300 kB there and back, through the credit of both sides; then both have ended."""
    socket = open_socket(server, "vm00", ECHO)
    assert socket.status == 101 and socket.headers["sec-websocket-protocol"] == PROTOCOL
    assert exchange(socket, PATTERN) == (PATTERN, True, 1000)
    assert exchange(open_socket(server, "vm01", SAYS), b"") == (b"hello from vm01", True, 1000)
    assert not sockets_of(fake)
    words, actor = next((each for each in reversed(fake.commands) if each[0][:2] == ["vsock", "connect"]))
    assert words[2:] == ["vm01", str(SAYS)] and actor.startswith("first via token")
    audit = server.tls("GET", "/v1/audit?limit=50").json()["items"]
    assert any((item["action"], item["target"], item["result"]) == ("vsock.connect", "vm01", "ok") for item in audit)


def test_ends(server, fake):
    """A reset, a refusal, a guest without an answer, more bytes than there is credit for; a client that leaves."""
    assert exchange(open_socket(server, "vm00", RESETS), b"", end=False)[2] == 4000
    assert open_socket(server, "vm00", 12).status == 404
    assert open_socket(server, "vm00", SILENT).status == 409
    for wrong in ("0", "4294967295", "x", "1x"):
        assert open_socket(server, "vm00", wrong).status == 422, wrong
    assert open_socket(server, "vm00", ECHO, protocols="skerry.console.v1").status == 426
    assert server.tls("GET", f"/v1/vms/vm00/vsock/{ECHO}").status == 426
    socket = open_socket(server, "vm00", STUCK)
    with pytest.raises(Closed) as closed:
        for _ in range(20):
            socket.send(bytes(8192))
        while True:
            socket.message()
    assert closed.value.code == 1008
    wait_for(lambda: not sockets_of(fake))
    socket = open_socket(server, "vm00", STUCK)
    wait_for(lambda: sockets_of(fake))
    socket.close()
    wait_for(lambda: not sockets_of(fake))


def test_role_and_scope(server):
    """The role guest and no other opens one; not in a VM out of scope, and by no ticket for a console."""
    guest = server.make_token(["guest"], "vm00")
    assert exchange(open_socket(server, "vm00", SAYS, guest), b"")[0] == b"hello from vm00"
    assert open_socket(server, "vm01", SAYS, guest).status == 404
    assert server.tls("GET", "/v1/vms", token=guest).status == 403
    others = server.make_token(["admin", "auditor", "console-write"])
    assert open_socket(server, "vm00", SAYS, others).status == 403
    ticket = server.tls("POST", "/v1/vms/vm00/console/tickets", {"mode": "write"}).json()["ticket"]
    socket = WebSocket(server, f"/v1/vms/vm00/vsock/{SAYS}", f"{PROTOCOL}, ticket.{ticket}")
    assert socket.status == 401


def test_places_are_shared(server, fake):
    """Who has taken all places loses its oldest to somebody who has none."""
    greedy, modest = server.make_token(["guest"], "vm00"), server.make_token(["guest"], "vm01")
    held = [open_socket(server, "vm00", STUCK, greedy) for _ in range(64)]
    assert {socket.status for socket in held} == {101} and len(sockets_of(fake)) == 64
    mine = open_socket(server, "vm01", ECHO, modest)
    assert mine.status == 101 and exchange(mine, b"still here") == (b"still here", True, 1000)
    with pytest.raises(Closed) as closed:
        while True:
            held[0].message()
    assert closed.value.code == 1013
    for socket in held:
        socket.close()
    wait_for(lambda: not sockets_of(fake))


def test_link_lost(pair):
    fake, server = pair(rights=["view", "guest"])
    server.start()
    socket = open_socket(server, "vm00", STUCK)
    assert socket.status == 101
    fake.drop()
    assert exchange(socket, b"", end=False)[2] == 1012


@pytest.fixture
def ctl(request, server, tmp_path):
    def run(*words, stdin=b"", path=os.environ["PATH"]):
        return subprocess.run(
            [request.config.getoption("--gateway") + "/skerryctl", "--socket", server.socket, *words], input=stdin,
            timeout=30, capture_output=True, env={"PATH": path, "XDG_CONFIG_HOME": str(tmp_path)})
    return run


def test_connect(ctl):
    """stdin and stdout, both to their ends; a refusal and a reset have codes of their own."""
    done = ctl("connect", "vm00", str(ECHO), stdin=PATTERN)
    assert (done.returncode, done.stdout, done.stderr) == (0, PATTERN, b"")
    assert ctl("connect", "vm01", str(SAYS)).stdout == b"hello from vm01"
    done = ctl("connect", "vm00", "12")
    assert done.returncode == 3 and b"refuses the connection" in done.stderr
    done = ctl("connect", "vm00", str(RESETS))
    assert done.returncode == 1 and b"has reset the connection" in done.stderr
    assert ctl("connect", "vm00").returncode == ctl("connect", "vm00", "a").returncode == 2


def test_ssh_gets_its_words(ctl, server, tmp_path):
    """What ssh is run with: a ProxyCommand that a shell and ssh read as it was meant, and the user's words."""
    program = tmp_path / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)
    said = ctl("--token-file", "it's 100%", "--ssh-option", "User=root", "ssh", "alice@vm00", "--", "ls", "-l",
               path=f"{program.parent}:{os.environ['PATH']}")
    words = said.stdout.decode().splitlines()
    proxy = words[1].removeprefix("ProxyCommand= ")
    parts = subprocess.run(["sh", "-c", f"printf '%s\\n' {proxy.replace('%%', '%')}"], capture_output=True,
                           text=True, check=True).stdout.splitlines()
    assert parts[1:] == ["--socket", server.socket, "--token-file", "it's 100%", "connect", "vm00", "22"]
    assert "100%%" in proxy and words[2:] == ["-o", "HostKeyAlias=skerry:local:vm00", "-o", "User=root", "--",
                                              "alice@vm00", "ls", "-l"]
    assert ctl("ssh").returncode == ctl("ssh", "--", "-oProxyCommand=x").returncode == 2


@pytest.fixture
def answers(fake):
    """Has the fake's agent give that to whatever is asked behind the synchronisation."""
    def set_answer(text, before=b""):
        fake.agent = lambda request: (before + polite(request) if request["execute"] == "guest-sync-delimited"
                                      else text)
    yield set_answer
    fake.agent = polite


def test_agent_answers(ctl, answers, server):
    """Answers as they are; those of an earlier client are skipped; the role guest alone gets so far."""
    answers(b'{"return": {"version": "7", "supported": [{"name": "a"}, {"name": "b"}]}}\n', b'{"return": 5}\n{"retu')
    assert ctl("agent", "vm00", "info").stdout == b"version: 7\nname: a\n\nname: b\n"
    assert json.loads(ctl("--json", "agent", "vm00", "info").stdout)["version"] == "7"
    answers(b'{"error": {"class": "X", "desc": "no \\u001b[31mroom"}}\n')
    done = ctl("agent", "vm00", "ping")
    assert done.returncode == 1 and b"no \\x1b[31mroom" in done.stderr
    others = server.make_token(["admin", "auditor", "console-write"])
    assert WebSocket(server, "/v1/vms/vm00/agent", PROTOCOL, token=others).status == 403
    assert ctl("agent", "vm00").returncode == ctl("agent", "vm00", "sing").returncode == 2


@pytest.mark.parametrize("answer", [
    b"\n", b"no JSON\n", b"[" * 100000 + b"\n", b'{"return": {}, "return": 1}\n', b'{"return": "\xc3"}\n',
    b"x" * ((1 << 20) + 5) + b"\n", b'{"neither": 1}\n'])
def test_agent_that_lies(ctl, answers, answer):
    """No answer, or one that is too long, is an error in words; nothing hangs and nothing crashes."""
    answers(answer)
    done = ctl("agent", "vm00", "info")
    assert done.returncode == 1 and b"guest's agent" in done.stderr, done


@pytest.mark.parametrize("asked", ["guest-sync-delimited", "guest-info"])
def test_agent_that_never_ends(ctl, answers, fake, asked):
    """More and more bytes, before an answer or in it, are an error as soon as they are too many."""
    fake.agent = lambda request: b"..." if request["execute"] == asked else polite(request)
    done = ctl("agent", "vm00", "info")
    assert done.returncode == 1 and b"a line that is too long" in done.stderr, done


def test_agent_steers_no_terminal(ctl, answers):
    """Keys and values of a guest's are escaped."""
    answers(b'{"return": {"a\\u001b[2J": "b\\u202e", "c": ["\\u0007"]}}\n')
    said = ctl("agent", "vm00", "info").stdout
    assert b"\x1b" not in said and b"\x07" not in said and b"\xe2\x80\xae" not in said, said
