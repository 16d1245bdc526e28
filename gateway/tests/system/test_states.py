# SPDX-License-Identifier: MIT
"""Saves on disks, balloons, fields of a VM's state: what the console has, through the gateway."""
import pytest

from client import wait_for


def words_of(fake):
    return [each[0] for each in fake.commands]


def test_save_and_restore(server, fake):
    vm = "/v1/vms/vm01"
    disks = server.tls("GET", "/v1/disks").json()["items"]
    assert [disk["name"] for disk in disks] == ["saves", "data"] and disks[0]["bytes"] == 64 << 20
    for body in ({}, {"disk": "a b"}, {"disk": 7}, {"disk": "-x"}):
        assert server.tls("POST", f"{vm}/actions/save", body).status == 422, body
        assert server.tls("POST", f"{vm}/actions/restore", body).status == 422, body
    assert server.tls("POST", f"{vm}/actions/save", {"disk": "other"}).status == 404
    refused = server.tls("POST", f"{vm}/actions/save", {"disk": "data"})
    assert refused.status == 409 and "holds something else" in refused.json()["detail"]
    saved = server.tls("POST", f"{vm}/actions/save", {"disk": "saves"}).json()
    assert saved["changed"] and saved["vm"]["state"] == "stopped"
    again = server.tls("POST", f"{vm}/actions/save", {"disk": "saves"})
    assert again.status == 409 and again.json()["allowed_states"] == ["running", "paused"]
    assert server.tls("POST", f"{vm}/actions/restore", {"disk": "data"}).status == 409
    back = server.tls("POST", f"{vm}/actions/restore", {"disk": "saves"}).json()
    assert back["vm"]["state"] == "running"


def test_networks(server):
    nets = server.tls("GET", "/v1/nets").json()["items"]
    assert [(net["name"], net["link"], net["ports"]) for net in nets] == [("lan", "up down", 3),
                                                                          ("lab", "-", 0)]
    few = server.make_token(["admin"], "vm0*")
    assert server.tls("GET", "/v1/nets", token=few).status == 403


def test_files(server):
    """What the host was booted with; a list of the whole host."""
    files = server.tls("GET", "/v1/files").json()["items"]
    assert [(file["name"], file["uses"]) for file in files] == [("vmlinuz", "kernel"), ("initrd.gz", "initrd"),
                                                                ("bios-256k.bin", "bios"), ("OVMF.fd", "uefi")]
    few = server.make_token(["admin"], "vm0*")
    assert server.tls("GET", "/v1/files", token=few).status == 403


def test_disks_are_of_the_whole_host(server, fake):
    """
    A save to a disk needs the scope *, as other VMs' saves are on that disk too, and the role
    admin to overwrite anything else.
    """
    few = server.make_token(["admin"], "vm0*")
    assert server.tls("POST", "/v1/vms/vm01/actions/save", {"disk": "saves"}, token=few).status == 403
    assert server.tls("GET", "/v1/disks", token=few).status == 403
    all_of_them = server.make_token(["operator"])
    over = {"disk": "data", "overwrite": True}
    before = len(fake.commands)
    assert server.tls("POST", "/v1/vms/vm01/actions/save", over, token=all_of_them).status == 403
    assert server.tls("POST", "/v1/vms/vm01/actions/save", {**over, "overwrite": "x"},
                      token=all_of_them).status == 403
    assert ["vm", "save"] not in [words[:2] for words in words_of(fake)[before:]]
    assert server.tls("POST", "/v1/vms/vm01/actions/save", over).json()["changed"]
    assert ["vm", "save", "vm01", "data", "overwrite"] in words_of(fake)
    on = server.tls("POST", "/v1/vms/vm02/actions/save", {"disk": "saves", "continue": True}).json()
    assert on["vm"]["state"] == "running"
    assert ["vm", "save", "vm02", "saves", "continue"] in words_of(fake)
    assert server.tls("POST", "/v1/vms/vm01/actions/restore", {"disk": "data"}, token=few).status == 200


