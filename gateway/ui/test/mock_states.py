# SPDX-License-Identifier: MIT
"""The part of the mock that knows disks, saves, balloons, fields of a state, users, tokens, and a past."""
import hashlib
import math
import re
import time
import urllib.parse

from mock_http import Problem, send

PASSWORD = "correct horse"
HISTORY = {
    "host": (("busy_percent", 90), ("free_bytes", 8 << 30)),
    "vm": (("cpu_percent", 90), ("steal_percent", 9), ("halted_percent", 40), ("exits_per_s", 3000),
           ("resident_bytes", 200 << 20), ("disk_read_bytes_per_s", 4 << 20), ("disk_written_bytes_per_s", 1 << 20),
           ("net_received_bytes_per_s", 90000), ("net_sent_bytes_per_s", 30000)),
}


def kept_row(disk, size, days):
    """A backup that a schedule has made so many days ago: a full one, the 7 behind it, and so on."""
    moment = time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() - 86400 * days - 5 * 3600))
    number = (15 - days) % 7 + 1
    return {"disk": disk, "target": f"vault/web-1:{disk.replace('/', ':')}@{moment}.{number - 1}", "kind": "diff" if number > 1 else "full",
            "number": number, "state": "kept", "copied_bytes": size, "all_bytes": size, "problem": "", "moment": moment}


