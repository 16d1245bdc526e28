# SPDX-License-Identifier: MIT
"""Debian's Corosync and Pacemaker at two skerryd, each beside a fake Skerry: the stock agent VirtualDomain, fenced from outside."""
import contextlib
import os

import pacemaker
import pytest

from client import Server, wait_for
from fake_skerry import FakeSkerry

NAMES = "ab"
GUEST = """<domain type="skerry">
  <name>alpha</name>
  <memory unit="MiB">96</memory>
  <vcpu>1</vcpu>
  <os>
    <type>hvm</type>
    <kernel>vmlinuz</kernel>
    <initrd>initramfs.cpio.gz</initrd>
    <cmdline>console=ttyS0 quiet name=alpha no_timer_check</cmdline>
  </os>
  <devices>
    <disk type="volume" device="disk">
      <source pool="pool" volume="one"/>
      <target dev="vda" bus="virtio"/>
    </disk>
  </devices>
</domain>
"""
FENCE = """<primitive id="fence-{name}" class="stonith" type="fence_redfish"><instance_attributes id="fence-{name}-of">
<nvpair id="f1{name}" name="ip" value="{address}"/><nvpair id="f2{name}" name="ipport" value="{port}"/>
<nvpair id="f3{name}" name="username" value="bmc"/><nvpair id="f4{name}" name="password" value="secret"/>
<nvpair id="f5{name}" name="systems_uri" value="/redfish/v1/Systems/{name}"/><nvpair id="f6{name}" name="ssl_insecure" value="1"/>
<nvpair id="f7{name}" name="pcmk_host_list" value="{name}"/>{more}</instance_attributes></primitive>"""
VM = """<primitive id="alpha" class="ocf" provider="heartbeat" type="VirtualDomain"><instance_attributes id="alpha-of">
<nvpair id="v1" name="config" value="{xml}"/><nvpair id="v2" name="start_resources" value="true"/>
<nvpair id="v3" name="hypervisor" value="skerry+unix:///system?socket=/run/skerryd/libvirt-sock"/></instance_attributes><operations>
<op id="o1" name="start" interval="0" timeout="120s"/><op id="o2" name="stop" interval="0" timeout="40s"/>
<op id="o3" name="monitor" interval="5s" timeout="30s"/></operations></primitive>"""
pytestmark = pytest.mark.long  # needs the packages of `make cluster-packages`, and root for namespaces


class Host:
    """A fake machine, the skerryd that serves it, and the node of the cluster beside it: one power switch for all of them."""

    def __init__(self, program, folder, name):
        folder.mkdir()
        self.name, self.node, self.on = name, None, True
        self.fake = FakeSkerry(str(folder / "skerry.sock"), vms=0)
        self.fake.make_stores()
        # the first one has the store; the other one gets it once nobody writes to it any more
        self.fake.store_shows = ["ready" if name == "a" else "held"]
        self.fake.store_taken = ["held", "loading", "loading", "ready"]
        self.virt = folder / "virt.sock"
        self.server = Server(program, folder, self.fake.path, "--libvirt", str(self.virt)).start()

    def power_off(self):
        self.on = False
        self.node.power_off()

    def runs(self):
        return any(vm["name"] == "alpha" and vm["state"] == "running" for vm in self.server.local("GET", "/v1/vms").json()["items"])

    def close(self):
        if self.node:
            self.node.power_off()
        self.server.stop()
        self.fake.close()


def wire(nodes):
    """Connects the nodes with each other, and each with the controllers here."""
    tag = os.getpid() % 10000
    pacemaker.ip("link", "add", f"sk{tag}a", "type", "veth", "peer", "name", f"sk{tag}b")
    for node in nodes:
        node.join(f"sk{tag}{node.name}", f"10.78.0.{node.number}")
        pacemaker.ip("link", "add", f"sm{tag}{node.name}", "type", "veth", "peer", "name", f"sn{tag}{node.name}")
        pacemaker.ip("addr", "add", f"10.79.{node.number}.1/24", "dev", f"sm{tag}{node.name}")
        pacemaker.ip("link", "set", f"sm{tag}{node.name}", "up")
        node.join(f"sn{tag}{node.name}", f"10.79.{node.number}.2")
    return f"sk{tag}"


def configure(node, port, xml):
    """Enters what a cluster's administrator enters. Who has the VM is fenced at once, the other one later: not both in a split."""
    node.run("crm_attribute", "--type", "crm_config", "--name", "stonith-action", "--update", "off")
    node.run("crm_attribute", "--type", "crm_config", "--name", "no-quorum-policy", "--update", "ignore")
    for name in NAMES:
        other = 2 if name == "a" else 1     # who fences it reaches the controllers by its own network
        more = '<nvpair id="f8b" name="pcmk_delay_base" value="20s"/>' if name == "b" else ""
        node.run("cibadmin", "-C", "-o", "resources", "-X", FENCE.format(
            name=name, address=f"10.79.{other}.1", port=port, more=more))
        node.run("cibadmin", "-C", "-o", "constraints", "-X",
                 f'<rsc_location id="not-{name}" rsc="fence-{name}" node="{name}" score="-INFINITY"/>')
    node.run("cibadmin", "-M", "-o", "configuration", "-X", f"<configuration><resources>{VM.format(xml=xml)}</resources><constraints>"
             '<rsc_location id="first" rsc="alpha" node="a" score="50"/></constraints></configuration>')


@pytest.mark.parametrize("how", ["killed", "split"])
def test_a_vm_goes_on_elsewhere(program, tmp_path, how):
    xml = tmp_path / "alpha.xml"
    xml.write_text(GUEST)
    with contextlib.ExitStack() as stack:
        hosts = {}
        for number, name in enumerate(NAMES):
            hosts[name] = host = Host(program, tmp_path / name, name)
            stack.callback(host.close)
            host.node = pacemaker.Node(1 + number, name, NAMES, tmp_path / name / "node", host.virt)
        first, second = hosts.values()
        controllers = pacemaker.Controllers(tmp_path, lambda name: hosts[name].power_off(), lambda name: hosts[name].on)
        stack.callback(controllers.close)
        nodes = [host.node for host in hosts.values()]
        wires = wire(nodes)
        for node in nodes:
            node.begin()
        wait_for(lambda: "Online: [ a b ]" in first.node.run("crm_mon", "-1", check=False), 90)
        configure(first.node, controllers.port, xml)
        wait_for(first.runs, 90)
        assert not second.runs() and not controllers.asked
        if how == "killed":
            first.power_off()
        else:
            first.node.run("ip", "link", "set", wires + "a", "down")
        # the other one has it once the controller has said that the first one is off
        wait_for(lambda: second.runs() or not first.on, 90)
        assert how == "killed" or not second.runs()
        wait_for(second.runs, 90)
        assert not first.on and second.on and "a" in controllers.looked
        assert controllers.asked == ([] if how == "killed" else [("a", "ForceOff")])
        assert [words for words, _ in second.fake.commands if words[:2] == ["store", "take"]] == [["store", "take", "pool"]]
