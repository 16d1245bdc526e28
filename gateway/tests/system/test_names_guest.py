# SPDX-License-Identifier: MIT
"""A guest behind a machine that forwards and hides it (NAT), held to the names of skerry-proxy's file, tries to get round it."""
import ctypes
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from proxy import Proxy

# The rules that the guide has.
GUIDE = Path(__file__).resolve().parents[3] / "docs/guides/run-what-you-do-not-trust.md"
NFT = re.search(r"^    table inet skerry \{\n(    .*\n)*?    \}\n", GUIDE.read_text(encoding="utf-8"), re.M)[0]

# What stands for the world: hosts with these addresses, and a name server that lies about two names.
WORLD = ("9.9.9.9", "9.9.9.10", "9.9.9.53", "192.168.77.7")

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("nft") or not shutil.which("ip"),
                                reason="network namespaces take root, ip and nft")


def run(*words, check=True, inside=None, **more):
    words = (["ip", "netns", "exec", inside] if inside else []) + list(words)
    return subprocess.run(words, check=check, text=True, capture_output=True, timeout=60, **more)


@pytest.fixture
def world(request, tmp_path):
    """Three machines: a guest, a router with skerry-proxy, and the world; (proxy, run in the guest, names of them)."""
    names = {each: f"sk{os.getpid()}{each}" for each in ("guest", "other", "router", "world")}
    started = []
    try:
        for each in names.values():
            run("ip", "netns", "add", each)
            run("ip", "link", "set", "lo", "up", inside=each)
        run("ip", "link", "add", "runs", "netns", names["router"], "type", "bridge")
        for number, guest in ((9, "guest"), (10, "other")):
            run("ip", "link", "add", f"port{number}", "netns", names["router"], "type", "veth", "peer", "name", "eth0", "netns",
                names[guest])
            run("ip", "link", "set", f"port{number}", "master", "runs", "up", inside=names["router"])
            run("ip", "address", "add", f"10.7.0.{number}/16", "dev", "eth0", inside=names[guest])
            run("ip", "link", "set", "eth0", "up", inside=names[guest])
            run("ip", "route", "add", "default", "via", "10.7.0.1", inside=names[guest])
        run("ip", "link", "add", "out", "netns", names["router"], "type", "veth", "peer", "name", "out", "netns", names["world"])
        run("ip", "address", "add", "10.7.0.1/16", "dev", "runs", inside=names["router"])
        run("ip", "link", "set", "runs", "up", inside=names["router"])
        run("ip", "address", "add", "198.51.100.2/24", "dev", "out", inside=names["router"])
        run("ip", "address", "add", "198.51.100.1/24", "dev", "out", inside=names["world"])
        for each in ("router", "world"):
            run("ip", "link", "set", "out", "up", inside=names[each])
        for address in WORLD:
            run("ip", "address", "add", f"{address}/32", "dev", "lo", inside=names["world"])
        run("ip", "route", "add", "default", "via", "198.51.100.1", inside=names["router"])
        run("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward", inside=names["router"])
        run("nft", "-f", "-", inside=names["router"], input=NFT)
        helper = Path(__file__).with_name("names_world.py")
        started.append(subprocess.Popen(["ip", "netns", "exec", names["world"], sys.executable, str(helper)], stdout=subprocess.PIPE,
                                        text=True))
        assert started[0].stdout.readline() == "ready\n"
        program = Path(request.config.getoption("--gateway")) / "skerry-proxy"
        script = tmp_path / "proxy"
        script.write_text(f"#!/bin/sh\nexec ip netns exec {names['router']} {program} \"$@\"\n")
        script.chmod(0o755)
        proxy = Proxy(str(script), tmp_path, "names = api.test, *.lib.test\nnames.listen = 10.7.0.1\nresolver = 9.9.9.53\n"
                            "names.set = inet skerry answered\nnames.questions = 100\n")

        def guest(text, who="guest"):
            """What a Python program prints in the guest."""
            done = run(sys.executable, "-c", "from names_try import *\n" + text, inside=names[who], check=False,
                       env={**os.environ, "PYTHONPATH": str(helper.parent)})
            assert done.returncode == 0, done.stderr
            return done.stdout.split()
        guest.names = names
        yield proxy, guest
        proxy.close()
    finally:
        for process in started:
            process.kill()
            process.wait(30)
        for each in names.values():
            run("ip", "netns", "delete", each, check=False)


def elements(guest):
    """The pairs of the set, but for that of no client's."""
    said = run("nft", "list", "set", "inet", "skerry", "answered", inside=guest.names["router"]).stdout
    words = said.replace(",", " ").replace("{", " ").split()
    return sorted((words[at - 1], words[at + 1]) for at in range(len(words)) if words[at] == "." and words[at - 1][0].isdigit() and
                  words[at - 1] != "0.0.0.0")


