# SPDX-License-Identifier: MIT
"""VMs that virsh and virt-install define by XML, beside a fake Skerry."""
import os
import re
import shutil
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from client import LIMIT, wait_for
from libvirt_door import as_before, fake, folder, restarted, server  # noqa: F401
from virsh import Virsh

PAGE = Path(__file__).parents[3] / "docs/guides/libvirt.md"
DISK = '<disk type="volume" device="disk"><source pool="pool" volume="root"/><target dev="vda" bus="virtio"/></disk>'
# What virt-install 4.1 writes for KVM with --graphics none, but for the disk's format.
KVM = """<domain type="kvm">
  <name>guest</name>
  <uuid>46dd5dfa-f1db-406c-8674-d980ff1b86b5</uuid>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://debian.org/debian/12"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory>2097152</memory>
  <currentMemory>2097152</currentMemory>
  <vcpu>2</vcpu>
  <os>
    <type arch="x86_64" machine="q35">hvm</type>
    <loader readonly="yes" type="pflash">/usr/share/OVMF/OVMF.fd</loader>
    <boot dev="cdrom"/>
    <boot dev="hd"/>
  </os>
  <features>
    <acpi/>
    <apic/>
    <vmport state="off"/>
  </features>
  <cpu mode="host-passthrough"/>
  <clock offset="utc">
    <timer name="rtc" tickpolicy="catchup"/>
    <timer name="pit" tickpolicy="delay"/>
    <timer name="hpet" present="no"/>
  </clock>
  <pm>
    <suspend-to-mem enabled="no"/>
    <suspend-to-disk enabled="no"/>
  </pm>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type="volume" device="disk">
      <driver name="qemu" type="raw" discard="unmap"/>
      <source volume="root" pool="pool"/>
      <target dev="vda" bus="virtio"/>
    </disk>
    <disk type="file" device="cdrom">
      <driver name="qemu" type="raw"/>
      <source file="/var/lib/iso"/>
      <target dev="sda" bus="sata"/>
      <readonly/>
    </disk>
    <controller type="usb" model="qemu-xhci" ports="15"/>
    <controller type="pci" model="pcie-root"/>
""" + '    <controller type="pci" model="pcie-root-port"/>\n' * 14 + """    <interface type="network">
      <source network="lan"/>
      <mac address="52:54:00:01:02:03"/>
      <model type="virtio"/>
    </interface>
    <console type="pty"/>
    <channel type="unix">
      <source mode="bind"/>
      <target type="virtio" name="org.qemu.guest_agent.0"/>
    </channel>
    <memballoon model="virtio"/>
    <rng model="virtio">
      <backend model="random">/dev/urandom</backend>
    </rng>
  </devices>
</domain>
"""
KERNEL = "<os><type>hvm</type><kernel>vmlinuz</kernel></os>"


def small(name, *parts, os=KERNEL, devices=""):
    return (f"<domain type='skerry'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>{os}"
            f"{''.join(parts)}<devices>{devices}</devices></domain>")


@pytest.fixture
def virsh(server, fake, tmp_path):
    """Runs virsh; a word that is XML goes there as a file."""
    def run(*words, fails=False):
        files = [str(tmp_path / f"{place}.xml") for place in range(len(words))]
        for word, file in zip(words, files):
            if word.lstrip().startswith("<"):
                Path(file).write_text(word)
        words = [file if word.lstrip().startswith("<") else word for word, file in zip(words, files)]
        return Virsh(server.virt)(*words, fails=fails)
    before = set(fake.vms)
    restarted(fake, server)
    yield run
    for name in set(fake.vms) - before:
        server.local("DELETE", f"/v1/vms/{name}")


def commands(fake, since, *verb):
    return [words for words, _ in fake.commands[since:] if words[:len(verb)] == list(verb)]


def test_what_virt_install_writes(virsh, fake):
    assert "Domain 'guest' defined" in virsh("define", KVM)
    assert fake.vms["guest"].config == {
        "memory": "2048M", "vcpus": "2", "weight": "256", "cap": "none", "boot": "uefi", "firmware": "OVMF.fd",
        "boot.order": "cdrom, disk", "smbios.uuid": "46dd5dfa-f1db-406c-8674-d980ff1b86b5", "rng": "yes", "balloon": "yes",
        "disk": "pool/root, iso cdrom", "net": "lan mac=52:54:00:01:02:03"}
    assert virsh("domstate", "guest").strip() == "shut off"
    # again, and with a change
    since = len(fake.commands)
    virsh("define", KVM)
    assert commands(fake, since, "vm", "set") == []
    virsh("define", KVM.replace("<vcpu>2<", "<vcpu>4<").replace('<rng model="virtio">', "<!--").replace("</rng>", "-->"))
    assert [sorted(words) for words in commands(fake, since, "vm", "set")] == [sorted(
        ["vm", "set", "guest", "vcpus=4", "rng=none"])]


