# SPDX-License-Identifier: MIT
"""Stores of volumes through the gateway: REST, skerryctl, who may, and what the audit says."""
import json
import re
import subprocess

import pytest

POOL = "/v1/stores/pool/volumes"


@pytest.fixture(autouse=True)
def stores(fake):
    fake.make_stores()


def test_life_of_a_volume(server, fake):
    stores = {store["name"]: store for store in server.tls("GET", "/v1/stores").json()["items"]}
    assert stores["pool"]["state"] == "ready" and stores["pool"]["free_bytes"] == 1 << 29
    assert server.tls("GET", POOL).json()["items"] == []
    made = server.tls("POST", POOL, {"name": "web", "bytes": 8 << 20})
    assert made.status == 201 and made.json()["bytes"] == 8 << 20 and made.json()["users"] == ""
    assert made.headers["Location"] == f"{POOL}/web"
    again = server.tls("POST", POOL, {"name": "web", "bytes": 8 << 20})
    assert (again.status, again.code) == (409, "exists")
    snapshot = server.tls("POST", f"{POOL}/web/snapshots", {"name": "monday"})
    assert snapshot.status == 201 and snapshot.json()["snapshot"] and snapshot.headers["Location"] == f"{POOL}/monday"
    clone = server.tls("POST", f"{POOL}/monday/clones", {"name": "web2"}).json()
    assert clone["parent"] == snapshot.json()["id"]
    copy = server.tls("POST", POOL, {"name": "web3", "bytes": 16 << 20, "from": "web"}).json()
    assert copy["parent"] == made.json()["id"]
    assert server.tls("PATCH", f"{POOL}/web", {"bytes": 16 << 20}).json() == {"changed": True}
    assert server.tls("POST", f"{POOL}/web/actions/rollback", {"snapshot": "monday"}).json()["changed"]
    stat = server.tls("GET", f"{POOL}/web").json()
    assert (stat["bytes"], stat["snapshots"], stat["clones"], stat["source"]) == (8 << 20, ["monday"], ["web3"], "")
    assert server.tls("GET", f"{POOL}/web2").json()["source"] == "monday"
    assert server.tls("PATCH", f"{POOL}/web2", {"name": "web4"}).status == 200
    assert server.tls("DELETE", f"{POOL}/web4").status == 204
    assert server.tls("DELETE", f"{POOL}/web4").status == 404
    assert [row["name"] for row in server.tls("GET", POOL).json()["items"]] == ["web", "monday", "web3"]
    fake.stores["pool"]["web"]["users"] = "vm00"
    assert (server.tls("DELETE", f"{POOL}/web").status, server.tls("PATCH", f"{POOL}/web", {"name": "x"}).status) == (409, 409)
    audit = server.tls("GET", "/v1/audit").json()["items"]
    lines = {(line["action"], line["target"], line["result"]) for line in audit}
    for line in (("volume.create", "pool/web", "ok"), ("volume.snapshot", "pool/web", "ok"), ("volume.clone", "pool/monday", "ok"),
                 ("volume.change", "pool/web2", "ok"), ("volume.drop", "pool/web4", "not-found"), ("volume.rollback", "pool/web", "ok")):
        assert line in lines, (line, lines)
    assert all(actor.startswith("first") for words, actor in fake.commands if words[:2] == ["volume", "create"])


def test_another_key(server, fake):
    server.tls("POST", POOL, {"name": "plain", "bytes": 4096})
    server.tls("POST", POOL, {"name": "secret", "bytes": 4096})
    fake.stores["pool"]["secret"].update(encrypt="vault", key_id=f"{7:016x}")
    assert server.tls("GET", f"{POOL}/secret").json()["encrypt"] == "vault"
    assert server.tls("POST", f"{POOL}/secret/actions/rekey", {"key": "other"}).json() == {"changed": True}
    row = server.tls("GET", f"{POOL}/secret").json()
    assert (row["encrypt"], row["key_id"]) == ("other", f"{8:016x}")
    assert server.tls("POST", f"{POOL}/plain/actions/rekey", {"key": "other"}).status == 409
    assert server.tls("GET", "/v1/rekeys").json()["items"] == [fake.rekey] and fake.rekey["volume"] == "secret"
    assert server.tls("POST", f"{POOL}/secret/actions/rekey-cancel").status == 409
    fake.rekey["state"] = "copies"
    assert server.tls("POST", f"{POOL}/secret/actions/rekey-cancel").json() == {"changed": True}
    assert "cancelled" in server.tls("GET", "/v1/rekeys").json()["items"][0]["reason"]
    for key in ("a b", "", 7, None):
        assert server.tls("POST", f"{POOL}/secret/actions/rekey", {"key": key}).status == 422, key
    for token in (server.make_token(["content"]), server.make_token(["admin"], "web*")):
        assert server.tls("POST", f"{POOL}/secret/actions/rekey", {"key": "other"}, token=token).status == 403


