# SPDX-License-Identifier: MIT
"""Files that a run leaves, caps, and room, at a fake Skerry: who gets files, inits that lie about them, skerryctl."""
import base64

from client import wait_for
from fake_runs import ended, frame
from fake_skerry import Refused
from test_runs import ctl, gone, run, set_warm


def kept(number, data):
    """What an init says of a wanted file that is whole."""
    return b"".join(frame("P", bytes((number,)) + data[at:at + 3000]) for at in range(0, len(data), 3000)) + frame("D", bytes((number, 0)))


def test_outputs(line):
    """Files come back by their paths, to their owner alone; what is none says why, and the run's own end stays."""
    fake, server = line
    data = bytes(i * 31 % 251 for i in range(20000))
    fake.command_frames = kept(0, data) + frame("D", b"\1\1") + frame("D", b"\2\2") + kept(3, b"") + ended(7)
    done = run(server, outputs=["/a.b", "/none", "/dev/zero", "/empty"]).json()
    assert (done["result"], done["exit_code"]) == ("exit", 7)
    files = done["outputs"]
    assert base64.b64decode(files["/a.b"]["data_base64"]) == data and files["/empty"] == {"data_base64": ""}
    assert "no such file" in files["/none"]["problem"] and "regular" in files["/dev/zero"]["problem"]
    assert {"o/a.b", "o/none"} < set(fake.told[0].decode().split("\0"))
    path = "/v1/runs/" + done["id"]
    assert server.tls("GET", path).json()["outputs"] == files
    assert "outputs" not in server.tls("GET", path, token=server.make_token(["operator"])).json()
    assert "/a.b" not in str(server.tls("GET", "/v1/audit").json()) and "outputs" not in str(server.tls("GET", "/v1/runs").json())
    for paths in (["a"], ["/a/../b"], ["/.."], ["/" * 256], ["/a"] * 9, [5], "/a"):
        refused = run(server, outputs=paths)
        assert (refused.status, refused.code) == (422, "bad-argument"), (paths, refused.body)
    # what does not fit beside the output is not kept, and the end is
    fake.command_frames = frame("O", b"x" * 40) + kept(0, b"y" * 70) + kept(1, b"z" * 60) + ended(7)
    done = run(server, outputs=["/a", "/b"], limits={"output_bytes": 100}).json()
    assert (done["exit_code"], done["stdout"]) == (7, "x" * 40)
    assert "output_bytes" in done["outputs"]["/a"]["problem"] and base64.b64decode(done["outputs"]["/b"]["data_base64"]) == b"z" * 60
    # an init of version 1 has no such files; the run is refused in words, and goes without them
    fake.hello_frames, fake.command_frames = frame("H", b"\1"), ended()
    refused = run(server, outputs=["/a"])
    assert refused.status == 422 and "anew" in refused.json()["detail"]
    assert run(server).json()["result"] == "exit"
    gone(fake)


