# SPDX-License-Identifier: MIT
"""Runs by REST at a fake Skerry: what an init is told, inits that lie, who sees what, how many at a time."""
import base64
import concurrent.futures
import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from client import LocalConnection, wait_for
from fake_runs import ended, frame


def run(server, token=None, wait=9, headers=None, **more):
    body = {"template": "vm00", "command": ["a", "b c"], **more}
    return server.tls("POST", "/v1/runs", body, token=token, headers={"Prefer": f"wait={wait}", **(headers or {})})


def gone(fake):
    """All clones have been destroyed."""
    wait_for(lambda: list(fake.vms) == ["vm00"])


def test_told(line):
    """What an init is told, in which order; a seed of its own for each; what it says comes back."""
    fake, server = line
    fake.command_frames = frame("O", b"out") + frame("E", b"\xff") + frame("O", b"put") + ended(7)
    done = run(server, env={"A": "1=2"}, stdin="in", directory="/d", user="5:6").json()
    assert (done["stdout"], base64.b64decode(done["stderr_base64"]), done["exit_code"]) == ("output", b"\xff", 7)
    assert sorted(fake.told[0].split(b"\0")) == [b"", b"aa", b"ab c", b"d/d", b"eA=1=2", b"u5:6"]
    assert fake.told[0].index(b"aa") < fake.told[0].index(b"ab c")
    fake.resets = 3     # Linux may cut what comes right behind its start as a clone
    assert run(server).json()["result"] == "exit"
    assert len(set(fake.seeds)) == 2 and {len(seed) for seed in fake.seeds} == {64}
    gone(fake)


LIES = {
    "an unknown kind": frame("?"),
    "a frame too long": b"O\xff\xff\xff",
    "hello again": frame("H", b"\1"),
    "more input than it got": frame("T", (17).to_bytes(4, "little")),
    "an end that is short": frame("X", b"\0"),
}


@pytest.mark.parametrize("lie", LIES)
def test_lies(line, lie):
    """The run is over, and so is its clone; the next one is as ever."""
    fake, server = line
    fake.command_frames = LIES[lie]
    done = run(server).json()
    assert done["result"] == "crash", done
    fake.command_frames = ended()
    assert run(server).json()["result"] == "exit"
    gone(fake)


def test_lies_at_the_gate(line):
    """No command is told to an init that has not said that it is sown; what comes behind an end is not read."""
    fake, server = line
    for hello, seeded in ((ended(), None), (frame("H", b"\6"), None), (frame("H", b"\0"), None), (frame("R"), None), (frame("H", b"\1") + frame("H", b"\1"), None),
                          (frame("H", b"\1"), frame("O", b"x"))):
        fake.hello_frames, fake.seed_frames = hello, seeded
        done = run(server).json()
        assert done["result"] == "crash" and not fake.told, (hello, done)
    fake.hello_frames, fake.seed_frames = frame("H", b"\1"), frame("R")
    fake.command_frames = ended(3) + ended(4) + frame("O", b"more")
    done = run(server).json()
    assert (done["exit_code"], done["stdout"]) == (3, "")
    fake.command_frames, fake.cut = frame("O", b"half"), True
    done = run(server).json()
    assert (done["result"], done["stdout"]) == ("crash", "half")
    gone(fake)


def test_silence(line):
    """An init that says nothing, or not enough, is ended by the limit of time; connections that are always cut by their number."""
    fake, server = line
    for what, frames in (("command_frames", frame("O", b"half") + b"O\5"), ("seed_frames", None), ("hello_frames", None)):
        setattr(fake, what, frames)
        assert run(server, limits={"wall_s": 0.5}).json()["result"] == "out-of-time"
    fake.resets = 1000
    assert run(server).json()["result"] == "no-gate"
    gone(fake)


