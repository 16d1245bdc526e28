# SPDX-License-Identifier: MIT
"""Terminals of runs, and files that go into them, at a fake Skerry: what an init is told, lies, skerryctl in a terminal."""
import base64
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
from pathlib import Path

import pytest

from client import wait_for
from fake_runs import ended, frame
from test_runs import ctl, gone, run

SIZE = {"rows": 24, "columns": 80}


def begin(server, **more):
    """A run under way; its path."""
    answer = run(server, wait=0, **more)
    assert answer.status == 202, answer.body
    return answer.headers["location"]


def begin_as_ctl(server):
    """A run under way of the user whom ctl() is; its number."""
    answer = server.local("POST", "/v1/runs", {"template": "vm00", "command": ["a"]}, headers={"Prefer": "wait=0"})
    assert answer.status == 202, answer.body
    return answer.json()["id"]


def test_terminal(line):
    """An init is told of a terminal and its sizes, by the run's owner alone; one that knows of none is told nothing."""
    fake, server = line
    fake.command_frames = None
    path = begin(server, terminal=SIZE)
    wait_for(lambda: fake.told)
    assert b"t24x80" in fake.told[0].split(b"\0")
    assert server.tls("POST", path + "/terminal", {"rows": 50, "columns": 132}).status == 200
    wait_for(lambda: fake.sizes == [(50, 132)])
    other = server.make_token(["operator"])
    assert server.tls("POST", path + "/terminal", SIZE, token=other).status == 403
    for size in ({}, {"rows": 24}, {"rows": 0, "columns": 80}, {"rows": "24", "columns": 80}, {"rows": 24, "columns": 1001}, {"rows": -1, "columns": 80}):
        refused = server.tls("POST", path + "/terminal", size)
        assert refused.status == 422 and "1 to 1000" in refused.json()["detail"], size
        assert run(server, terminal=size).status == 422, size
    for wrong in (True, "24x80", {"rows": 24, "columns": 80, "depth": 3}):
        assert run(server, terminal=wrong).status == 422, wrong
    fake.say(max(fake.inits), ended(4))
    wait_for(lambda: server.tls("GET", path).json()["exit_code"] == 4)
    refused = server.tls("POST", path + "/terminal", SIZE)
    assert (refused.status, refused.code) == (409, "bad-state")
    path = begin(server)
    wait_for(lambda: len(fake.told) == 2)
    assert "no terminal" in server.tls("POST", path + "/terminal", SIZE).json()["detail"]
    fake.say(max(fake.inits), ended())
    fake.hello_frames, fake.command_frames = frame("H", b"\2"), ended()
    refused = run(server, terminal=SIZE)
    assert refused.status == 422 and "anew" in refused.json()["detail"] and len(fake.told) == 2
    assert run(server).json()["result"] == "exit"
    assert len(fake.sizes) == 1
    gone(fake)


def test_sizes_are_no_queue(line):
    """Sizes for an init that takes nothing are one: the last."""
    fake, server = line
    fake.command_frames = None
    path = begin(server, terminal=SIZE, stdin="x" * 12000)
    wait_for(lambda: fake.told)
    for rows in range(1, 40):
        while server.tls("POST", path + "/terminal", {"rows": rows, "columns": 80}).status == 429:
            pass
    wait_for(lambda: fake.sizes and fake.sizes[-1] == (39, 80))
    fake.say(max(fake.inits), ended())
    gone(fake)


def send(server, path, name, data, at=0, **more):
    return server.tls("POST", path + "/files", {"path": name, "at": at, "data_base64": base64.b64encode(data).decode()}, **more)


