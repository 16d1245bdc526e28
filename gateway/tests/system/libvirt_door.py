# SPDX-License-Identifier: MIT
"""skerryd with its libvirt socket beside a fake Skerry, and a client that can send any packet there."""
import shutil
import socket
import struct
import tempfile
from pathlib import Path

import pytest

from client import LIMIT, Server, wait_for
from fake_skerry import FakeSkerry

REMOTE, KEEPALIVE = 0x20008086, 0x6b656570
OPEN, CLOSE, LOOKUP_BY_NAME, LIST_ALL, CORE_DUMP, AUTH_LIST = 1, 2, 23, 273, 53, 66
OPEN_CONSOLE, REGISTER, DEREGISTER = 201, 316, 317
NO_SUPPORT, INVALID_CONNECTION, INVALID_ARGUMENT, XML, DENIED, RPC, NO_DOMAIN, CONFIGURATION, BUSY = 3, 6, 8, 27, 29, 39, 42, 67, 87


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    fake = FakeSkerry(str(tmp_path_factory.mktemp("fake") / "skerry.sock"), vms=4)
    fake.act("start", ["vm00"], [])
    fake.add("web", {"disk": "pool/web, iso ro cdrom", "net": "lan mac=52:54:00:00:00:01, lab",
                     "cmdline": "quiet a='<&>'", "vcpus": "2", "on_crash": "restart"})
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def folder():
    """A folder that other users may enter, which those that pytest makes are not."""
    folder = Path(tempfile.mkdtemp(prefix="skerry-libvirt-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def server(program, fake, folder, tmp_path_factory):
    virt = str(folder / "virt.sock")
    server = Server(program, tmp_path_factory.mktemp("skerryd"), fake.path, "--libvirt", virt).start()
    server.virt = virt
    yield server
    server.stop()


def put(fake, name, state, reason=""):
    """Puts a VM into a state, of which the gateway hears."""
    with fake.lock:
        vm = fake.vms[name]
        if vm.state != state or vm.reason != reason:
            vm.state, vm.reason = state, reason
            fake.event("started" if state == "running" else "stopped", vm, reason)


@pytest.fixture(autouse=True)
def as_before(fake):
    yield
    for name in fake.vms:
        put(fake, name, "running" if name == "vm00" else "created")


def restarted(fake, server):
    """Waits until the gateway shows what the fake has."""
    wait_for(lambda: {vm["name"]: vm["state"] for vm in server.local("GET", "/v1/vms").json()["items"]} ==
             {vm.name: vm.state for vm in fake.vms.values()})


def packet(procedure, body=b"", program=REMOTE, version=1, kind=0, serial=1, status=0, length=None):
    length = 28 + len(body) if length is None else length
    return struct.pack(">7I", length, program, version, procedure, kind, serial, status) + body


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def domain(fake, name):
    return text(name) + bytes.fromhex(fake.vms[name].uuid.replace("-", "")) + struct.pack(">i", 1)


class Peer:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)

    def send(self, data):
        self.socket.sendall(data)

    def take(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def reply(self):
        """Returns the head's numbers after the length, and what is in the packet."""
        length, *head = struct.unpack(">7I", self.take(28))
        return head, self.take(length - 28)

    def call(self, procedure, body=b"", **more):
        """Returns None, or the number and the text of the error."""
        self.send(packet(procedure, body, **more))
        head, data = self.reply()
        assert head[3] == 1 and head[2] == procedure
        if head[5] == 0:
            return None
        code, _, _, count = struct.unpack(">4I", data[:16])
        return code, data[16:16 + count].decode()

    def open(self):
        assert self.call(AUTH_LIST) is None
        assert self.call(OPEN, struct.pack(">II", 0, 0)) is None
        return self


@pytest.fixture
def peer(server):
    peer = Peer(server.virt).open()
    yield peer
    peer.socket.close()