def test_guest(world):
    """What was answered to a guest is reached by that guest, by TCP to two ports; nothing else is, however it tries."""
    _, guest = world
    # before a question nothing is reached, though the guest knows the address
    assert guest("print(fetch('9.9.9.9'))") == ["no"]
    assert guest("print(ask('api.test')); print(fetch('9.9.9.9')); print(fetch('9.9.9.9', 443))") == ["9.9.9.9", "yes", "yes"]
    assert elements(guest) == [("10.7.0.9", "9.9.9.9")]
    # another guest was told nothing, another port and another protocol are not named, nor is another host
    assert guest("print(fetch('9.9.9.9'))", "other") == ["no"]
    assert guest("print(fetch('9.9.9.9', 22)); print(fetch('9.9.9.10')); print(datagram('9.9.9.9', 443)); print(ping('9.9.9.9'))") == \
        ["no"] * 4
    # other name servers, over both protocols, and names of nobody's list
    assert guest("print(ask('api.test', '9.9.9.53')); print(ask('evil.test', '9.9.9.53')); print(fetch('9.9.9.53', 53)); "
                 "print(ask('evil.test'))") == ["none", "none", "no", "none"]
    # a listed name that stands for the router, its other networks, or private hosts beyond it
    for name in ("router", "mine", "private", "wire", "local"):
        assert guest(f"print(ask('{name}.lib.test'))") == ["none"], name
    for address in ("198.51.100.1", "198.51.100.2", "192.168.77.7"):
        assert guest(f"print(fetch('{address}'))") == ["no"], address
    # the router itself: what answers there is the name server and the proxy alone
    assert guest("print(fetch('10.7.0.1', 22)); print(fetch('10.7.0.1', 80)); print(fetch('198.51.100.2', 3128)); "
                 "print(fetch('10.7.0.1', 53))") == ["no", "no", "no", "open"]
    # under the other guest's address the answers go to the other guest, and the pair is not this one's
    assert guest("print(ask('two.lib.test', source='10.7.0.10'))") == ["none"]
    assert set(elements(guest)) <= {("10.7.0.9", "9.9.9.9"), ("10.7.0.10", "9.9.9.10")}
    assert guest("print(fetch('9.9.9.10'))") == ["no"]


def left(guest):
    """For how many milliseconds the guest has its address yet."""
    said = run("nft", "list", "set", "inet", "skerry", "answered", inside=guest.names["router"]).stdout
    found = re.search(r"10\.7\.0\.9 \. 9\.9\.9\.9 timeout 30s expires (?:(\d+)s)?(?:(\d+)ms)?", said)
    assert found, said
    return int(found[1] or 0) * 1000 + int(found[2] or 0)


def test_lifetime(world):
    """A pair has the answer's lifetime, 30 s where that is shorter, and a new answer renews it; without it nothing is reached."""
    _, guest = world
    assert guest("print(ask('api.test'))") == ["9.9.9.9"]
    until = time.monotonic() + 30
    while (rest := left(guest)) > 27000:
        assert time.monotonic() < until
        time.sleep(0.1)
    began = time.monotonic()
    assert guest("print(ask('api.test'))") == ["9.9.9.9"]
    # what is left was less by the time that this has taken, had the answer not renewed it
    assert left(guest) + 1000 * (time.monotonic() - began) > rest + 1500
    run("nft", "flush", "set", "inet", "skerry", "answered", inside=guest.names["router"])
    assert guest("print(fetch('9.9.9.9'))") == ["no"]
    # another name of the same host, whose answer is for a shorter time, does not end what the first one was told
    assert guest("print(ask('long.lib.test')); print(ask('api.test'))") == ["9.9.9.9"] * 2
    said = run("nft", "list", "set", "inet", "skerry", "answered", inside=guest.names["router"]).stdout
    assert re.search(r"10\.7\.0\.9 \. 9\.9\.9\.9 timeout (5m|4m5\ds) ", said), said


def test_full(world):
    """A guest has 128 addresses at most; another one has its own meanwhile. A set that has gone is told of."""
    proxy, guest = world
    found = guest("for n in range(20): print(ask(f'm{n}.lib.test', every=True))")
    assert found[:16] == ["8"] * 16 and found[16:] == ["0"] * 4, found
    assert guest("print(ask('api.test'))", "other") == ["9.9.9.9"]
    assert len(elements(guest)) == 129
    proxy.wait_log("takes no address more for this client")
    run("nft", "delete", "table", "inet", "skerry", inside=guest.names["router"])
    run("nft", "-f", "-", inside=guest.names["router"], input=NFT.replace("set answered", "set others").replace("@answered", "@others"))
    assert guest("print(ask('two.lib.test'))", "other") == ["none"]
    proxy.again()
    assert "names.set is not there" in proxy.wait_log("goes on by")
    # one process has the capability for the set, and that one opens nothing
    held = [Path(f"/proc/{process}/status").read_text(encoding="ascii") for process in proxy.family()[1:]]
    assert sorted(said.split("CapEff:")[1].split()[0] for said in held) == ["0" * 16, f"{1 << 12:016x}"], held


