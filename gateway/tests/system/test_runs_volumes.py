# SPDX-License-Identifier: MIT
"""Volumes of runs, at a fake Skerry: who may give a run one, what the clone and its init are told, skerryctl."""
from fake_runs import frame
from test_runs import ctl, gone, run


def clones(fake):
    return [words for words, _ in fake.commands if words[:2] == ["vm", "clone"]]


def test_volumes(line):
    """The clone gets the volume and the init the path; what cannot be a volume and a path is refused, and so is an old init."""
    fake, server = line
    fake.hello_frames = frame("H", b"\5")
    assert run(server, volumes=["pool/home:/data"]).json()["result"] == "exit"
    assert clones(fake)[-1][-2] == "volume=pool/home" and clones(fake)[-1][-1].startswith("run=")
    assert "v/data" in fake.told[-1].decode().split("\0")
    assert run(server, volumes=["pool/home:/data/x:ro"], egress="none").json()["result"] == "exit"
    assert clones(fake)[-1][-3:-1] == ["egress=none", "volume=pool/home:ro"]
    assert "r/data/x" in fake.told[-1].decode().split("\0")
    done = ctl(server, "run", "vm00", "--volume", "pool/home:/data:ro", "--", "true")
    _, said = done.communicate(timeout=30)
    assert done.returncode == 0 and clones(fake)[-1][-2] == "volume=pool/home:ro", said
    count = len(clones(fake))
    for volumes in (["home:/data"], ["pool/home"], ["pool/home:data"], ["pool/home:/"], ["pool/home:/a:rw"], ["pool/home:/a:ro:ro"],
                    ["pool/:/a"], ["pool/home ro:/a"], ["/:/a"], [32 * "x" + "/home:/a"], ["pool/" + 32 * "x" + ":/a"],
                    ["pool/home:/" + 255 * "x"], ["pool/a:/a", "pool/b:/b"], ["pool/a:/a:ro", "pool/a:/b:ro"], [5], "pool/home:/a"):
        refused = run(server, volumes=volumes)
        assert (refused.status, refused.code) == (422, "bad-argument"), (volumes, refused.body)
    assert len(clones(fake)) == count
    fake.seed_frames, fake.command_frames = frame("R"), frame("N", b"no volume")
    refused = run(server, volumes=["pool/home:/data"])
    assert (refused.status, refused.code) == (409, "failed") and "ext4" in refused.json()["detail"], refused.body
    fake.hello_frames = frame("H", b"\4")
    refused = run(server, volumes=["pool/home:/data"])
    assert refused.status == 422 and "anew" in refused.json()["detail"], refused.body
    # only what Skerry has given is called given
    fake.hello_frames = frame("H", b"\5")
    fake.room = len(fake.vms)
    refused = run(server, volumes=["pool/none:/data"])
    assert refused.status >= 400 or refused.json()["result"] == "failed", refused.body
    results = {item["target"]: item["result"] for item in server.tls("GET", "/v1/audit").json()["items"] if item["action"] == "run.volume"}
    assert results == {"pool/home": "given", "pool/none": "failed"}
    gone(fake)


def test_rights(line):
    """A run is given a volume by whoever may give it to a VM, the role admin with the scope *; the audit names it."""
    fake, server = line
    fake.hello_frames = frame("H", b"\5")
    order = {"template": "vm00", "command": ["true"], "volumes": ["pool/secret:/data:ro"]}
    for roles, scope in ((["operator"], "*"), (["operator"], "vm0*"), (["admin"], "vm0*"), (["viewer"], "*"), (["content", "operator"], "*")):
        refused = server.tls("POST", "/v1/runs", order, token=server.make_token(roles, scope))
        assert (refused.status, refused.code) == (403, "forbidden"), (roles, scope, refused.body)
        # and what the same token may not give to a VM
        refused = server.tls("PATCH", "/v1/vms/vm00", {"config": {"disk": "pool/secret ro"}}, token=server.make_token(roles, scope))
        assert refused.status == 403, (roles, scope, refused.body)
    assert clones(fake) == []
    assert "pool/secret" not in [item["target"] for item in server.tls("GET", "/v1/audit").json()["items"]]
    done = server.tls("POST", "/v1/runs", order, token=server.make_token(["admin"]), headers={"Prefer": "wait=20"})
    assert done.status == 200 and done.json()["result"] == "exit", done.body
    given = [item for item in server.tls("GET", "/v1/audit").json()["items"] if item["action"] == "run.volume"]
    assert [(item["target"], item["result"]) for item in given] == [("pool/secret", "given")]
    # sandboxes have none
    refused = server.tls("POST", "/v1/sandboxes", {"template": "vm00", "volumes": ["pool/secret:/data"]})
    assert refused.status == 422 and "no volumes" in refused.json()["detail"], refused.body
    gone(fake)
