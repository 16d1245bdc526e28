# SPDX-License-Identifier: MIT
"""The report of an auditor: what it says, what it calls unknown, who may read it."""
import json
from concurrent.futures import ThreadPoolExecutor

from client import wait_for
from fake_snapshots import Refused

HOUR = 3600


def report(server, query="?profile=hardened", token=None):
    answer = server.tls("GET", f"/v1/report{query}", token=token)
    assert answer.status == 200, answer.body
    return answer.json()


def section(made, name):
    return next(each for each in made["sections"] if each["id"] == name)


def rule(made, name):
    return next(each for each in section(made, "profile")["items"] if each["rule"] == name)


def test_what_it_says(pair, tmp_path):
    """A host that has all that the profile asks for passes where that can be known."""
    sbom = tmp_path / "skerry.spdx.json"
    sbom.write_text(json.dumps({"spdxVersion": "SPDX-2.3", "packages": [
        {"name": "skerry", "versionInfo": "0.1 (0123456789)",
         "checksums": [{"algorithm": "SHA256", "checksumValue": "ab" * 32}]}]}))
    fake, server = pair("--sbom", str(sbom), "--anchor", "1", vms=1)
    fake.kept = {"vm00": [HOUR + 60, 30 * HOUR]}
    fake.encrypt = {"saves": "vault", "data": "vault"}
    fake.make_stores()
    fake.stores["empty"] = {}
    fake.make_volume("pool", "web", 1 << 20)[0]["encrypt"] = "vault"
    server.start()
    server.local("POST", "/v1/users", {"name": "alice", "password": "a long password", "roles": ["viewer"]})
    wait_for(lambda: fake.anchors)
    made = report(server)
    assert section(made, "version")["facts"]["commit"] == "0123456789"
    assert section(made, "sbom")["facts"]["document_image_sha256"] == "ab" * 32
    assert section(made, "audit")["facts"]["chain"] == "whole" and section(made, "audit")["facts"]["verified"] >= made["made"]
    assert "user.create" in {item["action"] for item in section(made, "audit")["items"]}
    assert {(item["kind"], item["name"], item["roles"]) for item in section(made, "access")["items"]} == {
        ("user", "alice", "viewer"), ("token", "first", "admin auditor console-write guest content")}
    assert {(item["name"], item["encrypted"]) for item in section(made, "encryption")["items"]} == {
        ("saves", True), ("data", True), ("pool/web", True)}
    assert [(item["kept"], item["age_hours"]) for item in section(made, "backups")["items"]] == [(2, 1)]
    results = {item["rule"]: item["result"] for item in section(made, "profile")["items"]}
    deviates = {name for name, result in results.items() if result == "deviates"}
    assert deviates == {"dma", "tokens-end", "certificate", "limits"}
    assert "unknown" not in results.values(), results
    text = json.dumps(made)
    assert server.token not in text and "secret=of-the-guest" not in text and "vault" not in text
    assert "profile" not in {each["id"] for each in report(server, "")["sections"]}


def test_deviations(pair):
    fake, server = pair(vms=1)
    fake.findings = ["page 7: two VMs can write to it"]
    fake.leaks = [{"leak": "mds", "state": "open", "by": "no verw"}]
    fake.kept = {"vm00": [72 * HOUR]}
    fake.lock_after = "0s"
    server.start()
    made = report(server)
    assert section(made, "pages")["items"] == [{"found": "page 7: two VMs can write to it"}]
    for name, found in (("pages", "findings: 1"), ("leaks", "mds"), ("backups", "vm00"), ("encrypted", "saves, data"),
                        ("password", "password: set, lock_after: not set")):
        assert (rule(made, name)["result"], rule(made, name)["found"]) == ("deviates", found)


def test_a_broken_chain_is_shown(pair):
    _, server = pair(vms=1)
    server.start()
    for _ in range(3):
        server.make_token(["viewer"])
    path = server.state / "audit.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"token.create", b"token.rename")
    path.write_bytes(b"".join(lines))
    made = report(server)
    facts = section(made, "audit")["facts"]
    assert (facts["chain"], facts["broken_at"]) == ("broken", 4)
    assert rule(made, "chain")["result"] == "deviates"