def test_backup(server, fake):
    """
    A backup is begun, shown and cancelled; overwriting anything else needs the role admin, and
    disks need the scope *.
    """
    vm = "/v1/vms/vm01"
    good = {"kind": "full", "disks": "data=saves"}
    for wrong in ({"kind": "half"}, {"disks": ""}, {"disks": "data"}, {"disks": "a b=c"}, {"disks": "=saves"},
                  {"disks": "data=-x"}, {"disks": 7}, {"disks": "data=" + 64 * "x"}, {"disks": "data=pool/"}, {"disks": "pool/=saves"},
                  {"disks": "data=pool/vm01:pool:web@20251129191604.0"}, {"disks": "data=pool/@backup-01-0"}, {"disks": f"{40 * 'p'}/web=saves"},
                  {"disks": ",".join(f"a{i}=b" for i in range(13))}):
        assert server.tls("POST", f"{vm}/backups", {**good, **wrong}).status == 422, wrong
    assert server.tls("GET", f"{vm}/backups").json()["items"] == []
    assert server.tls("POST", f"{vm}/actions/backup-cancel").status == 409
    few, operator = server.make_token(["admin"], "vm0*"), server.make_token(["operator"])
    assert server.tls("POST", f"{vm}/backups", good, token=few).status == 403
    assert server.tls("POST", f"{vm}/backups", {**good, "overwrite": True}, token=operator).status == 403
    assert not any(words[:2] == ["vm", "backup"] and words[2] != "list" and words[2] != "cancel"
                   for words in words_of(fake))
    volume = {"kind": "full", "disks": f"{31 * 'p'}/{31 * 'v'}={31 * 't'}"}
    server.tls("POST", f"{vm}/backups", volume)
    assert ["vm", "backup", "vm01", "full", volume["disks"]] in words_of(fake)
    # a volume's content takes the role that is for it
    to_volume = {"kind": "full", "disks": "data=pool/web,pool/web=saves"}
    before = len(words_of(fake))
    assert server.tls("POST", f"{vm}/backups", to_volume, token=server.make_token(["admin"])).status == 403
    assert ["vm", "backup"] not in [words[:2] for words in words_of(fake)[before:]]
    server.tls("POST", f"{vm}/backups", to_volume, token=server.make_token(["operator", "content"]))
    assert ["vm", "backup", "vm01", "full", "data=pool/web", "pool/web=saves"] in words_of(fake)
    several = {"kind": "full", "disks": "data=saves, root=saves, state=data", "overwrite": True}
    begun = server.tls("POST", f"{vm}/backups", several)
    assert begun.status == 200 and begun.json()["changed"], begun.body
    assert ["vm", "backup", "vm01", "full", "data=saves", "root=saves", "state=data", "overwrite"] in \
        words_of(fake)
    shown = server.tls("GET", f"{vm}/backups", token=few).json()["items"]
    assert [(each["disk"], each["target"], each["copied_bytes"]) for each in shown] == \
        [("data", "saves", 1 << 20), ("root", "saves", 1 << 20)]
    assert server.tls("POST", f"{vm}/backups", good, token=operator).status == 409
    assert server.tls("POST", f"{vm}/actions/backup-cancel", token=operator).json()["changed"]
    assert server.tls("GET", f"{vm}/backups").json()["items"] == []


def test_backup_by_schedule_at_once(server, fake):
    """As an old one may be dropped after it, it takes the role admin, and the scope *, as all that writes to a store."""
    now = "/v1/vms/vm01/actions/backup-now"
    for token in (server.make_token(["operator", "content"]), server.make_token(["admin"], "vm0*")):
        assert server.tls("POST", now, token=token).status == 403
    assert ["vm", "backup", "now", "vm01"] not in words_of(fake)
    none = server.tls("POST", now)
    assert none.status == 409 and "no schedule" in none.json()["detail"]
    fake.vms["vm01"].config["backup"] = "pool every 1d"
    try:
        assert server.tls("POST", now, token=server.make_token(["admin"])).json()["changed"]
    finally:
        fake.vms["vm01"].config["backup"] = ""
    assert ["vm", "backup", "now", "vm01"] in words_of(fake)
    lines = [line for line in server.tls("GET", "/v1/audit").json()["items"] if line["action"] == "vm.backup-now"]
    assert {(line["target"], line["result"]) for line in lines} == {("vm01", "forbidden"), ("vm01", "bad-state"), ("vm01", "ok")}


