# SPDX-License-Identifier: MIT
"""
libvirt's RPC: Debian's virsh, python3-libvirt and prometheus-libvirt-exporter, which know nothing of
Skerry, at skerryd's Unix socket beside a fake Skerry.
"""
import os
import re
import select
import signal
import socket
import subprocess
import time
import urllib.request
import xml.etree.ElementTree as xml

import pexpect
import pytest

from client import LIMIT, free_port, wait_for
from libvirt_door import as_before, fake, folder, put, restarted, server  # noqa: F401
from virsh import Virsh


@pytest.fixture
def virsh(server):
    return Virsh(server.virt)


def shown(text):
    """What virsh shows as lines KEY: VALUE."""
    return {key.strip(): value.strip() for key, value in (line.split(":", 1) for line in text.splitlines())}


def test_list(virsh):
    rows = [line.split(None, 2) for line in virsh("list", "--all").splitlines()[2:]]
    assert {name: state.strip() for _, name, state in rows} == {
        "vm00": "running", "vm01": "shut off", "vm02": "shut off", "vm03": "shut off", "web": "shut off"}
    assert virsh("list", "--name") == "vm00"
    assert virsh("list", "--state-paused", "--name") == ""
    assert set(virsh("list", "--inactive", "--persistent", "--name").split()) == {"vm01", "vm02", "vm03", "web"}
    # virsh asks in its old way for what the new one is refused, and picks for itself
    assert virsh("list", "--all", "--autostart", "--name") == ""


def test_find(virsh):
    number = virsh("domid", "vm00")
    assert number.isdigit() and virsh("domid", "vm01") == "-"
    assert virsh("domname", number) == "vm00"
    uuid = virsh("domuuid", "vm01")
    assert virsh("domname", uuid) == "vm01"
    for none in ("none", "999", "00000000-0000-4000-8000-0000000000ff", "../vm00", "vm00/actions/kill"):
        assert "failed to get domain" in virsh("dominfo", none, fails=True), none


def test_show(virsh, fake):
    info = shown(virsh("dominfo", "vm00"))
    assert info["State"] == "running" and info["CPU(s)"] == "1" and info["Max memory"] == "131072 KiB"
    assert info["UUID"] == fake.vms["vm00"].uuid and info["OS Type"] == "hvm"
    assert info["Persistent"] == "yes" and info["Autostart"] == "disable" and info["Managed save"] == "no"
    assert virsh("domstate", "--reason", "vm01") == "shut off (unknown)"
    assert virsh("domcontrol", "vm00") == "ok"
    assert virsh("vcpucount", "web", "--maximum", "--config") == "2"


def test_machine(virsh):
    # how many CPUs there are, the first sample says
    info = wait_for(lambda: (found := shown(virsh("nodeinfo")))["CPU(s)"] != "0" and found)
    assert info["CPU(s)"] == "2" and info["CPU model"] == "x86_64" and info["Memory size"] == "1038528 KiB"
    assert "Running hypervisor: Skerry 0.1.0" in virsh("version")
    assert virsh("hostname") == socket.gethostname()
    assert virsh("freecell") == "Total: 760000 KiB"
    assert xml.fromstring(virsh("capabilities")).find("guest/os_type").text == "hvm"
    assert virsh("uri").startswith("skerry+unix:///system")


def test_description(virsh, fake):
    root = xml.fromstring(virsh("dumpxml", "web"))
    assert root.tag == "domain" and root.get("type") == "skerry" and root.get("id") is None
    assert root.findtext("name") == "web" and root.findtext("uuid") == fake.vms["web"].uuid
    assert root.findtext("vcpu") == "2" and root.findtext("memory") == "131072"
    assert root.findtext("os/cmdline") == "quiet a='<&>'" and root.findtext("on_crash") == "restart"
    disk, iso = root.findall("devices/disk")
    assert disk.get("type") == "volume" and disk.find("source").attrib == {"pool": "pool", "volume": "web"}
    assert disk.find("target").get("dev") == "vda" and disk.find("readonly") is None
    assert iso.get("device") == "cdrom" and iso.find("readonly") is not None
    lan, lab = root.findall("devices/interface")
    assert lan.find("source").get("network") == "lan" and lan.find("mac").get("address") == "52:54:00:00:00:01"
    assert lab.find("source").get("network") == "lab"
    assert xml.fromstring(virsh("dumpxml", "vm00")).get("id") == virsh("domid", "vm00")