def test_lies_about_outputs(line):
    """Files that nobody wants, in another order, twice, or without end: the run is over."""
    fake, server = line
    flood = frame("P", b"\0" + bytes(3000)) * (9 * 1024 * 1024 // 3000)
    for lie in (frame("P", b"\1x"), frame("P", b"\0"), frame("D", b"\0\5"), frame("D", b"\0"), frame("D", b"\1\0"),
                frame("D", b"\0\0") * 2, kept(0, b"a") + frame("P", b"\0b"), flood):
        fake.command_frames = lie
        done = run(server, outputs=["/a"], wait=30).json()
        assert done["result"] == "crash", (lie[:20], done)
    fake.command_frames = ended(2)
    done = run(server, outputs=["/a"]).json()
    assert (done["exit_code"], list(done["outputs"]["/a"])) == (2, ["problem"])
    gone(fake)


def test_skerryctl_output(line):
    """--output writes files, or says why not; cp fetches them of a run in the background."""
    fake, server = line
    fake.command_frames = kept(0, b"\0left") + frame("D", b"\1\1") + ended()
    here = server.folder / "left"
    assert ctl(server, "run", "vm00", "--output", f"/a={here}", "--output", f"/b={server.folder}/none", "--", "a").wait(10) == 125
    assert here.read_bytes() == b"\0left" and not (server.folder / "none").exists()
    fake.command_frames = kept(0, b"new") + ended(4)
    assert ctl(server, "run", "vm00", "--output", f"/a={here}", "--", "a").wait(10) == 4
    assert here.read_bytes() == b"new"
    number = ctl(server, "run", "-d", "vm00", "--output", "/a", "--", "a").communicate(timeout=10)[0].decode().strip()
    wait_for(lambda: server.tls("GET", f"/v1/runs/{number}").json()["state"] == "done")
    here.unlink()
    assert ctl(server, "cp", f"{number}:/a", str(here)).wait(10) == 0 and here.read_bytes() == b"new"
    assert ctl(server, "cp", f"{number}:/b", str(here)).wait(10) == 1
    assert ctl(server, "run", "vm00", "--output", "a=b", "--", "a").wait(10) == 2
    gone(fake)


def test_cpus(line):
    """A cap is set before an init is sown, of a new clone and of one that waited; what Skerry refuses is the run's problem."""
    fake, server = line
    caps = []
    told = fake.run_vm_set

    def refuse(words, after):
        assert len(caps) == len(fake.seeds)
        caps.append(words[1:])
        if words[1] == "cap=300%":
            raise Refused("bad-argument", "cap is at most 100% for each vCPU")
        return told(words, after)
    fake.run_vm_set = refuse
    assert run(server, limits={"cpus": 0.25}).json()["result"] == "exit"
    assert caps == [["cap=25%"]]
    assert server.tls("POST", "/v1/vms/vm00/actions/warm", {"count": 1}).status == 200
    wait_for(lambda: len(fake.inits) == 2)
    assert ctl(server, "run", "vm00", "--cpus", "0.5", "--memory", "65M", "--", "a").wait(10) == 125
    memory = server.tls("GET", "/v1/vms/vm00").json()["memory_bytes"]
    assert ctl(server, "run", "vm00", "--cpus", "0.5", "--memory", f"{memory >> 20}M", "--", "a").wait(10) == 0
    assert caps == [["cap=25%"], ["cap=50%"]]
    refused = run(server, limits={"cpus": 3})
    assert refused.status == 422 and "each vCPU" in refused.json()["detail"] and len(fake.seeds) == 2
    refused = run(server, limits={"memory_bytes": memory + 1})
    assert refused.status == 422 and str(memory) in refused.json()["detail"]
    for cpus in (0, 0.001, 65, "1"):
        assert run(server, limits={"cpus": cpus}).status == 422
    server.tls("POST", "/v1/vms/vm00/actions/warm", {"count": 0})
    gone(fake)


def test_what_is_kept(line):
    """What ended runs keep is bounded for all of them: the oldest of the owner whose runs keep most are forgotten first."""
    fake, server = line
    fake.command_frames = frame("O", b"small") + ended()
    other = run(server, token=server.make_token(["operator"])).json()["id"]
    fake.command_frames = frame("O", b"x" * 3000) * 349 + ended()
    numbers = [run(server, limits={"output_bytes": 1 << 20}).json()["id"] for _ in range(20)]
    assert [number for number in numbers if server.tls("GET", f"/v1/runs/{number}").status == 200] == numbers[-16:]
    assert server.tls("GET", f"/v1/runs/{other}").json()["result"] == "exit"
    gone(fake)


def test_answers_that_nobody_reads(line):
    """Answers to one credential that clients do not read are bounded; others have theirs, and so has it once they are read."""
    fake, server = line
    fake.command_frames = frame("O", b"\1" * 3000) * 349 + ended()
    done = run(server, limits={"output_bytes": 1 << 20})
    path = "/v1/runs/" + done.json()["id"]
    clients = [server.raw(window=4096) for _ in range(3)]
    begun = []
    for client in clients:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n\r\n".encode())
        begun.append(client.recv(12).decode())
    # each has six megabytes, as JSON says what was printed
    assert begun == ["HTTP/1.1 200"] * 2 + ["HTTP/1.1 503"]
    assert server.tls("GET", path, token=server.make_token(["operator"])).status == 200
    assert server.tls("GET", "/v1/me").status == 200
    for client in clients:
        client.close()
    wait_for(lambda: server.tls("GET", path).status == 200)
    assert len(server.tls("GET", path).body) == len(done.body)
    gone(fake)


def test_warm_gives_room(line):
    """A run that can take no clone that waits, as it has a list of its own, gets the room of one, and of no more than one."""
    fake, server = line
    fake.room = 3
    assert set_warm(server, 2).status == 200
    wait_for(lambda: len(fake.inits) == 2)
    assert run(server, egress="none").json()["exit_code"] == 0
    clones = [words for words, _ in fake.commands if words[:2] == ["vm", "clone"] and words[-2] == "egress=none"]
    assert len(fake.inits) == 3 and len(clones) > 1
    assert set_warm(server, 0).status == 200
    gone(fake)
    fake.room = 1
    refused = run(server, egress="none")
    assert (refused.status, refused.code) == (409, "failed") and "no room" in refused.json()["detail"]