def test_copies(server, fake):
    """Exports and imports take the roles admin and content, with the scope *; the own VM's volume is not copied."""
    server.tls("POST", POOL, {"name": "web", "bytes": 8192})
    both = server.make_token(["admin", "content"])
    assert server.tls("GET", "/v1/copies").json()["items"] == []
    for path in (f"{POOL}/web/actions/export", f"{POOL}/new/actions/import"):
        for token in (server.make_token(["admin"]), server.make_token(["content"]), server.make_token(["admin", "content"], "web*")):
            assert server.tls("POST", path, {"disk": "usb"}, token=token).status == 403, path
        for disk in ("a b", "pool/web", "", 7, None):
            assert server.tls("POST", path, {"disk": disk}, token=both).status == 422, disk
        assert server.tls("POST", path, {"disk": "usb"}, token=both).json() == {"changed": True}
        assert server.tls("GET", "/v1/copies").json()["items"] == [fake.copy] and fake.copy["disk"] == "usb"
    assert server.tls("POST", f"{POOL}/new/actions/import", {"disk": "usb"}, token=both).status == 409
    assert server.tls("POST", f"{POOL}/new.part/actions/import", {"disk": "usb"}, token=both).status == 422
    assert server.tls("POST", f"{POOL}/none/actions/export", {"disk": "usb"}, token=both).status == 404
    assert server.tls("POST", "/v1/copies/actions/cancel").status == 409
    fake.copy["state"] = "copies"
    assert server.tls("POST", "/v1/copies/actions/cancel", token=server.make_token(["content"])).status == 403
    assert server.tls("POST", "/v1/copies/actions/cancel").json() == {"changed": True}
    fake.stores["pool"]["web"]["users"] = "vm00"
    assert server.tls("POST", f"{POOL}/web/actions/export", {"disk": "usb"}, token=both).status == 409


def test_a_key_makes_one_volume(server, fake):
    headers = {"Idempotency-Key": "one volume"}
    first = server.tls("POST", POOL, {"name": "once", "bytes": 4096}, headers=headers)
    second = server.tls("POST", POOL, {"name": "once", "bytes": 4096}, headers=headers)
    assert first.status == second.status == 201 and first.body == second.body
    assert second.headers["Idempotency-Replayed"] == "true"
    assert [words for words, _ in fake.commands].count(["volume", "create", "pool/once", "4096"]) == 1


@pytest.mark.parametrize("method, path, body", [
    ("POST", POOL, {"name": "a b", "bytes": 4096}), ("POST", POOL, {"name": "../x", "bytes": 4096}),
    ("POST", POOL, {"name": 32 * "x", "bytes": 4096}), ("POST", POOL, {"name": "x", "bytes": "8M"}),
    ("POST", POOL, {"name": "x", "bytes": -4096}), ("POST", POOL, {"name": "x", "bytes": 1e30}),
    ("POST", POOL, {"name": "x", "bytes": 4097}), ("POST", POOL, {"name": "x"}), ("POST", POOL, {"bytes": 4096}),
    ("POST", POOL, {"name": "x", "bytes": 4096, "from": "a/b"}), ("POST", POOL, {"name": "x", "bytes": 4096, "from": 7}),
    ("PATCH", f"{POOL}/web", {}), ("PATCH", f"{POOL}/web", {"bytes": 1 << 30, "name": "x"}),
    ("PATCH", f"{POOL}/web", {"bytes": 4096}), ("PATCH", f"{POOL}/web", {"name": "-x"}),
    ("POST", f"{POOL}/web/clones", {"name": "x y"}), ("POST", f"{POOL}/web/snapshots", {}),
    ("POST", f"{POOL}/web/actions/rollback", {"snapshot": "overwrite now"}),
])
def test_wrong_bodies(server, fake, method, path, body):
    """What is wrong is refused, and nothing has changed."""
    server.tls("POST", POOL, {"name": "web", "bytes": 8 << 20})
    before = json.dumps(fake.stores)
    answer = server.tls(method, path, body)
    assert answer.status == 422 and answer.code == "bad-argument", answer.body
    assert json.dumps(fake.stores) == before