def test_networks(virsh):
    rows = {row.split()[0]: row.split()[1:] for row in virsh("net-list", "--all").splitlines()[2:]}
    assert rows == {"lan": ["active", "yes", "yes"], "lab": ["inactive", "yes", "yes"]}
    assert virsh("net-list", "--name") == "lan"
    assert virsh("net-name", virsh("net-uuid", "lab")) == "lab"
    assert shown(virsh("net-info", "lan"))["Active"] == "yes"
    root = xml.fromstring(virsh("net-dumpxml", "lan"))
    assert root.findtext("name") == "lan" and root.find("mtu").get("size") == "1500"
    assert "failed to get network" in virsh("net-info", "none", fails=True)
    assert "Skerry does not serve NetworkDestroy" in virsh("net-destroy", "lan", fails=True)


def test_pools_and_volumes(virsh, fake, server):
    fake.make_stores()
    assert "created" in virsh("vol-create-as", "pool", "root", "1M") and fake.stores["pool"]["root"]["bytes"] == 1 << 20
    assert "created" in virsh("vol-create-as", "pool", "data", str((1 << 30) - 1), "--format", "raw", "--allocation", "0")
    for words, said in ((("root", "1M"), "exists"), (("other", "1M", "--format", "qcow2"), "raw, and not qcow2"),
                        (("other", "1M", "--backing-vol", "root"), "volume/backingStore"), (("../x", "1M"), ""),
                        (("other", "1M", "--prealloc-metadata"), "flags 0x1")):
        assert said in virsh("vol-create-as", "pool", *words, fails=True), words
    assert list(fake.stores["pool"]) == ["root", "data"]
    rows = {row.split()[0]: row.split()[1] for row in virsh("pool-list", "--all").splitlines()[2:]}
    assert rows == {"pool": "active", "empty": "inactive"}
    info = shown(virsh("pool-info", "--bytes", "pool"))
    assert info["State"] == "running" and info["Capacity"] == str(1 << 30) and info["Available"] == str(1 << 29)
    assert virsh("pool-name", virsh("pool-uuid", "pool")) == "pool"
    assert xml.fromstring(virsh("pool-dumpxml", "pool")).findtext("capacity") == str(1 << 30)
    assert "refreshed" in virsh("pool-refresh", "pool")
    rows = {row.split()[0]: row.split()[1] for row in virsh("vol-list", "pool").splitlines()[2:]}
    assert rows == {"root": "pool/root", "data": "pool/data"}
    assert shown(virsh("vol-info", "--bytes", "root", "--pool", "pool"))["Capacity"] == f"{1 << 20} bytes"
    assert virsh("vol-key", "pool/root") == "pool/root" and virsh("vol-path", "root", "--pool", "pool") == "pool/root"
    assert virsh("vol-pool", "pool/root") == "pool"
    assert xml.fromstring(virsh("vol-dumpxml", "data", "--pool", "pool")).findtext("target/path") == "pool/data"
    assert "deleted" in virsh("vol-delete", "data", "--pool", "pool")
    assert list(fake.stores["pool"]) == ["root"]
    fake.stores["pool"]["root"]["users"] = "vm00"
    assert "vm00 uses it" in virsh("vol-delete", "root", "--pool", "pool", fails=True)
    for words in (("pool-info", "none"), ("vol-info", "none", "--pool", "pool"), ("vol-list", "none"),
                  ("vol-info", "../../vms/vm00", "--pool", "pool"), ("vol-info", "/etc/passwd")):
        assert "failed to get" in virsh(*words, fails=True)


