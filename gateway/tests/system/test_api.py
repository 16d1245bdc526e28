# SPDX-License-Identifier: MIT
"""REST: what is shown, actions, changes, operations, tokens."""
import json
import re
import subprocess
import threading
from pathlib import Path

from client import wait_for
from fake_held import held
from fake_snapshots import Refused

API = Path(__file__).resolve().parents[2] / "api/openapi.json"
REPLY = Path(__file__).resolve().parents[3] / "vmm/manager/command/reply.c"
# The HTTP status of each of Skerry's words for an error; 5xx is an error that no other request
# would mend.
STATUS = {"bad-request": 422, "bad-argument": 422, "not-found": 404, "exists": 409, "bad-state": 409, "busy": 409,
          "no-memory": 409, "too-old": 409, "failed": 409, "no-right": 403, "locked": 503, "unknown-command": 502,
          "wrong-password": 502}


def test_root_and_health_need_no_credential(server):
    root = server.tls("GET", "/v1", token="").json()
    assert root["name"] == "skerryd" and "stream-ws" in root["features"]
    assert server.tls("GET", "/v1/health", token="").json() == {"live": True, "ready": True, "audit": True}


def test_first_token_is_shown_once_and_kept_as_a_hash(server):
    assert server.token.startswith("sky_") and len(server.token) == 68
    for path in filter(Path.is_file, server.state.rglob("*")):
        assert server.token.encode() not in path.read_bytes(), path
        assert path.stat().st_mode & 0o077 == 0, path
    assert server.token not in server.errors()


def test_fingerprint_is_that_of_the_certificate(server):
    import hashlib
    with server.raw() as link:
        certificate = link.getpeercert(binary_form=True)
        assert link.version() in ("TLSv1.2", "TLSv1.3")
    assert hashlib.sha256(certificate).hexdigest() == server.fingerprint
    assert server.tls("GET", "/v1/host").json()["fingerprint"] == server.fingerprint


def test_me_by_token_and_by_socket(server):
    me = server.tls("GET", "/v1/me").json()
    assert me["name"] == "first" and me["scope"] == "*" and "admin" in me["roles"]
    assert server.local("GET", "/v1/me").json()["name"].startswith("uid ")


def test_vms_with_pages_and_filter(server):
    everything = server.tls("GET", "/v1/vms").json()
    assert len(everything["items"]) == 16 and everything["next"] is None
    names, after = [], ""
    while after is not None:
        page = server.tls("GET", f"/v1/vms?limit=5&after={after}").json()
        names += [vm["name"] for vm in page["items"]]
        after = page["next"]
    assert names == [vm["name"] for vm in everything["items"]]
    running = server.tls("GET", "/v1/vms?state=running").json()["items"]
    assert {"vm00", "vm01"} <= {vm["name"] for vm in running} and len(running) < 16
    assert server.tls("GET", "/v1/vms?limit=0").status == 422


def test_vm_has_its_configuration(server):
    vm = wait_for(lambda: (lambda one: one["config"] and one)(
        server.tls("GET", "/v1/vms/vm05").json()))
    assert vm["config"]["weight"] == {"value": "256", "applies": "now", "origin": "configuration"}
    assert vm["memory_bytes"] == 128 << 20 and vm["exits"] == "0"


def test_samples_become_rates(server):
    def sampled():
        return server.tls("GET", "/v1/vms/vm00").json()["sample"]
    sample = wait_for(sampled)
    assert 5 < sample["cpu_percent"] < 20 and 80 < sample["halted_percent"] < 95
    assert sample["exits"]["io"] > sample["exits"]["hlt"] > 0
    cpus = server.tls("GET", "/v1/host").json()["cpus"]
    assert len(cpus) == 2


def test_host(server, fake):
    host = server.tls("GET", "/v1/host").json()
    assert host["link"] == "up" and host["stale"] is False and host["boot"]
    assert host["memory"]["total_bytes"] == (6 * 512 + 65536 + 1024 + 190000) * 4096
    assert {"owner": "guest RAM", "bytes": 65536 * 4096} in host["memory"]["owners"]
    assert host["speculation"] == "ibrs ibpb" and host["rights"] == fake.rights


def test_audit_of_pages(server):
    answer = server.tls("POST", "/v1/host/actions/audit")
    assert answer.status == 200 and answer.json()["audit_findings"] == 0
    assert server.tls("GET", "/v1/host").json()["audit_findings"] == 0


