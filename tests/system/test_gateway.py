# SPDX-License-Identifier: MIT
"""skerryd at the machine channel of the real image: what its own tests do with a fake Skerry."""
import json
import os
import sys
import time
from pathlib import Path

import bundle
import pytest
from machine import Qemu, wait_for
from ports import free_port

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

CONF = """[channel com2]
rights = view operate console configure host
[net lan]
[vm tiny]
kernel = hlt.bin
memory = 16M
autostart = no
"""


@pytest.fixture
def line(build, tmp_path):
    """Starts the image with skerryd at COM2."""
    port = free_port()
    files = bundle.make(tmp_path / "gateway.cpio", CONF, bundle.tiny(build, "hlt", "spin"))
    with Qemu(build, bundle=files,
              extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off")) as machine:
        machine.wait_prompt()
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), tmp_path, f"tcp:127.0.0.1:{port}")
        yield machine, server.start()
        server.stop()


def test_gateway(line):
    """A VM's life by REST, its events and console; the actor in Skerry's audit; no inspection."""
    machine, server = line
    host = server.tls("GET", "/v1/host").json()
    assert host["link"] == "up" and len(host["boot"]) == 32 and "inspect" not in host["rights"]
    assert host["memory"]["free_bytes"] > 100 << 20
    assert server.tls("GET", "/v1/nets").json()["items"] == [
        {"name": "lan", "state": "ready", "problem": "", "uplink": "-", "link": "-", "mtu": 1500,
         "ports": 0}]
    events = server.events()
    assert events.next()[1] == "snapshot"
    made = server.tls("POST", "/v1/vms", {"name": "gamma", "config": {
        "kernel": "spin.bin", "memory": "16M", "cmdline": "a \"b\" | -j"}})
    assert made.status == 201, made.body
    assert events.until("created")[2]["vm"] == "gamma"
    assert server.tls("POST", "/v1/vms/gamma/actions/start").json()["vm"]["state"] == "running"
    assert events.until("started")[2]["vm"] == "gamma"
    assert server.tls("POST", "/v1/vms/gamma/actions/start").json()["changed"] is False
    console = server.console("gamma", "read")
    assert json.loads(console.message())["lost"] == 0
    assert console.read_until(b"started")
    console.close()
    # the first sample may be of a time in which it had hardly begun
    wait_for(lambda: (server.tls("GET", "/v1/vms/gamma").json()["sample"] or {"cpu_percent": 0})["cpu_percent"] > 10)
    assert server.tls("POST", "/v1/vms/gamma/actions/resume").json()["changed"] is False
    refused = server.tls("POST", "/v1/vms/tiny/actions/pause")
    assert (refused.status, refused.code) in ((404, "not-found"), (409, "bad-state"))
    assert server.tls("POST", "/v1/vms/gamma/actions/pause").json()["vm"]["state"] == "paused"
    exits = server.tls("GET", "/v1/vms/gamma/exits").json()["items"]
    assert exits and all(int(row["count"]) >= 0 for row in exits)
    changed = server.tls("PATCH", "/v1/vms/gamma", {"config": {"weight": 300}})
    assert changed.status == 200, changed.body
    wait_for(lambda: server.tls("GET", "/v1/vms/gamma").json()["weight"] == 300)
    wrong = server.tls("PATCH", "/v1/vms/gamma", {"config": {"nonsense": "1"}})
    assert (wrong.status, wrong.code) == (422, "bad-argument")
    assert server.tls("DELETE", "/v1/vms/gamma").status == 204
    assert events.until("destroyed")[2]["vm"] == "gamma"
    assert server.tls("GET", "/v1/vms/gamma").status == 404
    log = server.tls("GET", "/v1/log?category=audit").json()["items"]
    assert any("first via token 1" in item["text"] for item in log), log[-3:]
    events.close()


def test_report(line):
    """What an auditor reads of the real image: its version, its leaks, its pages and its profile."""
    machine, server = line
    server.tls("POST", "/v1/vms", {"name": "gamma", "config": {"kernel": "spin.bin", "memory": "16M"}})
    report = server.tls("GET", "/v1/report?profile=hardened", timeout=60).json()
    part = {section["id"]: section for section in report["sections"]}
    (version,) = machine.objects("version")
    assert {part[name]["status"] for name in ("version", "mitigations", "pages", "encryption", "backups")} == {"known"}
    assert part["version"]["facts"]["commit"] == (version["commit"] or None)
    assert part["pages"]["facts"]["findings"] == 0 < part["pages"]["facts"]["pages"]
    leaks = machine.objects("cpu")[0]["leaks"]
    assert part["mitigations"]["items"] == leaks and len(leaks) > 10
    assert {item["vm"] for item in part["backups"]["items"]} == {"gamma"}
    rules = {item["rule"]: (item["result"], item["found"]) for item in part["profile"]["items"]}
    assert rules["password"] == ("deviates", "password: none, lock_after: not set")
    assert rules["pages"] == ("passes", "findings: 0")
    assert rules["backups"] == ("deviates", "gamma")
    assert rules["leaks"][0] == ("deviates" if "open" in {leak["state"] for leak in leaks} else "passes")


def test_gateway_and_its_line(line):
    """skerryd is killed and started; the page audit; the audit's head is in Skerry's own."""
    machine, server = line
    assert server.tls("POST", "/v1/host/actions/audit").json()["audit_findings"] == 0
    boot = server.tls("GET", "/v1/host").json()["boot"]
    server.kill()
    os.unlink(server.socket)
    server.start()
    assert server.tls("GET", "/v1/host").json()["boot"] == boot
    head = wait_for(lambda: server.tls("GET", "/v1/audit").json()["anchored"])
    assert head in machine.command("log show -c audit")


@pytest.mark.long
def test_console_of_32_megabytes(build, tmp_path):
    """A guest prints faster than COM2 carries: each byte comes, or is counted as lost."""
    lines = 500000
    port = free_port()
    files = bundle.make(tmp_path / "echo.cpio", CONF, bundle.tiny(build, "hlt", "echo"))
    with Qemu(build, bundle=files,
              extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off")) as machine:
        machine.wait_prompt()
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), tmp_path, f"tcp:127.0.0.1:{port}").start()
        try:
            server.tls("POST", "/v1/vms", {"name": "echo", "config": {
                "kernel": "echo.bin", "memory": "16M", "cmdline": f"lines={lines}"}})
            console = server.console("echo", "read")
            assert json.loads(console.message())["from"] == "0"
            server.tls("POST", "/v1/vms/echo/actions/start")
            began, at, lost = time.monotonic(), 0, 0
            while at < 64 * lines:
                message = console.message()
                if isinstance(message, bytes):
                    first = (at + 63) // 64
                    for number in range(first, (at + len(message)) // 64):
                        place = number * 64 - at
                        assert message[place:place + 64] == (
                            b"line ................................................... %06d\n"
                            % number)
                    at += len(message)
                    console.send(json.dumps({"ack": len(message)}))
                elif "lost" in json.loads(message):
                    gone = int(json.loads(message)["lost"])
                    lost, at = lost + gone, at + gone
            took = time.monotonic() - began
            print(f"{at} bytes in {took:.0f} s, {lost} of them lost and counted")
            assert lost < at
        finally:
            server.stop()
