# SPDX-License-Identifier: MIT
"""
Streams from guest to guest (vsock.peers), with Debian's own driver and socat in each: only where both
configurations name the other VM and the port, in the name of the CID that Skerry has given, and not in a clone.
"""
import pytest

import bundle
import ring_3
from channel_v2 import Client
from test_vsock_linux import MODULES

VM = "kernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 192M\nvsock = yes\nautostart = yes\n"
CONF = ("[channel com2]\nrights = view operate console configure host guest\n"
        f"[vm alpha]\n{VM}cmdline = console=ttyS0 quiet name=alpha\n"
        "vsock.peers = beta:5000, beta:5001, nobody:5000, beta:5003\n"
        f"[vm beta]\n{VM}cmdline = console=ttyS0 quiet name=beta\nvsock.peers = alpha:5000, alpha:5002, alpha:5003\n")


def serve(machine, port, program):
    machine.shell(f"socat -d -d VSOCK-LISTEN:{port},fork {program} 2>/tmp/log{port} & "
                  f"until grep -q listening /tmp/log{port}; do sleep 0.1; done")


def shell(machine, name, line, limit=None):
    machine.attach(name)
    said = machine.shell(line, limit)
    machine.leave()
    return said


def call(cid, port, text="hello"):
    """The command of a guest that sends a text to a peer and prints the answer, or why there is none."""
    return f"echo {text} | socat -t 30 - VSOCK-CONNECT:{cid}:{port} 2>&1; echo CODE $?"


@pytest.fixture(scope="module", params=ring_3.EMULATORS)
def machine(request, build, tmp_path_factory):
    parts = bundle.debian_modules(build / "guests", MODULES)
    parts["initramfs.cpio.gz"] += (build / "tests/disk_tools/socat.cpio.gz").read_bytes()
    files = bundle.make(tmp_path_factory.mktemp("peers") / "peers.cpio", CONF, parts)
    with request.param(build, bundle=files, channel=True) as made:
        made.wait_prompt()
        made.client = Client.over(made.channel)
        made.client.hello()
        for name in ("beta", "alpha"):
            made.attach_shell(name, 600)
            made.shell("/sbin/load vmw_vsock_virtio_transport && echo loaded")
            if name == "beta":
                for port in (5000, 5001, 22):
                    serve(made, port, "EXEC:cat")
                serve(made, 5003, "EXEC:'sleep 10000'")
            made.leave()
        made.cid = {row["name"]: row["vsock_cid"] for row in made.client.result("vm list")}
        yield made


def peers(machine):
    return [(row["name"], row["peer"], row["port"], row["state"], row["cid"], row["connections"])
            for row in machine.client.result("vsock peers")]


def test_who(machine):
    """An echo, in the caller's own name; what one side alone names, or nobody, is reset."""
    alpha, beta = machine.cid["alpha"], machine.cid["beta"]
    assert peers(machine) == [
        ("alpha", "beta", 5000, "ready", beta, 0), ("alpha", "beta", 5001, "one-sided", beta, 0),
        ("alpha", "nobody", 5000, "no-vm", None, 0), ("alpha", "beta", 5003, "ready", beta, 0),
        ("beta", "alpha", 5000, "ready", alpha, 0), ("beta", "alpha", 5002, "one-sided", alpha, 0),
        ("beta", "alpha", 5003, "ready", alpha, 0)]
    assert "one-sided" in machine.good("vsock peers")
    said = shell(machine, "alpha", call(beta, 5000))
    assert "hello" in said and "CODE 0" in said
    log = shell(machine, "beta", "grep accept /tmp/log5000")
    assert f"cid:{alpha} " in log and "cid:2 " not in log
    # beta does not name alpha and 5001; alpha has no 5002; nobody has named 22; there is no CID 99
    for who, port in ((beta, 5001), (beta, 5002), (beta, 22), (99, 5000), (2, 5000)):
        said = shell(machine, "alpha", call(who, port))
        assert "hello" not in said and "CODE 1" in said, (who, port, said)
    # the port is open to beta as well, but nobody listens there
    assert "CODE 1" in shell(machine, "beta", call(alpha, 5000))


