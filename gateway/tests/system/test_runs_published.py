# SPDX-License-Identifier: MIT
"""Published ports of runs by REST at a fake Skerry: who is led where, who gets how many, and that nothing stays open."""
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from client import LIMIT, Server, wait_for
from fake_runs import FakeRuns, frame
from ports import free_port

GUEST = "127.0.0.2"     # where the guests of this fake are
ELSEWHERE = "127.3.0.2"


class Guest:
    """A program in a guest: `talk` has each connection in a thread of its own."""

    def __init__(self, talk, address=GUEST):
        self.talk, self.taken = talk, 0
        self.socket = socket.create_server((address, 0), backlog=512)
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self.socket.accept()
                self.taken += 1
                threading.Thread(target=self.hold, args=(client,), daemon=True).start()

    def hold(self, client):
        with client, contextlib.suppress(OSError):
            self.talk(client)

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()


def everything(client):
    data = b""
    while piece := client.recv(65536):
        data += piece
    return data


def echo_at_the_end(client):
    """Says what it was told, once it has been told that there is no more."""
    client.sendall(everything(client))


def hold(client):
    client.sendall(b".")
    everything(client)


def leads_nowhere(port):
    """Whether a connection there is reset once it is made: whoever makes it may hear of both at once."""
    try:
        with connect(port) as client:
            return is_reset(client)
    except ConnectionResetError:
        return True


@pytest.fixture
def guest(request):
    guest = Guest(getattr(request, "param", echo_at_the_end))
    yield guest
    guest.close()


@pytest.fixture
def published(program, tmp_path):
    fake = FakeRuns(str(tmp_path / "skerry.sock"))
    fake.clone_addresses, fake.command_frames = [GUEST], None
    server = Server(program, tmp_path, fake.path, "--publish", "127.0.0.0/16", "--publish-idle", "3").start()
    yield fake, server
    server.stop()
    fake.close()


def begin(server, *ports, wait=0, token=None, **more):
    body = {"template": "vm00", "command": ["a"], "publish": [str(port) for port in ports], **more}
    return server.tls("POST", "/v1/runs", body, token=token, headers={"Prefer": f"wait={wait}"})


def listed(server, run):
    return next(item for item in server.tls("GET", "/v1/runs").json()["items"] if item["id"] == run)


def opened(server, *ports, **more):
    """A run whose command is under way: its number, and the ports of this host."""
    answer = begin(server, *ports, **more)
    assert answer.status == 202, answer.body
    run = answer.json()["id"]
    wait_for(lambda: all(port["open"] for port in listed(server, run)["published"]))
    return run, [port["port"] for port in listed(server, run)["published"]]


def ended(server, run):
    done = server.tls("GET", f"/v1/runs/{run}?wait=9").json()
    assert done["state"] == "done", done
    return done


def connect(port, window=None):
    client = socket.socket()
    if window:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
    client.settimeout(LIMIT)
    client.connect(("127.0.0.1", port))
    return client


def refused(port):
    with socket.socket() as client:
        client.settimeout(LIMIT)
        return client.connect_ex(("127.0.0.1", port)) != 0


def is_reset(client):
    try:
        return client.recv(1) == b""
    except ConnectionError:
        return True


def publish_pid(server):
    return server.children().get("skerryd-publish")


def test_to_a_run_and_back(published, guest):
    """Bytes go both ways, also behind a half-closed side; the ports are open before the command is told, and shown to who sees the run."""
    fake, server = published
    here = free_port()
    run, ports = opened(server, f"{here}:{guest.port}/tcp", guest.port)
    assert ports[0] == here and ports[1] >= 1024 and ports[1] != here
    assert listed(server, run)["published"][0] == {"address": "127.0.0.1", "port": here, "guest_port": guest.port, "open": True}
    wait_for(lambda: fake.told)
    data = os.urandom(3 << 20)
    for port in ports:
        with connect(port) as client:
            sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
            sender.start()
            assert everything(client) == data
            sender.join()
    lines = [line for line in server.tls("GET", "/v1/audit").json()["items"] if "publish" in line.get("action", "")]
    assert lines[0]["action"] == "run.publish" and f" {GUEST} {here}:{guest.port} 0:{guest.port}" in lines[0]["target"], lines
    server.tls("DELETE", f"/v1/runs/{run}")
    said = server.tls("GET", "/v1/audit").body.decode()
    assert f"opened {here} {ports[1]}" in said and '"run.unpublish"' in said


