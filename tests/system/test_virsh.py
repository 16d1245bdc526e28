# SPDX-License-Identifier: MIT
"""Debian's virsh at the real image, through skerryd: a VM's life, its description, console and events."""
import os
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import bundle
import pexpect
import pytest
from machine import Bochs, Qemu
from relay import Relay

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server, wait_for  # noqa: E402

CONF = """[channel com2]
rights = view operate console configure host
[net lan]
"""
VMS = {"spinner": {"kernel": "spin.bin", "memory": "16M", "net": "lan mac=52:54:00:12:34:56", "cmdline": 'a "b" <&>'},
       "idle": {"kernel": "hlt.bin", "memory": "16M"}}
LIMIT = 60
START = 240


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_virsh(emulator, build, tmp_path):
    files = bundle.make(tmp_path / "virsh.cpio", CONF, bundle.tiny(build, "hlt", "spin"))
    socket = tmp_path / "virt.sock"
    uri = f"skerry+unix:///system?socket={socket}"

    def virsh(*words, fails=False):
        done = subprocess.run(["virsh", "-c", uri, *words], text=True, stdin=subprocess.DEVNULL, capture_output=True,
                              timeout=LIMIT)
        assert bool(done.returncode) == fails, (words, done.stdout, done.stderr)
        return (done.stderr if fails else done.stdout).strip()

    with emulator(build, bundle=files, channel=True) as machine:
        machine.wait_prompt()
        relay = Relay(machine.channel.link)
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), tmp_path, f"tcp:127.0.0.1:{relay.port}", "--libvirt", str(socket))
        try:
            server.start(limit=START)
            for name, config in VMS.items():
                made = server.local("POST", "/v1/vms", {"name": name, "config": config}, timeout=LIMIT)
                assert made.status == 201, made.body
            assert set(virsh("list", "--all", "--name").split()) == set(VMS)
            assert "Running hypervisor: Skerry" in virsh("version")
            assert "x86_64" in virsh("nodeinfo")
            assert "active" in virsh("net-list", "--all")
            root = xml.fromstring(virsh("dumpxml", "spinner"))
            assert root.findtext("memory") == "16384" and root.findtext("os/kernel") == "spin.bin"
            assert root.findtext("os/cmdline") == 'a "b" <&>'
            assert root.find("devices/interface/mac").get("address") == "52:54:00:12:34:56"

            assert "started" in virsh("start", "spinner")
            assert virsh("domstate", "spinner") == "running" and virsh("list", "--name") == "spinner"
            assert virsh("domuuid", "spinner") == root.findtext("uuid")
            console = pexpect.spawn("virsh", ["-c", uri, "console", "spinner"], timeout=LIMIT, encoding="utf-8")
            console.expect("started")
            console.send("\x1d")
            console.expect(pexpect.EOF)
            assert "suspended" in virsh("suspend", "spinner") and virsh("domstate", "spinner") == "paused"
            assert "resumed" in virsh("resume", "spinner") and virsh("domstate", "spinner") == "running"
            virsh("reboot", "spinner")
            assert virsh("domstate", "spinner") == "running"
            stats = wait_for(lambda: "skerry.exits" in (text := virsh("domstats", "spinner")) and text, LIMIT)
            assert "state.state=1" in stats
            assert "destroyed" in virsh("destroy", "spinner")
            assert virsh("domstate", "--reason", "spinner") == "shut off (destroyed)"
            assert "domain is not running" in virsh("destroy", "spinner", fails=True)
            assert "Skerry does not serve DomainSave" in virsh("save", "idle", "/tmp/x", fails=True)
            assert "undefined" in virsh("undefine", "idle")
            assert "idle" not in virsh("list", "--all", "--name")
            log = machine.command("log show -c audit")
            assert f"uid {os.getuid()} via socket" in log
        finally:
            server.stop()
            relay.close()
