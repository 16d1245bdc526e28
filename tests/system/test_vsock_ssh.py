# SPDX-License-Identifier: MIT
"""OpenSSH into a Debian guest that has no network: skerryctl, skerryd, a machine channel, the guest's socket."""
import gzip
import os
import subprocess
import sys
from pathlib import Path

import bundle
from machine import Qemu
from ports import free_port
from test_vsock_linux import MODULES

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

CONF = ("[channel com2]\nrights = view operate console configure host guest\n"
        "[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 256M\nvsock = yes\n"
        "cmdline = console=ttyS0 quiet name=alpha\nautostart = yes\n")
SSHD = ("HostKey /etc/ssh/key\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n"
        "AuthorizedKeysFile /etc/ssh/authorized\n")


def key_pair(path):
    """A new key; its private and its public part."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path.read_bytes(), path.with_suffix(".pub").read_bytes()


def server_files(folder):
    """What sshd wants of a root file system, as a piece of initramfs; the user's key stays in the folder."""
    host, _ = key_pair(folder / "host")
    _, user = key_pair(folder / "user")
    files = {"etc/passwd": b"root:x:0:0:root:/:/bin/sh\nsshd:x:100:100::/run/sshd:/bin/false\n",
             "etc/group": b"root:x:0:\nsshd:x:100:\n", "etc/ssh/sshd_config": SSHD.encode(),
             "etc/ssh/key": host, "etc/ssh/authorized": user}
    members = [bundle.member(3000 + number, name, mode=bundle.FOLDER)
               for number, name in enumerate(("etc", "etc/ssh", "run", "run/sshd"))]
    members += [bundle.member(3100 + number, name, data, 0o100600)
                for number, (name, data) in enumerate(files.items())]
    return gzip.compress(b"".join(members) + bundle.pack({}), mtime=0)


def ssh(server, folder, *words, stdin=b"", limit=300):
    program = os.environ.get("SKERRYCTL", ROOT / "gateway/build/skerryctl")
    options = [f"IdentityFile={folder}/user", f"UserKnownHostsFile={folder}/known",
               "StrictHostKeyChecking=accept-new", "BatchMode=yes", "LogLevel=ERROR"]
    return subprocess.run(
        [program, "--socket", server.socket, *(f"--ssh-option={option}" for option in options), "ssh",
         "root@alpha", "--", *words], input=stdin, capture_output=True, timeout=limit, check=False)


def start_sshd(machine):
    machine.attach_shell("alpha", 600)
    machine.shell("/sbin/load vmw_vsock_virtio_transport && echo loaded")
    machine.shell("socat -d -d VSOCK-LISTEN:22,fork EXEC:'/sbin/sshd -i' 2>/tmp/log & until grep -q listening /tmp/log; do sleep 0.1; done")
    machine.leave()


def test_ssh(build, tmp_path):
    """A command's output and code, 200 kB there and back, a second key refused; each has a line in both audits."""
    parts = bundle.debian_modules(build / "guests", MODULES)
    for name in ("socat", "ssh"):
        parts["initramfs.cpio.gz"] += (build / f"tests/disk_tools/{name}.cpio.gz").read_bytes()
    parts["initramfs.cpio.gz"] += server_files(tmp_path)
    port = free_port()
    files = bundle.make(tmp_path / "ssh.cpio", CONF, parts)
    with Qemu(build, bundle=files, extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off")) as machine:
        machine.wait_prompt()
        server = Server(os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd"), tmp_path,
                        f"tcp:127.0.0.1:{port}").start()
        try:
            start_sshd(machine)
            done = ssh(server, tmp_path, "hostname; exit 7")
            assert (done.returncode, done.stdout) == (7, b"alpha\n"), done
            data = os.urandom(200000)
            done = ssh(server, tmp_path, "cat", stdin=data)
            assert done.returncode == 0 and done.stdout == data, done.stderr
            key_pair(tmp_path / "other")
            (tmp_path / "other").replace(tmp_path / "user")
            assert b"Permission denied" in ssh(server, tmp_path, "true").stderr
            audit = server.tls("GET", "/v1/audit?limit=50").json()["items"]
            assert sum(item["action"] == "vsock.connect" and item["target"] == "alpha" for item in audit) == 3
            assert machine.command("log show -c audit").count("vsock connect alpha 22") == 3
        finally:
            server.stop()