def test_paths(server):
    for path in ("/v1/stores/none/volumes", "/v1/stores/none/volumes/x", f"{POOL}/none", f"{POOL}/a%20b",
                 f"/v1/stores/{32 * 'x'}/volumes", f"{POOL}/{32 * 'x'}", f"{POOL}/{40 * 'x'}", "/v1/stores/a%20b/volumes"):
        answer = server.tls("GET", path)
        assert (answer.status, answer.code) == (404, "not-found"), (path, answer.body)


def test_format(server, fake):
    assert server.tls("POST", "/v1/stores/empty/actions/format").json()["changed"]
    assert fake.stores["empty"] == {}
    refused = server.tls("POST", "/v1/stores/empty/actions/format")
    assert (refused.status, refused.code) == (409, "exists")
    assert server.tls("POST", "/v1/stores/empty/actions/format", {"overwrite": "x"}).status == 409
    assert server.tls("POST", "/v1/stores/empty/actions/format", {"overwrite": True}).status == 200


def test_grow(server, fake):
    """Admin alone lets a store grow; a disk that has no more is a conflict."""
    path = "/v1/stores/pool/actions/grow"
    assert server.tls("POST", path).status == 409
    fake.store_room = 1 << 20
    assert server.tls("POST", path, token=server.make_token(["operator"])).status == 403
    assert server.tls("POST", path, token=server.make_token(["admin"], "web*")).status == 403
    assert server.tls("GET", "/v1/stores/pool").json()["room_bytes"] == 1 << 20
    assert server.tls("POST", path).json()["changed"]
    assert server.tls("GET", "/v1/stores/pool").json()["room_bytes"] == 0
    assert server.tls("POST", "/v1/stores/none/actions/grow").status == 404


def test_scrub(server, fake):
    """A scrub is begun by admin alone; the store says how far it is and, asked by its name, what is damaged."""
    fake.make_volume("pool", "web", 4096)
    path = "/v1/stores/pool/actions/scrub"
    assert server.tls("POST", path, token=server.make_token(["operator"])).status == 403
    assert server.tls("POST", path, token=server.make_token(["admin"], "web*")).status == 403
    assert server.tls("GET", "/v1/stores/pool").json()["damaged"] == []
    assert server.tls("POST", path).json()["changed"]
    one = server.tls("GET", "/v1/stores/pool").json()
    assert one["damaged"] == [{"volume": "web", "offset": 65536, "bytes": 65536}] and one["checksum"] is True
    (row,) = [row for row in server.tls("GET", "/v1/stores").json()["items"] if row["name"] == "pool"]
    assert (row["scrub"], row["scrub_chunks"], row["scrub_without_sum"], row["scrub_faults"]) == ("ended", 9, 2, 1)
    assert "damaged" not in row
    assert server.tls("POST", "/v1/stores/none/actions/scrub").status == 404


def test_owner(server, fake):
    """Who sees stores sees which host holds them; only the role admin with the scope * takes one."""
    pool = server.tls("GET", "/v1/stores/pool").json()
    assert (pool["owner"], pool["own"], pool["epoch"], pool["lease_seconds"]) == (fake.OWNER, False, 3, 20)
    assert server.tls("POST", "/v1/stores/pool/actions/take").json() == {"changed": True}
    assert ["store", "take", "pool"] in [words for words, _ in fake.commands]
    assert server.tls("POST", "/v1/stores/none/actions/take").code == "not-found"