def test_pause_and_resume_with_the_actor(server, fake):
    answer = server.tls("POST", "/v1/vms/vm01/actions/pause")
    assert answer.json()["changed"] and answer.json()["vm"]["state"] == "paused"
    assert fake.vms["vm01"].state == "paused"
    again = server.tls("POST", "/v1/vms/vm01/actions/pause").json()
    assert again["changed"] is False
    assert server.tls("POST", "/v1/vms/vm01/actions/resume").json()["changed"]
    assert server.tls("POST", "/v1/vms/vm01/actions/renew").json()["changed"]
    assert server.tls("POST", "/v1/vms/vm01/actions/trim").json()["changed"]
    for verb in ("renew", "trim"):
        assert ["vm", verb, "vm01"] in [each[0] for each in fake.commands]
    words, actor = [each for each in fake.commands if each[0][:2] == ["vm", "pause"]][-1]
    assert words == ["vm", "pause", "vm01"] and actor == "first via token 1"


def test_wrong_state_names_those_allowed(server):
    answer = server.tls("POST", "/v1/vms/vm09/actions/pause")
    assert (answer.status, answer.code) == (409, "bad-state")
    assert answer.json()["allowed_states"] == ["running"]
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["request_id"] == answer.headers["Request-Id"]


def test_what_skerry_refuses_is_said_in_its_words(pair):
    """
    Each of Skerry's words for errors arrives: for a command, a question, a list and a change,
    also behind the first rows.
    """
    assert set(re.findall(r'\[CODE_\w+\] = "([a-z-]+)"', REPLY.read_text(encoding="utf-8"))) == set(STATUS)
    fake, server = pair("--change-rate", "0")
    server.start()
    asked = (("POST", "/actions/reset", None, "act"), ("POST", "/actions/digest", None, "run_vm_digest"),
             ("PATCH", "", {"config": {"weight": 9}}, "run_vm_set"), ("GET", "/exits", None, "run_vm_stat"),
             ("GET", "/balloon", None, "run_vm_stat"), ("GET", "/snapshots", None, "run_vm_snapshot"),
             ("POST", "/actions/balloon", {"bytes": 1 << 26}, "run_vm_balloon"),
             ("GET", "/console", None, "run_stream_open"))
    for code, status in STATUS.items():
        for rows in (None, [{"name": "vm00"}]):
            for method, path, body, name in asked:
                why = Refused(code, f"vm00: {code}, allowed: \"what is there\"", rows=rows)
                setattr(fake, name, lambda *_, why=why: (_ for _ in ()).throw(why))
                answer = server.tls(method, f"/v1/vms/vm00{path}", body)
                where = (code, rows, path, answer.body)
                assert answer.status == status and answer.json()["detail"] == str(why), where
                assert answer.code == (code if status != 502 or code == "unknown-command" else "failed"), where


def test_stop_is_an_operation(server):
    server.tls("POST", "/v1/vms/vm10/actions/start")
    answer = server.tls("POST", "/v1/vms/vm10/actions/stop")
    assert answer.status == 202 and answer.json()["state"] == "running"
    place = answer.headers["Location"]
    assert place == f"/v1/operations/{answer.json()['id']}"
    done = server.tls("GET", f"{place}?wait=5").json()
    assert done["state"] == "done" and done["target"] == "vm10"
    assert server.tls("GET", "/v1/vms/vm10").json()["state"] == "stopped"


def test_stop_waits_when_it_is_asked_to(server):
    server.tls("POST", "/v1/vms/vm11/actions/start")
    answer = server.tls("POST", "/v1/vms/vm11/actions/stop", headers={"Prefer": "wait=5"})
    assert answer.status == 200 and answer.json()["vm"]["state"] == "stopped"


def test_a_stop_that_takes_long_leaves_room(pair):
    """A second stop of the same VM waits for the first one; it can be killed, and others changed."""
    fake, server = pair(stop_s=600)
    fake.act("start", ["vm01"], [])
    server.start()
    first = server.tls("POST", "/v1/vms/vm01/actions/stop")
    assert first.status == 202
    wait_for(lambda: server.tls("POST", "/v1/vms/vm01/actions/stop").code == "busy")
    assert server.tls("POST", "/v1/vms/vm00/actions/pause").status == 200
    assert server.tls("POST", "/v1/vms/vm01/actions/kill").status == 200
    place = first.headers["Location"]
    assert server.tls("GET", f"{place}?wait=5").json()["state"] == "done"