def test_files(line):
    """Pieces of files come to the init in their order, from the owner alone; what it says of them is the answer; nothing is in the audit."""
    fake, server = line
    fake.command_frames = None
    path = begin(server)
    wait_for(lambda: fake.told)
    assert send(server, path, "/there/secret-name", b"one\0").status == 200
    assert send(server, path, "/there/secret-name", b"two", at=4).status == 200
    assert send(server, path, "/empty", b"").status == 200
    assert fake.puts == [(0, "/there/secret-name", b"one\0"), (4, "/there/secret-name", b"two"), (0, "/empty", b"")]
    assert send(server, path, "/a", b"x", token=server.make_token(["operator"])).status == 403
    assert send(server, path, "/a", b"x", token=server.make_token(["viewer"])).status == 403
    for name, data, at in (("a", b"x", 0), ("/" * 256, b"x", 0), ("/a", b"x", 1 << 20), ("/a", b"x", -1), ("/a", b"x", "0")):
        assert send(server, path, name, data, at=at).status == 422, (name, at)
    assert server.tls("POST", path + "/files", {"path": "/a", "data_base64": "?"}).status == 422
    assert len(fake.puts) == 3
    for number, word in ((1, "folder"), (2, "regular"), (3, "1048576"), (4, "written")):
        fake.put_frames = frame("Q", bytes((number,)))
        refused = send(server, path, "/a", b"x")
        assert refused.status == 422 and word in refused.json()["detail"], refused.body
    audit = server.tls("GET", "/v1/audit").json()
    assert "secret-name" not in str(audit)
    assert {item["result"] for item in audit["items"] if item["action"] == "run.file"} == {"forbidden"}
    fake.say(max(fake.inits), ended())
    wait_for(lambda: server.tls("GET", path).json()["result"] == "exit")
    refused = send(server, path, "/a", b"x")
    assert (refused.status, refused.code) == (409, "bad-state")
    fake.hello_frames = frame("H", b"\2")
    path = begin(server)
    wait_for(lambda: len(fake.told) == 2)
    assert "anew" in send(server, path, "/a", b"x").json()["detail"]
    fake.say(max(fake.inits), ended())
    gone(fake)


@pytest.mark.parametrize("lie", [frame("Q", b"\0") * 2, frame("Q", b"\5"), frame("Q"), frame("Q", b"\0\0"), frame("W", bytes(4))])
def test_lies_about_files(line, lie):
    """An answer that nobody waits for, or that is none, ends the run; the request that waits hears of it."""
    fake, server = line
    fake.command_frames = lie
    assert run(server).json()["result"] == "crash"
    fake.command_frames, fake.put_frames = None, lie
    path = begin(server)
    wait_for(lambda: len(fake.told) == 2)
    assert send(server, path, "/a", b"x").status in (200, 409)
    wait_for(lambda: server.tls("GET", path).json()["result"] == "crash")
    gone(fake)


def test_an_init_that_is_silent_about_files(line):
    """One piece is under way at a time; the end of the run is the answer for it."""
    fake, server = line
    fake.command_frames = fake.put_frames = None
    number = begin_as_ctl(server)
    wait_for(lambda: fake.told)
    (server.folder / "file").write_bytes(b"x")
    waits = ctl(server, "cp", str(server.folder / "file"), f"{number}:/a")
    wait_for(lambda: fake.puts)
    refused = server.local("POST", f"/v1/runs/{number}/files", {"path": "/b"})
    assert refused.status == 429 and refused.headers["retry-after"]
    server.tls("DELETE", f"/v1/runs/{number}")
    assert b"has ended" in waits.communicate(timeout=10)[1] and waits.returncode == 5
    gone(fake)