def test_what_dumpxml_says_can_be_defined_again(virsh, fake):
    full = {"kernel": "vmlinuz", "initrd": "initrd", "cmdline": "a=\"b\" c='<&>' " + "x" * 900, "memory": "64M", "vcpus": "3",
            "on_crash": "destroy", "hpet": "yes", "rng": "yes", "balloon": "yes", "vsock": "yes", "console": "virtio",
            "disk": "pool/root, iso cdrom, raw ro", "affinity": "0-1",
            "net": "lan mac=52:54:00:00:00:07 vlan=7 private, lab trunk"}
    firmware = {"boot": "uefi", "firmware": "OVMF.fd", "boot.order": "net, disk", "boot.menu": "yes", "smbios.vendor": "A & B",
                "smbios.product": "c", "smbios.serial": "7", "disk": "pool/root, pool/vars flash"}
    fake.add("full", full)
    fake.add("firm", firmware)
    fake.event("created", fake.vms["full"])
    fake.event("created", fake.vms["firm"])
    for name in ("full", "firm"):
        text = wait_for(lambda name=name: (found := virsh("dumpxml", name)) and "pool" in found and found)
        config = dict(fake.vms[name].config)
        since = len(fake.commands)
        assert "defined" in virsh("define", text)
        assert commands(fake, since, "vm", "set") == []
        virsh("start", name)
        virsh("define", virsh("dumpxml", name))
        assert commands(fake, since, "vm", "set") == []
        virsh("destroy", name)
        virsh("undefine", name)
        virsh("define", text)
        uuid = re.search("<uuid>(.*)</uuid>", text)[1]
        assert fake.vms[name].config == config | ({"smbios.uuid": uuid} if name == "firm" else {})


def test_a_change_leaves_what_xml_has_no_word_for(virsh, fake):
    fake.add("kept", {"net": "lan mac=52:54:00:00:00:07 address=10.0.2.15", "on_crash": "restore", "weight": "7"})
    fake.event("created", fake.vms["kept"])
    text = wait_for(lambda: "52:54" in (found := virsh("dumpxml", "kept")) and found)
    virsh("define", text.replace("<vcpu>1<", "<vcpu>2<"))
    assert fake.vms["kept"].config["vcpus"] == "2" and fake.vms["kept"].config["on_crash"] == "restore"
    assert "address=10.0.2.15" in fake.vms["kept"].config["net"] and fake.vms["kept"].config["weight"] == "7"


def test_a_folder_is_no_file(virsh, fake):
    virsh("define", small("odd", os=KERNEL.replace("vmlinuz", "/boot/")))
    assert fake.vms["odd"].config["kernel"] == "/boot/" and "boot" not in fake.vms["odd"].config


def test_edit(virsh, fake, monkeypatch):
    monkeypatch.setenv("EDITOR", "sed -i s/131072/262144/")
    assert "XML configuration edited" in virsh("edit", "vm02")
    assert fake.vms["vm02"].config["memory"] == "256M"
    monkeypatch.setenv("EDITOR", "sed -i s/262144/131072/")
    virsh("edit", "vm02")


def test_another_vm_of_that_name_is_not_changed(virsh, fake):
    uuid = fake.vms["vm01"].uuid
    for text in (small("vm01"), small("vm01", "<uuid>46dd5dfa-f1db-406c-8674-d980ff1b86b5</uuid>")):
        assert f"domain 'vm01' already exists with uuid {uuid}" in virsh("define", text, fails=True)
        assert "already exists" in virsh("create", text, fails=True)
    assert fake.vms["vm01"].config["memory"] == "128M" and fake.vms["vm01"].state == "created"
    virsh("define", small("vm01", f"<uuid>{uuid}</uuid>"))
    assert fake.vms["vm01"].config["memory"] == "64M"
    virsh("define", small("vm01", f"<uuid>{uuid}</uuid>").replace("'MiB'>64", "'MiB'>128"))


def test_create(virsh, fake):
    assert "Domain 'made' created" in virsh("create", small("made"))
    assert fake.vms["made"].state == "running"
    assert "already active" in virsh("create", small("made"), fails=True)
    virsh("destroy", "made")
    virsh("create", small("made", f"<uuid>{fake.vms['made'].uuid}</uuid>"))
    virsh("destroy", "made")
    assert "flags 0x1" in virsh("create", small("made"), "--paused", fails=True)
    assert "flags 0x2" in virsh("create", small("made"), "--autodestroy", fails=True)