def test_operations_are_ones_own(server):
    answer = server.tls("POST", "/v1/vms/vm00/actions/reset")
    assert answer.status == 200
    server.tls("POST", "/v1/vms/vm12/actions/start")
    place = server.tls("POST", "/v1/vms/vm12/actions/stop").headers["Location"]
    other = server.make_token(["viewer"])
    assert server.tls("GET", place, token=other).status == 404
    assert server.tls("GET", place, token=server.make_token(["operator"], "vm12")).status == 200
    assert server.tls("GET", place, token=server.make_token(["operator"], "vm13")).status == 404


def test_create_change_destroy(server, fake):
    answer = server.tls("POST", "/v1/vms", {"name": "new-1", "config": {
        "memory": "64M", "cmdline": "console=ttyS0 quiet; rm \"x\""}})
    assert answer.status == 201 and answer.headers["Location"] == "/v1/vms/new-1"
    # Words go as they are: nothing is put together into a line.
    assert fake.vms["new-1"].config["cmdline"] == "console=ttyS0 quiet; rm \"x\""
    assert server.tls("POST", "/v1/vms", {"name": "new-1"}).status == 409
    tag = server.tls("GET", "/v1/vms/new-1").headers["ETag"]
    changed = server.tls("PATCH", "/v1/vms/new-1", {"config": {"weight": 300, "cap": None}},
                         headers={"If-Match": tag})
    assert changed.status == 200
    wait_for(lambda: server.tls("GET", "/v1/vms/new-1").json()["weight"] == 300)
    assert fake.vms["new-1"].config["cap"] == "none"
    # Of a key that may be any text, "none" is a text: nothing is the empty one.
    assert server.tls("PATCH", "/v1/vms/new-1", {"config": {"cmdline": None, "initrd": None}}).status == 200
    assert (fake.vms["new-1"].config["cmdline"], fake.vms["new-1"].config["initrd"]) == ("", "")
    new_tag = server.tls("GET", "/v1/vms/new-1").headers["ETag"]
    assert new_tag != tag
    old = server.tls("PATCH", "/v1/vms/new-1", {"config": {"weight": "1"}},
                     headers={"If-Match": tag})
    assert (old.status, old.code) == (412, "changed")
    assert server.tls("DELETE", "/v1/vms/new-1", headers={"If-Match": tag}).status == 412
    assert server.tls("DELETE", "/v1/vms/new-1").status == 204
    assert server.tls("GET", "/v1/vms/new-1").status == 404


def test_user_data(server, fake):
    """A text for cloud-init reaches Skerry as it is, and is found nowhere else."""
    text = "#cloud-config\npassword: \"wl3kVq8Zt\"\n# Z\u00fcrich\n"
    before = len(fake.commands)
    assert server.tls("POST", "/v1/vms", {"name": "own-1", "user_data": text, "config": {"memory": "64M"}}).status == 201
    assert fake.given["own-1"] == text.encode()
    words = [words for words, _ in fake.commands[before:] if words[0] == "user-data" or words[:2] == ["vm", "create"]]
    assert words == [["user-data", "0"], ["vm", "create", "own-1", f"user-data={len(text.encode())}", "memory=64M"]]
    longest = "#" * 12288
    assert server.tls("POST", "/v1/vms", {"name": "own-2", "user_data": longest}).status == 201
    assert fake.given["own-2"] == longest.encode()
    assert server.tls("POST", "/v1/vms", {"name": "own-3"}).status == 201
    assert "own-3" not in fake.given
    shown = [server.tls("GET", path).body.decode() for path in ("/v1/vms", "/v1/vms/own-1", "/v1/audit", "/v1/log", "/metrics")]
    assert "wl3kVq8Zt" not in "".join(shown) + server.errors()
    for path in filter(Path.is_file, server.state.rglob("*")):
        assert b"wl3kVq8Zt" not in path.read_bytes(), path
    for wrong, status, said in (("", 422, "1 to 12288 bytes"), (longest + "#", 422, "1 to 12288 bytes"), (7, 422, "1 to 12288 bytes"),
                                ("a\0b", 400, "cannot be read"), ("#" * (1 << 20), 413, "at most 16384 bytes")):
        answer = server.tls("POST", "/v1/vms", {"name": "own-4", "user_data": wrong})
        assert answer.status == status and said in answer.json()["detail"], answer.body
    refused = server.tls("POST", "/v1/vms", {"name": "own-4", "user_data": text, "config": {"a b": "1"}})
    assert refused.status == 422 and not fake.user_data
    assert "own-4" not in fake.vms
    for number in range(1, 4):
        server.tls("DELETE", f"/v1/vms/own-{number}")


