# SPDX-License-Identifier: MIT
"""The collection skerry.host in Debian's Ansible beside a fake Skerry: what is done once, what twice, what check mode says, and refusals."""
import json
import re

import pytest

from ansible_run import ROOT, SOURCE, Ansible, called
from client import wait_for
from fake_skerry import FakeSkerry
from fake_snapshots import Refused

GUIDE = ROOT / "docs/guides/automation.md"
CHECK, DO = True, False


@pytest.fixture(scope="module")
def ansible(tmp_path_factory):
    return Ansible(tmp_path_factory.mktemp("ansible"))


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    fake = FakeSkerry(str(tmp_path_factory.mktemp("fake") / "skerry.sock"), vms=3)
    fake.act("start", ["vm00"], [])
    yield fake
    fake.close()


@pytest.fixture
def defaults(server):
    return {"host": f"https://127.0.0.1:{server.port}", "token": server.token, "fingerprint": server.fingerprint}


def call(defaults, steps):
    return [called(module, {**defaults, **options}, check) for module, options, check in steps]


def changes(results):
    return [(result["failed"], result["changed"]) for result in results]


CREATED, SAME, REFUSED = (False, True), (False, False), (True, False)


def test_vm(ansible, fake, server, defaults):
    """A VM is made, runs, is changed, stopped, paused, reset, destroyed: each once, and check mode says it before."""
    web = {"name": "web", "state": "running", "config": {"memory": "512M", "vcpus": 2, "kernel": "vmlinuz", "hpet": True, "cmdline": "a {{ b }}",
                                                         "disk": ["pool/web", "pool/data optional ro"]}}
    # the same in other words, and one key more that may change at any time
    again = {**web, "config": {"memory": "524288K", "hpet": "yes", "disk": "pool/web,  pool/data ro optional"}}
    heavier, larger = {"name": "web", "config": {"weight": 300}}, {"name": "web", "config": {"memory": "1G"}}
    steps = [(web, CHECK), (web, DO), (web, DO), (again, DO), (heavier, CHECK), (heavier, DO), (heavier, DO), (larger, CHECK), (larger, DO),
             ({**larger, "restart": True, "state": "running"}, DO), ({**larger, "state": "running"}, DO),
             ({"name": "web", "state": "paused"}, DO), ({"name": "web", "state": "stopped"}, DO), ({"name": "web", "state": "stopped"}, DO),
             ({"name": "web", "state": "reset"}, DO), ({"name": "web", "state": "absent"}, CHECK), ({"name": "web", "state": "absent"}, DO),
             ({"name": "web", "state": "absent"}, DO)]
    before = len(fake.commands)
    results = call(defaults, [("vm", options, check) for options, check in steps])
    assert changes(results) == [CREATED, CREATED, SAME, SAME, CREATED, CREATED, SAME, REFUSED, REFUSED, CREATED, SAME,
                                CREATED, CREATED, SAME, REFUSED, CREATED, CREATED, SAME], results
    assert [result.get("actions") for result in results] == [
        ["create", "start"], ["create", "start"], [], [], ["set weight"], ["set weight"], [], None, [],
        ["stop", "set memory", "start"], [], ["pause"], ["stop"], [], [], ["destroy"], ["destroy"], []]
    words = [words for words, _ in fake.commands[before:] if words[0] == "vm" and words[1] not in ("list", "get", "stat")]
    assert words == [["vm", "create", "web", "memory=512M", "vcpus=2", "kernel=vmlinuz", "hpet=yes", "cmdline=a {{ b }}",
                      "disk=pool/web, pool/data optional ro"], ["vm", "start", "web"], ["vm", "set", "web", "weight=300"],
                     ["vm", "set", "web", "memory=1G"], ["vm", "stop", "web"], ["vm", "set", "web", "memory=1G"], ["vm", "start", "web"],
                     ["vm", "pause", "web"], ["vm", "stop", "web"], ["vm", "reset", "web"], ["vm", "destroy", "web"]]
    # the gateway's sentences, also in check mode as far as it can be known
    assert "web is running" in results[7]["msg"] and "memory" in results[7]["msg"] and "restart: true" in results[7]["msg"]
    assert results[8]["msg"] == "web is running" and results[8]["code"] == "bad-state" and results[8]["status"] == 409
    # what the difference is
    assert results[0]["diff"] == results[1]["diff"] and results[0]["diff"]["before"] == {}
    assert results[0]["diff"]["after"]["state"] == "running" and results[0]["diff"]["after"]["config"]["memory"] == "512M"
    assert results[4]["diff"] == results[5]["diff"] == {"before": {"name": "web", "state": "running", "config": {"weight": "256"}},
                                                        "after": {"name": "web", "state": "running", "config": {"weight": "300"}}}
    assert results[3]["diff"]["before"] == results[3]["diff"]["after"]
    assert results[15]["diff"]["after"] == {} and results[15]["diff"]["before"]["config"]["memory"] == "1G"
    assert results[0]["vm"] is None and results[1]["vm"]["state"] == "running" and results[16]["vm"] is None
    assert server.token not in json.dumps(results) and "web" not in fake.vms


