# SPDX-License-Identifier: MIT
"""Volumes of a store through skerryd, at the real image: made, cloned, kept, filled, dropped, used by VMs."""
import hashlib
import json
import os
import random
import sys
from pathlib import Path

import bundle
import firmware
import pytest
from machine import Qemu, wait_for
from ports import free_port

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

CONF = """[channel com2]
rights = view operate console configure host content
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


def boot(build, tmp_path, port):
    """The image, with a disk that is empty at first, and COM2 at that port."""
    image = tmp_path / "store.img"
    if not image.exists():
        image.write_bytes(b"")
        os.truncate(image, 64 << 20)
    files = bundle.make(tmp_path / "gateway.cpio", CONF, bundle.tiny(build, "hlt", "spin") | firmware.seabios())
    return Qemu(build, bundle=files,
                extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off", "-device", "nvme,serial=one,drive=n0",
                       "-drive", f"file={image},if=none,id=n0,format=raw"))


def gateway(tmp_path, port):
    program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
    return Server(str(program), tmp_path, f"tcp:127.0.0.1:{port}").start()


@pytest.fixture
def line(build, tmp_path):
    """Starts the image and skerryd at COM2."""
    port = free_port()
    with boot(build, tmp_path, port) as machine:
        machine.wait_prompt()
        server = gateway(tmp_path, port)
        yield machine, server
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


def test_backups_by_schedule(line):
    """What the browser's page does: a running VM gets a schedule, is backed up at once, and its volume goes back."""
    _, server = line
    vm = "/v1/vms/busy"

    def kept():
        return [row for row in server.tls("GET", f"{vm}/backups").json()["items"] if row["state"] == "kept"]

    assert server.tls("POST", "/v1/stores/pool/actions/format").json()["changed"]
    assert server.tls("POST", POOL, {"name": "web", "bytes": 1 << 20}).status == 201
    assert server.tls("POST", "/v1/vms", {"name": "busy", "config": {"kernel": "spin.bin", "memory": "16M", "disk": "pool/web"}}).status == 201
    assert server.tls("POST", f"{vm}/actions/backup-now").status == 409
    assert server.tls("POST", f"{vm}/actions/start").status == 200
    held = server.tls("GET", vm)
    key = held.json()["config"]["backup"]
    assert (key["value"], key["applies"]) == ("", "now")
    plan = {"config": {"backup": "pool every 1d chain 2 keep 1"}}
    assert server.tls("PATCH", vm, plan, headers={"If-Match": held.headers["ETag"]}).status == 200
    wait_for(lambda: [row["number"] for row in kept()] == [1])
    assert server.tls("GET", vm).json()["config"]["backup"]["value"] == "pool every 1d chain 2 keep 1"
    # the third one is full, and the chain before it is dropped
    for numbers in ([1, 2], [1]):
        # the one before it may be at its last step
        wait_for(lambda: server.tls("POST", f"{vm}/actions/backup-now").status == 200)
        wait_for(lambda numbers=numbers: [row["number"] for row in kept()] == numbers)
    body = {"disk": "pool/web", "at": kept()[0]["moment"]}
    used = server.tls("POST", "/v1/disks/restore", body)
    assert used.status == 409 and "busy uses it" in used.json()["detail"], used.body
    killed = server.tls("POST", f"{vm}/actions/kill")
    assert killed.status == 200, killed.body
    assert server.tls("POST", "/v1/disks/restore", body, headers={"Prefer": "wait=60"}, timeout=90).json()["changed"]