def test_lost_lines_are_shown(pair):
    """What is left of the audit is a whole chain; the gateway knows that it has written more."""
    _, server = pair(vms=1)
    server.start()
    path = server.state / "audit.jsonl"
    for _ in range(3):
        server.make_token(["viewer"])
    lines = path.read_bytes().splitlines(keepends=True)
    path.unlink()
    path.write_bytes(b"".join(lines[:3]))
    made = report(server)
    facts = section(made, "audit")["facts"]
    assert (facts["chain"], facts["broken_at"], facts["last_line"]) == ("broken", 4, 3)
    assert rule(made, "chain")["result"] == "deviates"


def test_another_last_line_is_shown(pair):
    _, server = pair(vms=1)
    server.start()
    server.make_token(["viewer"])
    path = server.state / "audit.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    lines[-1] = lines[-1].replace(b'"time":"2', b'"time":"3')
    path.write_bytes(b"".join(lines))
    facts = section(report(server), "audit")["facts"]
    assert (facts["chain"], facts["broken_at"]) == ("broken", len(lines))


def test_what_is_not_known_is_unknown(pair):
    """Without Skerry's answers no rule that needs them passes, and the rest of the report is there."""
    fake, server = pair(vms=1)
    fake.unanswered = ("version", "config", "audit", "vm")
    fake.leaks = []
    server.start()
    made = report(server)
    assert section(made, "pages")["status"] == section(made, "version")["status"] == "unknown"
    assert "the test wants no answer to audit" in section(made, "pages")["note"]
    assert {item["encrypted"] for item in section(made, "encryption")["items"]} == {None}
    for name in ("pages", "sbom", "leaks", "password", "backups", "encrypted"):
        assert rule(made, name)["result"] == "unknown", name


def test_a_text_that_is_cut_takes_nothing_with_it(pair, tmp_path):
    """Only a part of a long text has room; where that ends within a character, section and rule are there all the same."""
    def refuse(_word):
        raise Refused("failed", "x" + "\u00e9" * 200)
    sbom = tmp_path / "skerry.spdx.json"
    sbom.write_text(json.dumps({"spdxVersion": "SPDX-2.3", "packages": [{"name": "skerry", "versionInfo": "\u00e9" * 100}]}))
    fake, server = pair("--sbom", str(sbom), vms=1)
    fake.may_answer = refuse
    server.start()
    made = report(server)
    assert [each["id"] for each in made["sections"]] == ["version", "sbom", "mitigations", "access", "audit", "pages", "encryption", "backups", "profile"]
    assert len(section(made, "profile")["items"]) == 16
    assert section(made, "pages")["note"].endswith("x" + "\u00e9" * 49)


def test_without_the_link(pair):
    fake, server = pair(vms=1)
    server.start()
    fake.accepts = False
    fake.drop()
    wait_for(lambda: not server.health()["ready"], what="the loss of the link")
    made = report(server)
    for name in ("version", "mitigations", "pages", "encryption", "backups"):
        assert section(made, name)["status"] == "unknown", name
    assert section(made, "audit")["facts"]["chain"] == "whole"
    assert rule(made, "rights")["result"] == rule(made, "channels")["result"] == "unknown"


def test_skerry_is_asked_once_for_all_who_wait(pair):
    fake, server = pair(vms=1)
    fake.delay_s = 0.3
    server.start()
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: report(server), range(8)))
    assert len(made) == 8
    report(server)
    assert sum(words == ["audit"] for words, _ in fake.commands) == 1


def test_who_may_read_it(server):
    for roles, scope, status in ((["auditor"], "*", 200), (["auditor"], "vm0*", 403), (["viewer"], "*", 403),
                                 (["admin"], "*", 403), (["operator", "content"], "*", 403)):
        token = server.make_token(roles, scope)
        assert server.tls("GET", "/v1/report", token=token).status == status, roles
    assert server.tls("GET", "/v1/report", token="").status == 401
    assert server.tls("GET", "/v1/report?profile=none").status == 422