def test_whose(line):
    """Another operator sees that there was a run, and not what it printed; other scopes see nothing, and may run nothing."""
    fake, server = line
    fake.command_frames = frame("O", b"mine") + ended()
    path = "/v1/runs/" + run(server).json()["id"]
    assert server.tls("GET", path).json()["stdout"] == "mine"
    other, far = server.make_token(["operator"]), server.make_token(["operator"], "x*")
    seen = server.tls("GET", path, token=other).json()
    assert seen["result"] == "exit" and "stdout" not in seen and "mine" not in str(seen)
    assert "mine" not in str(server.tls("GET", "/v1/runs", token=other).json())
    assert server.tls("GET", path, token=far).status == 404 and server.tls("GET", "/v1/runs", token=far).json()["items"] == []
    assert run(server, token=far).status == 403
    assert run(server, token=server.make_token(["viewer"])).status == 403
    headers = {"Idempotency-Key": "k"}
    first = run(server, headers=headers).json()
    told = len(fake.told)
    assert run(server, headers=headers).json() == {"id": first["id"]} and len(fake.told) == told


def test_many(line):
    """Eight go on, further ones wait, and beyond 32 of one token the answer is 429; another token still gets a place."""
    fake, server = line
    fake.command_frames = None
    begun = [run(server, wait=0) for _ in range(40)]
    assert {answer.status for answer in begun} == {202}
    assert len(fake.vms) <= 9
    refused = run(server, wait=0)
    assert (refused.status, refused.code) == (429, "busy") and refused.headers["retry-after"]
    assert run(server, wait=0, token=server.make_token(["operator"])).status == 202
    wait_for(lambda: len(fake.told) == 8)
    server.tls("DELETE", begun[0].headers["location"])
    # whoever has none is the next, though 32 have waited for longer
    wait_for(lambda: len(fake.told) > 8)
    items = {item["owner"]: item["state"] for item in server.tls("GET", "/v1/runs").json()["items"]}
    assert items["test"] == "running"
    for answer in begun:
        server.tls("DELETE", answer.headers["location"])


def test_guests_that_never_answer(line):
    """Until Skerry says so there are requests left for others, and no run is lost by it."""
    fake, server = line
    fake.command_frames = ended(3)
    fake.unanswered_s = 60
    for _ in range(8):
        run(server, wait=0)
    wait_for(lambda: len(fake.vms) == 9)
    wait_for(lambda: fake.calls)
    assert server.tls("GET", "/v1/disks").status == 200
    fake.refuse_calls()
    wait_for(lambda: {item["exit_code"] for item in server.tls("GET", "/v1/runs").json()["items"]} == {3}, 15)
    assert fake.calls_most <= 3
    gone(fake)


def test_lost(line):
    """The line is lost in a run: its end is a problem, and its clone is destroyed when the line is back."""
    fake, server = line
    fake.command_frames = None
    begun = run(server, wait=0)
    wait_for(lambda: fake.told)
    fake.drop()
    wait_for(lambda: server.tls("GET", begun.headers["location"]).json()["result"] == "lost")
    gone(fake)


def test_sweeps_its_own(line):
    """A clone that an earlier start has left is destroyed; a machine with a name like a clone's stays, and none can be given a clone's."""
    fake, server = line
    fake.command_frames = None
    run(server, wait=0)
    wait_for(lambda: fake.told)
    left, = set(fake.vms) - {"vm00"}
    for make in (lambda: server.local("POST", "/v1/vms", {"name": left, "config": {}}),
                 lambda: server.local("POST", "/v1/vms/vm00/snapshots/gate/clones", {"name": left})):
        refused = make()
        assert (refused.status, refused.code) == (422, "bad-argument"), refused.body
    server.kill()
    # one hexadecimal digit more or less, and names as runs had them
    kept = {left[:-1] + ("1" if left[-1] == "0" else "0"), left[:-1], "run_5", "run_123456_1764390000000"}
    for name in kept:
        fake.add(name)
    os.unlink(server.socket)
    server.start()
    wait_for(lambda: left not in fake.vms)
    time.sleep(1)
    assert set(fake.vms) == kept | {"vm00"}


