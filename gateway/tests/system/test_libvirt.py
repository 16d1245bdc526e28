# SPDX-License-Identifier: MIT
"""
libvirt's RPC: Debian's virsh, which knows nothing of Skerry, at skerryd's Unix socket beside a fake
Skerry; and packets that no client sends.
"""
import os
import re
import signal
import socket
import struct
import subprocess
import xml.etree.ElementTree as xml
from pathlib import Path

import pytest

from client import LIMIT, Server, wait_for
from fake_skerry import FakeSkerry

REMOTE, KEEPALIVE = 0x20008086, 0x6b656570
OPEN, CLOSE, LOOKUP_BY_NAME, LIST_ALL, SAVE, AUTH_LIST = 1, 2, 23, 273, 55, 66
NO_SUPPORT, INVALID_CONNECTION, DENIED, RPC, NO_DOMAIN, ACCESS = 3, 6, 29, 39, 42, 88


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    fake = FakeSkerry(str(tmp_path_factory.mktemp("fake") / "skerry.sock"), vms=4)
    fake.act("start", ["vm00"], [])
    fake.add("web", {"disk": "pool/web, iso ro cdrom", "net": "lan mac=52:54:00:00:00:01, lab",
                     "cmdline": "quiet a='<&>'", "vcpus": "2", "on_crash": "restart"})
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def server(program, fake, tmp_path_factory):
    folder = tmp_path_factory.mktemp("skerryd")
    server = Server(program, folder, fake.path, "--libvirt", str(folder / "virt.sock")).start()
    server.virt = str(folder / "virt.sock")
    yield server
    server.stop()


@pytest.fixture
def virsh(server):
    """Runs virsh, and returns what it prints; `fails`: it fails, and what it says of that counts."""
    def run(*words, fails=False, options=(), prefix=()):
        done = subprocess.run([*prefix, "virsh", *options, "-c",
                               f"skerry+unix:///system?socket={server.virt}", *words], text=True,
                              stdin=subprocess.DEVNULL, capture_output=True, timeout=LIMIT)
        assert bool(done.returncode) == fails, (words, done.stdout, done.stderr)
        return (done.stderr if fails else done.stdout).strip()
    return run


@pytest.fixture(autouse=True)
def as_before(fake):
    yield
    for vm in fake.vms.values():
        vm.state, vm.reason = "running" if vm.name == "vm00" else "created", ""


def shown(text):
    """What virsh shows as lines KEY: VALUE."""
    return {key.strip(): value.strip() for key, value in (line.split(":", 1) for line in text.splitlines())}


def restarted(fake, server):
    """Waits until the gateway shows what the fake has."""
    wait_for(lambda: {vm["name"]: vm["state"] for vm in server.local("GET", "/v1/vms").json()["items"]} ==
             {vm.name: vm.state for vm in fake.vms.values()})


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
    for count, verb in enumerate(("reboot", "reset"), 1):
        virsh(verb, "vm01")
        assert [words for words, _ in fake.commands].count(["vm", "reset", "vm01"]) == count
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
    assert "Skerry does not serve DomainSave (procedure 55)" in virsh("save", "vm00", "/tmp/x", fails=True)
    assert "Skerry does not serve DomainDefineXML (procedure 11)" in virsh("define", "/etc/hostname", fails=True)
    assert "flags 0x1" in virsh("start", "--paused", "vm01", fails=True)
    # the connection goes on
    assert "shut off" in virsh("save vm00 /tmp/x; domstate vm01", fails=False)


def test_read_only(virsh):
    assert virsh("domstate", "vm00", options=["-r"]) == "running"
    assert "read only access" in virsh("destroy", "vm00", options=["-r"], fails=True)


def test_read_only_is_not_the_client_s_promise_alone(server, fake):
    peer = Peer(server.virt)
    assert peer.call(OPEN, struct.pack(">II", 0, 1)) is None
    code, said = peer.call(12, domain(fake, "vm00"))
    assert code == DENIED and "the connection is read-only" in said
    assert fake.vms["vm00"].state == "running"
    assert peer.call(16, domain(fake, "vm00")) is None


def as_user(server, name):
    """What runs a program as that user, who then reaches the server's sockets."""
    if os.getuid():
        pytest.skip("only root can be another user")
    for path in Path(server.virt).parents:
        if path.owner() == "root" and not path.stat().st_mode & 1:
            path.chmod(path.stat().st_mode | 0o011)
    return ["setpriv", f"--reuid={name}", "--clear-groups"]


def test_another_user_may_do_nothing(virsh, server):
    server.local("POST", "/v1/users", {"name": "games", "password": "correct horse", "roles": ["admin"]})
    said = virsh("list", "--all", fails=True, prefix=as_user(server, "games"))
    assert "needs a credential" in said


