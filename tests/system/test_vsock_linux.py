# SPDX-License-Identifier: MIT
"""Debian's own driver of the socket device, with socat at the guest's side of each connection."""
import contextlib
import time

import pytest

import bundle
import ring_3
from channel_v2 import Client
from machine import LIMIT, wait_for
from test_vsock import PATTERN, connect, echo

CONF = ("[channel com2]\nrights = view operate console configure host guest\n"
        "[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 192M\nvsock = yes\n"
        "cmdline = console=ttyS0 quiet name=alpha\nautostart = yes\n")
MODULES = ("virtio_ring", "virtio", "virtio_pci_legacy_dev", "virtio_pci_modern_dev", "virtio_pci")


def shell(machine, name, line, limit=None):
    machine.attach(name)
    said = machine.shell(line, limit)
    machine.leave()
    return said


def calls(machine, name, listener, text):
    """A guest connects to port 5000, is answered, and ends; its CID is the right one, or nothing comes."""
    client, before = machine.client, len(machine.client.accepted)
    machine.attach(name)
    machine.type(f"echo {text} | socat -t 60 - VSOCK-CONNECT:2:5000; echo CODE $?\r")
    client.wait(lambda: len(client.accepted) > before)
    assert client.accepted[-1]["listener"] == listener
    stream = client.streams[client.accepted[-1]["accepted"]]
    client.give(stream, 65536)
    client.wait(lambda: stream.end is not None)
    assert bytes(stream.data) == text.encode() + b"\n"
    client.write(stream, b"the answer\n")
    client.post({"stream": stream.number, "end": 11})
    machine.wait("the answer")
    machine.wait("CODE 0")
    machine.leave()
    client.wait(lambda: stream.closed)
    assert stream.closed == "done"


def connect_when_listening(client, name):
    """Connects to the port at which a program listens that the guest has begun to start."""
    def tried():
        with contextlib.suppress(AssertionError):   # refused
            return connect(client, name)
    return wait_for(tried)


def connect_anew(client, name):
    """
    Linux takes events and packets in two threads: a connection that comes right behind the event of a
    reset may fall victim to it.
    """
    end = time.monotonic() + LIMIT
    while time.monotonic() < end:
        stream = connect(client, name)
        client.write(stream, b"there?")
        client.wait(lambda at=stream: len(at.data) == 6 or at.closed)
        if not stream.closed:
            return stream
    raise AssertionError("each connection is reset")


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_socat(build, tmp_path, emulator):
    """Both ways, half-closed, many at once, over a pause; a clone's connections are reset, and then it talks."""
    parts = bundle.debian_modules(build / "guests", MODULES)
    parts["initramfs.cpio.gz"] += (build / "tests/disk_tools/socat.cpio.gz").read_bytes()
    files = bundle.make(tmp_path / "vsock.cpio", CONF, parts)
    with emulator(build, bundle=files, channel=True) as machine:
        machine.wait_prompt()
        client = machine.client = Client.over(machine.channel)
        client.hello()
        machine.attach_shell("alpha", 600)
        machine.shell("/sbin/load vmw_vsock_virtio_transport && echo loaded")
        machine.shell("socat -d -d VSOCK-LISTEN:9,fork EXEC:cat 2>/tmp/log & until grep -q listening /tmp/log; do sleep 0.1; done")
        machine.leave()
        # the guest's kernel answers for ports at which nobody listens
        assert client.code("vsock connect", "alpha", "10") == "not-found"
        stream = connect_when_listening(client, "alpha")
        echo(client, stream, b"hello")
        echo(client, stream, PATTERN + PATTERN)
        others = [connect(client, "alpha") for _ in range(8)]
        for number, other in enumerate(others):
            echo(client, other, b"number %d" % number)
        client.post({"stream": stream.number, "end": len(stream.data)})
        client.wait(lambda: stream.closed)
        assert stream.end == 5 + 2 * len(PATTERN) and stream.closed == "done"
        # first nobody listens at the host's port, then a program does
        assert "reset" in shell(machine, "alpha", "socat - VSOCK-CONNECT:2:5000 </dev/null 2>&1")
        listener = client.result("vsock listen", "alpha", "5000")[0]["stream"]
        calls(machine, "alpha", listener, "first")
        client.result("vm pause", "alpha")
        client.write(others[0], b"over a pause")
        client.result("vm resume", "alpha")
        client.wait(lambda: bytes(others[0].data).endswith(b"over a pause"))
        client.result("vm snapshot", "alpha", "one")
        client.result("vm clone", "alpha@one", "twin")
        twin = connect_anew(client, "twin")
        echo(client, twin, PATTERN)
        second = client.result("vsock listen", "twin", "5000")[0]["stream"]
        calls(machine, "twin", second, "second")
        echo(client, others[1], b"the source goes on")
        calls(machine, "alpha", listener, "third")
        client.result("vm renew", "twin")
        client.wait(lambda: twin.closed == "reset")
        echo(client, connect_anew(client, "twin"), PATTERN[:5000])
        for name in ("twin", "alpha"):
            client.result("vm destroy", name)
