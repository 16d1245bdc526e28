# SPDX-License-Identifier: MIT
"""Debian's virsh at the real image, through skerryd: a VM's life, its description, console and events."""
import contextlib
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

import bundle
import firmware
import ring_3
import pytest
from relay import Relay

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server, wait_for  # noqa: E402
from virsh import Virsh  # noqa: E402

CONF = """[channel com2]
rights = view operate console configure host
[net lan]
"""
DISKS = f"""[host]
state_key = {64 * "5"}
[disk boot]
controller = memory
image = boot.img
[disk raw]
controller = memory
size = 16M
[store pool]
disk = raw
[disk saves]
controller = memory
size = 32M
"""
VMS = {"spinner": {"kernel": "spin.bin", "memory": "16M", "net": "lan mac=52:54:00:12:34:56", "cmdline": 'a "b" <&>'},
       "idle": {"kernel": "hlt.bin", "memory": "16M"}}
LIMIT = 300
START = 300


# A machine as virt-install 4.1 writes one, but for the disks.
GUEST = """<domain type="skerry">
  <name>guest</name>
  <uuid>46dd5dfa-f1db-406c-8674-d980ff1b86b5</uuid>
  <memory>65536</memory>
  <currentMemory>65536</currentMemory>
  <vcpu>1</vcpu>
  <os>
    <type arch="x86_64">hvm</type>
    <boot dev="hd"/>
  </os>
  <features>
    <acpi/>
    <apic/>
  </features>
  <clock offset="utc"/>
  <devices>
    <disk type="block" device="disk">
      <source dev="boot"/>
      <target dev="vda" bus="virtio"/>
    </disk>
    <disk type="block" device="disk">
      <source dev="pool/web"/>
      <target dev="vdb" bus="virtio"/>
    </disk>
    <interface type="network">
      <source network="lan"/>
      <mac address="52:54:00:11:22:33"/>
      <model type="e1000"/>
    </interface>
    <console type="pty"/>
  </devices>
</domain>
"""


@contextlib.contextmanager
def skerry(emulator, build, tmp_path, conf, files):
    """The image, skerryd at its COM2, and virsh at that."""
    socket = tmp_path / "virt.sock"
    made = bundle.make(tmp_path / "virsh.cpio", conf, files)
    with emulator(build, bundle=made, channel=True) as machine:
        machine.wait_prompt()
        relay = Relay(machine.channel.link)
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), tmp_path, f"tcp:127.0.0.1:{relay.port}", "--libvirt", str(socket))
        try:
            server.start(limit=START)
            yield machine, server, Virsh(socket, LIMIT)
        finally:
            server.stop()
            relay.close()


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_virsh(emulator, build, tmp_path):
    with skerry(emulator, build, tmp_path, CONF, bundle.tiny(build, "hlt", "spin")) as (machine, server, virsh):
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
        virsh.console("spinner", "started")
        assert "suspended" in virsh("suspend", "spinner") and virsh("domstate", "spinner") == "paused"
        assert "resumed" in virsh("resume", "spinner") and virsh("domstate", "spinner") == "running"
        virsh("reboot", "spinner")
        assert virsh("domstate", "spinner") == "running"
        stats = wait_for(lambda: "skerry.exits" in (text := virsh("domstats", "spinner")) and text, LIMIT)
        assert "state.state=1" in stats
        assert "destroyed" in virsh("destroy", "spinner")
        assert virsh("domstate", "--reason", "spinner") == "shut off (destroyed)"
        assert "domain is not running" in virsh("destroy", "spinner", fails=True)
        assert "Skerry does not serve DomainInjectNmi" in virsh("inject-nmi", "idle", fails=True)
        assert "undefined" in virsh("undefine", "idle")
        assert "idle" not in virsh("list", "--all", "--name")
        log = machine.command("log show -c audit")
        assert f"uid {os.getuid()} via socket" in log


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_define(emulator, build, tmp_path):
    """A VM is defined, runs, and is defined again by what dumpxml has said of it."""
    conf = CONF + DISKS
    files = bundle.tiny(build, "spin") | {"bios-256k.bin": firmware.SEABIOS.read_bytes(), "boot.img": firmware.disk(tmp_path)}
    file = tmp_path / "guest.xml"
    with skerry(emulator, build, tmp_path, conf, files) as (_, server, virsh):
        assert server.local("POST", "/v1/stores/pool/actions/format", timeout=LIMIT).json()["changed"]
        virsh("vol-create-as", "pool", "web", "1M")
        file.write_text(GUEST)
        assert "defined" in virsh("define", str(file))
        assert virsh("domstate", "guest") == "shut off"
        virsh("start", "guest")
        virsh.console("guest", "SECOND sector")
        # what the gateway's copy of the configuration says may come later than the VM
        file.write_text(text := wait_for(lambda: "web" in (text := virsh("dumpxml", "guest")) and text, LIMIT))
        assert "defined" in virsh("define", str(file))
        virsh("destroy", "guest")
        file.write_text(changed := text.replace("<vcpu>1<", "<vcpu>2<").replace("<devices>", "<devices><rng model='virtio'/>"))
        assert "defined" in virsh("define", str(file))
        shown = wait_for(lambda: "rng" in (text := virsh("dumpxml", "guest")) and text, LIMIT)
        virsh("undefine", "guest")
        file.write_text(shown)
        virsh("define", str(file))
        again = wait_for(lambda: "web" in (text := virsh("dumpxml", "guest")) and text, LIMIT)

        def without_uuid(text):
            return re.sub("<uuid>.*</uuid>", "", text)
        assert without_uuid(again) == without_uuid(shown) and "<vcpu>2</vcpu>" in again
        virsh("start", "guest")
        virsh.console("guest", "SECOND sector")
        virsh("destroy", "guest")
        # a mistake that Skerry finds, and one that is none of XML's
        file.write_text(GUEST.replace("guest", "other").replace("pool/web", "pool/none"))
        assert "none" in virsh("define", str(file), fails=True)
        file.write_text(GUEST.replace("guest", "other").replace("<clock", "<maxMemory/><clock"))
        assert "domain/maxMemory" in virsh("define", str(file), fails=True)
        file.write_text("<domain type='kvm'><name>spinner</name><memory unit='MiB'>16</memory><vcpu>1</vcpu><os><type>hvm</type>"
                        "<kernel>/boot/spin.bin</kernel></os></domain>")
        assert "created" in virsh("create", str(file))
        assert virsh("list", "--name") == "spinner"
        assert "saved" in virsh("save", "spinner", "saves")
        wait_for(lambda: virsh("domstate", "--reason", "spinner") == "shut off (saved)", LIMIT)
        assert "restored" in virsh("restore", "saves/spinner") and virsh("list", "--name") == "spinner"
        virsh("destroy", "spinner")
        virsh("undefine", "spinner")
        if shutil.which("virt-install"):
            subprocess.run(["virt-install", "--connect", virsh.uri, "--name", "installed", "--memory", "64", "--import",
                            "--disk", "vol=pool/web", "--boot", "kernel=spin.bin", "--network", "network=lan", "--graphics", "none", "--noautoconsole",
                            "--osinfo", "detect=off,require=off", "--check", "all=off"], check=True, timeout=LIMIT)
            virsh.console("installed", "started")