def test_a_local_user_is_the_user_of_that_name(pair, tmp_path):
    """What a user may do, the one table says: roles, scope, and the audit."""
    fake, server = pair("--libvirt", str(tmp_path / "virt.sock"), "--socket-users", vms=4)
    fake.add("web")
    server.start()
    server.virt = str(tmp_path / "virt.sock")

    def user(name, roles, scope="*"):
        made = server.local("POST", "/v1/users", {"name": name, "password": "correct horse", "roles": roles,
                                                  "scope": scope})
        assert made.status == 201, made.body

    def virsh(name, *words):
        done = subprocess.run([*as_user(server, name), "virsh", "-c", f"skerry+unix:///system?socket={server.virt}",
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
    domain.save("/tmp/x")
except libvirt.libvirtError as error:
    print(error.get_error_code(), error)
print(connection.isAlive(), connection.setKeepAlive(1, 3), connection.isEncrypted(), connection.isSecure())
"""
    done = subprocess.run(["/usr/bin/python3", "-c", code], text=True, capture_output=True, timeout=LIMIT)
    assert done.stdout.splitlines()[:4] == [
        "Skerry x86_64 5", "1 1 1 hvm 1", "vm00 vm00", "1 4 ['vm01', 'vm02', 'vm03', 'web']"], done
    assert done.stdout.splitlines()[4].startswith("3 Skerry does not serve DomainSave"), done


# --- packets that no client sends ---

def packet(procedure, body=b"", program=REMOTE, version=1, kind=0, serial=1, length=None):
    length = 28 + len(body) if length is None else length
    return struct.pack(">7I", length, program, version, procedure, kind, serial, 0) + body


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data + bytes(-len(data) % 4)


def domain(fake, name):
    return text(name) + bytes.fromhex(fake.vms[name].uuid.replace("-", "")) + struct.pack(">i", 1)


class Peer:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(LIMIT)
        self.socket.connect(path)

    def send(self, data):
        self.socket.sendall(data)

    def take(self, count):
        data = b""
        while len(data) < count:
            piece = self.socket.recv(count - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def reply(self):
        """Returns the head's numbers after the length, and what is in the packet."""
        length, *head = struct.unpack(">7I", self.take(28))
        return head, self.take(length - 28)

    def call(self, procedure, body=b"", **more):
        """Returns None, or the number and the text of the error."""
        self.send(packet(procedure, body, **more))
        head, data = self.reply()
        assert head[3] == 1 and head[2] == procedure
        if head[5] == 0:
            return None
        code, _, _, count = struct.unpack(">4I", data[:16])
        return code, data[16:16 + count].decode()

    def open(self):
        assert self.call(AUTH_LIST) is None
        assert self.call(OPEN, struct.pack(">II", 0, 0)) is None
        return self


@pytest.fixture
def peer(server):
    peer = Peer(server.virt).open()
    yield peer
    peer.socket.close()


def front_pids(server):
    """The process ids of web and door."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()
    return {Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in children}


def test_calls_that_lie_are_answered(peer):
    for body in (b"", b"\0", text("vm00") + b"more", struct.pack(">I", 0xffffffff), struct.pack(">I", 5) + b"vm00",
                 text("vm00")[:-1] + b"x", text("v\0m0"), text("x" * 5000)):
        code, said = peer.call(LOOKUP_BY_NAME, body) or (None, None)
        assert code == RPC and "LookupByName" in said or body == text("vm00")[:-1] + b"x" and code == NO_DOMAIN, body
    assert peer.call(LOOKUP_BY_NAME, text("none"))[0] == NO_DOMAIN
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_other_programs_and_procedures(peer):
    assert peer.call(LOOKUP_BY_NAME, text("vm00"), version=2)[0] == RPC
    assert peer.call(1, program=0x20008087)[0] == RPC
    for procedure in (0, 107, SAVE, 453, 454, 0xffffffff):
        assert peer.call(procedure)[0] == NO_SUPPORT
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_the_page_has_what_is_served(peer):
    """Every procedure is on the page, either as one that is served, or as one that is refused."""
    page = (Path(__file__).parents[3] / "docs/guides/libvirt.md").read_text()
    served, refused = page.split("Refused by their names")
    on_page = {int(number): name for number, name in re.findall(r"^\| (\d+) \| (\w+) \|", served, re.M)}
    rows = re.findall(r"^\| (\w+) \| (\w+ \d+(?:, \w+ \d+)*) \|$", refused, re.M)
    off = {int(item.split()[1]): group + item.split()[0] for group, items in rows for item in items.split(", ")}
    assert not set(on_page) & set(off) and set(on_page) | set(off) == set(range(1, 454))
    for number in range(1, 455):
        # one that is served refuses two bytes, which are no arguments
        code, said = peer.call(number, bytes(2)) or (None, "")
        if number in on_page:
            assert code == RPC and on_page[number] in said, (number, said)
        elif number in off:
            assert code == NO_SUPPORT and f"serve {off[number]} (procedure {number})" in said, (number, said)
        else:
            assert code == NO_SUPPORT and "this number" in said


def test_a_call_too_long_is_refused_and_skipped(peer):
    peer.send(packet(LOOKUP_BY_NAME, length=1 << 25))
    rest = (1 << 25) - 28
    while rest:
        rest -= peer.socket.send(bytes(min(rest, 1 << 20)))
    head, data = peer.reply()
    assert head[5] == 1 and struct.unpack(">I", data[:4])[0] == RPC
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_what_is_no_packet_ends_the_connection(server, peer):
    for length in (0, 27, (1 << 25) + 1, 0xffffffff):
        other = Peer(server.virt).open()
        other.send(packet(LOOKUP_BY_NAME, text("vm00"), length=length))
        with pytest.raises((EOFError, ConnectionResetError)):
            other.reply()
    # a reply that nobody has asked for
    other = Peer(server.virt).open()
    other.send(packet(1, kind=1))
    with pytest.raises((EOFError, ConnectionResetError)):
        other.reply()
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None


def test_nothing_before_the_connection_is_open(server):
    peer = Peer(server.virt)
    assert peer.call(LOOKUP_BY_NAME, text("vm00"))[0] == INVALID_CONNECTION
    peer.open()
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
    assert peer.call(CLOSE) is None
    assert peer.call(LOOKUP_BY_NAME, text("vm00"))[0] == INVALID_CONNECTION


def test_keepalive(peer):
    peer.send(packet(1, program=KEEPALIVE, kind=2, serial=0))
    assert peer.reply() == ([KEEPALIVE, 1, 2, 2, 0, 0], b"")


def test_many_calls_at_once(peer):
    """More calls than may be under way wait for their turn; each is answered with its serial."""
    for serial in range(100):
        peer.send(packet(LIST_ALL, struct.pack(">iI", 1, 0), serial=serial))
    assert {peer.reply()[0][4] for _ in range(100)} == set(range(100))


def test_who_sends_half_a_packet_holds_up_nobody(server, peer):
    slow = [Peer(server.virt) for _ in range(5)]
    for each in slow:
        each.send(packet(LIST_ALL)[:20])
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
    for each in slow:
        each.socket.close()


def test_another_vm_of_the_same_name_is_not_meant(peer, fake):
    """A client that holds a VM of old gets no hold of one that has its name now."""
    uuid = bytes.fromhex(fake.vms["vm00"].uuid.replace("-", ""))
    assert peer.call(16, text("vm00") + uuid + struct.pack(">i", 1)) is None
    code, said = peer.call(12, text("vm00") + bytes(16) + struct.pack(">i", 1))
    assert code == NO_DOMAIN and "no domain with matching uuid" in said
    code, _ = peer.call(12, text("vm00/actions/kill") + uuid + struct.pack(">i", 1))
    assert code == NO_DOMAIN and fake.vms["vm00"].state == "running"


def test_patience(program, fake, tmp_path):
    """A client that asks for more than the rate is slowed down, and not refused."""
    path = str(tmp_path / "virt.sock")
    server = Server(program, tmp_path, fake.path, "--libvirt", path, "--rate", "10").start(ready=False)
    peer = Peer(path).open()
    for _ in range(40):
        assert peer.call(LIST_ALL, struct.pack(">iI", 1, 0)) is None
    server.stop()


def test_door_has_no_authority(server):
    """It is a process of its own, under a filter of its own, and is started again."""
    pids = front_pids(server)
    assert set(pids) == {"skerryd-web", "skerryd-door"}

    def status(pid, key):
        return int(re.search(rf"^{key}:\s*(\d+)", Path(f"/proc/{pid}/status").read_text(), re.M)[1])
    assert status(pids["skerryd-door"], "Seccomp_filters") == status(server.process.pid, "Seccomp_filters") + 1
    os.kill(pids["skerryd-door"], signal.SIGKILL)
    wait_for(lambda: front_pids(server).get("skerryd-door") not in (None, pids["skerryd-door"]))
    assert front_pids(server)["skerryd-web"] == pids["skerryd-web"]
    wait_for(lambda: server.health()["ready"])
    peer = Peer(server.virt).open()
    assert peer.call(LOOKUP_BY_NAME, text("vm00")) is None