def test_quotas(server, fake):
    """Who sees stores sees their quotas; only the role admin with the scope * sets them, all at once or none."""
    assert server.tls("GET", "/v1/stores/pool").json()["quotas"] == []
    assert server.tls("PATCH", "/v1/stores/pool", {"quota": "team-* 65536, web 8192"}).json() == {"changed": True}
    pool = server.tls("GET", "/v1/stores/pool", token=server.make_token(["viewer"])).json()
    assert pool["name"] == "pool" and pool["free_bytes"] == 1 << 29
    assert pool["quotas"] == [{"pattern": "team-*", "bytes": 65536, "used_bytes": 0}, {"pattern": "web", "bytes": 8192, "used_bytes": 0}]
    assert "quotas" not in server.tls("GET", "/v1/stores").json()["items"][0]
    for token in (server.make_token(["operator"]), server.make_token(["content"]), server.make_token(["admin"], "team-*")):
        assert server.tls("PATCH", "/v1/stores/pool", {"quota": ""}, token=token).status == 403
    assert server.tls("GET", "/v1/stores/pool", token=server.make_token(["admin"], "team-*")).status == 403
    for wrong in ({}, {"quota": 7}, {"quota": None}, {"quota": "web"}, {"quota": ["web 8192"]}, {"quota": "web 8192, x"}):
        answer = server.tls("PATCH", "/v1/stores/pool", wrong)
        assert (answer.status, answer.code) == (422, "bad-argument"), wrong
    assert server.tls("GET", "/v1/stores/pool").json()["quotas"] == pool["quotas"]
    assert server.tls("PATCH", "/v1/stores/pool", {"quota": ""}).status == 200
    assert server.tls("GET", "/v1/stores/pool").json()["quotas"] == []
    for method in ("GET", "PATCH"):
        assert server.tls(method, "/v1/stores/none", {"quota": ""} if method == "PATCH" else None).code == "not-found"
    lines = {(line["action"], line["target"], line["result"]) for line in server.tls("GET", "/v1/audit").json()["items"]}
    assert {("store.change", "pool", "ok"), ("store.change", "none", "not-found")} <= lines


def test_own_vm(pair):
    """A volume of the gateway's own VM is not copied: the copy would have its key and its tokens."""
    fake, server = pair()
    fake.own = "vm00"
    fake.make_stores()
    server.start()
    fake.make_volume("pool", "root", 4096)
    for users in ("vm00", "vm01 (ro), vm00 (ro)", "vm00 (ro), vm01 (ro)"):
        fake.stores["pool"]["root"]["users"] = users
        for path, body in ((f"{POOL}/root/clones", {"name": "copy"}), (f"{POOL}/root/snapshots", {"name": "copy"}),
                           (POOL, {"name": "copy", "bytes": 4096, "from": "root"})):
            answer = server.tls("POST", path, body)
            assert (answer.status, answer.code) == (403, "own-vm"), answer.body
    assert list(fake.stores["pool"]) == ["root"]
    # a snapshot made at the console, and a clone of that, hold the same, whether the VM runs from it or not
    fake.stores["pool"]["root"]["users"] = "vm00"
    fake.make_volume("pool", "monday", 4096, fake.stores["pool"]["root"]["id"], True)
    fake.make_volume("pool", "again", 4096, fake.stores["pool"]["monday"]["id"])
    content = server.make_token(["content"])
    for name in ("root", "monday", "again"):
        for method, path, body in (("POST", f"{POOL}/{name}/clones", {"name": "copy"}),
                                   ("POST", f"{POOL}/{name}/snapshots", {"name": "copy"}),
                                   ("POST", POOL, {"name": "copy", "bytes": 4096, "from": name}),
                                   ("GET", f"{POOL}/{name}/content", None)):
            answer = server.tls(method, path, body, token=content if method == "GET" else None)
            assert (answer.status, answer.code) == (403, "own-vm"), (name, path, answer.body)
    assert list(fake.stores["pool"]) == ["root", "monday", "again"]
    # a volume that is rolled back to one of them would be a copy as well
    fake.make_volume("pool", "blank", 4096)
    for name in ("root", "monday", "again"):
        answer = server.tls("POST", f"{POOL}/blank/actions/rollback", {"snapshot": name})
        assert (answer.status, answer.code) == (403, "own-vm"), (name, answer.body)
    # and so would be a backup of a VM that uses one of them
    for disks in ("pool/again=pool/blank", "data=saves,pool/monday=data", "pool/root=saves"):
        answer = server.tls("POST", "/v1/vms/vm01/backups", {"kind": "full", "disks": disks})
        assert (answer.status, answer.code) == (403, "own-vm"), (disks, answer.body)
    assert server.tls("POST", "/v1/vms/vm01/backups", {"kind": "full", "disks": "pool/other=pool/blank"}).status == 200
    for method, path, body in (("POST", f"{POOL}/none/clones", {"name": "copy"}), ("GET", f"{POOL}/none/content", None)):
        answer = server.tls(method, path, body, token=content if method == "GET" else None)
        assert (answer.status, answer.code) == (404, "not-found"), answer.body
    for users in ("vm001", "vm0", "avm00", ""):
        fake.stores["pool"]["root"]["users"] = users
        assert server.tls("POST", f"{POOL}/root/clones", {"name": f"of-{users}x"}).status == 201, users