def test_disk_restore(server, fake):
    """A disk is restored from a chain of backups by an admin of the whole host only."""
    good = {"disk": "saves", "from": "data, data"}
    for wrong in ({"disk": ""}, {"disk": "-x"}, {"disk": 7}, {"from": ""}, {"from": "a b=c"}, {"from": None},
                  {"from": 32 * "x"}, {"from": ",".join(9 * ["data"])}):
        assert server.tls("POST", "/v1/disks/restore", {**good, **wrong}).status == 422, wrong
    for token in (server.make_token(["admin"], "vm0*"), server.make_token(["operator"])):
        assert server.tls("POST", "/v1/disks/restore", good, token=token).status == 403
    assert not any(words[:2] == ["disk", "restore"] for words in words_of(fake))
    assert server.tls("POST", "/v1/disks/restore", good).json()["changed"]
    assert ["disk", "restore", "saves", "data", "data"] in words_of(fake)
    assert server.tls("POST", "/v1/disks/restore", {**good, "disk": "none"}).status == 404
    # a volume's content takes the role that is for it
    volume = {"disk": "pool/web", "from": "data"}
    assert server.tls("POST", "/v1/disks/restore", volume, token=server.make_token(["admin"])).status == 403
    assert ["disk", "restore", "pool/web", "data"] not in words_of(fake)
    server.tls("POST", "/v1/disks/restore", volume, token=server.make_token(["admin", "content"]))
    assert ["disk", "restore", "pool/web", "data"] in words_of(fake)
    # so does reading a backup on one
    volume = {"disk": "saves", "from": "pool/web, data"}
    assert server.tls("POST", "/v1/disks/restore", volume, token=server.make_token(["admin"])).status == 403
    server.tls("POST", "/v1/disks/restore", volume)
    assert ["disk", "restore", "saves", "pool/web", "data"] in words_of(fake)
    # scheduled backups are named by their moment alone
    for wrong in ({"disk": "pool/web", "at": "yesterday"}, {"disk": "pool/web", "at": ""}, {"disk": "saves"},
                  {"disk": "pool/web", "at": "2025112919160x"}, {"disk": "saves", "from": "data", "at": "20251129191604"},
                  {"disk": "pool/web", "from": "pool/vm01:pool:web@20251129191604.0"}):
        assert server.tls("POST", "/v1/disks/restore", wrong).status == 422, wrong
    for body, words in (({}, []), ({"at": "20251129191604"}, ["at=20251129191604"])):
        assert server.tls("POST", "/v1/disks/restore", {"disk": "pool/web", **body},
                          token=server.make_token(["admin"])).status == 403
        server.tls("POST", "/v1/disks/restore", {"disk": "pool/web", **body})
        assert ["disk", "restore", "pool/web", *words] in words_of(fake)
    used = server.tls("POST", "/v1/disks/restore", {"disk": "data", "from": "saves"})
    assert used.status == 409 and "vm00 uses it" in used.json()["detail"]


def test_own_vm_is_not_saved(pair):
    """
    The gateway's own VM is not saved, not even with force: it could not answer, and a restored
    one would have tokens that were revoked.
    """
    fake, server = pair()
    fake.own = "vm00"
    fake.act("start", ["vm02"], [])
    server.start()
    for action in ("save", "save?force=true", "restore", "backup-now"):
        for more in ({}, {"continue": True}):
            answer = server.tls("POST", f"/v1/vms/vm00/actions/{action}", {"disk": "saves", **more})
            assert (answer.status, answer.code) == (403, "own-vm"), action
            assert "at Skerry's console" in answer.json()["detail"]
    assert not [words for words in words_of(fake) if words[:2] in (["vm", "save"], ["vm", "restore"])]
    assert server.tls("POST", "/v1/vms/vm02/actions/save", {"disk": "saves"}).status == 200


def test_balloon(server, fake):
    """
    A number that a guest says of itself (here 2^64 - 1) does not become a line that cannot be
    read.
    """
    vm = "/v1/vms/vm02"
    none = server.tls("GET", f"{vm}/balloon").json()
    assert none["wanted_bytes"] is None and none["memory_bytes"] == 128 << 20
    for body in ({}, {"bytes": "64M"}, {"bytes": -1}, {"bytes": 1.5}, {"bytes": 5000}, {"bytes": 1 << 40}):
        assert server.tls("POST", f"{vm}/actions/balloon", body).status == 422, body
    told = server.tls("POST", f"{vm}/actions/balloon", {"bytes": 64 << 20}).json()
    assert told["wanted_bytes"] == 64 << 20 and told["present_bytes"] == 128 << 20 and told["driver"]
    for _ in range(20):
        shown = server.tls("GET", f"{vm}/balloon").json()
    assert shown["present_bytes"] == 64 << 20 and shown["reported_bytes"] == 16 * 4096
    assert shown["guest"] == {"free-bytes": str(2**64 - 1), "memory-bytes": str(123 << 20)}
    assert server.tls("GET", f"{vm}/exits").status == 200
    assert fake.last("vm", "stat")[2] == "vm02"