def test_a_stop_is_waited_for(ansible, fake, defaults):
    """A guest that does not shut down is waited for as long as the task says; then it is killed, if the task says so."""
    fake.stop_s = 600
    try:
        asked = [("vm", {"name": "vm00", "state": "stopped", "timeout": 1}, DO), ("vm", {"name": "vm00", "state": "stopped", "kill": True}, CHECK),
                 ("vm", {"name": "vm00", "state": "stopped", "kill": True}, DO), ("vm", {"name": "vm00", "state": "running"}, DO)]
        results = call(defaults, asked)
    finally:
        fake.stop_s = 0.3
    assert changes(results) == [REFUSED, CREATED, CREATED, CREATED], results
    assert "the change of vm00 is not done after 1 s" in results[0]["msg"] and results[0]["actions"] == []
    assert results[1]["actions"] == results[2]["actions"] == ["kill"] and results[2]["vm"]["state"] == "stopped"


def test_a_refused_change_leaves_the_vm_running(ansible, fake, defaults):
    """A VM that was stopped for a change that Skerry then refuses runs again, as it was."""
    assert called("vm", {**defaults, "name": "vm01", "state": "running"})["changed"]
    refuse = fake.run_vm_set
    fake.run_vm_set = lambda *_: (_ for _ in ()).throw(Refused("bad-argument", 'memory: "5Q" is not valid'))
    try:
        result = called("vm", {**defaults, "name": "vm01", "config": {"memory": "5Q"}, "restart": True, "kill": True})
    finally:
        fake.run_vm_set = refuse
    assert result["failed"] and result["msg"] == 'memory: "5Q" is not valid' and result["actions"] == ["kill", "start"], result
    assert fake.vms["vm01"].state == "running"
    assert called("vm", {**defaults, "name": "vm01", "state": "stopped", "kill": True})["changed"]


def test_nobody_is_overwritten(ansible, fake, server, defaults, monkeypatch):
    """A VM that somebody else changes between the look and the change is not changed."""
    from ansible_collections.skerry.host.plugins.module_utils.gateway import Gateway

    look = Gateway.vm

    def looked(self, name):
        found = look(self, name)
        assert server.tls("PATCH", "/v1/vms/vm02", {"config": {"weight": 7}}).status == 200
        return found
    monkeypatch.setattr(Gateway, "vm", looked)
    result = called("vm", {**defaults, "name": "vm02", "config": {"cap": "50%"}})
    assert result["failed"] and result["code"] == "changed" and "read it again" in result["msg"], result
    assert fake.vms["vm02"].config["cap"] == "none" and fake.vms["vm02"].config["weight"] == "7"