def test_user_data_that_is_left(server, fake):
    """A text whose VM could not be made is not given to the VM of the next client."""
    text = "#cloud-config\npassword: secret\n"
    before = len(fake.commands)

    def pieces():
        return [words[1] for words, _ in fake.commands[before:] if words[0] == "user-data"]
    fake.delay_s = 2
    assert server.tls("POST", "/v1/vms", {"name": "left-1"}, headers={"Prefer": "wait=0"}).status == 202
    refused = server.tls("POST", "/v1/vms", {"name": "left-1", "user_data": text})
    fake.delay_s = 0
    assert refused.code == "busy"
    # nor does Skerry keep it: of a request that another change holds up, or of one that is too long for the line
    wait_for(lambda: pieces() == ["0", "12289"] and not fake.user_data)
    long = {"cmdline": "x" * 4000, "kernel": "y" * 4000, "initrd": "z" * 400}
    assert server.tls("POST", "/v1/vms", {"name": "left-3", "user_data": text, "config": long}).status == 503
    wait_for(lambda: pieces() == ["0", "12289"] * 2 and not fake.user_data)
    assert "left-3" not in fake.vms
    taken = server.tls("POST", "/v1/vms", {"name": "left-2", "config": {"user-data": len(text)}})
    assert (taken.status, taken.code) == (422, "bad-argument")
    assert "left-2" not in fake.given
    wait_for(lambda: server.tls("DELETE", "/v1/vms/left-1").status == 204)


def test_arguments_that_are_none(server, fake):
    def refused(body):
        before = len(fake.commands)
        answer = server.tls("POST", "/v1/vms", body)
        assert answer.status == 422 and answer.code == "bad-argument", answer.body
        assert not [words for words, _ in fake.commands[before:] if words[0:2] == ["vm", "create"]]

    refused({"name": "-n"})
    refused({"name": "a b"})
    refused({})
    refused({"name": "x" * 32})
    refused({"name": "ok", "config": {"memory": {"a": "1"}}})
    refused({"name": "ok", "config": {"mem ory": "1"}})
    refused({"name": "ok", "config": {"cmdline": "a\nb"}})
    answer = server.tls("POST", "/v1/vms", {"name": "ok", "config": {"nonsense": "1"}})
    assert answer.status == 422 and "nonsense" in answer.json()["detail"]


def test_idempotency_key(server, fake):
    def count():
        return sum(words[:2] == ["vm", "reset"] for words, _ in fake.commands)

    before = count()
    headers = {"Idempotency-Key": "one"}
    first = server.tls("POST", "/v1/vms/vm02/actions/reset", headers=headers)
    second = server.tls("POST", "/v1/vms/vm02/actions/reset", headers=headers)
    assert first.status == second.status == 200 and first.body == second.body
    assert count() == before + 1
    assert server.tls("POST", "/v1/vms/vm03/actions/reset", headers=headers).status == 422
    # An answer without a key is not kept: that of a state, and that of a ticket.
    headers["Idempotency-Key"] = "two"
    assert server.tls("POST", "/v1/vms/vm02/actions/kill").status == 200
    assert server.tls("POST", "/v1/vms/vm02/actions/pause", headers=headers).code == "bad-state"
    assert server.tls("POST", "/v1/vms/vm02/actions/start").status == 200
    assert server.tls("POST", "/v1/vms/vm02/actions/pause", headers=headers).status == 200
    assert server.tls("POST", "/v1/vms/vm02/actions/resume").status == 200
    tickets = {server.tls("POST", "/v1/stream/tickets", headers=headers).json()["ticket"] for _ in range(2)}
    assert len(tickets) == 2
    headers["Idempotency-Key"] = "one"
    other = server.make_token(["operator"])
    assert server.tls("POST", "/v1/vms/vm02/actions/reset", token=other,
                      headers=headers).status == 200
    assert count() == before + 2


def test_exits(server):
    rows = server.tls("GET", "/v1/vms/vm00/exits").json()["items"]
    reasons = {row["reason"]: row for row in rows}
    assert int(reasons["io"]["count"]) > 0 and reasons["io"]["cycles"] == "400"
    assert "pages-resident" not in reasons


