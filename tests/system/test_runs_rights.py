# SPDX-License-Identifier: MIT
"""Runs by a channel that may make and end no other VM: one with the rights view, operate and guest."""
import os
from pathlib import Path

import bundle
from machine import ROOT, Qemu, wait_for
from ports import free_port
from test_runs import CONF, FILES
from test_runs_gateway import Server, ctl, names

PLAIN = """[vm plain]
kernel = vmlinuz
cmdline = console=ttyS0 quiet panic=0
memory = 96M
"""


def test_without_configure(build, tmp_path):
    """A template that the configuration starts has runs, also such as waited, which are ended; it, its other clones and another VM are not."""
    port = free_port()
    conf = CONF.replace("view operate console configure host guest", "view operate guest").replace("vsock = yes", "vsock = yes\nautostart = yes")
    files = bundle.make(tmp_path / "runs.cpio", conf + PLAIN, bundle.read(*(build / "runs" / name for name in FILES)))
    with Qemu(build, bundle=files, extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")) as machine:
        machine.wait_prompt()
        machine.command("vm create plain")
        server = Server(str(os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")), Path(tmp_path), f"tcp:127.0.0.1:{port}").start()
        try:
            wait_for(lambda: "busybox" in {vm["name"] for vm in server.tls("GET", "/v1/vms").json()["items"]})
            made = ctl(server, "template", "create", "busybox", "--warm", "1")
            assert made.returncode == 0, made.stderr
            for _ in range(2):
                done = ctl(server, "run", "busybox", "--cpus", "0.5", "--", "echo", "here")
                assert (done.stdout, done.returncode) == (b"here\n", 0), done.stderr
            refused = server.local("POST", "/v1/runs", {"template": "busybox", "command": ["true"], "volumes": ["pool/home:/data"]})
            assert (refused.status, refused.code) == (403, "no-right"), refused.body
            wait_for(lambda: [row["owner"] for row in machine.objects("runs")] == ["warm"])
            assert server.local("POST", "/v1/vms/busybox/snapshots/gate/clones", {"name": "mine"}).status == 201
            for name in ("plain", "mine", "busybox"):
                refused = server.local("DELETE", f"/v1/vms/{name}")
                assert (refused.status, refused.code) == (403, "no-right"), refused.body
            assert ctl(server, "template", "drop", "busybox").returncode != 0
            assert ctl(server, "template", "busybox", "--warm", "0").returncode == 0
            wait_for(lambda: names(machine) == {"busybox", "plain", "mine"})
            assert machine.objects("runs") == [] and ": 0 found" in machine.command("audit")
            machine.command("vm destroy mine")
            dropped = ctl(server, "template", "drop", "busybox")
            assert dropped.returncode == 4 and b"has no right to configure" in dropped.stderr, dropped.stderr
            assert names(machine) == {"busybox", "plain"}
        finally:
            server.stop()