def test_snapshots(virsh, server, fake):
    for name in ("one", "two"):
        assert server.local("POST", "/v1/vms/vm00/snapshots", {"name": name}).status == 200
    assert virsh("snapshot-list", "vm00", "--name").split() == ["one", "two"]
    assert re.search(r"one +20\d\d-.* running", virsh("snapshot-list", "vm00", "--leaves"))
    info = shown(virsh("snapshot-info", "vm00", "one"))
    assert info["Name"] == "one" and info["Domain"] == "vm00" and info["State"] == "running" and info["Children"] == "0"
    age_s = time.time() - int(xml.fromstring(virsh("snapshot-dumpxml", "vm00", "two")).findtext("creationTime"))
    assert 0 <= age_s < LIMIT
    assert "reverted" in virsh("snapshot-revert", "vm00", "one")
    assert ["vm", "reset", "vm00", "--to", "one"] in [words for words, _ in fake.commands]
    assert "without the flags 0x1" in virsh("snapshot-delete", "vm00", "one", "--children", fails=True)
    assert "deleted" in virsh("snapshot-delete", "vm00", "one") and fake.vms["vm00"].snapshots == ["two"]
    assert "no current snapshot" in virsh("snapshot-current", "vm00", fails=True)
    assert "created" in virsh("snapshot-create-as", "vm00", "three") and fake.vms["vm00"].snapshots == ["two", "three"]
    assert "domainsnapshot/description" in virsh("snapshot-create-as", "vm00", "x", "--description", "y", fails=True)
    assert "needs a name" in virsh("snapshot-create", "vm00", fails=True)
    virsh("snapshot-delete", "vm00", "three")
    for verb in ("snapshot-revert", "snapshot-delete", "snapshot-info"):
        for name in ("none", "../vm00", "two/clones"):
            assert "snapshot not found" in virsh(verb, "vm00", name, fails=True)
    assert fake.vms["vm00"].snapshots == ["two"]


def test_statistics(virsh):
    text = virsh("domstats", "web", "--state", "--vcpu", "--balloon")
    assert "Domain: 'web'" in text and "vm00" not in text
    found = dict(line.strip().split("=") for line in text.splitlines()[1:])
    assert found == {"state.state": "5", "state.reason": "0", "vcpu.current": "2", "vcpu.maximum": "2",
                     "balloon.current": "131072", "balloon.maximum": "131072", "balloon.rss": "0"}
    text = wait_for(lambda: "steal" in (text := virsh("domstats", "--list-active")) and text)
    assert text.count("Domain:") == 1 and re.search(r"cpu\.time=[1-9]", text) and re.search(r"skerry\.exits=[1-9]", text)
    assert virsh("domstats").count("Domain:") == 5
    assert "does not count" in virsh("domstats", "--enforce", "--perf", fails=True)
    assert virsh("dommemstat", "vm00") == "actual 131072\nrss 16384"
    assert "760000 KiB" in virsh("nodememstats")
    # of disks nothing is counted here, which is no error
    assert virsh("domblkstat", "web", "vda") == ""
    assert 'has no disk "vdz"' in virsh("domblkstat", "web", "vdz", fails=True)


def test_events(virsh, server, fake):
    """What `virsh event` prints of changes that others make, by whatever way."""
    server.local("POST", "/v1/vms", {"name": "short", "config": {"memory": "64M"}})
    listening = subprocess.Popen(["virsh", "-c", f"skerry+unix:///system?socket={server.virt}", "event", "--all",
                                  "--loop", "--timeout", str(LIMIT)], text=True, stdout=subprocess.PIPE)
    # the first event that it prints shows that it listens
    wait_for(lambda: fake.event("reset", fake.vms["vm03"]) or select.select([listening.stdout], [], [], 0.1)[0])

    for verb in ("start", "pause", "resume", "reset", "kill"):
        assert server.local("POST", f"/v1/vms/vm01/actions/{verb}").status == 200
    server.local("DELETE", "/v1/vms/short")
    fake.crash("vm02")
    lines = []
    while not lines or "Crashed" not in lines[-1]:
        lines.append(listening.stdout.readline().rstrip())
        assert lines[-1]
    listening.send_signal(signal.SIGINT)
    listening.communicate()
    lines = [line for line in lines if "vm03" not in line]
    assert lines == [
        "event 'lifecycle' for domain 'vm01': Started Booted", "event 'lifecycle' for domain 'vm01': Suspended Paused",
        "event 'lifecycle' for domain 'vm01': Resumed Unpaused", "event 'reboot' for domain 'vm01'",
        "event 'lifecycle' for domain 'vm01': Stopped Destroyed",
        "event 'lifecycle' for domain 'short': Undefined Removed", "event 'lifecycle' for domain 'vm02': Stopped Crashed"]
    assert "not of the event 3" in virsh("event", "--event", "watchdog", fails=True)