@pytest.mark.parametrize("guest", [hold], indirect=True)
def test_closed_at_the_end(published, guest):
    """When DELETE is answered no port is open and no connection left; the VM is destroyed only then. So at the command's end."""
    fake, server = published
    for end in ("delete", "exit", "crash"):
        run, (port,) = opened(server, guest.port)
        client = connect(port)
        assert client.recv(1) == b"."
        if end == "delete":
            assert server.tls("DELETE", f"/v1/runs/{run}").json()["published"][0]["open"] is False
            assert refused(port)
        else:
            number = max(fake.inits)
            fake.say(number, frame("X", bytes(24))) if end == "exit" else fake.send({"closed": number, "reason": "reset"})
            ended(server, run)
        assert refused(port) and is_reset(client)
        client.close()
    wait_for(lambda: list(fake.vms) == ["vm00"])


def test_refused_in_a_sentence(published, guest):
    """Ports below 1024, ports in use, more than 16 of an owner, guests that the switch holds to no address, or to one elsewhere."""
    fake, server = published
    for wrong in ("80:80", "1023:80", "0:80", "8080:0", "65536:80", "8080:65536", "x", "", ":80", "8080:", "8080:80/udp", "-1:80", "8080:80:90", "127.0.0.1:80", "00000000080x", "0000080/tcp8"):
        answer = begin(server, wrong)
        assert answer.status == 422 and "[HOSTPORT:]GUESTPORT" in answer.json()["detail"], (wrong, answer.body)
    assert begin(server, *range(9000, 9009)).status == 422
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = begin(server, guest.port, f"{port}:80", wait=9)
        assert done.status == 409 and f"port {port} of the host is in use" in done.json()["detail"], done.body
    here = free_port()
    runs = [opened(server, f"{here}:{guest.port}", guest.port)[0]]
    again = begin(server, f"{here}:81")
    assert again.status == 409 and f"port {here} of the host is another run's" in again.json()["detail"], again.body
    fake.clone_addresses = ["127.0.0.3"]
    runs.append(opened(server, *[guest.port] * 8)[0])
    fake.clone_addresses = ["127.0.0.4"]
    runs.append(opened(server, *[guest.port] * 6)[0])
    many = begin(server, guest.port)
    assert many.status == 429 and "may have 16" in many.json()["detail"], many.body
    for run in runs:
        server.tls("DELETE", f"/v1/runs/{run}")
    for addresses, why in (([], "no address that Skerry holds it to"), ([ELSEWHERE], "in no network of skerryd's --publish"),
                           (["127.0.0.9", "127.0.0.9"], "another VM has the run's address"), (["x"], "no address")):
        fake.clone_addresses = addresses
        done = begin(server, guest.port, wait=9)
        assert done.status == 409 and why in done.json()["detail"], (addresses, done.body)
    assert len(fake.told) == len(runs)
    wait_for(lambda: list(fake.vms) == ["vm00"])


def test_not_without_a_network(line):
    """Without --publish there is no such process, and a sentence for who asks."""
    _, server = line
    answer = begin(server, 80)
    assert answer.status == 409 and "--publish CIDR" in answer.json()["detail"]
    assert publish_pid(server) is None
    for words in (["--publish", "10.7.0.0"], ["--publish", "0.0.0.0/0"], ["--publish", "fd00::/8"], ["--publish", "10.0.0.0/7"],
                  ["--publish-at", "localhost"], ["--publish-idle", "0"]):
        done = subprocess.run([server.program, "--link", "x", "--socket", "y", *words], capture_output=True, timeout=LIMIT)
        assert done.returncode == 2, (words, done)


@pytest.mark.parametrize("guest", [hold], indirect=True)
def test_no_owner_takes_all(published, guest):
    """One has 64 connections at most; when all 256 are taken, who has most gives one up to who has few."""
    fake, server = published
    ports = {}
    for place in range(5):
        fake.clone_addresses = [f"127.0.0.{2 + place}"]
        hosts = [Guest(hold, fake.clone_addresses[0])] if place else [guest]
        run, (ports[place],) = opened(server, hosts[0].port, token=server.make_token(["operator"]) if place else None)
    # The listing shows 5 ports; each guest takes what comes.
    clients = {place: [] for place in ports}
    for place in range(4):
        for _ in range(64):
            client = connect(ports[place])
            assert client.recv(1) == b"."
            clients[place].append(client)
        assert leads_nowhere(ports[place])
    for _ in range(3):
        client = connect(ports[4])
        assert client.recv(1) == b"."
        clients[4].append(client)
    lost = {place: sum(is_reset(client) for client in held if readable(client)) for place, held in clients.items()}
    assert sum(lost.values()) == 3 and lost[4] == 0 and max(lost.values()) == 1, lost


def readable(client):
    client.setblocking(False)
    try:
        client.recv(1, socket.MSG_PEEK)
        return True
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    finally:
        client.settimeout(LIMIT)


