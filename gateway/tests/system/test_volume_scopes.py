# SPDX-License-Identifier: MIT
"""Who may do what with disks, stores and volumes: every such route, and every way round them, with each role in each scope."""
import json
import subprocess

import pytest

from client import wait_for

STORE = "/v1/stores/pool"
POOL = f"{STORE}/volumes"
WEB = f"{POOL}/web"
VM = "/v1/vms/vm02"
IMPLIED = {"operator": {"operator", "viewer"}, "admin": {"admin", "operator", "viewer"}}
ACCOUNTS = (("viewer",), ("operator",), ("admin",), ("auditor",), ("console-write",), ("guest",), ("content",), ("operator", "content"),
            ("admin", "content"))
SCOPES = ("*", "vm0*", "?*")    # the last one has all VMs, and is not that of the whole host
# (method, path, body, all the roles that it needs). Each needs the scope * as well.
TABLE = (
    ("GET", "/v1/stores", None, {"viewer"}), ("GET", STORE, None, {"viewer"}),
    ("PATCH", STORE, {"quota": "web 8192"}, {"admin"}),
    *(("POST", f"{STORE}/actions/{verb}", {}, {"admin"}) for verb in ("format", "grow", "scrub", "take")),
    ("GET", POOL, None, {"viewer"}), ("GET", WEB, None, {"viewer"}),
    ("POST", POOL, {"name": "new", "bytes": 4096}, {"admin"}),
    ("POST", POOL, {"name": "copy", "bytes": 4096, "from": "web"}, {"admin"}),
    ("PATCH", f"{POOL}/none", {"bytes": 8192}, {"admin"}), ("PATCH", f"{POOL}/none", {"name": "other"}, {"admin"}),
    ("DELETE", f"{POOL}/none", None, {"admin"}),
    ("POST", f"{WEB}/clones", {"name": "clone"}, {"admin"}), ("POST", f"{WEB}/snapshots", {"name": "kept"}, {"admin"}),
    ("POST", f"{WEB}/actions/rollback", {"snapshot": "none"}, {"admin"}),
    ("POST", f"{WEB}/actions/rekey", {"key": "other"}, {"admin"}), ("POST", f"{WEB}/actions/rekey-cancel", {}, {"admin"}),
    ("GET", "/v1/rekeys", None, {"viewer"}),
    ("PUT", f"{POOL}/sent/content", b"x" * 4096, {"content"}),
    ("GET", f"{WEB}/content", None, {"content"}), ("GET", f"{WEB}/digest", None, {"content"}),
    ("POST", f"{WEB}/actions/export", {"disk": "none"}, {"admin", "content"}),
    ("POST", f"{POOL}/new/actions/import", {"disk": "none"}, {"admin", "content"}),
    ("GET", "/v1/copies", None, {"viewer"}), ("POST", "/v1/copies/actions/cancel", {}, {"admin"}),
    ("GET", "/v1/disks", None, {"viewer"}),
    ("POST", "/v1/disks/restore", {"disk": "saves", "from": "none"}, {"admin"}),
    ("POST", "/v1/disks/restore", {"disk": "pool/none", "from": "saves"}, {"admin", "content"}),
    ("POST", "/v1/disks/restore", {"disk": "saves", "from": "pool/none"}, {"admin", "content"}),
    ("POST", "/v1/disks/restore", {"disk": "pool/none"}, {"admin", "content"}),
    ("POST", "/v1/disks/restore", {"disk": "pool/none", "at": "20251129191604"}, {"admin", "content"}),
    # by way of a machine of one's own
    ("POST", "/v1/vms", {"name": "vm0n", "config": {"disk": "pool/web", "nonsense": "1"}}, {"admin"}),
    ("PATCH", VM, {"config": {"disk": "pool/web"}}, {"admin"}),
    ("PATCH", VM, {"config": {"disk": "data, pool/web cdrom"}}, {"admin"}),
    ("PATCH", VM, {"config": {"backup": "pool every 1d"}}, {"admin"}),
    ("PATCH", VM, {"config": {}, "config.disk": "pool/web"}, {"admin"}),
    ("POST", f"{VM}/actions/insert", {"medium": "pool/web"}, {"admin"}),
    ("POST", f"{VM}/actions/backup-now", {}, {"admin"}),
    ("POST", f"{VM}/backups", {"kind": "full", "disks": "pool/none=saves"}, {"operator"}),
    ("POST", f"{VM}/backups", {"kind": "full", "disks": "data=pool/none"}, {"operator", "content"}),
    ("POST", f"{VM}/backups", {"kind": "full", "disks": "data=none", "overwrite": True}, {"admin"}),
    ("POST", f"{VM}/actions/save", {"disk": "none"}, {"operator"}),
    # what was of them
    ("GET", "/v1/history?what=store/pool&from=1&step=60", None, {"viewer"}),
    ("GET", "/v1/history?what=disk/data&from=1&step=60", None, {"viewer"}),
    ("GET", "/v1/forecast?what=store/pool", None, {"viewer"}),
    ("POST", "/v1/alerts/preview", {"what": "store/pool", "series": "free_bytes", "comparison": "below", "threshold": 1}, {"viewer"}),
)


