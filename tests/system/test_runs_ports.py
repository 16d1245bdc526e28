# SPDX-License-Identifier: MIT
"""Published ports of runs at the real image: clients of the host reach servers in runs, whom the switch holds to their addresses."""
import contextlib
import os
import shutil
import socket
import subprocess
import sys
import threading

import bundle
import pytest
from machine import ROOT, wait_for
from net import fetch, own_network, ports, tap_card
from ports import free_port
from relay import Relay
from ring_3 import EMULATORS
from test_runs import CONF, FILES

sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

# Three addresses are free for runs, so that the fourth has one that was another's.
HOST, NET = "10.7.0.1", "10.7.0.0/29"
LAN = f"[net lan]\nuplink = net0\ndhcp = {NET}\ndhcp.router = {HOST}\n"
# From these ports Linux connects by itself: runs answer skerryd, and reach no service of the host.
CARD = f"net = lan private\nnet.egress = {HOST}:32768-60999/tcp\n"
SERVE = "mkdir /www; echo {text} >/www/index.html; httpd -p 80 -h /www; "
STAY = "sleep 1000"
ECHO = "while nc -l -p 81 -e cat; do :; done"
# Another's address beside the own one, at both of which a page answers.
STEAL = "ip address add {address}/29 dev eth0; " + SERVE + "while arping -U -c 1 -I eth0 {address}; do :; done"

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip") or not os.path.exists("/dev/net/tun"),
                                reason="a network with a card of its own takes root, ip and /dev/net/tun")


def ctl(server, *words):
    done = subprocess.run([ROOT / "gateway/build/skerryctl", "--socket", server.socket, *words], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=100, check=False)
    return done.stdout.strip(), done.stderr, done.returncode


@pytest.fixture(scope="module", params=EMULATORS)
def line(request, build, tmp_path_factory):
    """The image with skerryd at COM2, which publishes ports of its runs, and a template of busybox."""
    folder = tmp_path_factory.mktemp("ports")
    files = bundle.make(folder / "runs.cpio", LAN + CONF + CARD, bundle.read(*(build / "runs" / name for name in FILES)))
    with own_network("tap0", f"{HOST}/29"):
        with request.param(build, bundle=files, channel=True, **tap_card(request.param, "tap0")) as machine:
            machine.wait_prompt()
            link = Relay(machine.channel.link)
            server = Server(str(ROOT / "gateway/build/skerryd"), folder, f"tcp:127.0.0.1:{link.port}", "--publish", NET).start()
            try:
                wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
                # a boot on Bochs may take longer than skerryd waits for the gate
                wait_for(lambda: ctl(server, "template", "busybox") == ("busybox: is a template", "", 0), 600)
                yield machine, server
                assert ": 0 found" in machine.command("audit")
            finally:
                server.stop()
        link.close()


def names(machine):
    return {row["name"] for row in machine.objects("vm list")}


def begin(machine, server, script, *published):
    """A run with these ports; its number, and its VM's name and address."""
    before = names(machine)
    words = [word for port in published for word in ("-p", port)]
    number, said, code = ctl(server, "run", "busybox", "-d", *words, "--", "sh", "-c", script)
    assert code == 0, said
    vm, = wait_for(lambda: names(machine) - before)
    return number, vm, wait_for(lambda: ports(machine).get(vm))["address"]


def stop(machine, server, number):
    assert ctl(server, "stop", number)[2] == 0


def is_done(server, number):
    """Whether skerryd has seen the run's VM end, so that its ports are nobody's."""
    return server.tls("GET", f"/v1/runs/{number}").json()["state"] == "done"


def is_closed(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) != 0


def connected(port):
    """A connection that has its byte echoed, or None where there is no port yet, or no server behind it."""
    with contextlib.ExitStack() as unless, contextlib.suppress(OSError):
        client = unless.enter_context(socket.create_connection(("127.0.0.1", port), timeout=100))
        client.sendall(b"x")
        if client.recv(1) == b"x":
            unless.pop_all()
            return client
    return None


def echoed(client, data):
    """What comes back on a connection that says what it is told, behind its half-closed side too."""
    back = b""
    sender = threading.Thread(target=lambda: (client.sendall(data), client.shutdown(socket.SHUT_WR)))
    sender.start()
    while piece := client.recv(65536):
        back += piece
    sender.join()
    return back


