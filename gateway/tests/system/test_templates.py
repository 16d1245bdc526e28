# SPDX-License-Identifier: MIT
"""Templates by REST and skerryctl at a fake Skerry: made once, listed to whom they concern, dropped when no run uses them."""
import concurrent.futures
import json
import re

from client import wait_for
from fake_runs import frame
from fake_skerry import EXITS
from fake_snapshots import Refused
from test_runs import ctl, gone, run, set_warm


def drop(server, name="vm00", token=None):
    return server.tls("DELETE", f"/v1/templates/{name}", token=token)


def items(server, token=None):
    return server.tls("GET", "/v1/templates", token=token).json()["items"]


def asked(fake, command):
    return [words for words, _ in fake.commands if " ".join(words).startswith(command)]


def add(fake, server, name):
    """A machine that the gateway knows, whose guest is idle once it runs."""
    vm = fake.add(name)
    vm.values = lambda: [0] * (6 + len(EXITS))
    fake.event("created", vm)
    wait_for(lambda: name in {vm["name"] for vm in server.local("GET", "/v1/vms").json()["items"]})


def test_listed(line):
    """Whoever may see the machine sees the template, with what uses it; a machine without the snapshot is none."""
    fake, server = line
    fake.vms["vm00"].config["disk"] = "python ro, data"
    fake.event("configuration", fake.vms["vm00"])
    assert server.local("POST", "/v1/vms/vm00/actions/start").status == 200
    add(fake, server, "plain")
    fake.vms["plain"].snapshots.append("other")
    wait_for(lambda: items(server)[0]["image"])
    assert items(server) == [{"name": "vm00", "state": "ready", "image": "python", "memory_bytes": 128 << 20, "resident_bytes": 16 << 20,
                              "age_s": 1.5, "warm": 0, "runs": 0, "sandboxes": 0}]
    assert [item["name"] for item in items(server, server.make_token(["viewer"]))] == ["vm00"]
    assert items(server, server.make_token(["viewer"], "x*")) == []
    fake.command_frames = None
    begun = run(server, wait=0).headers["location"]
    assert items(server)[0]["runs"] == 1
    out, error = ctl(server, "template", "list").communicate(timeout=10)
    title, row = out.decode().splitlines()
    assert title.split() == ["NAME", "STATE", "IMAGE", "MEMORY", "RESIDENT", "AGE", "WARM", "RUNS", "SANDBOXES"], error
    assert row.split() == ["vm00", "ready", "python", "128M", "16M", "1", "s", "0", "1", "0"]
    assert json.loads(ctl(server, "template", "list", "--json").communicate(timeout=10)[0])[0]["runs"] == 1
    server.tls("DELETE", begun)
    wait_for(lambda: set(fake.vms) == {"vm00", "plain"})


def busy(words, _after):
    """In place of the end of a VM."""
    raise Refused("busy", f"{words[0]} is still busy")


def test_made_once(line):
    """A machine that is made twice is looked at the second time; while it is made the list says so, and it is not dropped."""
    fake, server = line
    add(fake, server, "new")
    fake.unanswered_s = 1
    making = ctl(server, "template", "create", "new")
    wait_for(lambda: [item["state"] for item in items(server) if item["name"] == "new"] == ["making"])
    refused = drop(server, "new")
    assert (refused.status, refused.code) == (409, "busy") and "being made" in refused.json()["detail"]
    refused = server.local("POST", "/v1/vms/new/actions/template", timeout=5)
    assert (refused.status, refused.code) == (409, "busy") and "being made" in refused.json()["detail"]
    fake.unanswered_s = 0
    assert making.wait(30) == 0
    assert (fake.vms["new"].state, fake.vms["new"].snapshots) == ("paused", ["gate"])
    changes = len(asked(fake, "vm start new")) + len(asked(fake, "vm snapshot new"))
    again = server.local("POST", "/v1/vms/new/actions/template").json()
    assert not again["changed"] and again["vm"]["state"] == "paused"
    assert len(asked(fake, "vm start new")) + len(asked(fake, "vm snapshot new")) == changes == 2
    # one that somebody has resumed is paused again
    assert server.local("POST", "/v1/vms/new/actions/resume").status == 200
    assert server.local("POST", "/v1/vms/new/actions/template").json()["changed"]
    assert fake.vms["new"].state == "paused"