def test_log_and_its_filters(server, fake):
    items = server.tls("GET", "/v1/log?limit=20").json()["items"]
    assert len(items) == 20 and items[-1]["text"] == "line 300 of the log"
    assert {item["vm"] for item in server.tls("GET", "/v1/log?vm=vm01").json()["items"]} == {"vm01"}
    assert server.tls("GET", "/v1/log?category=-f").status == 422
    few = server.make_token(["viewer"], "vm02")
    items = server.tls("GET", "/v1/log", token=few).json()["items"]
    assert {item["vm"] for item in items} == {"vm02"}


def test_tokens_scope_expiry_and_end(server):
    answer = server.tls("POST", "/v1/tokens", {"name": "ci", "roles": ["viewer"], "scope": "vm0*",
                                               "expires_s": 4})
    token, number = answer.json()["token"], answer.json()["id"]
    seen = server.tls("GET", "/v1/vms", token=token).json()["items"]
    assert len(seen) == 10 and all(vm["name"].startswith("vm0") for vm in seen)
    assert server.tls("GET", "/v1/vms/vm12", token=token).status == 404
    listed = [each for each in server.tls("GET", "/v1/tokens").json()["items"]
              if each["id"] == number]
    assert listed[0]["last_use"] and "token" not in listed[0] and "sha256" not in listed[0]
    wait_for(lambda: server.tls("GET", "/v1/me", token=token).status == 401)
    assert server.tls("DELETE", f"/v1/tokens/{number}").status == 204
    assert server.tls("DELETE", f"/v1/tokens/{number}").status == 404


def test_a_token_hands_out_no_more_than_it_has(server):
    small = server.make_token(["admin"], "web*")

    def status(roles, scope, **more):
        return server.tls("POST", "/v1/tokens", {"name": "x", "roles": roles, "scope": scope,
                                                 **more}, token=small).status

    assert status(["viewer"], "web1") == 201
    assert status(["operator"], "web-a*") == 201
    assert status(["viewer"], "*") == 403
    assert status(["viewer"], "w*") == 403
    assert status(["viewer"], "?eb1") == 403
    assert status(["auditor"], "web1") == 403
    assert status(["console-write"], "web1") == 403
    assert status(["nonsense"], "web1") == 422
    assert status(["viewer"], "") == 422
    brief = server.make_token(["admin"], "*", expires_s=100)
    answer = server.tls("POST", "/v1/tokens", {"name": "x", "roles": ["viewer"]}, token=brief)
    assert answer.status == 403
    # A token neither sees nor revokes the tokens of other scopes.
    assert all(each["scope"].startswith("web")
               for each in server.tls("GET", "/v1/tokens", token=small).json()["items"])
    assert server.tls("DELETE", "/v1/tokens/1", token=small).status == 404


def test_tokens_outlive_a_restart(pair):
    _, server = pair()
    server.start()
    token = server.make_token(["viewer"])
    fingerprint = server.fingerprint
    server.stop()
    server.start()
    assert server.tls("GET", "/v1/me", token=token).status == 200
    assert server.fingerprint == fingerprint


def test_metrics(server):
    text = server.tls("GET", "/metrics").body.decode()
    assert 'skerry_vm_state{vm="vm00",state="running"} 1' in text
    assert "skerry_link_up 1" in text
    named = set()
    for line in text.splitlines():
        if line.startswith("# HELP "):
            named.add(line.split()[2])
        elif not line.startswith("#"):
            assert line.split("{")[0].split(" ")[0] in named, line
            float(line.rsplit(" ", 1)[1])
    few = server.make_token(["viewer"], "vm01")
    text = server.tls("GET", "/metrics", token=few).body.decode()
    assert 'vm="vm01"' in text and 'vm="vm00"' not in text


