# SPDX-License-Identifier: MIT
"""Volumes of a store through skerryd, at the real image: made, cloned, kept, dropped, used by a VM."""
import os
import sys
from pathlib import Path

import bundle
import pytest
from machine import Qemu
from ports import free_port

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

CONF = """[channel com2]
rights = view operate console configure host
[disk raw]
controller = nvme0 ide0.0
[store pool]
disk = raw
[vm tiny]
kernel = hlt.bin
memory = 16M
autostart = no
"""
POOL = "/v1/stores/pool/volumes"


@pytest.fixture
def line(build, tmp_path):
    """Starts the image with an empty disk, and skerryd at COM2."""
    port, image = free_port(), tmp_path / "store.img"
    image.write_bytes(b"")
    os.truncate(image, 64 << 20)
    files = bundle.make(tmp_path / "gateway.cpio", CONF, bundle.tiny(build, "hlt"))
    with Qemu(build, bundle=files,
              extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off", "-device", "nvme,serial=one,drive=n0",
                     "-drive", f"file={image},if=none,id=n0,format=raw")) as machine:
        machine.wait_prompt()
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), tmp_path, f"tcp:127.0.0.1:{port}")
        yield machine, server.start()
        server.stop()


def test_volumes(line):
    """The life of volumes by REST alone; a VM that uses one keeps it from being dropped and renamed."""
    machine, server = line
    store = server.tls("GET", "/v1/stores").json()["items"][0]
    assert (store["name"], store["state"]) == ("pool", "empty") and "store format" in store["problem"]
    early = server.tls("POST", POOL, {"name": "web", "bytes": 4096})
    assert early.status == 409, early.body
    assert server.tls("POST", "/v1/stores/pool/actions/format").json()["changed"]
    store = server.tls("GET", "/v1/stores").json()["items"][0]
    assert store["state"] == "ready" and store["free_bytes"] > 32 << 20
    made = server.tls("POST", POOL, {"name": "web", "bytes": 8 << 20})
    assert made.status == 201 and made.json()["bytes"] == 8 << 20, made.body
    assert server.tls("POST", POOL, {"name": "web", "bytes": 8 << 20}).code == "exists"
    assert server.tls("POST", f"{POOL}/web/snapshots", {"name": "monday"}).json()["snapshot"]
    clone = server.tls("POST", f"{POOL}/monday/clones", {"name": "web2"})
    assert clone.status == 201 and clone.json()["parent"] != 0, clone.body
    assert server.tls("POST", POOL, {"name": "web3", "bytes": 8 << 20, "from": "web"}).status == 201
    too_large = server.tls("POST", POOL, {"name": "large", "bytes": 1 << 30})
    assert too_large.status == 409, too_large.body
    assert server.tls("POST", POOL, {"name": "odd", "bytes": 4097}).status == 422
    assert server.tls("POST", "/v1/vms", {"name": "tiny", "config": {"disk": "pool/web"}}).status == 201
    assert server.tls("POST", "/v1/vms/tiny/actions/start").status == 200
    assert server.tls("GET", f"{POOL}/web").json()["users"] == "tiny"
    for method, path, body in (("DELETE", f"{POOL}/web", None), ("PATCH", f"{POOL}/web", {"name": "x"}),
                               ("POST", f"{POOL}/web/actions/rollback", {"snapshot": "monday"})):
        used = server.tls(method, path, body)
        assert used.status == 409 and "tiny uses it" in used.json()["detail"], used.body
    assert server.tls("PATCH", f"{POOL}/web", {"bytes": 12 << 20}).status == 200
    assert server.tls("POST", "/v1/vms/tiny/actions/kill").status == 200
    changed = server.tls("PATCH", "/v1/vms/tiny", {"config": {"disk": "pool/web2"}})
    assert changed.status == 200, changed.body
    assert server.tls("POST", "/v1/vms/tiny/actions/start").status == 200
    assert [server.tls("GET", f"{POOL}/{name}").json()["users"] for name in ("web", "web2")] == ["", "tiny"]
    assert server.tls("POST", "/v1/vms/tiny/actions/kill").status == 200
    assert server.tls("POST", f"{POOL}/web/actions/rollback", {"snapshot": "monday"}).status == 200
    assert server.tls("PATCH", f"{POOL}/web2", {"name": "web4"}).status == 200
    assert server.tls("DELETE", f"{POOL}/web3").status == 204
    assert [row["name"] for row in server.tls("GET", POOL).json()["items"]] == ["web", "monday", "web4"]
    assert server.tls("GET", f"{POOL}/web3").code == "not-found"
    assert "web4" in machine.command("volume list pool/web4")
    assert "first via token 1" in machine.command("log show -c audit")