def test_made_of_an_image(line):
    """`template create NAME image=` makes a machine with what runs need, and with what is said otherwise."""
    fake, server = line
    making = ctl(server, "template", "create", "t", "image=python", "memory=256M", "net=lan", "--warm", "1")
    wait_for(lambda: "t" in fake.vms or making.poll() is not None)
    assert making.poll() is None, making.stderr.read()
    fake.vms["t"].values = lambda: [0] * (6 + len(EXITS))
    assert making.wait(30) == 0, making.stderr.read()
    config = fake.vms["t"].config
    assert (config["disk"], config["memory"], config["net"], config["vsock"]) == ("python ro", "256M", "lan", "yes") and "image" not in config
    assert [(item["name"], item["warm"]) for item in items(server) if item["name"] == "t"] == [("t", 1)]
    for words in ((), ("create",), ("drop",), ("list", "t"), ("t", "--warm", "1", "memory=1G")):
        assert ctl(server, "template", *words).wait(10) == 2


def test_dropped(line):
    """Clones at the gate end before their template does; nothing is left of it, and a second time there is nothing to drop."""
    fake, server = line
    assert set_warm(server, 2).status == 200
    wait_for(lambda: len(fake.inits) == 2 and len(fake.vms) == 3)
    done = ctl(server, "template", "drop", "vm00")
    assert done.communicate(timeout=20)[0] == b"vm00: dropped\n" and done.returncode == 0
    assert not fake.vms and items(server) == []
    assert [words[2] for words in asked(fake, "vm destroy")][-1] == "vm00"
    again = drop(server)
    assert (again.status, again.code) == (404, "not-found")
    assert ctl(server, "template", "drop", "vm00").wait(10) == 3
    lines = [(item["target"], item["result"]) for item in server.tls("GET", "/v1/audit").json()["items"] if item["action"] == "template.drop"]
    assert ("vm00", "ok") in lines, lines
    # a machine of that name that is made later has no clones of the old one's
    add(fake, server, "vm00")
    fake.vms["vm00"].snapshots.append("gate")
    assert items(server)[0]["warm"] == 0 and len(fake.vms) == 1


def test_in_use(line):
    """A run that goes on, or waits, and a sandbox keep their template, which a sentence says; clones at the gate stay."""
    fake, server = line
    fake.command_frames = None
    fake.hello_frames = frame("H", b"\4")
    begun = [run(server, wait=0).headers["location"] for _ in range(9)]
    assert ctl(server, "template", "vm00", "--warm", "1").wait(10) == 0
    refused = drop(server)
    assert (refused.status, refused.code) == (409, "busy") and "vm00 is in use (runs: 9, sandboxes: 0)" in refused.json()["detail"]
    assert items(server)[0]["warm"] == 1 and "vm00" in fake.vms
    for place in begun:
        server.tls("DELETE", place)
    box = server.tls("POST", "/v1/sandboxes", {"template": "vm00"}, headers={"Prefer": "wait=0"}).headers["location"]
    refused = drop(server)
    assert refused.status == 409 and "sandboxes: 1" in refused.json()["detail"], refused.body
    server.tls("DELETE", box)
    wait_for(lambda: items(server)[0]["sandboxes"] == items(server)[0]["runs"] == 0)
    # a clone that is no run keeps it as well, and the clones at the gate are not ended for nothing
    wait_for(lambda: len(fake.vms) == 2)
    assert server.local("POST", "/v1/vms/vm00/snapshots/gate/clones", {"name": "mine"}).status == 201
    refused = drop(server)
    assert refused.status == 409 and "clones of vm00" in refused.json()["detail"]
    assert items(server)[0]["warm"] == 1 and len(fake.vms) == 3
    assert server.local("DELETE", "/v1/vms/mine").status == 204
    assert drop(server).status == 204 and not fake.vms


def test_who_may_drop(line):
    """An admin in whose scope it is; a machine that is no template is not ended, whoever asks."""
    fake, server = line
    add(fake, server, "plain")
    assert drop(server, token=server.make_token(["operator"])).status == 403
    assert drop(server, token=server.make_token(["admin"], "x*")).status == 404
    refused = drop(server, "plain")
    assert (refused.status, refused.code) == (404, "not-found") and "plain is no template" in refused.json()["detail"]
    assert set(fake.vms) == {"vm00", "plain"} and not asked(fake, "vm destroy")