def test_bytes(machine):
    """Many bytes go there and back over rings and credit, and one end after the other is passed on."""
    said = shell(machine, "alpha", "head -c 300000 /dev/urandom >/tmp/a; "
                 f"socat -t 60 - VSOCK-CONNECT:{machine.cid['beta']}:5000 </tmp/a >/tmp/b; cmp /tmp/a /tmp/b; echo CODE $?", 120)
    assert "CODE 0" in said
    said = shell(machine, "alpha", "for i in $(seq 20); do " + call(machine.cid["beta"], 5000, "$i") + "; done", 120)
    assert said.count("CODE 0") == 20


def test_limits(machine):
    """A peer that never reads holds its own connection; each entry carries four, and the next is reset."""
    beta = machine.cid["beta"]
    shell(machine, "alpha", "for i in 1 2 3 4 5 6 7; do (head -c 10000000 /dev/zero | socat - VSOCK-CONNECT:"
          f"{beta}:5003 >/dev/null 2>/tmp/e$i; echo over >>/tmp/e$i) & done; "
          "until test $(grep -l over /tmp/e? | wc -l) = 3; do sleep 0.1; done")
    assert ("alpha", "beta", 5003, "ready", beta, 4) in peers(machine)
    said = shell(machine, "alpha", call(beta, 5000))
    assert "hello" in said and "CODE 0" in said
    shell(machine, "beta", "killall sleep")
    shell(machine, "alpha", "until test $(grep -l over /tmp/e? | wc -l) = 7; do sleep 0.1; done")
    machine.client.wait(lambda: ("alpha", "beta", 5003, "ready", beta, 0) in peers(machine))


def held(machine):
    """Opens a connection of alpha's that is there until it is reset; each line that goes in comes out."""
    shell(machine, "alpha", "rm -f /tmp/in /tmp/over; mkfifo /tmp/in; "
          f"(socat - VSOCK-CONNECT:{machine.cid['beta']}:5000 </tmp/in >/tmp/out 2>&1; echo over >/tmp/over) & exec 5>/tmp/in")
    lives(machine, "first")


def lives(machine, word):
    shell(machine, "alpha", f"echo {word} >&5; until grep -q {word} /tmp/out; do sleep 0.1; done; test ! -e /tmp/over || echo ENDED")


def is_reset(machine):
    shell(machine, "alpha", "until test -e /tmp/over; do sleep 0.1; done")


def test_states(machine):
    """Over a pause and a snapshot a connection goes on; a loaded state and an end reset it; a clone has no peers."""
    client, beta = machine.client, machine.cid["beta"]
    held(machine)
    client.result("vm pause", "beta")
    assert ("alpha", "beta", 5000, "down", beta, 1) in peers(machine)
    assert "CODE 1" in shell(machine, "alpha", call(beta, 5000))
    client.result("vm resume", "beta")
    lives(machine, "paused")
    client.result("vm snapshot", "beta", "one")
    client.result("vm snapshot", "alpha", "one")
    lives(machine, "kept")
    client.result("vm clone", "alpha@one", "twin")
    assert not [row for row in peers(machine) if row[0] == "twin"]
    said = shell(machine, "twin", call(beta, 5000))
    assert "hello" not in said and "CODE 1" in said
    lives(machine, "cloned")
    client.result("vm destroy", "twin")
    client.result("vm reset", "beta", "--to", "one")
    is_reset(machine)
    held(machine)
    client.result("vm renew", "beta")
    is_reset(machine)
    held(machine)
    client.result("vm destroy", "beta")
    is_reset(machine)
    assert ("alpha", "beta", 5000, "no-vm", None, 0) in peers(machine)
    assert "CODE 1" in shell(machine, "alpha", call(beta, 5000))