def test_roles(server, fake):
    """Whoever sees the host reads the lists; only the role admin with the scope * changes anything."""
    fake.make_volume("pool", "web", 4096)
    viewer, operator = server.make_token(["viewer"]), server.make_token(["operator"])
    few = server.make_token(["admin"], "web*")
    assert server.tls("GET", POOL, token=viewer).status == 200
    for token in (operator, few):
        for method, path, body in (("POST", POOL, {"name": "x", "bytes": 4096}), ("DELETE", f"{POOL}/web", None),
                                   ("POST", f"{POOL}/web/clones", {"name": "x"}), ("PATCH", f"{POOL}/web", {"name": "x"}),
                                   ("POST", "/v1/stores/empty/actions/format", {}), ("POST", "/v1/stores/pool/actions/take", None)):
            assert server.tls(method, path, body, token=token).status == 403, path
    assert list(fake.stores["pool"]) == ["web"] and fake.stores["empty"] is None
    for path in ("/v1/stores", POOL, f"{POOL}/web"):
        assert server.tls("GET", path, token=few).status == 403


def test_skerryctl(server, fake, request):
    program = request.config.getoption("--gateway") + "/skerryctl"

    def ctl(*words, code=0):
        done = subprocess.run([program, "--socket", server.socket, *words], capture_output=True, text=True, timeout=20)
        assert done.returncode == code, (words, done)
        return done.stdout + done.stderr
    assert "pool/web: created" in ctl("volume", "create", "pool/web", "8M")
    assert "snapshot taken" in ctl("volume", "snapshot", "pool/web", "monday")
    assert "cloned" in ctl("volume", "clone", "pool/monday", "web2")
    assert "resized" in ctl("volume", "resize", "pool/web", "16M")
    assert "rolled back" in ctl("volume", "rollback", "pool/web", "monday")
    fake.stores["pool"]["web"].update(encrypt="vault", key_id=f"{7:016x}")
    assert "exported" in ctl("--yes", "volume", "export", "pool/monday", "usb") and "imported" in ctl("volume", "import", "pool/old", "usb")
    assert re.search(r"pool/old +usb +import +done", ctl("volume", "copy", "list"))
    fake.copy["state"] = "copies"
    assert "cancelled" in ctl("volume", "copy", "cancel") and "was cancelled" in ctl("volume", "copy", "list")
    assert "dropped" in ctl("volume", "drop", "pool/old")
    assert "has another key" in ctl("volume", "rekey", "pool/web", "other")
    assert "pool/web" in ctl("volume", "rekey", "list") and "done" in ctl("volume", "rekey", "list")
    fake.rekey["state"] = "copies"
    assert "keeps its key" in ctl("volume", "rekey", "cancel", "pool/web")
    assert "renamed" in ctl("volume", "rename", "pool/web2", "web3")
    assert "created" in ctl("volume", "create", "pool/web4", "16M", "from=web")
    stat = ctl("volume", "stat", "pool/web")
    for row in (r"volume +pool/web", r"size +8M", r"own +0B", r"shared +64K", r"made-of +-", r"requests +7", r"snapshots +1 monday",
                r"clones +1 web4"):
        assert re.search(rf"^{row}$", stat, re.MULTILINE), (row, stat)
    assert json.loads(ctl("--json", "volume", "stat", "pool/web"))["shared_bytes"] == 65536
    listed = ctl("volume", "list", "pool")
    assert "pool/monday" in listed and "snapshot" in listed and "pool/web3" in listed and listed == ctl("volume", "list")
    assert [row["name"] for row in json.loads(ctl("--json", "volume", "list", "pool"))] == list(fake.stores["pool"])
    assert "dropped" in ctl("volume", "drop", "pool/web3")
    assert "formatted" in ctl("store", "format", "empty")
    assert "pool" in ctl("store", "list") and "damaged" not in ctl("store", "list")
    fake.store_room = 3 << 20
    assert "its disk has 3M more, which `store grow` takes" in ctl("store", "list")
    assert "has the room by which its disk has grown" in ctl("store", "grow", "pool") and "more" not in ctl("store", "list")
    assert "is being scrubbed" in ctl("store", "scrub", "pool")
    assert "a scrub found 1 damaged chunks" in ctl("store", "list")
    assert "being taken" in ctl("--yes", "store", "take", "pool")
    assert "has other quotas" in ctl("store", "quota", "pool", "team-* 65536, web 8192")
    quotas = ctl("store", "quota", "pool")
    assert "team-*" in quotas and "64" in quotas and [row["pattern"] for row in json.loads(ctl("--json", "store", "quota", "pool"))] == ["team-*", "web"]
    assert "has other quotas" in ctl("store", "quota", "pool", "none") and "web" not in ctl("store", "quota", "pool")
    for words, code in ((("volume", "create", "pool", "8M"), 2), (("volume", "create", "pool/x", "8Q"), 2),
                        (("volume", "create", "pool/x", "8M", "form=web"), 2), (("volume", "drop", "pool"), 2),
                        (("volume", "grow", "pool/x"), 2), (("volume", "copy"), 2), (("volume", "copy", "cancel"), 5), (("volume", "import", "pool/web", "usb"), 5), (("volume", "stat", "pool"), 2), (("volume", "stat", "pool/x"), 3), (("store", "check", "pool"), 2), (("store", "scrub", "none"), 3), (("store", "grow", "none"), 3), (("store", "grow", "pool"), 5), (("store", "quota"), 2), (("store", "quota", "none"), 3),
                        (("store", "quota", "pool", "web"), 1), (("volume", "drop", "pool/x"), 3),
                        (("volume", "create", "pool/web", "8M"), 5), (("volume", "list", "none"), 3), (("store", "format", "empty"), 5)):
        assert len(ctl(*words, code=code)) > 10