def test_a_client_that_leaves(line):
    """The run goes on, and its key is answered with its number from then on: it is not held as if it were under way."""
    fake, server = line
    fake.command_frames = None
    headers = {"Idempotency-Key": "left"}
    with pytest.raises(TimeoutError):
        server.local("POST", "/v1/runs", {"template": "vm00", "command": ["a"]}, headers=headers, timeout=0.5)
    wait_for(lambda: fake.told)
    number = server.local("GET", "/v1/runs").json()["items"][0]["id"]
    again = wait_for(lambda: (lambda answer: answer if answer.status != 409 or "under way" not in answer.json()["detail"] else None)(
        server.local("POST", "/v1/runs", {"template": "vm00", "command": ["a"]}, headers=headers)))
    assert (again.status, again.json(), again.headers["idempotency-replayed"]) == (200, {"id": number}, "true")
    assert len(fake.told) == 1
    server.tls("DELETE", f"/v1/runs/{number}")
    gone(fake)


def memory(pid):
    """All that a process can write to."""
    parts = []
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps, open(f"/proc/{pid}/mem", "rb", 0) as file:
        for row in maps:
            span, rights = row.split()[:2]
            if rights.startswith("rw"):
                first, end = (int(part, 16) for part in span.split("-"))
                file.seek(first)
                parts.append(file.read(end - first))
    return b"".join(parts)


def forms(secret):
    """A secret as it is, and as what base 64 makes of it behind 0, 1 or 2 other bytes."""
    encoded = [base64.b64encode(b"?" * ahead + secret)[(0, 4, 4)[ahead]:-4] for ahead in range(3)]
    return [secret, *encoded]


def test_nothing_stays_in_memory(line):
    """Command, environment and input are nowhere in the gateway's memory when the run has ended, nor its output when it is forgotten."""
    fake, server = line
    fake.command_frames = frame("O", b"printed-secret-of-a-run") + ended()
    secrets = [b"word-secret-of-a-run", b"environment-secret-of-a-run", b"input-secret-of-a-run"]
    for _ in range(3):
        for local in (server.local, server.tls):
            done = local("POST", "/v1/runs", {"template": "vm00", "command": ["a", secrets[0].decode()], "env": {"A": secrets[1].decode()},
                                              "stdin": secrets[2].decode() * 20}, headers={"Prefer": "wait=9"})
            assert done.json()["result"] == "exit"
    fake.command_frames = ended()
    for number in range(96):
        assert run(server, stdin=f"{number}").json()["result"] == "exit"
    # who has few runs keeps them beside those of others, and forgets them for runs of their own
    body = {"template": "vm00", "command": ["a"]}
    assert len([each for each in server.local("GET", "/v1/runs").json()["items"] if each["owner"].startswith("uid ")]) >= 3
    for _ in range(60):
        assert server.local("POST", "/v1/runs", body, headers={"Prefer": "wait=9"}).json()["result"] == "exit"
    gone(fake)
    for pid in (server.process.pid, server.web_pid()):
        held = memory(pid)
        found = [form for secret in (*secrets, b"printed-secret-of-a-run") for form in forms(secret) if form in held]
        assert not found, (pid == server.process.pid, found)


def test_templates_leave_requests(line):
    """Guests that come to no gate hold as few of the link's requests as runs do, however many templates are made at once."""
    fake, server = line
    fake.unanswered_s = 60
    names = [f"t{number}" for number in range(8)]
    for name in names:
        fake.add(name)
    wait_for(lambda: len(server.local("GET", "/v1/vms").json()["items"]) == 9)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = [pool.submit(server.local, "POST", f"/v1/vms/{name}/actions/template", None, {"Prefer": "wait=8"}, 30) for name in names]
        wait_for(lambda: fake.calls >= 2)
        assert server.local("GET", "/v1/disks").status == 200
        # a run's first call has a request of its own
        fake.unanswered_s = 0
        assert run(server).json()["result"] == "exit"
        assert fake.calls_most <= 2
        fake.refuse_calls()
        for answer in made:
            assert answer.result().status in (200, 504)