def test_volumes_and_snapshots(ansible, fake, defaults):
    fake.make_stores()
    image, web = {"store": "pool", "name": "image", "size": "8M"}, {"store": "pool", "name": "web", "source": "image", "size": "16M"}
    copy, kept = {"store": "pool", "name": "copy", "source": "image"}, {"store": "pool", "name": "kept", "source": "image", "read_only": True}
    mark, moment = {"vm": "vm00", "name": "mark"}, {"store": "pool", "volume": "web", "name": "moment"}
    steps = [("volume", image, CHECK), ("volume", image, DO), ("volume", {**image, "size": "8192K"}, DO), ("volume", web, DO), ("volume", web, DO),
             ("volume", copy, DO), ("volume", copy, DO), ("volume", kept, DO), ("volume", kept, DO),
             ("volume", {**image, "size": "16M"}, CHECK), ("volume", {**image, "size": "16M"}, DO), ("volume", {**image, "size": "4M"}, DO),
             ("snapshot", mark, CHECK), ("snapshot", mark, DO), ("snapshot", mark, DO), ("snapshot", {**mark, "state": "rolled_back"}, DO),
             ("snapshot", {**mark, "state": "absent"}, DO), ("snapshot", {**mark, "state": "absent"}, DO), ("snapshot", {**mark, "state": "rolled_back"}, DO),
             ("snapshot", moment, DO), ("snapshot", moment, DO), ("snapshot", {**moment, "state": "rolled_back"}, DO),
             ("snapshot", {**moment, "name": "copy"}, DO), ("snapshot", {**moment, "state": "absent"}, DO),
             ("volume", {**copy, "state": "absent"}, CHECK), ("volume", {**copy, "state": "absent"}, DO), ("volume", {**copy, "state": "absent"}, DO),
             ("volume", {**web, "size": "4M"}, CHECK)]
    results = call(defaults, steps)
    assert changes(results) == [CREATED, CREATED, SAME, CREATED, SAME, CREATED, SAME, CREATED, SAME,
                                CREATED, CREATED, REFUSED, CREATED, CREATED, SAME, CREATED, CREATED, SAME, REFUSED,
                                CREATED, SAME, CREATED, REFUSED, CREATED, CREATED, CREATED, SAME, REFUSED], results
    assert results[1]["volume"]["bytes"] == 8 << 20 and results[3]["volume"]["parent"] == results[1]["volume"]["id"]
    assert results[7]["volume"]["read_only"] and results[7]["diff"]["after"] == {"name": "kept", "bytes": 8 << 20, "read_only": True}
    assert results[9]["diff"]["after"]["bytes"] == 16 << 20 and results[10]["actions"] == ["resize"]
    assert results[11]["msg"] == "a volume never shrinks" and "never shrinks" in results[27]["msg"]
    assert results[13]["snapshot"]["name"] == "mark" and results[12]["snapshot"] is None
    assert results[13]["diff"] == {"before": {"of": "vm00", "snapshots": []}, "after": {"of": "vm00", "snapshots": ["mark"]}}
    assert results[18]["msg"] == 'vm00 has no snapshot "mark"'
    assert results[22]["msg"] == "pool/copy is there, and is no snapshot of pool/web"
    assert sorted(fake.stores["pool"]) == ["image", "kept", "web"]


def test_information(ansible, fake, server, defaults):
    """What there is; a viewer sees it, and may change nothing."""
    fake.make_stores()
    viewer, narrow = server.make_token(["viewer"]), server.make_token(["viewer"], "vm01")
    steps = [("vm_info", {}, DO), ("vm_info", {"state": "running", "config": False}, DO), ("vm_info", {"name": "vm01"}, DO), ("vm_info", {"name": "none"}, DO),
             ("volume_info", {}, DO), ("volume_info", {"store": "pool", "name": "none"}, DO), ("volume_info", {"store": "none"}, DO),
             ("network_info", {"name": "lan"}, DO), ("host_info", {"gather": ["disks", "stores", "files", "networks"]}, CHECK),
             ("vm", {"name": "vm01", "state": "running"}, DO), ("vm_info", {"token": narrow}, DO), ("network_info", {"token": narrow}, DO)]
    results = call({**defaults, "token": viewer}, steps)
    assert [result["failed"] for result in results] == [False] * 6 + [True] + [False] * 2 + [True, False, True], results
    assert not any(result["changed"] for result in results)
    assert [vm["name"] for vm in results[0]["vms"]] == ["vm00", "vm01", "vm02"] and results[0]["vms"][0]["config"]["memory"]["value"] == "128M"
    assert [vm["name"] for vm in results[1]["vms"]] == ["vm00"] and [vm["name"] for vm in results[2]["vms"]] == ["vm01"] and results[3]["vms"] == []
    assert [store["name"] for store in results[4]["stores"]] == ["pool", "empty"] and results[5]["volumes"] == []
    assert results[6]["msg"] == 'there is no store "none", `store list` shows them'
    assert results[7]["networks"][0]["link"] == "up down"
    assert results[8]["machine"]["version"] == "0.1-fake" and results[8]["asker"]["roles"] == ["viewer"] and len(results[8]["disks"]) == 2
    assert results[9]["status"] == 403 and fake.vms["vm01"].state != "running"
    assert [vm["name"] for vm in results[10]["vms"]] == ["vm01"] and results[11]["status"] == 403