def test_console(server, fake):
    """What the guest has printed is shown, what is typed goes to it, and the escape character ends it."""
    virsh = pexpect.spawn("virsh", ["-c", f"skerry+unix:///system?socket={server.virt}", "console", "vm00"],
                          timeout=LIMIT, encoding="utf-8")
    virsh.expect("Escape character is")
    virsh.expect("Linux of vm00 boots .*login: ")
    virsh.send("a" * 3000 + "done\r")
    virsh.expect("a{3000}done")
    with fake.lock:
        fake.print_to(fake.vms["vm00"], b"b" * 60000 + b"end")
    virsh.expect("b{60000}end")
    virsh.send("\x1d")
    virsh.expect(pexpect.EOF)
    virsh.close()
    assert virsh.exitstatus == 0
    wait_for(lambda: not fake.streams, what="the end of the console's stream")
    lines = server.local("GET", "/v1/audit?limit=1000").json()["items"]
    assert ("console.ticket", "vm00", "ok") in {(line["action"], line["target"], line["result"]) for line in lines}


def test_exporter(server, fake):
    """Debian's exporter for Prometheus, with a VM that has disks and network cards."""
    port = free_port()
    put(fake, "web", "running")
    restarted(fake, server)
    exporter = subprocess.Popen(["prometheus-libvirt-exporter", "--libvirt.uri",
                                 f"skerry+unix:///system?socket={server.virt}", "--web.listen-address",
                                 f"127.0.0.1:{port}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def scraped():
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=LIMIT) as answer:
                return answer.read().decode()
        except OSError:
            return None
    try:
        text = wait_for(scraped)
        assert "libvirt_up 1\n" in text and "libvirt_domains_number 2\n" in text
        assert re.search(r'^libvirt_domain_state_code{domain="web",uuid="[0-9a-f-]+"} 1$', text, re.M)
        assert re.search(r'^libvirt_domain_info_cpu_time_seconds_total{domain="vm00".*} \d', text, re.M)
    finally:
        exporter.terminate()
        exporter.communicate()


def test_life(virsh, fake, server):
    restarted(fake, server)
    before = virsh("domid", "vm00")
    assert "Domain 'vm01' started" in virsh("start", "vm01")
    assert virsh("domstate", "vm01") == "running"
    assert "already active" in virsh("start", "vm01", fails=True)
    assert "suspended" in virsh("suspend", "vm01")
    assert virsh("domstate", "--reason", "vm01") == "paused (user)"
    assert "resumed" in virsh("resume", "vm01")
    assert "already running" in virsh("resume", "vm01", fails=True)
    for verb in ("reboot", "reset"):
        done = len(fake.commands)
        virsh(verb, "vm01")
        assert ["vm", "reset", "vm01"] in [words for words, _ in fake.commands[done:]]
    assert "is being shutdown" in virsh("shutdown", "vm01")
    wait_for(lambda: virsh("domstate", "vm01") == "shut off")
    for verb in ("shutdown", "destroy", "suspend", "reboot"):
        assert "domain is not running" in virsh(verb, "vm01", fails=True)
    virsh("start", "vm01")
    assert "destroyed" in virsh("destroy", "vm01")
    assert virsh("domstate", "--reason", "vm01") == "shut off (destroyed)"
    assert virsh("domid", "vm00") == before


def test_a_number_belongs_to_a_start(virsh, fake, server):
    restarted(fake, server)
    virsh("start", "vm02")
    first = virsh("domid", "vm02")
    virsh("destroy", "vm02")
    assert virsh("domid", "vm02") == "-"
    virsh("start", "vm02")
    assert int(virsh("domid", "vm02")) > int(first)
    assert "failed to get domain" in virsh("domname", first, fails=True)
    virsh("destroy", "vm02")


def test_autostart(virsh, fake):
    virsh("autostart", "vm03")
    wait_for(lambda: shown(virsh("dominfo", "vm03"))["Autostart"] == "enable")
    assert ["vm", "set", "vm03", "autostart=yes"] in [words for words, _ in fake.commands]
    virsh("autostart", "--disable", "vm03")
    wait_for(lambda: shown(virsh("dominfo", "vm03"))["Autostart"] == "disable")


def test_undefine(virsh, fake, server):
    restarted(fake, server)
    server.local("POST", "/v1/vms", {"name": "gone", "config": {"memory": "64M"}})
    assert "cannot undefine a domain that runs" in virsh("undefine", "vm00", fails=True)
    assert "has been undefined" in virsh("undefine", "gone")
    assert "gone" not in fake.vms and "vm00" in fake.vms


def test_what_is_not_served_is_refused_by_its_name(virsh):
    assert "Skerry does not serve DomainInjectNmi (procedure 210)" in virsh("inject-nmi", "vm00", fails=True)
    assert "flags 0x1" in virsh("start", "--paused", "vm01", fails=True)
    # the connection goes on
    assert "shut off" in virsh("inject-nmi vm00; domstate vm01", fails=False)


def test_save_and_restore(virsh, fake, server):
    restarted(fake, server)
    assert "saved" in virsh("save", "vm00", "saves")
    assert ["vm", "save", "vm00", "saves"] in [words for words, _ in fake.commands]
    assert virsh("domstate", "--reason", "vm00") == "shut off (saved)"
    assert "domain is not running" in virsh("save", "vm00", "saves", fails=True)
    for path in ("saves/vm01", "other/vm00", "saves/none"):
        assert "error" in virsh("restore", path, fails=True)
    assert "DISK/NAME" in virsh("restore", "/x", fails=True)
    assert "restored" in virsh("restore", "saves/vm00") and fake.vms["vm00"].state == "running"
    assert 'no disk "none"' in virsh("save", "vm00", "none", fails=True)
    # nothing is overwritten, and nothing else of libvirt's is there
    assert "holds something else" in virsh("save", "vm00", "data", fails=True)
    assert "flags 0x4" in virsh("save", "vm00", "saves", "--paused", fails=True)
    assert "does not serve DomainManagedSave" in virsh("managedsave", "vm00", fails=True)
    assert fake.vms["vm00"].state == "running"


def test_read_only(virsh):
    assert virsh("domstate", "vm00", options=["-r"]) == "running"
    assert "read only access" in virsh("destroy", "vm00", options=["-r"], fails=True)


def as_user(name):
    """What runs a program as that user."""
    if os.getuid():
        pytest.skip("only root can be another user")
    return ["setpriv", f"--reuid={name}", "--clear-groups"]


def test_another_user_may_do_nothing(virsh, server):
    server.local("POST", "/v1/users", {"name": "games", "password": "correct horse", "roles": ["admin"]})
    said = virsh("list", "--all", fails=True, prefix=as_user("games"))
    assert "needs a credential" in said


def test_a_local_user_is_the_user_of_that_name(pair, folder):
    """What a user may do, the one table says: roles, scope, and the audit."""
    virt = str(folder / "users.sock")
    fake, server = pair("--libvirt", virt, "--socket-users", vms=4)
    fake.add("web")
    server.start()

    def user(name, roles, scope="*"):
        made = server.local("POST", "/v1/users", {"name": name, "password": "correct horse", "roles": roles,
                                                  "scope": scope})
        assert made.status == 201, made.body

    def virsh(name, *words):
        done = subprocess.run([*as_user(name), "virsh", "-c", f"skerry+unix:///system?socket={virt}",
                               *words], text=True, capture_output=True, timeout=LIMIT)
        return done.stdout + done.stderr
    user("games", ["viewer"])
    user("news", ["operator"], "vm0*")
    user("man", ["auditor"])
    assert "vm00" in virsh("games", "list", "--all", "--name")
    assert "your roles do not allow this" in virsh("games", "start", "vm01")
    assert "your roles do not allow this" in virsh("games", "destroy", "vm00")
    assert fake.vms["vm00"].state == "running" and fake.vms["vm01"].state == "created"
    assert "your roles do not allow this" in virsh("man", "list", "--all")
    assert "needs a credential" in virsh("nobody", "list")
    assert virsh("news", "list", "--all", "--name").split() == ["vm00", "vm01", "vm02", "vm03"]
    assert "failed to get domain" in virsh("news", "start", "web")
    assert "your roles do not allow this" in virsh("news", "undefine", "vm02")
    server.local("POST", "/v1/vms/vm00/snapshots", {"name": "one"})
    assert virsh("games", "snapshot-list", "vm00", "--name").strip() == "one"
    for verb in ("snapshot-revert", "snapshot-delete"):
        assert "your roles do not allow this" in virsh("games", verb, "vm00", "one")
    # virsh wants a terminal for that
    code = ("import libvirt; c = libvirt.open(None); "
            "c.lookupByName('vm00').openConsole(None, c.newStream(), 0); print('open')")
    for name, roles, said in (("news", ["operator"], "your roles do not allow this"),
                              ("news", ["viewer", "console-write"], "open")):
        assert server.local("PATCH", f"/v1/users/{name}", {"roles": roles}).status == 200
        done = subprocess.run([*as_user(name), "/usr/bin/python3", "-c", code], text=True, capture_output=True,
                              timeout=LIMIT, env={"LIBVIRT_DEFAULT_URI": f"skerry+unix:///system?socket={virt}"})
        assert said in done.stdout + done.stderr
    # stores and networks belong to no VM
    assert "needs the scope *" in virsh("news", "pool-list")
    fake.make_stores()
    server.local("POST", "/v1/stores/pool/volumes", {"name": "root", "bytes": 1 << 20})
    assert "pool/root" in virsh("games", "vol-list", "pool")
    assert "your roles do not allow this" in virsh("games", "vol-delete", "root", "--pool", "pool")
    assert "your roles do not allow this" in virsh("games", "vol-create-as", "pool", "more", "1M")
    assert "your roles do not allow this" in virsh("games", "snapshot-create-as", "vm00", "more")
    assert list(fake.stores["pool"]) == ["root"]
    lines = server.local("GET", "/v1/audit?limit=1000").json()["items"]
    denied = {(line["who"], line["action"], line["target"], line["result"]) for line in lines}
    assert ("games via socket", "vm.start", "vm01", "forbidden") in denied, denied
    assert ("games via socket", "vm.kill", "vm00", "forbidden") in denied, denied
    # a user who is gone has no rights from then on
    server.local("DELETE", "/v1/users/games")
    assert "needs a credential" in virsh("games", "list")


def test_the_audit_says_who(virsh, server, fake):
    restarted(fake, server)
    virsh("suspend", "vm00")
    virsh("resume", "vm00")
    last = server.local("GET", "/v1/audit?limit=1000").json()["items"]
    lines = [line for line in last if line["from"] == "libvirt"]
    assert {"vm.pause", "vm.resume"} <= {line["action"] for line in lines}
    assert {line["who"] for line in lines} == {f"uid {os.getuid()} via socket"}
    assert ["vm", "pause", "vm00"] in [words for words, actor in fake.commands if "via socket" in (actor or "")]


def test_a_lost_link_is_said(pair, tmp_path):
    fake, server = pair("--libvirt", str(tmp_path / "virt.sock"))
    server.start()
    server.virt = str(tmp_path / "virt.sock")
    fake.accepts = False
    fake.drop()
    wait_for(lambda: not server.health()["ready"])
    done = subprocess.run(["virsh", "-c", f"skerry+unix:///system?socket={server.virt}", "suspend", "vm00"],
                          text=True, capture_output=True, timeout=LIMIT)
    assert done.returncode and "lost its link to Skerry" in done.stderr


def test_python(server):
    """Debian's python3-libvirt."""
    code = f"""
import libvirt
connection = libvirt.open("skerry+unix:///system?socket={server.virt}")
print(connection.getType(), connection.getInfo()[0], len(connection.listAllDomains()))
domain = connection.lookupByName("vm00")
print(domain.isActive(), domain.isPersistent(), domain.info()[3], domain.OSType(), domain.maxVcpus())
print(connection.lookupByID(domain.ID()).name(), connection.lookupByUUIDString(domain.UUIDString()).name())
print(connection.numOfDomains(), connection.numOfDefinedDomains(), sorted(connection.listDefinedDomains()))
try:
    domain.coreDump("/tmp/x", 0)
except libvirt.libvirtError as error:
    print(error.get_error_code(), error)
print(connection.isAlive(), connection.setKeepAlive(1, 3), connection.isEncrypted(), connection.isSecure())
"""
    done = subprocess.run(["/usr/bin/python3", "-c", code], text=True, capture_output=True, timeout=LIMIT)
    assert done.stdout.splitlines()[:4] == [
        "Skerry x86_64 5", "1 1 1 hvm 1", "vm00 vm00", "1 4 ['vm01', 'vm02', 'vm03', 'web']"], done
    assert done.stdout.splitlines()[4].startswith("3 Skerry does not serve DomainCoreDump"), done