@pytest.fixture(autouse=True)
def stores(fake):
    fake.make_stores()
    fake.make_volume("pool", "web", 4096)
    fake.stores["pool"]["web"]["content"] = b"w" * 4096


def roles_of(account):
    return set().union(*(IMPLIED.get(role, {role}) for role in account))


def ask(server, row, token):
    method, path, body, _ = row
    headers = {"Content-Type": "application/octet-stream"} if isinstance(body, bytes) else {}
    return server.tls(method, path, body, token=token, headers={**headers, "Prefer": "wait=1"})


@pytest.mark.parametrize("account", ACCOUNTS, ids="+".join)
def test_every_way(server, fake, account):
    """An account that lacks a role or the scope is refused before Skerry is asked for anything; all others are not."""
    wrong = []
    for scope in SCOPES:
        token = server.make_token(list(account), scope)
        for row in TABLE:
            asked = len(fake.commands)
            answer = ask(server, row, token)
            allowed = scope == "*" and row[3] <= roles_of(account)
            new = [words for words, actor in fake.commands[asked:] if actor and actor.startswith("test")]
            if (answer.status == 403) == allowed or answer.status in (401, 429) or (not allowed and new):
                wrong.append((account, scope, row[:3], answer.status, answer.body[:200], new))
    assert wrong == []


def test_every_route_is_there(program):
    """A new route about disks, stores or volumes has to be in the table."""
    routes = json.loads(subprocess.run([program, "routes"], capture_output=True, check=True).stdout)
    known = {(method, path.split("?")[0]) for method, path, _, _ in TABLE}

    def written(path):
        return {path.replace("{store}", "pool").replace("{volume}", name).replace("{vm}", "vm02") for name in ("web", "none", "new", "sent")}

    missing = [(route["method"], route["path"]) for route in routes
               if route["path"].startswith(("/v1/stores", "/v1/disks", "/v1/rekeys", "/v1/copies")) or route["disk"]
               if not {(route["method"], path) for path in written(route["path"])} & known]
    assert missing == []


@pytest.mark.parametrize("scope", ("p*", "?*", "s*", "h*", "da*"))
def test_names_like_those_of_machines(server, fake, scope):
    """A scope is of machines: no volume, store or disk whose name is like one of its is seen through operations, audit, events or metrics."""
    token = server.make_token(["operator", "auditor"], scope)
    numbers = []
    for method, path, body in (("POST", f"{WEB}/snapshots", {"name": "secret1"}), ("POST", f"{STORE}/actions/scrub", {}),
                               ("POST", "/v1/disks/restore", {"disk": "saves", "from": "data"})):
        fake.delay_s = 0.5
        begun = server.tls(method, path, body, headers={"Prefer": "wait=0"})
        fake.delay_s = 0
        assert begun.status == 202, begun.body
        numbers.append(begun.json()["id"])
    for number in numbers:
        wait_for(lambda number=number: server.tls("GET", f"/v1/operations/{number}").json()["state"] != "running")
        assert server.tls("GET", f"/v1/operations/{number}", token=token).status == 404
    lines = server.tls("GET", "/v1/audit", token=token).json()["items"]
    assert [line for line in lines if line["action"].split(".")[0] in ("volume", "store", "disk", "host")] == []
    for path in ("/v1/log", "/metrics", "/v1/vms", "/v1/runs"):
        assert "secret1" not in server.tls("GET", path, token=token).body.decode()


def names_until_paused(events):
    names = []
    while "paused" not in names:
        names.append(events.next()[1])
    return names


def test_events_of_no_machine(server, fake):
    """What a scrub has found names a store: it is told to those who see the whole host."""
    few, all_of_them = server.events(token=server.make_token(["viewer"], "*0*")), server.events(token=server.make_token(["viewer"]))
    fake.event("store_damaged", text="store pool: 1 chunk is damaged")
    server.local("POST", "/v1/vms/vm02/actions/pause")
    try:
        assert names_until_paused(all_of_them) == ["snapshot", "store_damaged", "paused"]
        assert names_until_paused(few) == ["snapshot", "paused"]
    finally:
        few.close()
        all_of_them.close()
        server.local("POST", "/v1/vms/vm02/actions/resume")
