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
        f"[vm alpha]\n{VM}cmdline = console=ttyS0 quiet name=alpha\nvsock.peers = beta:5000, beta:5001, nobody:5000\n"
        f"[vm beta]\n{VM}cmdline = console=ttyS0 quiet name=beta\nvsock.peers = alpha:5000, alpha:5002\n")
READY = "/sbin/load vmw_vsock_virtio_transport && echo loaded"


def serve(machine, port, program):
    machine.shell(f"socat -d -d VSOCK-LISTEN:{port},fork {program} 2>/tmp/log{port} & "
                  f"until grep -q listening /tmp/log{port}; do sleep 0.1; done")


def call(cid, port, text="hello"):
    """The command of a guest that sends a text to a peer and prints the answer, or why there is none."""
    return f"echo {text} | socat -t 30 - VSOCK-CONNECT:{cid}:{port} 2>&1; echo CODE $?"


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_two_guests(build, tmp_path, emulator):
    """An echo, the caller's CID, bytes both ways; what one side alone names is reset, and so are a clone's connections."""
    parts = bundle.debian_modules(build / "guests", MODULES)
    parts["initramfs.cpio.gz"] += (build / "tests/disk_tools/socat.cpio.gz").read_bytes()
    files = bundle.make(tmp_path / "peers.cpio", CONF, parts)
    with emulator(build, bundle=files, channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        cid = {row["name"]: row["vsock_cid"] for row in client.result("vm list")}
        machine.attach_shell("beta", 600)
        machine.shell(READY)
        serve(machine, 5000, "EXEC:cat")
        serve(machine, 5001, "EXEC:cat")
        serve(machine, 22, "EXEC:cat")
        machine.leave()
        machine.attach_shell("alpha", 600)
        machine.shell(READY)
        said = machine.shell(call(cid["beta"], 5000))
        assert "hello" in said and "CODE 0" in said
        # beta does not name alpha and 5001; alpha has no 5002; nobody has named 22; there is no CID 99
        for who, port in ((cid["beta"], 5001), (cid["beta"], 5002), (cid["beta"], 22), (99, 5000), (cid["alpha"], 5000)):
            said = machine.shell(call(who, port))
            assert "hello" not in said and "CODE 1" in said, (who, port, said)
        machine.leave()