class Follow:
    """The events of a run as they come."""

    def __init__(self, server, method, path, body=None):
        self.connection = LocalConnection(server.socket, 10)
        self.connection.request(method, path, body=json.dumps(body) if body else None,
                                headers={"Accept": "text/event-stream", "Content-Type": "application/json"})
        self.answer = self.connection.getresponse()

    def next(self):
        """The name and the value of the next event; None behind the last."""
        name = None
        for line in iter(self.answer.readline, b""):
            word, _, rest = line.decode().rstrip("\n").partition(": ")
            if word == "event":
                name = rest
            elif word == "data":
                return name, json.loads(rest)
        return None


def test_follow(line):
    """Output arrives as it comes, characters whole; who comes later gets all of it, and others may not look."""
    fake, server = line
    fake.command_frames = frame("O", b"first\n")
    follow = Follow(server, "POST", "/v1/runs", {"template": "vm00", "command": ["a"]})
    assert follow.answer.status == 200 and follow.answer.getheader("content-type") == "text/event-stream"
    name, value = follow.next()
    assert name == "run"
    number = value["id"]
    assert follow.next() == ("stdout", {"stdout": "first\n"})
    stream = max(fake.inits)
    fake.say(stream, frame("E", b"wrong"))
    assert follow.next() == ("stderr", {"stderr": "wrong"})
    fake.say(stream, frame("O", "half \u00e4".encode()[:-1]))
    assert follow.next() == ("stdout", {"stdout": "half "})
    fake.say(stream, frame("O", "\u00e4".encode()[-1:] + b"\xff"))
    assert follow.next() == ("stdout", {"stdout": "\u00e4"})
    again = Follow(server, "GET", f"/v1/runs/{number}")
    assert again.next() == ("run", {"id": number})
    assert again.next() == ("stdout", {"stdout": "first\nhalf \u00e4"})
    assert server.tls("GET", f"/v1/runs/{number}", token=server.make_token(["operator"]),
                      headers={"Accept": "text/event-stream"}).headers["content-type"] == "application/json"
    fake.say(stream, ended(5))
    for each in (follow, again):
        said = list(iter(each.next, None))
        assert ("stdout", {"stdout_base64": "/w=="}) in said
        name, value = said[-1]
        assert name == "end" and (value["result"], value["exit_code"]) == ("exit", 5) and "stdout" not in value
    gone(fake)
    missing = Follow(server, "POST", "/v1/runs", {"template": "none", "command": ["a"]})
    assert [missing.next()[0], missing.next()[1]["problem"]["code"]] == ["run", "not-found"]


def test_follow_much(line):
    """A client that reads slowly gets all of a megabyte, and holds up nobody."""
    fake, server = line
    data = bytes(i * 31 % 251 for i in range(1 << 20))
    fake.command_frames = b"".join(frame("O", data[at:at + 3000]) for at in range(0, len(data), 3000)) + ended()
    follow = Follow(server, "POST", "/v1/runs", {"template": "vm00", "command": ["a"], "limits": {"output_bytes": 1 << 20}})
    follow.next()
    wait_for(lambda: server.local("GET", "/v1/runs").json()["items"][0]["state"] == "done")
    got = b""
    for name, value in iter(follow.next, None):
        if name == "end":
            assert value["result"] == "exit"
        else:
            got += base64.b64decode(value["stdout_base64"]) if "stdout_base64" in value else value["stdout"].encode()
    assert got == data