def test_idle_and_dead(published):
    """A connection without a byte is ended, one whose guest takes none or resets is reset; who reads nothing holds up nobody."""
    _, server = published
    silent, cut = Guest(everything), Guest(lambda client: client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0"))
    flood = Guest(lambda client: [client.sendall(bytes(1 << 16)) for _ in range(1 << 16)])
    nobody = socket.create_server((GUEST, 0))
    dead = nobody.getsockname()[1]
    nobody.close()
    _, ports = opened(server, silent.port, cut.port, flood.port, dead)
    lazy = connect(ports[2], window=4096)
    idle = connect(ports[0])
    for port in (ports[1], ports[3]):
        with pytest.raises(ConnectionError), connect(port) as client:
            client.recv(1)
            client.sendall(b"x")
            client.recv(1)
    assert is_reset(idle)
    assert flood.taken == 1
    hung_up = select.poll()
    hung_up.register(lazy, 0)   # of which poll always tells: a reset
    assert hung_up.poll(LIMIT * 1000)
    for each in (silent, cut, flood):
        each.close()


def test_the_process_ends(published, guest):
    """Killed, it comes again with the ports that it had; stopped, it is ended when ports are to be closed, and they are."""
    _, server = published
    run, (port,) = opened(server, guest.port)
    pid = wait_for(lambda: publish_pid(server))
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: publish_pid(server) not in (None, pid))
    wait_for(lambda: listed(server, run)["published"] == [{"address": "127.0.0.1", "port": port, "guest_port": guest.port, "open": True}])
    with connect(port) as client:
        client.sendall(b"again")
        client.shutdown(socket.SHUT_WR)
        assert everything(client) == b"again"
    os.kill(publish_pid(server), signal.SIGSTOP)
    assert server.tls("DELETE", f"/v1/runs/{run}").status == 200
    assert refused(port)
    ended(server, run)
    assert "publish has closed no port for long" in server.errors()


def test_not_to_this_computer(published):
    """An address in --publish that is this computer's own, where its services listen, leads nowhere."""
    fake, server = published
    fake.clone_addresses = ["127.0.0.1"]
    own = Guest(hold, "127.0.0.1")
    _, (port,) = opened(server, own.port)
    assert leads_nowhere(port)
    own.close()


@pytest.mark.parametrize("guest", [hold], indirect=True)
def test_an_address_that_moves(published, guest):
    """When the run's VM has its address no more, or another VM has it as well, the ports are closed and the run goes on."""
    fake, server = published
    for mine, others in (([], [GUEST]), ([GUEST], [GUEST])):
        fake.clone_addresses = [GUEST]
        run, (port,) = opened(server, guest.port)
        with connect(port) as client:
            assert client.recv(1) == b"."
            fake.vms[next(name for name in fake.vms if name != "vm00")].addresses = mine
            fake.vms["vm00"].addresses = others
            wait_for(lambda port=port: refused(port))
            assert is_reset(client)
        assert listed(server, run)["state"] == "running"
        server.tls("DELETE", f"/v1/runs/{run}")
        ended(server, run)
        fake.vms["vm00"].addresses = []


def test_who_asks_twice(published, guest):
    """Each DELETE is answered when the ports are closed, also the second one, while the process does not answer."""
    _, server = published
    run, (port,) = opened(server, guest.port)
    os.kill(wait_for(lambda: publish_pid(server)), signal.SIGSTOP)
    open_at_the_answer = []

    def stop():
        server.tls("DELETE", f"/v1/runs/{run}")
        open_at_the_answer.append(not refused(port))

    threads = [threading.Thread(target=stop) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert open_at_the_answer == [False] * 3


def test_without_rights(published, guest):
    """The process has core's socket and its own of IPv4: no other file, no other process's memory."""
    _, server = published
    opened(server, guest.port)
    pid = wait_for(lambda: publish_pid(server))
    links = [os.readlink(path) for path in Path(f"/proc/{pid}/fd").iterdir()]
    assert not [link for link in links if link.endswith(".jsonl") or "state" in link], links
    status = Path(f"/proc/{pid}/status").read_text()
    assert "Seccomp:\t2" in status, status


def test_skerryctl(published, guest, program):
    """run -p and ps."""
    _, server = published
    here = free_port()
    ctl = [Path(program).with_name("skerryctl"), "--socket", server.socket]
    done = subprocess.run([*ctl, "run", "vm00", "-d", "-p", f"{here}:{guest.port}", "--publish", str(guest.port), "--", "a"], capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 0, done
    wait_for(lambda: f"127.0.0.1:{here}->{guest.port},127.0.0.1:" in subprocess.run([*ctl, "ps"], capture_output=True, text=True, timeout=LIMIT).stdout)
    done = subprocess.run([*ctl, "run", "vm00", "-p", "80:80", "--", "a"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 125 and "begin at 1024" in done.stderr, done
    assert json.loads(subprocess.run([*ctl, "ps", "--json"], capture_output=True, timeout=LIMIT).stdout)
