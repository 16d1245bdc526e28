# SPDX-License-Identifier: MIT
"""The network of runs: a template's card is each run's own, and reaches what the template's list names."""
import contextlib
import sys

import bundle
import pytest
import runs
from channel_v2 import Client
from machine import ROOT, wait_for
from net import host_page, ports, way_out
from ring_3 import EMULATORS
from test_runs import CONF, FILES

sys.path.append(str(ROOT / "gateway/tests/system"))
from proxy import KEY, Host, Proxy, authority, page as answer, value  # noqa: E402

# Three addresses are free: the template's, and those of two runs.
NET = """[net lan]
uplink = net0
dhcp = 10.0.2.0/29
dhcp.router = 10.0.2.2
dhcp.dns = 10.0.2.3
"""
CARD = """net = lan
net.egress = 10.0.2.2:{page}/tcp, 10.0.2.2:{proxy}/tcp
"""
# What each run is asked first: its card's address by hardware, its own, its way out and its name server.
WHO = "cat /sys/class/net/eth0/address; ip -4 -o address show eth0; ip route; cat /etc/resolv.conf; ping -c 1 127.0.0.1"


class Run:
    """A run whose shell does a line after another."""

    def __init__(self, client, name, *words):
        self.client, self.name = client, name
        client.result("vm clone", f"busybox@{runs.SNAPSHOT}", name, *words)
        self.gate = runs.Gate(client, name)

    def begin(self, seed=bytes(64)):
        self.gate.seed(seed)
        self.gate.send("C", runs.words(["sh"]))
        self.done = runs.Result()
        return self

    def shell(self, line):
        """What the line prints, and the exit code behind it."""
        before = len(self.done.out)
        self.gate.send("I", f"{{ {line}; }} 2>&1; echo =$?=\n".encode())
        while not self.done.out[before:].rstrip().endswith(b"="):
            assert not self.done.take(*self.gate.frame()), self.done.out
        text, code, _ = self.done.out[before:].decode().rsplit("=", 2)
        return text, int(code)

    def end(self):
        self.client.result("vm destroy", self.name)


def memory(client):
    """Who has how many pages, but for processes: the uplink's rings get theirs as frames go round in them."""
    return {row["owner"]: row["pages"] for row in client.result("mem") if row["owner"] not in ("free", "process")}


def booted(machine):
    machine.wait_prompt()
    client = Client.over(machine.channel)
    client.hello()
    runs.make_template(client, "busybox")
    return client


def check_own(machine, run):
    """The run has the card's address that Skerry gave its VM, by which nobody else is known."""
    said, _ = run.shell(WHO)
    port = ports(machine)[run.name]
    assert said.split()[0] == port["mac"] and f"inet {port['address']}/29" in said, (said, port)
    assert "default via 10.0.2.2" in said and "nameserver 10.0.2.3\n" in said and "1 packets received" in said, said
    return port["mac"], port["address"]


def check_refused(machine, run, line, why):
    before = ports(machine)[run.name]["dropped"][why]
    said, code = run.shell(line)
    assert code != 0 and ports(machine)[run.name]["dropped"][why] > before, (line, said, ports(machine)[run.name])


# By IPv6, to which a run's kernel would be ready.
IPV6 = "ip -6 address add fd00::9/64 dev eth0; sleep 2; wget -T 2 -q -O - http://[fd00::8]/"
# A network for check_between(), and the lines of a template that is on it.
BETWEEN = "[net lan]\ndhcp = 10.7.0.0/29\n"
BETWEEN_CARD = "net = lan\nnet.egress = 10.7.0.0/29\n"


def check_between(machine, client):
    """Of two runs each has an address of its own and reaches the other, but sends nothing under another name or to others."""
    one, two = Run(client, "one").begin(), Run(client, "two").begin()
    addresses = [run.shell("ip -4 -o address show eth0")[0].split()[3] for run in (one, two)]
    assert addresses == [ports(machine)[name]["address"] + "/29" for name in ("one", "two")]
    said, code = one.shell(f"ping -c 1 -W 9 {addresses[1][:-3]}")
    assert code == 0, said
    check_refused(machine, one, "ip address add 10.7.0.9/28 dev eth0; arping -c 1 -w 2 -s 10.7.0.9 -I eth0 10.7.0.8", "spoofed")
    check_refused(machine, one, IPV6, "spoofed")
    check_refused(machine, one, "ip route add default dev eth0; ping -c 1 -W 2 10.9.9.9", "egress")
    one.end(), two.end()
    assert set(ports(machine)) == {"busybox"}