def ctl(server, *words, stdin=subprocess.DEVNULL):
    """skerryctl at the server's socket, as it runs."""
    return subprocess.Popen([Path(server.program).parent / "skerryctl", "--socket", server.socket, *words], stdin=stdin,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def test_skerryctl_shows_output_as_it_comes(line):
    """`run` and `logs --follow` print while the command runs and end as it does; Ctrl-C ends the run."""
    fake, server = line
    fake.command_frames = frame("O", b"first\n")
    running = ctl(server, "run", "vm00", "--", "a")
    assert running.stdout.readline() == b"first\n"
    number = server.local("GET", "/v1/runs").json()["items"][0]["id"]
    follows = ctl(server, "logs", "--follow", number)
    assert follows.stdout.readline() == b"first\n"
    fake.say(max(fake.inits), frame("E", b"bad") + frame("O", b"\xff\0") + ended(7))
    for each in (running, follows):
        assert each.communicate(timeout=10) == (b"\xff\0", b"bad") and each.returncode == 7
    running = ctl(server, "run", "vm00", "--", "a")
    assert running.stdout.readline() == b"first\n"
    running.send_signal(signal.SIGINT)
    assert running.communicate(timeout=10)[0] == b"" and running.returncode == 130
    assert [item["result"] for item in server.local("GET", "/v1/runs").json()["items"]].count("stopped") == 1
    gone(fake)
    missing = ctl(server, "run", "none", "--", "a")
    assert b"none" in missing.communicate(timeout=10)[1] and missing.returncode == 125


def set_warm(server, count):
    return server.local("POST", "/v1/vms/vm00/actions/warm", {"count": count})


def test_warm(line):
    """Clones wait at the gate, unsown and unseen; a run takes one with a seed of its own, and another takes its place."""
    fake, server = line
    fake.command_frames = ended(3)
    assert ctl(server, "template", "vm00", "--warm", "2").wait(10) == 0
    wait_for(lambda: len(fake.inits) == 2 and len(fake.vms) == 3)
    assert not fake.seeds and server.local("GET", "/v1/runs").json()["items"] == []
    waiting = set(fake.vms) - {"vm00"}
    for count in (1, 2):
        assert run(server).json()["exit_code"] == 3
        assert len(fake.told) == len(set(fake.seeds)) == count
        wait_for(lambda: len(fake.vms) == 3 and len(fake.inits) == 2 + count)
    taken = [words[2] for words, _ in fake.commands if words[:2] == ["vm", "destroy"]]
    assert len(taken) == 2 and taken[0] in waiting
    # one whose connection ends is connected again; one that lies is destroyed, and another comes
    fake.send({"closed": max(fake.inits), "reason": "reset"})
    wait_for(lambda: len(fake.inits) == 5)
    for wrong in (9, -1, "2", None):
        assert set_warm(server, wrong).status == 422
    assert server.tls("POST", "/v1/vms/vm00/actions/warm", {"count": 1}, token=server.make_token(["operator"])).status == 403
    assert set_warm(server, 0).status == 200
    gone(fake)
    assert run(server).json()["exit_code"] == 3
    gone(fake)


def test_warm_that_lies(line):
    """What comes from a clone before it is anybody's ends it, and is nobody's output; it is not made again at once."""
    fake, server = line
    fake.hello_frames = frame("H", b"\1") + frame("O", b"early")
    assert set_warm(server, 1).status == 200
    wait_for(lambda: [words for words, _ in fake.commands if words[:2] == ["vm", "destroy"]])
    gone(fake)
    time.sleep(1)
    assert len(fake.inits) == 1
    fake.hello_frames = frame("H", b"\1")
    assert run(server).json()["result"] == "exit"
    fake.drop()
    wait_for(lambda: len(fake.inits) == 3, 15)


def test_exits(line):
    """A run that makes its VM exit too often is ended; how often is told."""
    fake, server = line
    fake.command_frames = None
    done = run(server, limits={"exits": 1, "wall_s": 8}).json()
    assert done["result"] == "out-of-exits" and done["used"]["exits"] > 1
    assert run(server, limits={"exits": 1e12, "wall_s": 3}).json()["result"] == "out-of-time"
    assert run(server, limits={"exits": 0}).status == 422
    gone(fake)


def test_input(line):
    """Input comes by requests of its own, from the owner alone, in their order, as much as waits, and ends once."""
    fake, server = line
    fake.command_frames = None
    number = server.tls("POST", "/v1/runs", {"template": "vm00", "command": ["a"], "stdin": "first ", "stdin_open": True},
                        headers={"Prefer": "wait=0"}).json()["id"]
    path = f"/v1/runs/{number}/input"

    def send(data, token=None, **more):
        return server.tls("POST", path, {"data_base64": base64.b64encode(data).decode(), **more}, token=token)
    wait_for(lambda: fake.typed == b"first ")
    assert send(b"x", token=server.make_token(["operator"])).status == 403
    assert server.tls("POST", path, {"data_base64": "?"}).status == 422
    assert send(b"second").status == 200
    wait_for(lambda: fake.typed == b"first second")
    # the init takes nothing: 16 KiB are under way, 64 and the last piece wait
    answers = [send(bytes(11000)).status for _ in range(9)]
    assert answers[:7] == [200] * 7 and answers[-1] == 429
    fake.say(max(fake.inits), frame("T", (12012).to_bytes(4, "little")))
    wait_for(lambda: len(fake.typed) > 20000)
    assert send(b"", end=True).status in (200, 429)
    fake.say(max(fake.inits), ended())
    wait_for(lambda: server.tls("GET", f"/v1/runs/{number}").json()["result"] == "exit")
    assert (send(b"more").status, server.tls("POST", "/v1/runs/7/input", {}).status) == (409, 404)
    gone(fake)


def test_interactive(line):
    """`run --interactive` hands on what is typed while the command prints, also more than a request holds, and its end."""
    fake, server = line
    fake.command_frames = frame("O", b"name?\n")
    running = ctl(server, "run", "-i", "vm00", "--", "a", stdin=subprocess.PIPE)
    assert running.stdout.readline() == b"name?\n"
    running.stdin.write(b"me\n")
    running.stdin.flush()
    wait_for(lambda: fake.typed == b"me\n")
    fake.say(max(fake.inits), frame("T", (3).to_bytes(4, "little")) + frame("O", b"hello me\n"))
    assert running.stdout.readline() == b"hello me\n"
    data = bytes(i * 31 % 251 for i in range(30000))
    running.stdin.write(data)
    running.stdin.close()
    wait_for(lambda: len(fake.typed) > 16000)
    fake.say(max(fake.inits), frame("T", (16384).to_bytes(4, "little")))
    wait_for(lambda: fake.typed == b"me\n" + data)
    fake.say(max(fake.inits), ended(4))
    assert running.wait(10) == 4
    gone(fake)


def test_files(line):
    """Files come before the command, in base 64 too; paths are absolute."""
    fake, server = line
    assert run(server, files={"/a.b/c": "text"}, files_base64={"/d": "/wA="}).json()["result"] == "exit"
    assert sorted(fake.files) == [b"/a.b/c\0text", b"/d\0\xff\0"] and len(fake.told) == 1
    for more in ({"files": {"a": "x"}}, {"files_base64": {"/a": "?"}}, {"files": "x"}, {"files": {"/a": 5}}):
        assert run(server, **more).status == 422, more
    fake.command_frames = frame("N", b"no file")
    (server.folder / "here").write_bytes(b"\0of a file")
    fake.files.clear()
    assert ctl(server, "run", "vm00", "--file", f"{server.folder}/here:/there/it", "--", "a").wait(10) == 125
    assert fake.files == [b"/there/it\0\0of a file"]
    assert ctl(server, "run", "vm00", "--file", "/none:/a", "--", "a").wait(10) == 2
    refused = run(server, files={"/": "x"})
    assert refused.status == 422 and "file" in refused.json()["detail"]
    fake.command_frames = frame("N", b"no address")
    refused = run(server)
    assert (refused.status, refused.code) == (409, "failed") and "DHCP" in refused.json()["detail"]
    gone(fake)