def test_wrong_input_gets_a_sentence(ansible, fake, server, defaults):
    """Also in check mode, and nothing is changed; no token is shown."""
    secret = "sky_" + "5" * 43
    wrong = [("vm", {"name": "vm01", "config": {"memry": "1G"}}, CHECK, "there is no key memry; the keys are affinity "),
             ("vm", {"name": "vm01", "config": {"memry": "1G"}}, DO, "no such key: memry"),
             ("vm", {"name": "vm01", "config": {"on_crash": "explode"}}, CHECK, '"explode" is not valid; use one of hold '),
             ("vm", {"name": "vm01", "config": {"disk": {"a": 1}}}, DO, "disk: give a text, a number, true, false, or a list"),
             ("vm", {"name": "a b"}, DO, '"name" must be 1 to 31 letters'),
             ("vm", {"name": ".."}, DO, "a name is 1 to 31 letters"),
             ("vm", {"name": "none", "state": "reset"}, DO, "there is no VM none to be reset"),
             ("volume", {"store": "pool", "name": "x", "size": "4X"}, DO, '"4X" is no size'),
             ("volume", {"store": "pool", "name": "x"}, DO, "a new volume needs a size"),
             ("volume", {"store": "pool", "name": "x", "size": "5"}, DO, "steps of 4K"),
             ("volume", {"store": "pool", "name": "x", "source": "none"}, DO, 'has no volume "none"'),
             ("volume", {"store": "none", "name": "x", "state": "absent"}, DO, 'no store "none"'),
             ("snapshot", {"vm": "none", "name": "x"}, DO, "there is no such VM"),
             ("snapshot", {"vm": "vm01", "name": "x", "volume": "y", "store": "z"}, DO, "mutually exclusive"),
             ("vm_info", {"token": secret}, DO, "the credential is not valid"),
             ("vm_info", {"token": secret + "\nX: y"}, DO, "the token has characters that no token has"),
             ("vm_info", {"fingerprint": "00" * 32}, DO, "nothing was sent to it"),
             ("vm_info", {"fingerprint": "00"}, DO, "64 digits that `skerryctl host` shows"),
             ("vm_info", {"host": "http://127.0.0.1"}, DO, "use https://HOST"),
             ("vm_info", {"host": "127.0.0.1:1"}, DO, "cannot be reached: "),
             ("vm_info", {"timeout": 0}, DO, "seconds from 1 to 3600"),
             ("vm_info", {"socket": "/nowhere/skerryd.sock"}, DO, "cannot be reached: ")]
    before = len(fake.commands)
    results = call(defaults, [each[:3] for each in wrong])
    for result, (*_, said) in zip(results, wrong):
        assert result["failed"] and said in result["msg"], (said, result)
    assert "Traceback" not in json.dumps(results) and secret not in json.dumps(results)
    assert not [words for words, _ in fake.commands[before:] if words[:2] in (["vm", "create"], ["vm", "start"])]


def test_playbook(ansible, fake, server, defaults):
    """Ansible itself: check mode, the change, nothing to do, a refusal, all with the token from one place; and ad hoc at the socket."""
    book = {"name": "book", "state": "running", "config": {"memory": "64M", "hpet": True}}
    results = ansible.play(defaults, [("vm", book, CHECK), ("vm", book, DO), ("vm", book, DO), ("vm", {"name": "book", "config": {"memory": "32M"}}, DO)])
    assert changes(results) == [CREATED, CREATED, SAME, REFUSED], results
    assert results[0]["actions"] == ["create", "start"] and results[0]["diff"] == results[1]["diff"]
    assert results[3]["msg"] == "book is running" and fake.vms["book"].config["hpet"] == "yes"
    adhoc = ansible.run("ansible", "localhost", "-m", "skerry.host.vm", "-a", f"name=book state=absent socket={server.socket}", good=True).stdout
    assert "CHANGED" in adhoc and "book" not in fake.vms, adhoc
    assert "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER" in json.dumps(results) and server.token not in json.dumps(results)