@contextlib.contextmanager
def proxied(folder):
    """A host api.test over TLS, and a proxy that adds a key to what it is asked."""
    ca, certificate = authority(folder, "api.test")
    host = Host(answer, certificate)
    proxy = Proxy(str(ROOT / "gateway/build/skerry-proxy"), folder, "resolve = api.test 127.0.0.1\n"
                  f"[host api.test]\nport = {host.port}\nca = {ca}\naddress = 127.0.0.1\npaths = /v1\n"
                  f"header = X-Key: @{folder}/key\n")
    try:
        yield host, proxy
    finally:
        proxy.close()
        host.close()


def check_proxy(machine, client, host, proxy, page):
    """A run that may send to the proxy alone fetches with a key that it does not see, from the host that a rule names."""
    run = Run(client, "agent", f"egress=10.0.2.2:{proxy.port}/tcp").begin()
    wget = f"http_proxy=http://10.0.2.2:{proxy.port} wget -O -"
    said, code = run.shell(f"{wget} http://api.test/v1/x; env | tr = :")
    assert "GET /v1/x HTTP/1.1\n" in said and KEY not in said, said
    assert value(host.heads[-1], "x-key") == [KEY]
    for url in ("http://api.test/v2", "http://evil.test/", f"http://10.0.2.2:{page}/", f"http://api.test:{page}/v1"):
        said, code = run.shell(f"{wget} {url}")
        assert code != 0 and "403 Forbidden" in said, said
    check_refused(machine, run, f"wget -T 2 -q -O - http://10.0.2.2:{page}/", "egress")
    check_refused(machine, run, f"wget -T 2 -q -O - http://10.0.2.2:{host.port}/", "egress")
    run.end()
    assert len(host.heads) == 1, host.heads


@pytest.mark.parametrize("emulator", EMULATORS)
def test_runs_net(build, tmp_path, emulator):
    """
    Two runs at once have cards and addresses of their own, fetch from the listed port of the host and from nobody else,
    whatever they call themselves. A third reaches a proxy alone, and by it a host with a key that it never sees. Nothing is sent before the seed. Twenty runs leave nothing.
    """
    with host_page(b"the host says: hello\n") as page, host_page(b"another\n") as other, proxied(tmp_path) as (host, proxy):
        conf = NET + CONF + CARD.format(page=page, proxy=proxy.port)
        files = bundle.make(tmp_path / "runs.cpio", conf, bundle.read(*(build / "runs" / name for name in FILES)))
        with emulator(build, bundle=files, channel=True, **way_out(emulator)) as machine:
            client = booted(machine)
            template = ports(machine)["busybox"]
            one, two = Run(client, "one"), Run(client, "two")
            assert [ports(machine)[name]["received_frames"] for name in ("busybox", "one", "two")] == [0, 0, 0]
            one.begin(), two.begin()
            mine, yours = check_own(machine, one), check_own(machine, two)
            assert len({*mine, *yours, template["mac"], template["address"]}) == 6
            for run in (one, two):
                assert run.shell(f"wget -q -O - http://10.0.2.2:{page}/")[0] == "the host says: hello\n"
            check_refused(machine, one, f"wget -T 2 -q -O - http://10.0.2.2:{other}/", "egress")
            check_refused(machine, one, f"ping -c 1 -W 2 {yours[1]}", "egress")
            check_refused(machine, one, "nslookup -timeout=2 example.org", "egress")
            check_refused(machine, one, IPV6, "spoofed")
            # by other names: the template's address, the other run's, the other's card
            for address in (template["address"], yours[1]):
                check_refused(machine, one, f"ip address flush dev eth0; ip address add {address}/29 dev eth0; "
                              f"arping -c 2 -w 3 -I eth0 10.0.2.2", "spoofed")
            for mac in (template["mac"], yours[0]):
                check_refused(machine, one, f"ip link set eth0 address {mac}; ip address flush dev eth0; "
                              f"ip address add {mine[1]}/29 dev eth0; arping -c 2 -w 3 -I eth0 10.0.2.2", "spoofed")
            assert two.shell(f"wget -q -O - http://10.0.2.2:{page}/")[0] == "the host says: hello\n"
            said = client.ask("vm clone", f"busybox@{runs.SNAPSHOT}", "three")
            assert "none of the addresses of dhcp = 10.0.2.0/29 is free; give it more" in said["error"], said
            one.end(), two.end()
            check_proxy(machine, client, host, proxy, page)
            before, pages = set(ports(machine)), memory(client)
            assert before == {"net0", "busybox"}
            for number in range(20):
                done = runs.run(client, "busybox", f"run{number}", ["wget", "-q", "-O", "-", f"http://10.0.2.2:{page}/"])
                assert (done.out, done.code) == (b"the host says: hello\n", 0), (number, done.out, done.error)
            wait_for(lambda: set(ports(machine)) == before and memory(client) == pages)
            assert ": 0 found" in machine.command("audit")