class States:
    def setup_states(self):
        self.users = {"alice": {"name": "alice", "roles": ["admin", "auditor", "console-write"], "scope": "*",
                                "created": 1760000000, "last_login": None}}
        self.programs = {"1": {"id": "1", "name": "first", "roles": ["admin", "auditor", "console-write"],
                               "scope": "*", "created": 1760000000, "expires": None, "last_use": 1764288000}}
        self.room, self.rules = 4 << 30, {}
        self.volumes = {"trixie": {"bytes": 2 << 30, "read_only": True, "id": 2, "made_unix_seconds": 1764000000},
                        "web": {"bytes": 8 << 30, "users": "web-1", "id": 3, "parent": 2},
                        "monday": {"bytes": 8 << 30, "snapshot": True, "read_only": True, "id": 4, "parent": 3, "made_unix_seconds": 1764500000}}
        self.stores, self.uploading = {"pool": "ready", "spare": "empty"}, {}
        self.quotas = [{"pattern": "team-*", "bytes": 64 << 30, "used_bytes": 8 << 30}]
        self.copied = [{"store": "pool", "volume": "trixie", "disk": "usb", "copy": "import", "state": "copies", "copied_bytes": 3 << 20,
                        "all_bytes": 4 << 20, "reason": ""}]
        self.saved, self.balloons, self.backed_up = {}, {"web-1": 192 << 20}, {}
        self.scheduled = {"web-1": [kept_row(disk, size, days) for days in range(16) for disk, size in (("pool/web", 8 << 30), ("pool/data", 64 << 30))]}

    def history(self, request, user):
        """Waves, as a wave has no need of a memory; nothing is known of the time before the last three quarters."""
        what = request.query.get("what", "host")
        if what.startswith("vm/"):
            self.vm(user, what[3:])
        self.requests.append(f"history {urllib.parse.urlencode(request.query)}")
        step = int(request.query.get("step", 60))
        start = int(request.query["from"]) // step * step
        end = min(int(request.query.get("to", 1 << 32)), int(time.time()))
        count = max(1, (end - start + step - 1) // step)
        series = []
        for place, (name, top) in enumerate(HISTORY[what.split("/")[0]]):
            mean = [None if at < count // 4 else round(top * (0.5 + 0.4 * math.sin((start // step + at) / 9 + place)), 2) for at in range(count)]
            series.append({"name": name, "mean": mean, "least": mean,
                           "most": [None if value is None else value * 1.1 for value in mean]})
        send(request, 200, {"what": what, "from": start, "to": start + count * step, "step": step, "series": series})

    def forecast(self, request, user):
        """Of the host all is known, of a machine its share, of a store that it fills up, and of others nothing."""
        what = request.query.get("what", "host")
        self.need(user, "viewer")
        now, day = int(time.time()), 86400
        none = {"earliest": None, "likely": None, "latest": None}
        items = {"host": [{"series": "busy_percent", "state": "not-within", "days": 28, "ahead_days": 28, **none},
                          {"series": "free_bytes", "state": "expected", "days": 28, "ahead_days": 28, "earliest": now + 3 * day,
                           "likely": now + 5 * day, "latest": now + 9 * day}],
                 "vm": [{"series": "resident_bytes", "state": "not-enough-history", "days": 2, "ahead_days": 0, **none}],
                 "store": [{"series": "free_bytes", "state": "possible", "days": 20, "ahead_days": 20, **none, "earliest": now + 9 * day}]}
        if what == "store/empty":
            raise Problem(404, "not-found", "no history of this name is kept")
        send(request, 200, {"what": what, "time": now, "items": items[what.split("/")[0]]})

    def report(self, request, user):
        """Two sections of a report; what is not known is null there."""
        self.need(user, "auditor")
        sections = [
            {"id": "version", "title": "Version and build", "status": "known", "note": "Skerry says this of itself.",
             "facts": {"version": "0.1", "image_digest": None}, "items": None},
            {"id": "profile", "title": "Deviations from the profile hardened", "status": "partly", "note": "", "facts": {"passes": 1},
             "items": [{"rule": "pages", "sentence": "The walk found nothing.", "result": "passes", "found": "findings: 0", "right": "0"},
                       {"rule": "dma", "sentence": "Drivers are confined.", "result": "deviates", "found": "<b>trusted</b>", "right": "an IOMMU"}]}]
        made = {"form": "skerry-report-1", "made": "2026-01-01T00:00:00Z", "asked_by": user[0], "sections": sections}
        send(request, 200, b"<title>A report</title>" if request.query.get("format") == "html" else made,
             [("Report-Signature", '{"signature":"mock"}')])

    def disks(self, request, user):
        self.need(user, "viewer")
        if user[2] != "*":
            raise Problem(403, "forbidden", "This needs the scope *.")
        send(request, 200, {"items": [
            {"name": name, "state": state, "problem": problem, "driver": "ram0", "partition": "", "bytes": size,
             "read_only": False, "users": users} for name, state, problem, size, users in (
                 ("saves", "ready", "", 1 << 30, ""), ("scratch", "ready", "", 256 << 20, ""),
                 ("data", "ready", "", 16 << 30, "db"), ("old", "unusable", "there is no such controller", 0, ""))]})

    def files(self, request, user):
        self.need(user, "viewer")
        if user[2] != "*":
            raise Problem(403, "forbidden", "This needs the scope *.")
        send(request, 200, {"items": [
            {"name": name, "bytes": size, "uses": uses} for name, size, uses in (
                ("vmlinuz", 8 << 20, "kernel"), ("initramfs.cpio.gz", 2 << 20, "initrd"), ("flat.bin", 4096, "kernel initrd"),
                ("bios-256k.bin", 256 << 10, "bios"), ("OVMF.fd", 2 << 20, "uefi"), ("web.yaml", 900, "seed"))]})

    def nets(self, request, user):
        self.need(user, "viewer")
        if user[2] != "*":
            raise Problem(403, "forbidden", "This needs the scope *.")
        send(request, 200, {"items": [
            {"name": name, "state": state, "problem": problem, "uplink": uplink, "link": link, "mtu": 1500,
             "ports": ports} for name, state, problem, uplink, link, ports in (
                 ("lan", "ready", "", "net0 net1", "up blocked", 5), ("lab", "ready", "", "-", "-", 2),
                 ("dmz", "failed", "net2 is no network card", "-", "-", 0))]})

    def alert_list(self, request, user):
        self.need(user, "viewer")
        send(request, 200, {"items": list(self.rules.values())})

    def alert_make(self, request, user):
        self.need(user, "admin")
        rule = {"clear": None, "hold_s": 0, "url": None, **request.json()}
        if not rule["name"].isalnum():
            raise Problem(422, "bad-argument", 'a rule needs a "name"')
        self.rules[rule["name"]] = {**rule, "state": "firing", "things": 2, "value": 91.04, "firing": 1, "pending": 1, "hook": bool(rule["url"]),
                                    "waiting": 0, "dropped": 0, "delivered": None, "delivery": None,
                                    "mail_delivery": rule.get("mail") and f"sendmail has taken it for {rule['mail']}", "items": [
                                        {"what": "vm/db", "state": "firing", "since": int(time.time()) - 90, "value": 91.04},
                                        {"what": "vm/web-1", "state": "pending", "since": None, "value": 90.5}]}
        send(request, 201, {**self.rules[rule["name"]], **({"secret": "skh_made-up"} if rule["url"] else {})})

    def alert_preview(self, request, user):
        self.need(user, "viewer")
        now = int(time.time())
        send(request, 200, {"from": now - 604800, "to": now, "step": 60, "things": 3, "samples": 9000, "count": 3, "items": [
            {"what": "vm/db", "from": now - hours * 3600, "to": None if hours == 1 else now - hours * 3600 + 600} for hours in (90, 30, 1)]})

    def alert_drop(self, request, user, name):
        self.need(user, "admin")
        del self.rules[name]
        send(request, 204)

    def copies(self, request, user):
        self.need(user, "viewer")
        send(request, 200, {"items": self.copied})

    def store_list(self, request, user):
        self.need(user, "viewer")
        send(request, 200, {"items": [
            {"name": name, "disk": "raw", "state": state, "problem": "" if state == "ready" else "its disk holds no store",
             "overcommit": False, "bytes": 64 << 30, "free_bytes": 40 << 30, "reserved_bytes": 8 << 30, "chunk_bytes": 65536,
             "room_bytes": self.room, "volumes": len(self.volumes)} for name, state in self.stores.items()]})

    def store_one(self, request, user, store):
        self.need(user, "viewer")
        send(request, 200, {"name": store, "quotas": self.quotas if store == "pool" else []})

    def store_change(self, request, user, _store):
        self.need(user, "admin")
        pairs = [part.split() for part in request.json()["quota"].split(",")]
        if any(len(pair) != 2 or not pair[1].endswith("G") for pair in pairs):
            raise Problem(422, "bad-argument", "the quota of store pool is not valid")
        self.quotas = [{"pattern": name, "bytes": int(size[:-1]) << 30, "used_bytes": 8 << 30} for name, size in pairs]
        send(request, 200, {"changed": True})

    def store_grow(self, request, user, _store):
        self.need(user, "admin")
        self.room = 0
        send(request, 200, {"changed": True})

    def store_format(self, request, user, store):
        self.need(user, "admin")
        self.stores[store] = "ready"
        send(request, 200, {"changed": True})

    def volume_list(self, request, user, store):
        self.need(user, "viewer")
        send(request, 200, {"items": [
            {"store": store, "name": name, "id": 1, "parent": 0, "own_bytes": 1 << 20, "made_unix_seconds": 0, "read_only": False,
             "snapshot": False, "users": "", **volume} for name, volume in self.volumes.items() if store == "pool"]})

    def volume_one(self, request, user, store, name):
        self.need(user, "viewer")
        send(request, 200, {
            "store": store, "name": name, "id": 1, "parent": 0, "own_bytes": 1 << 20, "made_unix_seconds": 1700000000, "read_only": False,
            "snapshot": False, "encrypt": "", "users": "", "shared_bytes": 3 << 20, "source": "debian", "requests": 1234, "read_bytes": 5 << 20,
            "written_bytes": 0, "snapshots": ["monday", "tuesday"], "snapshot_count": 7, "clones": [], "clone_count": 0, **self.volumes[name]})

    def volume_make(self, request, user, _store):
        self.need(user, "admin")
        given = request.json()
        if given["name"] in self.volumes:
            raise Problem(409, "exists", "pool: a volume of that name exists")
        self.volumes[given["name"]] = {"bytes": given["bytes"]}
        send(request, 201, {"name": given["name"]})

    def volume_copy(self, request, user, _store, name, what):
        self.need(user, "admin")
        self.volumes[request.json()["name"]] = {"bytes": self.volumes[name]["bytes"], "snapshot": what == "snapshots"}
        send(request, 201, {"name": request.json()["name"]})

    def volume_drop(self, request, user, _store, name):
        self.need(user, "admin")
        if self.volumes[name].get("users"):
            raise Problem(409, "bad-state", f"{self.volumes[name]['users']} uses it; stop that VM first")
        del self.volumes[name]
        send(request, 204)

    def volume_put(self, request, user, _store, name):
        self.need(user, "content")
        first, last, total = map(int, re.fullmatch(r"bytes (\d+)-(\d+)/(\d+)", request.headers["content-range"]).groups())
        if name == "full":
            raise Problem(409, "failed", "pool: there is no room for it")
        held = self.uploading.setdefault(name, b"")[:first] + request.body
        assert len(held) == last + 1
        self.uploading[name] = held
        if last + 1 == total:
            assert request.query["sha256"] == hashlib.sha256(held).hexdigest()
            self.volumes[name] = {"bytes": total}
        send(request, 200, {"uploaded_bytes": last + 1, "bytes": total, "done": last + 1 == total})

    def disk_restore(self, request, user):
        self.need(user, "admin")
        given = request.json()
        if "at" in given:
            self.need(user, "content")
            if given["disk"] == "pool/data":
                raise Problem(409, "bad-state", "pool/data: not restored: web-1 uses it")
            self.machine.record(user[0], "disk.restore", given["disk"], "ok")
            return send(request, 200, {"changed": True})
        if given["from"].split(",")[0] != "saves":
            raise Problem(502, "failed", f"{given['disk']}: not restored: {given['from']} holds no backup")
        self.machine.record(user[0], "disk.restore", given["from"], "ok")
        send(request, 200, {"changed": True})

    def keep(self, request, user, name, action):
        vm = self.vm(user, name)
        self.need(user, "operator")
        given = request.json()
        if action == "save" and given["disk"] == "scratch" and not given.get("overwrite"):
            raise Problem(502, "failed", f"{name}: not saved: the disk holds something else")
        if action == "restore" and self.saved.get(given["disk"]) != name:
            raise Problem(502, "failed", f"{name}: not restored: the disk holds no save of it")
        if action == "save":
            self.saved[given["disk"]] = name
        vm.state = "stopped" if action == "save" else "running"
        self.machine.record(user[0], f"vm.{action}", name, "ok")
        self.tell({"type": "vm", "vm": vm.view()})
        send(request, 200, {"changed": True, "vm": vm.view()})

    def backups(self, request, user, name):
        self.vm(user, name)
        vm = self.machine.vms[name]
        plan = [{**kept_row("", 0, 0), "target": vm.backup.partition(" ")[0], "kind": "", "number": 0, "state": "planned", "moment": ""}]
        send(request, 200, {"items": self.backed_up.get(name, []) + (plan + self.scheduled.get(name, []) if vm.backup else [])})

    def backup_now(self, request, user, name):
        """Begins one, which goes on until it is cancelled."""
        vm = self.vm(user, name)
        self.need(user, "admin")
        if not vm.backup:
            raise Problem(409, "bad-state", f"{name}: no backup: it has no schedule")
        self.backed_up[name] = [{"disk": "pool/web", "target": "vault/@backup-00000001-0", "kind": "full", "number": 1, "state": "copying",
                                 "copied_bytes": 1 << 30, "all_bytes": 8 << 30, "problem": "", "moment": ""}]
        self.machine.record(user[0], "vm.backup-now", name, "ok")
        send(request, 200, {"changed": True, "vm": vm.view()})

    def backup_begin(self, request, user, name):
        vm = self.vm(user, name)
        self.need(user, "operator")
        given = request.json()
        pairs = dict(pair.split("=") for pair in given["disks"].split(","))
        if pairs.pop("state", "scratch") != "scratch" or len(pairs) != 1:
            raise Problem(422, "bad-argument", f"disks: found {given['disks']}")
        (disk, target), = pairs.items()
        if given["kind"] == "diff" and name not in self.backed_up:
            raise Problem(409, "bad-state", f"disk {disk}: there is no backup since it was booted; make a full one")
        self.backed_up[name] = [{"disk": disk, "target": target, "kind": given["kind"], "number": 1, "state": "copying",
                                 "copied_bytes": 1 << 20, "all_bytes": 16 << 30, "problem": ""}]
        send(request, 200, {"changed": True, "vm": vm.view()})

    def backup_cancel(self, request, user, name):
        vm = self.vm(user, name)
        self.backed_up[name][0].update(state="failed", problem="cancelled")
        send(request, 200, {"changed": True, "vm": vm.view()})

    def balloon(self, request, user, name):
        vm = self.vm(user, name)
        kept = self.balloons.get(name)
        send(request, 200, {"memory_bytes": vm.view()["memory_bytes"], "wanted_bytes": kept, "present_bytes": kept,
                            "reported_bytes": kept and 0, "driver": None,
                            "guest": {"free-bytes": str(45 << 20)} if kept else {}})

    def balloon_aim(self, request, user, name):
        self.need(user, "operator")
        if name not in self.balloons:
            raise Problem(409, "bad-state", f"{name} has no balloon")
        self.balloons[name] = request.json()["bytes"]
        self.balloon(request, user, name)

    def medium(self, request, user, name, action):
        """Ejects and inserts; a guest has the medium "pool/monday" locked."""
        vm = self.vm(user, name)
        given = request.json()
        self.need(user, "admin" if "medium" in given else "operator")
        if vm.medium == "pool/monday" and action == "eject":
            raise Problem(409, "busy", f"{name} keeps the medium locked; its guest was asked to eject it")
        vm.medium = given.get("medium", vm.medium)
        self.machine.record(user[0], f"vm.{action}", name, "ok")
        send(request, 200, {"name": name, "disk": vm.medium, "inserted": action == "insert"})

    def digest(self, request, user, name):
        """Answers a digest; for web-1 by an operation, which takes its time."""
        self.vm(user, name)
        self.need(user, "operator")
        self.machine.record(user[0], "vm.digest", name, "ok")
        result = {"name": name, "ram": 64 * "a", "state": 64 * "b"}
        if name == "web-1":
            number = str(len(self.operations) + 1)
            operation = {"id": number, "state": "running", "target": name, "problem": None}
            self.operations[number] = {**operation, "state": "done", "result": result}
            send(request, 202, operation)
        else:
            send(request, 200, result)

    def inspect(self, request, user, name):
        self.vm(user, name)
        self.need(user, "admin")
        path = request.query.get("path", "")
        if not "vcpu.0.rip".startswith(path):
            raise Problem(404, "not-found", f'path: there is no "{path}"; use one that is there')
        send(request, 200, {"items": [{"path": "vcpu.0.rip", "value": str(0xffffffff81000000)},
                                      {"path": "vcpu.0.xsave", "hex": "00ff"}]})

    def user_list(self, request, user):
        self.need(user, "admin")
        send(request, 200, {"items": list(self.users.values()), "next": None})

    def user_make(self, request, user):
        self.need(user, "admin")
        given = request.json()
        if not given["roles"]:
            raise Problem(422, "bad-argument", "roles, and scope (a name, * and ? allowed), are meant")
        if given["name"] in self.users:
            raise Problem(409, "exists", "there is a user of this name already")
        self.users[given["name"]] = {key: given[key] for key in ("name", "roles", "scope")} | {
            "created": 0, "last_login": None}
        send(request, 201, self.users[given["name"]])

    def user_change(self, request, user, name):
        self.need(user, "admin")
        given = request.json()
        if not given["roles"]:
            raise Problem(422, "bad-argument", '"roles" must be a list of roles')
        self.users[name].update({key: given[key] for key in ("roles", "scope")})
        send(request, 200, self.users[name])

    def user_remove(self, request, user, name):
        self.need(user, "admin")
        del self.users[name]
        send(request, 204)

    def token_list(self, request, user):
        self.need(user, "admin")
        send(request, 200, {"items": list(self.programs.values()), "next": None})

    def token_make(self, request, user):
        self.need(user, "admin")
        given = request.json()
        if not given["roles"]:
            raise Problem(422, "bad-argument", "name, roles, scope and expires_s are meant")
        number = str(len(self.programs) + 1)
        self.programs[number] = {key: given[key] for key in ("name", "roles", "scope")} | {
            "id": number, "created": 0, "last_use": None,
            "expires": 1764288000 + given["expires_s"] if "expires_s" in given else None}
        send(request, 201, {"id": number, "token": "sky_" + "0" * 64})

    def token_revoke(self, request, user, number):
        self.need(user, "admin")
        if number == "1":
            raise Problem(409, "last-one", "nobody else is admin, or auditor: make another token first")
        del self.programs[number]
        send(request, 204)

    def own_password(self, request, user):
        if request.json()["old"] != PASSWORD:
            raise Problem(403, "wrong-password", "the old password is wrong")
        self.sessions.clear()
        send(request, 204)

    def token_of(self, given):
        """Returns the token of a login's body, which has a token, or a name with its password."""
        return "pw_alice" if (given.get("user"), given.get("password")) == ("alice", PASSWORD) else given.get("token")


ROUTES = (
    (r"GET history", States.history), (r"GET forecast", States.forecast), (r"GET report", States.report),
    (r"GET alerts", States.alert_list), (r"POST alerts", States.alert_make), (r"POST alerts/preview", States.alert_preview),
    (r"DELETE alerts/([^/]+)", States.alert_drop),
    (r"GET disks", States.disks), (r"GET nets", States.nets), (r"GET files", States.files), (r"POST disks/restore", States.disk_restore),
    (r"GET copies", States.copies), (r"GET stores", States.store_list), (r"POST stores/([^/]+)/actions/format", States.store_format),
    (r"POST stores/([^/]+)/actions/grow", States.store_grow), (r"GET stores/([^/]+)/volumes/([^/]+)", States.volume_one),
    (r"GET stores/([^/]+)", States.store_one), (r"PATCH stores/([^/]+)", States.store_change),
    (r"GET stores/([^/]+)/volumes", States.volume_list), (r"POST stores/([^/]+)/volumes", States.volume_make),
    (r"POST stores/([^/]+)/volumes/([^/]+)/(clones|snapshots)", States.volume_copy),
    (r"DELETE stores/([^/]+)/volumes/([^/]+)", States.volume_drop), (r"PUT stores/([^/]+)/volumes/([^/]+)/content", States.volume_put),
    (r"POST vms/([^/]+)/actions/(save|restore)", States.keep),
    (r"GET vms/([^/]+)/backups", States.backups), (r"POST vms/([^/]+)/backups", States.backup_begin),
    (r"POST vms/([^/]+)/actions/backup-cancel", States.backup_cancel), (r"POST vms/([^/]+)/actions/backup-now", States.backup_now),
    (r"GET vms/([^/]+)/balloon", States.balloon), (r"POST vms/([^/]+)/actions/balloon", States.balloon_aim),
    (r"POST vms/([^/]+)/actions/(eject|insert)", States.medium),
    (r"POST vms/([^/]+)/actions/digest", States.digest),
    (r"GET vms/([^/]+)/inspect", States.inspect), (r"GET users", States.user_list),
    (r"POST users", States.user_make), (r"PATCH users/([^/]+)", States.user_change), (r"DELETE users/([^/]+)", States.user_remove),
    (r"GET tokens", States.token_list), (r"POST tokens", States.token_make),
    (r"DELETE tokens/([0-9]+)", States.token_revoke),
    (r"POST me/password", States.own_password),
)
