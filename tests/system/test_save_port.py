# SPDX-License-Identifier: MIT
"""A Linux that is kept by a program on another machine, over a port of another VM."""
import socket
import time

import pytest

import bundle
from channel_v2 import Client
from machine import Qemu
from net import guest, user_card
from ports import free_port
from test_channel_v2 import OPEN_PORT
from test_save import KEY

LIMIT = 3600  # seconds; some 10 minutes each way on QEMU's software CPU

CONF = """[host]
state_key = {key}
[net lan]
uplink = net0
[channel web]
rights = view operate
{service}port = web
channel = web
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
memory = 128M
cmdline = console=ttyS0 quiet name=alpha
autostart = {start}
"""


def boot(build, tmp_path, start):
    conf = CONF.format(key=KEY, start=start, service=guest("service", "10.0.2.15"))
    files = bundle.make(tmp_path / f"{start}.cpio", conf, bundle.debian_virtio(build / "guests"))
    return Qemu(build, bundle=files, extra=user_card(free_port()))


def reach(machine):
    """Lets the service hand its port to this program; returns its client."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        machine.attach_shell("service")
        machine.shell(f"{OPEN_PORT}; (nc 10.0.2.2 {port} <&3 >&3 &)")
        machine.leave()
        server.settimeout(60)
        client = Client(server.accept()[0], LIMIT)
    assert client.hello()["channel"] == "web"
    return client


@pytest.mark.long
def test_linux(build, tmp_path):
    """Linux goes on in another machine, with what it had in memory; the figures are in docs/."""
    path = tmp_path / "alpha.save"
    with boot(build, tmp_path, "yes") as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.shell("head -c 8000000 /dev/urandom >/tmp/noise; md5sum /tmp/noise >/tmp/sum")
        machine.leave()
        client = reach(machine)
        begun = time.monotonic()
        client.save("alpha", path, LIMIT)
        took = time.monotonic() - begun
        assert machine.vm("alpha")["reason"] == "saved to the store on channel web"
    size = path.stat().st_size
    print(f"saved {size} bytes in {took:.0f} s")
    with boot(build, tmp_path, "no") as machine:
        machine.wait_prompt()
        machine.command("vm create alpha")
        client = reach(machine)
        begun = time.monotonic()
        client.restore("alpha", path, LIMIT)
        print(f"restored in {time.monotonic() - begun:.0f} s")
        machine.attach("alpha")
        assert "noise: OK" in machine.shell("md5sum -c /tmp/sum")
        machine.leave()