def test_digest(server, fake):
    """
    A digest is answered with what Skerry replies, at once or in the operation that it takes;
    not with a VM's state.
    """
    path = "/v1/vms/vm02/actions/digest"
    digest = {"name": "vm02", "ram": 64 * "a", "state": 64 * "b"}
    assert server.tls("POST", path).json() == digest
    assert server.tls("GET", "/v1/vms/vm02").json()["state"] == "running"
    fake.delay_s = 1
    later = server.tls("POST", path, headers={"Prefer": "wait=0"})
    assert later.status == 202 and "result" not in later.json()
    ended = server.tls("GET", f"{later.headers['Location']}?wait=10").json()
    assert ended["state"] == "done" and ended["result"] == digest
    fake.delay_s = 0
    assert server.tls("POST", "/v1/vms/vm02/actions/kill").status == 200
    assert server.tls("POST", path).status == 409
    assert server.tls("POST", path, token=server.make_token(["viewer"])).status == 403


def test_inspect(pair):
    fake, server = pair(rights=["view", "operate", "console", "configure", "host"])
    server.start()
    path = "/v1/vms/vm00/inspect"
    refused = server.tls("GET", f"{path}?path=vcpu.0")
    assert refused.status == 403 and refused.code == "no-right"
    fake.rights.append("inspect")
    fake.drop()
    wait_for(lambda: "inspect" in server.tls("GET", "/v1/host").json()["rights"])
    shown = server.tls("GET", f"{path}?path=vcpu.0").json()["items"]
    assert shown[0] == {"path": "vcpu.0.rip", "value": str(0xffffffff81000000)}
    assert shown[-1] == {"path": "xsave", "hex": "00ff"}
    assert len(server.tls("GET", path).json()["items"]) == 4
    assert server.tls("GET", f"{path}?path=pit.0.channel%5B1%5D").status == 200
    assert server.tls("GET", f"{path}?path=nothing").status == 404
    for wrong in ("a%20b", "%24x", "x" * 96):
        assert server.tls("GET", f"{path}?path={wrong}").status == 422, wrong
    lines = server.tls("GET", "/v1/audit").json()["items"]
    assert [line["result"] for line in lines if line["action"] == "vm.inspect"][:2] == ["no-right", "ok"]


@pytest.mark.parametrize("role", ("viewer", "operator"))
def test_who_may_inspect(server, role):
    token = server.make_token([role])
    assert server.tls("GET", "/v1/vms/vm00/inspect", token=token).status == 403


def test_media(server, fake):
    """A CD leaves its drive and comes back; another one is for the role admin, and a volume's for the scope *."""
    vm = fake.vms["vm02"]
    had, vm.config["disk"] = vm.config.get("disk"), "data, saves cdrom"
    eject, insert = (f"/v1/vms/vm02/actions/{verb}" for verb in ("eject", "insert"))
    operator, few = server.make_token(["operator"]), server.make_token(["admin"], "vm0*")
    try:
        out = server.tls("POST", eject, {}, token=operator)
        assert (out.status, out.json()) == (200, {"name": "vm02", "disk": "saves", "inserted": False})
        assert server.tls("POST", insert, {"disk": "saves"}, token=operator).json()["inserted"]
        assert fake.last("vm", "insert") == ["vm", "insert", "vm02", "saves"]
        assert server.tls("POST", eject, {"disk": "data"}).status == 404
        for body in ({"disk": "a b"}, {"disk": 7}, {"disk": "medium=data"}, {"medium": "a/b/c"}, {"medium": None}):
            assert server.tls("POST", insert, body).status == 422, body
        for body in ({"medium": "data"}, {"medium": "pool/image"}, {"medium": None}):
            assert server.tls("POST", insert, body, token=operator).status == 403, body
        assert server.tls("POST", insert, {"medium": "pool/image"}, token=few).status == 403
        assert server.tls("POST", insert, {"medium": "nothing"}).status == 404
        assert server.tls("POST", insert, {"disk": "saves", "medium": "data"}, token=few).json()["disk"] == "data"
        assert fake.last("vm", "insert") == ["vm", "insert", "vm02", "saves", "medium=data"]
        assert server.tls("POST", eject, {}).json()["disk"] == "data"
    finally:
        vm.config["disk"] = had or ""


def test_own_vm_keeps_its_medium(pair):
    """Another medium in the gateway's own VM could change what it boots: nobody puts one in but at Skerry's console."""
    fake, server = pair()
    fake.own = "vm00"
    server.start()
    fake.vms["vm00"].config["disk"] = "data, saves cdrom"
    answer = server.tls("POST", "/v1/vms/vm00/actions/insert", {"medium": "data"})
    assert (answer.status, answer.code) == (403, "own-vm")
    assert server.tls("POST", "/v1/vms/vm00/actions/eject", {}, token=server.make_token(["operator"])).code == "own-vm"
    assert server.tls("POST", "/v1/vms/vm00/actions/insert", {}).json()["inserted"]