def test_attaching(server, fake):
    """Whoever sees a few VMs only gives none of them a volume: it would be a way to what others hold."""
    few = server.make_token(["admin"], "vm0*")
    for new, value in (("vm0x", "pool/web"), ("vm0y", "data, pool/web ro")):
        for method, path, body in (("PATCH", "/v1/vms/vm03", {"config": {"disk": value}}),
                                   ("PATCH", "/v1/vms/vm03", {"config": {"disk": value, "weight": 5}}),
                                   ("PATCH", "/v1/vms/vm03", {"config": {"disk": "data"}, "config.disk": value}),
                                   ("POST", "/v1/vms", {"name": new, "config": {"disk": value}})):
            answer = server.tls(method, path, body, token=few)
            assert (answer.status, answer.code) == (403, "forbidden") and "volumes" in answer.json()["detail"], answer.body
            before = len(fake.commands)
            assert server.tls(method, path, body).status != 403
            assert "config.disk" in body or any(f"disk={value}" in words for words, _ in fake.commands[before:]), path


def test_a_full_store(server, fake):
    """A store has up to 4,096 volumes: the list of all of them is shown."""
    for number in range(4096):
        fake.make_volume("pool", f"{number:04}-{26 * 'n'}", 1 << 39)[0]["users"] = 3 * f"{31 * 'v'} (ro), "
    answer = server.tls("GET", POOL, timeout=30)
    assert answer.status == 200 and len(answer.json()["items"]) == 4096 and len(answer.body) > 1 << 20