def put(server, name, data, query="", content_range=None):
    connection = server.connect(60)
    headers = {"Authorization": f"Bearer {server.token}"} | ({"Content-Range": content_range} if content_range else {})
    connection.request("PUT", f"{POOL}/{name}/content{query}", data, headers)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def test_content(line, tmp_path):
    """An image that is uploaded in two pieces, one of which is cut off, is a disk from which a VM boots."""
    machine, server = line
    image = firmware.disk(tmp_path, sectors=60)
    whole, sha = len(image), hashlib.sha256(image).hexdigest()
    assert server.tls("POST", "/v1/stores/pool/actions/format").json()["changed"]
    status, said = put(server, "pc", image[:8192], "", f"bytes 0-8191/{whole}")
    assert (status, said["uploaded_bytes"]) == (200, 8192), said
    with server.raw() as sock:
        sock.sendall((f"PUT {POOL}/pc/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
                      f"Content-Range: bytes 8192-{whole - 1}/{whole}\r\n"
                      f"Content-Length: {whole - 8192}\r\n\r\n").encode() + image[8192:12288])
        wait_for(lambda: server.tls("GET", f"{POOL}/pc.part").json()["users"])
    wait_for(lambda: server.tls("GET", f"{POOL}/pc.part").json()["users"] == "")
    status, said = put(server, "pc", image[8192:], "?sha256=" + sha[::-1], f"bytes 8192-{whole - 1}/{whole}")
    assert (status, said["code"]) == (422, "bad-digest"), said
    assert [row["name"] for row in server.tls("GET", POOL).json()["items"]] == ["pc.part"]
    status, said = put(server, "pc", image, f"?sha256={sha}&size=1048576")
    assert (status, said["done"]) == (200, True), said
    assert put(server, "large", image[:4096], f"?size={1 << 30}")[0] == 409
    got = server.tls("GET", f"{POOL}/pc/content", headers={"Range": "bytes=0-65535"}, timeout=60)
    assert got.status == 206 and got.body == image + bytes(65536 - whole)
    assert server.tls("GET", f"{POOL}/pc/digest").json()["sha256"] == hashlib.sha256(image + bytes((1 << 20) - whole)).hexdigest()
    made = server.tls("POST", "/v1/vms", {"name": "pc", "config": {
        "boot": "bios", "firmware": "seabios.bin", "memory": "32M", "disk": "pool/pc"}})
    assert made.status == 201, made.body
    assert server.tls("POST", "/v1/vms/pc/actions/start").status == 200
    machine.attach("pc")
    machine.wait("SECOND sector")
    machine.leave()
    for path in ("content", "digest"):
        used = server.tls("GET", f"{POOL}/pc/{path}")
        assert used.status == 409 and "pc uses it" in used.json()["detail"], used.body
    assert put(server, "pc", image)[1]["code"] == "exists"
    assert server.tls("POST", f"{POOL}/pc/snapshots", {"name": "kept"}).status == 201
    got = server.tls("GET", f"{POOL}/kept/content", headers={"Range": "bytes=0-511"}, timeout=60)
    assert got.body == image[:512]


def test_power_cut(build, tmp_path):
    """The power goes during an upload: what was answered is there, under no name that boots, and the upload goes on."""
    port = free_port()
    data = random.Random(5).randbytes(40000)
    with boot(build, tmp_path, port) as machine:
        machine.wait_prompt()
        server = gateway(tmp_path, port)
        assert server.tls("POST", "/v1/stores/pool/actions/format").json()["changed"]
        assert put(server, "pc", data[:16384], "", f"bytes 0-16383/{len(data)}")[0] == 200
        sock = server.raw()
        sock.sendall((f"PUT {POOL}/pc/content HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {server.token}\r\n"
                      f"Content-Range: bytes 16384-{len(data) - 1}/{len(data)}\r\n"
                      f"Content-Length: {len(data) - 16384}\r\n\r\n").encode() + data[16384:24576])
        wait_for(lambda: server.tls("GET", f"{POOL}/pc.part").json()["users"])
        machine.process.kill()
    sock.close()
    with boot(build, tmp_path, port) as machine:
        machine.wait_prompt()
        try:
            wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
            rows = wait_for(lambda: server.tls("GET", POOL).json().get("items"))
            assert [(row["name"], row["users"]) for row in rows] == [("pc.part", "")]
            kept = machine.objects("volume digest pool/pc.part bytes=16384")[0]["sha256"]
            assert kept == hashlib.sha256(data[:16384]).hexdigest()
            status, said = put(server, "pc", data[16384:], "?sha256=" + hashlib.sha256(data).hexdigest(),
                               f"bytes 16384-{len(data) - 1}/{len(data)}")
            assert (status, said["done"]) == (200, True), said
            assert [row["name"] for row in server.tls("GET", POOL).json()["items"]] == ["pc"]
        finally:
            server.stop()
