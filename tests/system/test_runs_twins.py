# SPDX-License-Identifier: MIT
"""What two clones of one moment must not share in programs that keep random numbers of their own: Node, and Linux's TCP."""
import bundle
import pytest
import runs
from channel_v2 import Client
from machine import Qemu
from test_runs import FILES

CONF = """[channel com2]
rights = view operate console configure host guest
[disk node]
controller = memory
image = node.squashfs
read_only = yes
[vm node]
kernel = vmlinuz
initrd = initramfs-run.cpio.gz
cmdline = console=ttyS0 quiet
memory = 256M
vsock = yes
clock = jump
disk = node ro
"""
NODE = """const c = require("crypto"), fs = require("fs"), os = require("os");
console.log([c.randomBytes(16).toString("hex"), c.randomUUID(), Math.random(), c.webcrypto.getRandomValues(new Uint32Array(4)).join("-"),
    fs.mkdtempSync("/tmp/x"), c.generateKeyPairSync("ed25519").publicKey.export({type: "spki", format: "der"}).toString("hex"),
    fs.readFileSync("/etc/machine-id", "utf8").trim()].join("\\n"))
"""


@pytest.fixture(scope="module")
def client(build, tmp_path_factory):
    """A machine with a template of Node at its gate."""
    parts = bundle.read(*(build / "runs" / name for name in FILES if name != "busybox.squashfs"), build / "runs/node.squashfs")
    files = bundle.make(tmp_path_factory.mktemp("twins") / "runs.cpio", CONF, parts)
    with Qemu(build, bundle=files, memory="2G", channel=True) as machine:
        machine.wait_prompt()
        made = Client.over(machine.channel)
        made.hello()
        runs.make_template(made, "node")
        yield made


def test_node(client):
    """Node's OpenSSL, its engine's own numbers, names of files and keys differ."""
    said = [runs.run(client, "node", "one", ["node", "-e", NODE]) for _ in range(3)]
    assert {done.code for done in said} == {0}, [done.error for done in said]
    words = [done.out.split() for done in said]
    assert {len(row) for row in words} == {7} and all(len(set(column)) == 3 for column in zip(*words)), words