def test_skerryctl_cp(line):
    """`cp FILE ID:/PATH` sends a file of any length up to 1 MiB, and says in words what cannot be."""
    fake, server = line
    fake.command_frames = None
    number = begin_as_ctl(server)
    wait_for(lambda: fake.told)
    here = server.folder / "here"
    data = bytes(i * 31 % 251 for i in range(300000))
    here.write_bytes(data)
    assert ctl(server, "cp", str(here), f"{number}:/there/it").wait(60) == 0
    assert b"".join(piece for _, _, piece in fake.puts) == data and {path for _, path, _ in fake.puts} == {"/there/it"}
    assert [at for at, _, _ in fake.puts] == list(range(0, 300000, len(fake.puts[0][2])))
    fake.puts.clear()
    here.write_bytes(bytes((1 << 20) + 1))
    refused = ctl(server, "cp", str(here), f"{number}:/a")
    assert b"1048576" in refused.communicate(timeout=10)[1] and refused.returncode == 2 and not fake.puts
    here.write_bytes(b"")
    assert ctl(server, "cp", str(here), f"{number}:/empty").wait(10) == 0 and fake.puts == [(0, "/empty", b"")]
    for words in ((str(server.folder / "none"), f"{number}:/a"), (str(here), f"{number}:a"), (str(here), str(here)), (str(here),)):
        assert ctl(server, "cp", *words).wait(10) == 2, words
    fake.put_frames = frame("Q", b"\2")
    refused = ctl(server, "cp", str(here), f"{number}:/dev/zero")
    assert b"regular" in refused.communicate(timeout=10)[1] and refused.returncode == 1
    fake.say(max(fake.inits), ended())
    gone(fake)


def read_until(terminal, wanted):
    said = b""
    while wanted not in said:
        assert select.select([terminal], [], [], 10)[0], said
        said += os.read(terminal, 4096)
    return said


def test_skerryctl_in_a_terminal(line):
    """In a terminal `run` asks for one: bytes go both ways as they are, its size follows, Ctrl-C is the program's, and it is left as it was."""
    fake, server = line
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 30, 100, 0, 0))
    before = termios.tcgetattr(theirs)
    fake.command_frames = frame("O", b"\x1b[2J\xff\0name? ")
    running = subprocess.Popen([Path(server.program).parent / "skerryctl", "--socket", server.socket, "run", "vm00", "--", "a"],
                               stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "TERM": "vt220"})
    assert read_until(ours, b"name? ") == b"\x1b[2J\xff\0name? "
    assert {b"t30x100", b"eTERM=vt220"} <= set(fake.told[0].split(b"\0"))
    os.write(ours, b"\x03\x1d\x04\xff")
    wait_for(lambda: fake.typed == b"\x03\x1d\x04\xff")
    assert running.poll() is None
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, 120, 0, 0))
    running.send_signal(signal.SIGWINCH)
    wait_for(lambda: fake.sizes == [(40, 120)])
    fake.say(max(fake.inits), frame("O", b"bye\r\n") + ended(7))
    assert b"bye\r\n" in read_until(ours, b"bye") + b"\r\n"
    assert running.wait(10) == 7 and termios.tcgetattr(theirs) == before
    # a terminal that goes ends the run
    running = subprocess.Popen([Path(server.program).parent / "skerryctl", "--socket", server.socket, "run", "-t", "vm00", "--env", "TERM=dumb", "--", "a"],
                               stdin=theirs, stdout=theirs, stderr=theirs)
    read_until(ours, b"name? ")
    assert b"eTERM=dumb" in fake.told[1]
    running.send_signal(signal.SIGHUP)
    assert running.wait(10) == 130 and termios.tcgetattr(theirs) == before
    assert [item["result"] for item in server.tls("GET", "/v1/runs").json()["items"]] == ["exit", "stopped"]
    # -i alone has pipes, also in a terminal, and -t works without one
    fake.command_frames = ended(3)
    running = subprocess.run([Path(server.program).parent / "skerryctl", "--socket", server.socket, "run", "-i", "vm00", "--", "a"],
                             stdin=theirs, stdout=theirs, stderr=theirs, timeout=10, check=False)
    assert running.returncode == 3 and b"t" not in {word[:1] for word in fake.told[2].split(b"\0")}
    assert ctl(server, "run", "-t", "vm00", "--", "a").wait(10) == 3 and b"t24x80" in fake.told[3]
    for wrong in ("-d", "--json"):
        assert ctl(server, "run", "-t", wrong, "vm00", "--", "a").wait(10) == 2
    os.close(ours)
    os.close(theirs)
    gone(fake)