def test_what_comes_between(line):
    """A run that begins while clones at the gate end keeps its template, and so does a link that is lost; clones come back."""
    fake, server = line
    fake.command_frames = None
    assert set_warm(server, 1).status == 200
    wait_for(lambda: len(fake.inits) == 1)
    ends, fake.run_vm_destroy = fake.run_vm_destroy, busy
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        dropping = pool.submit(drop, server)
        wait_for(lambda: asked(fake, "vm destroy"))
        assert drop(server).json()["detail"].startswith("vm00 is being made a template, or dropped")
        assert server.local("POST", "/v1/vms/vm00/actions/template").status == 409
        begun = run(server, wait=0).headers["location"]
        wait_for(lambda: len(fake.vms) == 3)
        fake.run_vm_destroy = ends
        refused = dropping.result()
        assert refused.status == 409 and "runs: 1" in refused.json()["detail"], refused.body
        assert "vm00" in fake.vms and items(server)[0]["warm"] == 1
        server.tls("DELETE", begun)
        wait_for(lambda: len(fake.vms) == 2)
        fake.run_vm_destroy = busy
        count = len(asked(fake, "vm destroy"))
        dropping = pool.submit(drop, server)
        wait_for(lambda: len(asked(fake, "vm destroy")) > count)
        fake.drop()
        assert (dropping.result().status, dropping.result().code) == (503, "link-down")
    fake.run_vm_destroy = ends
    wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
    wait_for(lambda: "vm00" in fake.vms and items(server)[0]["warm"] == 1)


def test_what_skerry_refuses_at_the_end(line):
    """A clone that is made while those at the gate end keeps its template, and clones wait there again, as many as were asked for meanwhile."""
    fake, server = line
    fake.command_frames = None
    assert set_warm(server, 1).status == 200
    wait_for(lambda: len(fake.inits) == 1)
    ends, fake.run_vm_destroy = fake.run_vm_destroy, busy
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        dropping = pool.submit(drop, server)
        wait_for(lambda: asked(fake, "vm destroy"))
        assert server.local("POST", "/v1/vms/vm00/snapshots/gate/clones", {"name": "mine"}).status == 201
        assert set_warm(server, 2).status == 200
        fake.run_vm_destroy = ends
        refused = dropping.result()
    assert refused.status == 409 and "first destroy or stop mine" in refused.json()["detail"], refused.body
    wait_for(lambda: items(server)[0]["warm"] == 2 and len(fake.vms) == 4)
    assert server.local("DELETE", "/v1/vms/mine").status == 204
    assert drop(server).status == 204 and not fake.vms


def test_gone_while_it_is_made(line):
    """A machine that is destroyed while it is made a template is said to be gone at once."""
    fake, server = line
    add(fake, server, "new")
    fake.unanswered_s = 1000
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        making = pool.submit(server.local, "POST", "/v1/vms/new/actions/template")
        wait_for(lambda: fake.vms["new"].state == "running")
        assert server.local("DELETE", "/v1/vms/new").status == 204
        gone_now = making.result(timeout=5)
    assert (gone_now.status, gone_now.code) == (404, "not-found"), gone_now.body


def test_named_to_skerry(line):
    """Skerry is told whose run a clone is; one that waits at the gate is nobody's until a run takes it, and one that an admin makes is no run."""
    fake, server = line
    fake.command_frames = None
    begun = run(server, wait=0, token=server.make_token(["operator"])).headers["location"]
    wait_for(lambda: len(fake.vms) == 2)
    assert re.fullmatch(r"test via token \d+", fake.vms[clone_of(fake)].run_of)
    wait_for(lambda: len(fake.told) == 1)
    server.tls("DELETE", begun)
    gone(fake)
    assert set_warm(server, 1).status == 200
    wait_for(lambda: len(fake.vms) == 2)
    name = clone_of(fake)
    assert fake.vms[name].run_of == "warm"
    wait_for(lambda: fake.inits[max(fake.inits)]["vm"].name == name)
    begun = run(server, wait=0).headers["location"]
    wait_for(lambda: len(fake.told) == 2)
    assert re.fullmatch(r"\S+ via token \d+", fake.vms[name].run_of)
    server.tls("DELETE", begun)
    assert set_warm(server, 0).status == 200
    gone(fake)
    assert server.local("POST", "/v1/vms/vm00/snapshots/gate/clones", {"name": "mine"}).status == 201
    assert fake.vms["mine"].run_of == ""


def clone_of(fake):
    return [name for name in fake.vms if name != "vm00"][0]