def test_two_at_once(line):
    """Two runs with ports of their own are reached at once, whole bytes go both ways; a port is closed with its run, and another takes it."""
    machine, server = line
    left, right, echo = free_port(), free_port(), free_port()
    one, vm, _ = begin(machine, server, SERVE.format(text="one") + ECHO, f"{left}:80", f"{echo}:81")
    two, _, _ = begin(machine, server, SERVE.format(text="two") + STAY, f"{right}:80")
    for port, text in ((left, "one\n"), (right, "two\n")):
        wait_for(lambda port=port, text=text: fetch(port) == text)
    data = os.urandom(1 << 20)
    with wait_for(lambda: connected(echo)) as client:
        assert echoed(client, data) == data
    listed = ctl(server, "ps")[0]
    assert f"127.0.0.1:{left}->80,127.0.0.1:{echo}->81" in listed and f"127.0.0.1:{right}->80" in listed, listed
    with wait_for(lambda: connected(echo)) as held:
        stop(machine, server, one)
        with pytest.raises(ConnectionError):
            held.recv(1)
    assert is_closed(left) and is_closed(echo) and fetch(right) == "two\n"
    wait_for(lambda: vm not in names(machine) and is_done(server, one))
    # the port is free for another run, which ends by itself
    three, vm, _ = begin(machine, server, "nc -l -p 80 -e cat", f"{left}:80")
    wait_for(lambda: connected(left)).close()
    wait_for(lambda: is_closed(left) and vm not in names(machine))
    assert "exit" in next(row for row in ctl(server, "ps")[0].splitlines() if three in row)
    assert fetch(right) == "two\n"
    stop(machine, server, two)
    assert is_closed(right)
    wait_for(lambda: names(machine) == {"busybox"})


def test_one_after_another(line):
    """Each of four runs is reached as soon as its server listens, though the host remembers who had its address before."""
    machine, server = line
    port, seen = free_port(), []
    for number in range(4):
        run, vm, address = begin(machine, server, SERVE.format(text=f"page {number}") + "echo up; " + STAY, f"{port}:80")
        wait_for(lambda run=run: ctl(server, "logs", run)[0] == "up")
        assert fetch(port) == f"page {number}\n", seen
        seen.append(address)
        stop(machine, server, run)
        wait_for(lambda vm=vm, run=run: vm not in names(machine) and is_done(server, run))
    assert len(set(seen)) < 4, seen


def test_refused(line):
    """A port below 1024, another run's, a program's of the host: each is refused in a sentence, and no VM is left."""
    machine, server = line
    here = free_port()
    number, _, _ = begin(machine, server, STAY, f"{here}:80")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        theirs = taken.getsockname()[1]
        for port, why in (("80:80", "those of the host begin at 1024"), (f"{here}:80", f"port {here} of the host is another run's"),
                          (f"{theirs}:80", f"port {theirs} of the host is in use: name one that is free")):
            _, said, code = ctl(server, "run", "busybox", "-p", port, "--", "true")
            assert code == 125 and why in said, (port, said)
    stop(machine, server, number)
    wait_for(lambda: names(machine) == {"busybox"})


def test_thief(line):
    """A run that takes another's address has none of its clients, and one that only answers reaches no service of the host."""
    machine, server = line
    port, thief = free_port(), free_port()
    one, _, address = begin(machine, server, SERVE.format(text="mine") + STAY, f"{port}:80")
    wait_for(lambda: fetch(port) == "mine\n")
    two, vm, _ = begin(machine, server, STEAL.format(address=address, text="stolen"), f"{thief}:80")
    wait_for(lambda: fetch(thief) == "stolen\n")
    wait_for(lambda: ports(machine)[vm]["dropped"]["spoofed"] >= 3)
    assert {fetch(port) for _ in range(5)} == {"mine\n"}
    stop(machine, server, two)
    with socket.create_server((HOST, free_port())) as service:
        service.settimeout(1)
        three, vm, _ = begin(machine, server, f"nc -w 3 {HOST} {service.getsockname()[1]}; {STAY}")
        wait_for(lambda: ports(machine)[vm]["dropped"]["egress"] > 0)
        with contextlib.suppress(TimeoutError):
            raise AssertionError(service.accept())
    stop(machine, server, one), stop(machine, server, three)
    wait_for(lambda: names(machine) == {"busybox"})