def test_as_people_use_it(ansible, fake, server, tmp_path):
    """The guide's playbook as it stands, and what it shows: first check mode, then changes, then nothing to do."""
    book = re.search(r"^    - hosts: .*\n(?:    .*\n)+", GUIDE.read_text(encoding="utf-8"), re.M)
    text = re.sub(r"^    ", "", book[0], flags=re.M)
    assert text.count("\n") <= 12
    path = tmp_path / "web.yml"
    path.write_text(text, encoding="utf-8")
    fake.make_stores()
    fake.make_volume("pool", "debian-12", 2 << 20)
    place = {"SKERRY_HOST": f"https://127.0.0.1:{server.port}", "SKERRY_TOKEN": server.token, "SKERRY_FINGERPRINT": server.fingerprint}
    first = ansible.playbook(path, "--check", "--diff", good=None, **place).stdout
    assert "changed=2" in first and "failed=0" in first and "web" not in fake.vms and re.search(r'^\+ +"state": "running"', first, re.M), first
    second = ansible.playbook(path, "--diff", good=True, **place).stdout
    assert "changed=2" in second and fake.vms["web"].state == "running", second
    third = ansible.playbook(path, good=True, **place).stdout
    assert "changed=0" in third and "ok=2" in third, third
    assert server.token not in first + second + third
    del fake.vms["web"]


def test_inventory(ansible, fake, server, tmp_path):
    """VMs are hosts, by state in groups; what a VM's keys say is no template."""
    vm = fake.add("tricky", {"cmdline": "{{ 6 * 7 }}", "net": "lan mac=52:54:00:00:00:01 address=10.0.2.9 private, lab"})
    fake.event("created", vm)
    fake.event("created", fake.add("localhost", {"net": "lan address=10.0.2.66"}))      # would be where playbooks run
    try:
        wait_for(lambda: server.tls("GET", "/v1/vms/localhost").status == 200)
        wait_for(lambda: server.tls("GET", "/v1/vms/tricky").status == 200)
        path = tmp_path / "test.skerry.yml"
        path.write_text(json.dumps({"plugin": "skerry.host.skerry", "host": f"https://127.0.0.1:{server.port}", "fingerprint": server.fingerprint,
                                    "compose": {"net": "skerry_vm.config.net.value.split(' ')[0]"}, "strict": False}), encoding="utf-8")
        done = ansible.run("ansible-inventory", "-i", path, "--list", good=True, SKERRY_TOKEN=server.token)
        found = json.loads(done.stdout)
        assert "localhost" not in done.stdout and "VM localhost is left out" in " ".join(done.stderr.split())
        assert "vm00" in found["skerry_running"]["hosts"] and {"vm02", "tricky"} <= set(found["skerry_created"]["hosts"]), found
        tricky = found["_meta"]["hostvars"]["tricky"]
        # Ansible says of a text that it is no template; which ones it says so of depends on its version
        assert [tricky[name].get("__ansible_unsafe") if isinstance(tricky[name], dict) else tricky[name] for name in ("ansible_host", "net")] == [
            "10.0.2.9", "lan"], tricky
        said = ansible.run("ansible", "tricky", "-i", path, "-c", "local", "-m", "debug", "-a", "msg={{ skerry_vm.config.cmdline.value }}", good=True,
                           SKERRY_TOKEN=server.token).stdout
        assert "{{ 6 * 7 }}" in said and "42" not in said
        assert server.token not in said
        refused = ansible.run("ansible-inventory", "-i", path, "--list", SKERRY_TOKEN="sky_wrong")
        said = " ".join((refused.stdout + refused.stderr).split())
        assert "the credential is not valid" in said and "Traceback" not in said and "sky_wrong" not in said
    finally:
        del fake.vms["tricky"], fake.vms["localhost"]


def test_documentation(ansible):
    """ansible-doc shows each module, with an example and with all of its options."""
    names = sorted(path.stem for path in (SOURCE / "plugins/modules").glob("*.py"))
    assert names == ["host_info", "network_info", "snapshot", "vm", "vm_info", "volume", "volume_info"]
    found = json.loads(ansible.run("ansible-doc", "--json", *(f"skerry.host.{name}" for name in names), good=True).stdout)
    for name in names:
        shown = found[f"skerry.host.{name}"]
        options = set(re.findall(r'^ *(?:Work\()?"?(\w+)"?[=:] ?\{"type"', (SOURCE / f"plugins/modules/{name}.py").read_text(), re.M))
        assert shown["doc"]["short_description"] and shown["examples"] and shown["return"]
        assert options <= set(shown["doc"]["options"]) and {"host", "token", "fingerprint"} <= set(shown["doc"]["options"])
    assert "skerry_STATE" in ansible.run("ansible-doc", "-t", "inventory", "skerry.host.skerry", good=True).stdout
    readme = (SOURCE / "README.md").read_text(encoding="utf-8")
    assert all(name in readme for name in names)