def socket_beside(proxy):
    """The socket of the process that answers to the one that adds to the set: what whoever has taken the first one over has."""
    process, find = proxy.family()[1], ctypes.CDLL(None, use_errno=True).syscall
    os.kill(process, signal.SIGSTOP)                # it would take what is said to the taker
    until = time.monotonic() + 20
    while Path(f"/proc/{process}/stat").read_text(encoding="latin-1").rsplit(")", 1)[1].split()[0] != "T":
        assert time.monotonic() < until
    holder = os.pidfd_open(process)
    try:
        for number in map(int, os.listdir(f"/proc/{process}/fd")):
            held = find(438, holder, number, 0)                             # pidfd_getfd
            assert held >= 0, os.strerror(ctypes.get_errno())
            try:
                found = socket.socket(fileno=held)
            except OSError:
                os.close(held)
                continue
            if found.family == socket.AF_UNIX:
                found.settimeout(20)
                return found
            found.close()
    finally:
        os.close(holder)
    raise AssertionError("there is no such socket")


def added(beside, address, seconds=60, client="10.7.0.9"):
    numbers = [int.from_bytes(socket.inet_aton(each), "big") for each in (client, address)]
    beside.send(struct.pack("=III", *numbers, seconds))
    return beside.recv(1) == b"\1"


def test_taken(world):
    """Whoever takes over the process that answers opens no address that no name may have, nor more of them by ending it."""
    proxy, guest = world
    with socket_beside(proxy) as beside:
        for address in ("127.0.0.1", "169.254.169.254", "10.7.0.10", "192.168.77.7", "198.51.100.1", "0.0.0.0", "224.0.0.1"):
            assert not added(beside, address), address
        assert not added(beside, "9.9.9.9", 301) and not added(beside, "9.9.9.9", 0) and added(beside, "9.9.9.9", 300)
        assert [beside.send(packet) and beside.recv(1) for packet in (b"1", bytes(11), bytes(13), bytes(4000))] == [b"\0"] * 4
        assert sum(added(beside, f"9.9.8.{number}", 300) for number in range(200)) == 127
    before = proxy.family()
    os.kill(before[1], 9)
    proxy.wait_log("has ended, and is started again")
    assert guest("print(ask('two.lib.test'))", "other") == ["9.9.9.10"] and not set(before[1:]) & set(proxy.family())
    with socket_beside(proxy) as beside:
        assert added(beside, "9.9.9.9") and not added(beside, "9.9.8.201") and len(elements(guest)) == 129
    assert re.search(r"10\.7\.0\.9 \. 9\.9\.9\.9 timeout (5m|4m\d+s) ", run("nft", "list", "ruleset", inside=guest.names["router"]).stdout)


def test_networks(world):
    """A network that the router gets while it runs is its own at once: answers have no address of it."""
    proxy, guest = world
    assert guest("print(ask('api.test'))") == ["9.9.9.9"]
    until, before = time.monotonic() + 30, proxy.family()
    run("ip", "address", "add", "9.9.9.11/30", "dev", "out", inside=guest.names["router"])
    while proxy.family()[1:2] == before[1:2]:
        assert time.monotonic() < until
        time.sleep(0.1)
    assert guest("print(ask('api.test'))") == ["none"]


def tracked(guest):
    """How many connections the router's kernel keeps."""
    return int(run("cat", "/proc/sys/net/netfilter/nf_conntrack_count", inside=guest.names["router"]).stdout)


def test_flood(world):
    """A guest that floods the router with questions and connections holds up no other, nor fills its table of connections."""
    _, guest = world
    assert guest("for n in range(90): print(ask('evil.test'))")[-1] == "none" and tracked(guest) < 20
    assert guest("print(ask('api.test'))") == ["9.9.9.9"]
    held = guest("connections = [held('9.9.9.9') for _ in range(80)]; print(*connections)")
    assert held[:64] == ["yes"] * 64 and set(held[64:]) == {"no"} and tracked(guest) < 90, held
    flood = subprocess.Popen(["ip", "netns", "exec", guest.names["guest"], sys.executable, Path(__file__).with_name("names_try.py")],
                             stdout=subprocess.PIPE)
    try:
        assert flood.stdout.readline() == b"floods\n"
        began = time.monotonic()
        said = guest("for n in range(20): print(ask('api.test'))", "other")
        assert said == ["9.9.9.9"] * 20 and time.monotonic() - began < 14 and flood.poll() is None, said
        assert guest("print(fetch('9.9.9.9'))", "other") == ["yes"]
    finally:
        flood.kill()
        flood.wait(30)


def test_router():
    """The router that is built has the guide's rules."""
    rules = (GUIDE.parents[2] / "gateway/image/router/rules.nft").read_text(encoding="ascii")
    assert textwrap.dedent(NFT) == "".join(line for line in rules.splitlines(True) if not line.startswith("#"))