def test_snapshots_and_clones(server, fake):
    path = "/v1/vms/vm01/snapshots"
    assert server.tls("GET", path).json() == {"items": []}
    assert server.tls("POST", path, {"name": "ready"}).json()["changed"]
    shown, = server.tls("GET", path).json()["items"]
    assert shown["name"] == "ready" and shown["reset"] is True and shown["age_s"] > 0
    assert (shown["state_bytes"], shown["disk_bytes"]) == (40960, 8192)
    again = server.tls("POST", path, {"name": "ready"})
    assert again.status == 409 and again.json()["code"] == "exists"
    for name in ("", "a b", "x" * 32, 7):
        assert server.tls("POST", path, {"name": name}).status == 422, name
    assert server.tls("POST", "/v1/vms/vm01/actions/reset", {"snapshot": "ready"}).json()["changed"]
    assert ["vm", "reset", "vm01", "--to", "ready"] in [each[0] for each in fake.commands]
    assert server.tls("POST", "/v1/vms/vm01/actions/reset", {"snapshot": "other"}).status == 404
    made = server.tls("POST", f"{path}/ready/clones", {"name": "vm01-copy"})
    assert made.status == 201 and made.json()["name"] == "vm01-copy"
    assert server.tls("POST", f"{path}/ready/clones", {"name": "vm01-copy"}).status == 409
    for net in ("-a", "lan;", 7, "x" * 32, ",".join("abcdefghi")):
        assert server.tls("POST", f"{path}/ready/clones", {"name": "vm01-b", "net": net}).status == 422
    made = server.tls("POST", f"{path}/ready/clones", {"name": "vm01-b", "net": "lan, test"})
    assert made.status == 201
    assert ["vm", "clone", "vm01@ready", "vm01-b", "net=lan", "net=test"] in [
        each[0] for each in fake.commands]
    assert server.tls("DELETE", "/v1/vms/vm01-b").status == 204
    few = server.make_token(["admin"], "vm01*")
    refused = server.tls("POST", f"{path}/ready/clones", {"name": "elsewhere"}, token=few)
    assert refused.status == 403 and refused.json()["code"] == "forbidden"
    assert server.tls("DELETE", f"{path}/ready").json()["changed"]
    assert server.tls("DELETE", f"{path}/ready").status == 404
    assert server.tls("DELETE", "/v1/vms/vm01-copy").status == 204


def test_openapi_is_what_is_committed(program, server):
    made = subprocess.run([program, "openapi"], capture_output=True, text=True, check=True).stdout
    assert made == API.read_text(), "make -C gateway api"
    served = server.tls("GET", "/v1/openapi.json", token="").json()
    assert served == json.loads(made)
    references = set()

    def walk(value):
        if isinstance(value, dict):
            references.update([value["$ref"]] if "$ref" in value else [])
            for each in value.values():
                walk(each)
        elif isinstance(value, list):
            for each in value:
                walk(each)
    walk(served)
    schemas = served["components"]["schemas"]
    assert {each.rsplit("/", 1)[1] for each in references} <= set(schemas)


def test_answers_have_the_keys_of_their_schemas(server):
    document = server.tls("GET", "/v1/openapi.json", token="").json()
    for path in ("/v1", "/v1/health", "/v1/me", "/v1/host", "/v1/vms", "/v1/audit", "/v1/tokens",
                 "/v1/log"):
        operation = document["paths"][path]["get"]
        name = operation["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
        schema = document["components"]["schemas"][name.rsplit("/", 1)[1]]
        assert set(server.tls("GET", path).json()) <= set(schema["properties"]), path
    vm = server.tls("GET", "/v1/vms").json()["items"][0]
    assert set(vm) == set(document["components"]["schemas"]["Vm"]["properties"])


def test_get_is_answered_while_skerry_is_slow(pair):
    fake, server = pair()
    server.start()
    with held(fake) as replies:
        threading.Thread(target=server.tls, args=("GET", "/v1/vms/vm00/exits"), daemon=True).start()
        wait_for(lambda: replies, what="a question that Skerry does not answer")
        answer = server.tls("GET", "/v1/vms")
        assert answer.status == 200 and answer.json()["stale"] is False


def test_own_vm(pair):
    """A request that ends the gateway's own VM needs force."""
    fake, server = pair()
    fake.own = "vm00"
    server.start()
    for method, path in (("POST", "/actions/stop"), ("POST", "/actions/kill"),
                         ("POST", "/actions/pause"), ("POST", "/actions/reset"), ("DELETE", "")):
        answer = server.tls(method, f"/v1/vms/vm00{path}")
        assert (answer.status, answer.code) == (409, "own-vm"), path
        assert "force=true" in answer.json()["detail"]
    assert fake.vms["vm00"].state == "running"
    assert server.tls("POST", "/v1/vms/vm00/actions/reset?force=no").code == "own-vm"
    assert server.tls("POST", "/v1/vms/vm01/actions/start").status == 200
    assert server.tls("DELETE", "/v1/vms/vm01").status == 204
    assert server.tls("DELETE", "/v1/vms/vm00?force=true").status == 204
    assert "vm00" not in fake.vms