def test_a_vm_that_cannot_start_is_not_kept(virsh, fake, monkeypatch):
    def act(verb, names, after, real=fake.act):
        if verb == "start":
            raise type(fake).Refused("no-memory", "there is no memory for it")
        return real(verb, names, after)
    monkeypatch.setattr(type(fake), "Refused", __import__("fake_snapshots").Refused, raising=False)
    monkeypatch.setattr(fake, "act", act)
    assert "there is no memory for it" in virsh("create", small("made"), fails=True)
    wait_for(lambda: "made" not in fake.vms)


def test_what_skerry_has_nothing_for_is_refused_by_its_path(virsh, fake):
    graphics, nat = '<graphics type="vnc"/>', '<interface type="user"/>'
    for text, path in (
            (small("x", devices=graphics), "domain/devices/graphics"),
            (small("x", devices=nat), "domain/devices/interface@type user"),
            (small("x", devices="<hostdev/>"), "domain/devices/hostdev"),
            (small("x", devices=DISK.replace("<target", '<driver type="qcow2"/><target')), "disk/driver@type qcow2"),
            (small("x", devices=DISK.replace('volume="root"', 'volume="a ro, b"')), "domain/devices/disk/source"),
            (small("x", devices='<disk device="cdrom"/>'), "domain/devices/disk/source"),
            (small("x", devices='<interface type="network"><source network="lan any_source"/></interface>'),
             "interface/source@network"),
            (small("x", "<cpu mode='custom'/>"), "domain/cpu@mode custom"),
            (small("x", "<clock offset='localtime'/>"), "domain/clock@offset localtime"),
            (small("x", "<on_reboot>destroy</on_reboot>"), "domain/on_reboot destroy"),
            (small("x", "<currentMemory>1024</currentMemory>"), "domain/currentMemory"),
            (small("x", "<memory>1024</memory>"), "more than once: domain/memory"),
            (small("x", os=KERNEL.replace("<kernel>", "<kernel>a</kernel><kernel>")), "more than once: domain/os/kernel"),
            (small("x", "<uuid>no</uuid>"), "domain/uuid"),
            (small("x", "<memoryBacking/>"), "domain/memoryBacking"),
            (small("x", os="<os><type>xen</type></os>"), "domain/os/type xen"),
            (small("../vm00"), "domain/name"), ("<domain/>", "domain/name"), ("<network/>", "network")):
        for verb in ("define", "create"):
            assert path in virsh(verb, text, fails=True), text
    assert "x" not in fake.vms
    # what keys may be, Skerry says
    assert 'must be 1 to 31 letters' in virsh("define", small("a+b"), fails=True)


def test_the_page_says_what_is_accepted(virsh, fake):
    """Each element of the guide's list of what means nothing is accepted, and is in definition_known.c."""
    listed = re.search(r"accepted and means nothing here: (.*?)\.\n", PAGE.read_text(), re.S)[1]
    assert len(re.findall("`", listed)) > 30
    known = (Path(__file__).parents[2] / "door/definition_known.c").read_text().replace('DEVICE "', '"domain/devices/')
    for path in re.findall(r"`([^`]*)`", listed):
        assert f'"domain/{path}' in known, path


def test_who_may_not(server, fake, folder):
    """The role decides, as it does of REST: an operator makes no VM."""
    if os.getuid():
        pytest.skip("only root can be another user")
    before = set(fake.vms)
    file = folder / "x.xml"
    file.write_text(small("x"))
    for words in (("define", str(file)), ("create", str(file))):
        done = subprocess.run(["setpriv", "--reuid=games", "--clear-groups", "virsh", "-c",
                               f"skerry+unix:///system?socket={server.virt}", *words], text=True, capture_output=True,
                              timeout=LIMIT)
        assert done.returncode and "needs a credential" in done.stderr
    done = subprocess.run(["virsh", "-r", "-c", f"skerry+unix:///system?socket={server.virt}", "define", str(file)],
                          text=True, capture_output=True, timeout=LIMIT)
    assert done.returncode and "read only" in done.stderr
    assert set(fake.vms) == before


@pytest.mark.skipif(not shutil.which("virt-install"), reason="there is no virt-install")
def test_virt_install(server, fake, virsh):
    fake.make_stores()
    server.local("POST", "/v1/stores/pool/volumes", {"name": "root", "bytes": 1 << 20})
    done = subprocess.run(["virt-install", "--connect", f"skerry+unix:///system?socket={server.virt}", "--name", "guest",
                           "--memory", "512", "--vcpus", "2", "--import", "--disk", "vol=pool/root", "--network",
                           "network=lan", "--graphics", "none", "--noautoconsole", "--osinfo", "detect=off,require=off"],
                          text=True, capture_output=True, timeout=LIMIT)
    assert done.returncode == 0, done
    assert fake.vms["guest"].state == "running" and fake.vms["guest"].config["disk"] == "pool/root"
    assert xml.fromstring(virsh("dumpxml", "guest")).findtext("memory") == "524288"
    virsh("destroy", "guest")
