# SPDX-License-Identifier: MIT
"""Runs with a volume of a store: one writes, another reads, and nothing of a volume goes with a run."""
import os
import subprocess

import pytest

import bundle
import ring_3
import runs
from channel_v2 import Client
from machine import ROOT, Qemu, on_disk, wait_for
from ports import free_port
from test_encryption import KEY
from test_runs import CONF, FILES
from test_runs_gateway import Server, ctl

CONFIG = """[disk raw]
controller = nvme0 ide0.0
[store pool]
disk = raw
[disk made]
controller = memory
image = made.img
[disk volume]
controller = memory
size = 4K
read_only = yes
""" + CONF + """disk = volume ro
"""


def file_system(path):
    """The bytes of an empty ext4 of 4 MiB."""
    subprocess.run(["/usr/sbin/mke2fs", "-q", "-t", "ext4", "-F", "-m", "0", path, "4M"], check=True)
    return path.read_bytes()


class Runs:
    """Runs of the template, each under a name, begun and ended by hand."""

    def __init__(self, client):
        self.client = client

    def begin(self, name, line, volume, mounted):
        self.client.result("vm clone", f"busybox@{runs.SNAPSHOT}", name, *([f"volume={volume}"] if volume else []), "run=alice")
        gate = runs.Gate(self.client, name)
        gate.seed(bytes(64))
        gate.send("C", runs.words(["sh", "-c", line], volume=mounted))
        return gate

    def whole(self, line, volume="pool/home", mounted="v/data/home"):
        gate = self.begin("one", line, volume, mounted)
        done = runs.talk(gate, b"")
        self.client.result("vm destroy", "one")
        return done.code, done.out, done.error

    def refused_by_guest(self, volume, mounted):
        gate = self.begin("one", "true", volume, mounted)
        said = gate.frame()
        self.client.result("vm destroy", "one")
        return said

    def refused(self, volume):
        return self.client.ask("vm clone", f"busybox@{runs.SNAPSHOT}", "two", f"volume={volume}", "run=alice")["error"]


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_volumes(build, tmp_path, emulator):
    """What a run wrote another reads, also behind one that was killed; one writer, or readers; a run's end drops no volume."""
    image = tmp_path / "store.img"
    image.write_bytes(bytes(48 << 20))
    files = bundle.read(*(build / "runs" / name for name in FILES)) | {"made.img": file_system(tmp_path / "made.img")}
    made = bundle.make(tmp_path / "runs.cpio", CONFIG, files)
    with on_disk(emulator, build, image, bundle=made, channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        machine.good("store format pool")
        machine.good("volume create pool/empty 4M")
        machine.good("volume import pool/home made")
        wait_for(lambda: "home" in {row["name"] for row in machine.objects("volume list pool")})
        runs.make_template(client, "busybox")
        each = Runs(client)
        volumes = {row["name"] for row in machine.objects("volume list pool")}
        # what is written is there for the next run, also what a process left behind still had open
        assert each.whole("echo kept >/data/home/a; (exec 3>>/data/home/a; sleep 1000) & exit 3") == (3, b"", b"")
        assert each.whole("cat /data/home/a; grep -c ' /data/home ext4 rw,nosuid,nodev' /proc/mounts") == (0, b"kept\n1\n", b"")
        code, out, error = each.whole("cat /data/home/a; echo no >/data/home/a", "pool/home:ro", "r/data/home")
        assert (code, out) == (1, b"kept\n") and b"Read-only file system" in error, error
        # without a word of the host's nothing is mounted, and without a volume nothing can be
        assert each.whole("ls -d /data/home /dev/vdb; true", mounted=None)[1] == b""
        for volume, mounted in ((None, "v/data"), ("pool/empty", "v/data"), ("pool/home:ro", "v/data")):
            assert each.refused_by_guest(volume, mounted) == ("N", b"no volume"), (volume, mounted)
        # one that is killed leaves what it has flushed
        gate = each.begin("one", "echo flushed >/data/home/b; sync; echo now; while :; do echo more >>/data/home/c; done", "pool/home", "v/data/home")
        while gate.frame() != ("O", b"now\n"):
            pass
        assert "one uses it; a volume has one writer, or readers only" in each.refused("pool/home")
        assert "one uses it" in each.refused("pool/home:ro")
        client.result("vm destroy", "one")
        assert each.whole("cat /data/home/a /data/home/b") == (0, b"kept\nflushed\n", b"")
        # readers are any number
        readers = [each.begin(name, "cat /data/home/b; cat", "pool/home:ro", "r/data/home") for name in ("one", "three")]
        for gate in readers:
            assert gate.frame() == ("O", b"flushed\n")
        assert "uses it" in each.refused("pool/home")
        for name in ("one", "three"):
            client.result("vm destroy", name)
        assert 'the store has no volume "none"' in each.refused("pool/none")
        assert "there is no section [store] of that name" in each.refused("none/home")
        for wrong in ("home", "pool/home ro", "pool/home:rw", "pool/home, pool/empty", "pool/", "", "pool/home cdrom", 80 * "x"):
            assert "use STORE/VOLUME, or STORE/VOLUME:ro" in each.refused(wrong), wrong
        assert {row["name"] for row in machine.objects("volume list pool")} == volumes
        assert {row["name"] for row in machine.objects("vm list")} == {"busybox"}
        assert ": 0 found" in machine.command("audit")


FORMAT = """for device in /sys/bus/virtio/devices/*; do
[ -e $device/driver ] || echo ${device##*/} >/sys/bus/virtio/drivers/virtio_blk/bind
done; mke2fs -F -b 4096 /dev/vdb >/dev/null"""
OTHERS = "".join(f"""[vm {name}]
kernel = vmlinuz
memory = 80M
{disks}""" for name, disks in (("plain", "disk = busybox ro\n"), ("own", "disk = pool/data\ndisk = volume ro\n")))


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_encrypted(build, tmp_path, emulator):
    """An encrypted volume is one like others while its key is there. Templates without a place, or with volumes of their own, have no volume."""
    image = tmp_path / "store.img"
    image.write_bytes(bytes(48 << 20))
    files = bundle.read(*(build / "runs" / name for name in FILES)) | {"made.img": bytes(4096)}
    made = bundle.make(tmp_path / "runs.cpio", CONFIG + OTHERS, files)

    def booted():
        return on_disk(emulator, build, image, bundle=made, channel=True)

    def type_key():
        machine.type("disk key vault\r")
        machine.wait("disk key: ")
        machine.type(KEY + "\r")
        machine.wait("the key is taken")
        machine.wait_prompt()

    with booted() as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        machine.good("store format pool")
        type_key()
        machine.good("volume create pool/secret 4M encrypt=vault")
        machine.good("volume create pool/data 4M")
        runs.make_template(client, "busybox")
        each = Runs(client)
        assert each.whole(FORMAT, "pool/secret", None)[0] == 0
        assert each.whole("echo kept >/data/a", "pool/secret", "v/data") == (0, b"", b"")
        assert each.whole("cat /data/a", "pool/secret:ro", "r/data") == (0, b"kept\n", b"")
        for name, said in (("plain", "plain has no place for a volume; give it the line `disk = volume ro`"),
                           ("own", "own writes to volumes, of which the clone gets its own")):
            for command in ("vm create", "vm start", "vm pause"):
                client.result(command, name)
            client.result("vm snapshot", name, "now")
            assert said in client.ask("vm clone", f"{name}@now", "two", "volume=pool/secret")["error"]
        assert {row["name"] for row in machine.objects("volume list pool")} >= {"secret", "data"}
        assert {row["name"] for row in machine.objects("vm list")} == {"busybox", "plain", "own"}
    assert b"kept\n" not in image.read_bytes()
    with booted() as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        runs.make_template(client, "busybox")
        assert "its key vault is missing" in Runs(client).refused("pool/secret")
        type_key()
        assert Runs(client).whole("cat /data/a", "pool/secret", "v/data") == (0, b"kept\n", b"")
        assert ": 0 found" in machine.command("audit")


def test_by_skerryctl(build, tmp_path):
    """`skerryctl run --volume`: one run writes, another reads, a third may not write; the volume that another has is refused in words."""
    image, port = tmp_path / "store.img", free_port()
    image.write_bytes(bytes(48 << 20))
    files = bundle.read(*(build / "runs" / name for name in FILES)) | {"made.img": file_system(tmp_path / "made.img")}
    made = bundle.make(tmp_path / "runs.cpio", CONFIG, files)
    with on_disk(Qemu, build, image, bundle=made, extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume import pool/home made")
        wait_for(lambda: "home" in {row["name"] for row in machine.objects("volume list pool")})
        server = Server(str(os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")), tmp_path, f"tcp:127.0.0.1:{port}").start()

        def run(volume, line):
            done = ctl(server, "run", "busybox", "--volume", volume, "--", "sh", "-c", line)
            return done.returncode, done.stdout, done.stderr
        try:
            wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
            assert ctl(server, "template", "create", "busybox").returncode == 0
            assert run("pool/home:/data", "echo kept >/data/a") == (0, b"", b"")
            assert run("pool/home:/data:ro", "cat /data/a") == (0, b"kept\n", b"")
            code, _, error = run("pool/home:/data:ro", "echo no >/data/a")
            assert code == 1 and b"Read-only file system" in error, error
            code, _, error = run("pool/none:/data", "true")
            assert code != 0 and b'the store has no volume "none"' in error, error
            begun = server.tls("POST", "/v1/runs", {"template": "busybox", "command": ["sh", "-c", "echo more >/data/b; sync; sleep 1000"],
                                                    "volumes": ["pool/home:/data"]}, headers={"Prefer": "wait=0"}).json()
            wait_for(lambda: server.tls("GET", f"/v1/runs/{begun['id']}").json()["state"] == "running")
            code, _, error = run("pool/home:/data", "true")
            assert code != 0 and b"uses it; a volume has one writer, or readers only" in error, error
            assert ctl(server, "stop", begun["id"]).returncode == 0
            wait_for(lambda: machine.objects("runs") == [])
            assert run("pool/home:/data", "cat /data/a")[:2] == (0, b"kept\n")
            assert [row["name"] for row in machine.objects("volume list pool")] == ["home"]
            assert ": 0 found" in machine.command("audit")
        finally:
            server.stop()
