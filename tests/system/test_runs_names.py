# SPDX-License-Identifier: MIT
"""Runs behind a router that is a VM: it answers the names of one line of the configuration, and forwards what it has answered."""
import sys

import bundle
import pytest
import runs
from machine import ROOT, Qemu
from net import ports
from test_runs import CONF, FILES
from test_runs_net import Run, booted, check_refused

sys.path.append(str(ROOT / "gateway/tests/system"))
from name_server import Server, answer, record  # noqa: E402

NETS = """[net runs]
dhcp = 10.7.0.0/28
dhcp.router = 10.7.0.1
dhcp.dns = 10.7.0.1
[net lan]
uplink = net0
[vm router]
net = runs any_source
net = lan address=9.9.9.16
kernel = vmlinuz-router
initrd = router.cpio.gz
cmdline = console=ttyS0 quiet runs=10.7.0.1/28 address=9.9.9.16/32 gateway=9.9.9.2 resolver=9.9.9.2:{port} names=api.test,*.lib.test
memory = 96M
autostart = yes
"""
CARD = """net = runs private
net.egress = 10.7.0.1:53/udp, 0.0.0.0/0:80/tcp
"""
# The uplink leads to a world in which the test's machine is 9.9.9.2, and in which two hosts have pages.
PAGE = """#!/bin/sh
while read -r line && [ ${#line} -gt 1 ]; do :; done
printf 'HTTP/1.0 200 OK\\r\\n\\r\\nthe page of %s\\n' $1
"""
NAMES = {"api.test": "9.9.9.9", "evil.test": "9.9.9.10", "private.lib.test": "10.7.0.1", "mine.lib.test": "9.9.9.16",
         "near.lib.test": "192.168.1.1"}


def card(folder):
    script = folder / "page"
    script.write_text(PAGE)
    script.chmod(0o755)
    hosts = "".join(f",guestfwd=tcp:9.9.9.{number}:80-cmd:{script} 9.9.9.{number}" for number in (9, 10))
    return ("-netdev", f"user,id=n,net=9.9.9.0/24,host=9.9.9.2,dns=9.9.9.3{hosts}", "-device", "e1000e,netdev=n")


def fetch(run, host):
    """What the run gets from a host, within a few seconds."""
    return run.shell(f"wget -T 2 -q -O - http://{host}/")


@pytest.mark.long
def test_runs_names(build, tmp_path):
    """
    A run reaches the host whose name it was answered, on the template's port, and no other host, router, name server or network,
    though it knows their addresses. Another run was answered nothing, and reaches nothing.
    """
    server = Server(lambda asked, name: [answer(asked, record(b"\xc0\x0c", NAMES[name]))])
    parts = bundle.read(*(build / "runs" / name for name in FILES), build / "router/router.cpio.gz")
    parts["vmlinuz-router"] = (build / "guests/vmlinuz").read_bytes()
    files = bundle.make(tmp_path / "runs.cpio", NETS.format(port=server.port) + CONF + CARD, parts)
    try:
        with Qemu(build, bundle=files, channel=True, extra=card(tmp_path)) as machine:
            client = booted(machine)
            machine.attach("router")
            machine.wait("skerry-proxy: listens")
            machine.leave()
            one, two = Run(client, "one").begin(), Run(client, "two").begin()
            assert fetch(one, "9.9.9.9")[1] != 0
            assert fetch(one, "api.test") == ("the page of 9.9.9.9\n", 0)
            assert fetch(one, "API.test") == ("the page of 9.9.9.9\n", 0)
            assert fetch(one, "9.9.9.9") == ("the page of 9.9.9.9\n", 0)
            for host in ("9.9.9.10", "evil.test", "9.9.9.2", "9.9.9.16", "10.7.0.1", *NAMES):
                if host != "api.test":
                    assert fetch(one, host)[1] != 0, host
            assert fetch(two, "9.9.9.9")[1] != 0
            assert one.shell(f"ping -c 1 -W 2 {ports(machine)['two']['address']}")[1] != 0
            # what the switch keeps from the router
            for line in ("nslookup -timeout=2 api.test 9.9.9.3", "wget -T 2 -q -O - http://9.9.9.9:81/", "ping -c 1 -W 2 9.9.9.9"):
                check_refused(machine, one, line, "egress")
            check_refused(machine, one, f"ip address flush dev eth0; ip address add {ports(machine)['two']['address']}/28 dev eth0; "
                          "ip route add default via 10.7.0.1; wget -T 2 -q -O - http://9.9.9.9/", "spoofed")
            assert fetch(two, "api.test") == ("the page of 9.9.9.9\n", 0)
            assert set(server.asked) <= {*NAMES} - {"evil.test"}, server.asked
            one.end(), two.end()
            assert set(ports(machine)) == {"net0", "busybox", "router"}, ports(machine)
    finally:
        server.close()
