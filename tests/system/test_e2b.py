# SPDX-License-Identifier: MIT
"""The unmodified npm package `e2b` at the real image: what its client does with a sandbox of Debian's Python."""
import os
import sys

import bundle
from machine import ROOT, Qemu, wait_for
from ports import free_port
from test_runs import FILES
from test_runs_gateway import PYTHON

sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402
from e2b_package import drive, guide  # noqa: E402

CONF = """[channel com2]
rights = view operate console configure host guest
"""


def test_client(build, tmp_path):
    """From the making of a sandbox to its end; and the guide's example."""
    port = free_port()
    files = bundle.make(tmp_path / "runs.cpio", CONF + PYTHON, bundle.read(*(build / "runs" / name for name in (*FILES[:2], "python.squashfs"))))
    with Qemu(build, bundle=files, memory="1G", extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")) as machine:
        machine.wait_prompt()
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), tmp_path, f"tcp:127.0.0.1:{port}").start()
        try:
            wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
            server.tls("POST", "/v1/vms", {"name": "python"}, timeout=60)
            made = server.tls("POST", "/v1/vms/python/actions/template", timeout=100)
            assert made.status == 200, made.body
            said = drive(server, "python", "/work", "short")
            assert guide(server) == "42\n\n"
        finally:
            server.stop()
    said.pop("id")
    assert said == {
        "run": ["one two\n", "no\n", 0], "pieces": "a\nb\n", "failed": ["CommandExitError", 7],
        "listed": [[True, "/bin/bash", "cat; echo end"]], "cat": "typed end\n", "killed": [True, -1], "killedAgain": False,
        "written": ["file.txt", "/work/new/file.txt"], "read": True, "empty": ["none", ""], "made": [True, False],
        "entries": [["file.txt", False, "/work/new/file.txt"], ["folder", True, "/work/new/folder"], ["none", False, "/work/new/none"]],
        "info": True, "moved": "/work/new/other", "exists": [True, False], "gone": "FileNotFoundError", "fork": [True, "fork", "one\n", True],
        "state": "running", "all": [True], "paused": [True, False, "paused"], "again": "again\n", "left": True, "running": True,
        "end": [True, False, False], "after": "SandboxNotFoundError"}, said
