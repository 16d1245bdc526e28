# SPDX-License-Identifier: MIT
"""Alerts: rules over what histories sample, who may see and make them, what fires, previews, a gateway that begins anew."""
import json
import subprocess
import time
from pathlib import Path

import pytest

from client import wait_for

FULL = {"name": "full", "what": "vm/vm00", "series": "resident_bytes", "comparison": "above",
        "threshold": 100 << 20, "clear": 50 << 20, "severity": "critical"}


def make(server, rule, status=201, token=None, **more):
    answer = server.tls("POST", "/v1/alerts", {**rule, **more}, token=token)
    assert answer.status == status, answer.body
    return answer.json()


def shown(server, token=None):
    answer = server.tls("GET", "/v1/alerts", token=token)
    assert answer.status == 200, answer.body
    return {rule["name"]: rule for rule in answer.json()["items"]}


def state(server, name, wanted):
    return wait_for(lambda: shown(server)[name]["state"] == wanted and shown(server)[name], 30, f"{name} is {wanted}")


def audited(server, action):
    return [line for line in server.local("GET", "/v1/audit?limit=500").json()["items"] if line["action"] == action]


@pytest.fixture
def clean(server, fake):
    yield server
    for name in shown(server):
        assert server.tls("DELETE", f"/v1/alerts/{name}").status == 204
    for vm in fake.vms.values():
        vm.resident = 16 << 20


def test_a_rule_fires_and_ends(clean, fake):
    server = clean
    events = server.events()
    assert events.until("snapshot")
    made = make(server, FULL)
    assert made["hook"] is False and "secret" not in made
    rule = state(server, "full", "ok")
    assert (rule["things"], rule["value"], rule["firing"]) == (1, 16 << 20, 0)
    fake.vms["vm00"].resident = 200 << 20
    number, _, event = events.until("alert_firing")
    assert number is None and event["vm"] == "vm00" and event["alert"] == "full"
    assert event["severity"] == "critical" and event["value"] == 200 << 20
    assert event["reason"] == "full: resident_bytes of vm/vm00 is 209715200, above 104857600 for 0 s"
    rule = state(server, "full", "firing")
    assert rule["items"][0]["what"] == "vm/vm00" and time.time() - 30 < rule["items"][0]["since"] <= time.time()
    fake.vms["vm00"].resident = 70 << 20        # between the two thresholds: it goes on
    wait_for(lambda: shown(server)["full"]["value"] == 70 << 20, 30, "the sample")
    assert shown(server)["full"]["state"] == "firing"
    fake.vms["vm00"].resident = 40 << 20
    assert events.until("alert_cleared")[2]["reason"] == "full: resident_bytes of vm/vm00 is 41943040 again"
    state(server, "full", "ok")
    assert audited(server, "alert.firing")[-1]["target"] == "vm00"
    assert audited(server, "alert.cleared")[-1]["result"].startswith("full: ")
    assert audited(server, "alert.set")[-1]["target"] == "full"
    events.close()


def test_a_pattern_is_about_each_vm(clean, fake):
    server = clean
    make(server, FULL, name="all", what="vm/vm0*", hold_s=86400)
    fake.vms["vm01"].resident = fake.vms["vm02"].resident = 200 << 20
    rule = wait_for(lambda: shown(server)["all"]["pending"] == 2 and shown(server)["all"], 30, "two that are pending")
    assert rule["state"] == "pending" and rule["things"] == 4 and rule["firing"] == 0
    # The same name replaces the rule.
    make(server, FULL, 200, name="all", what="vm/vm0*")
    rule = wait_for(lambda: shown(server)["all"]["firing"] == 2 and shown(server)["all"], 30, "two that fire")
    assert {each["what"] for each in rule["items"]} == {"vm/vm01", "vm/vm02"}
    make(server, FULL, name="none", what="vm/nobody")
    state(server, "none", "no-samples")
    make(server, FULL, name="host", what="host", series="free_bytes", threshold=1, clear=1)
    state(server, "host", "firing")


def test_who_sees_and_makes_what(clean, fake):
    server = clean
    make(server, FULL)
    make(server, FULL, name="disk", what="disk/disk0", series="requests_per_s")
    make(server, FULL, name="host", what="host", series="free_bytes", url="https://hooks.example/secret")
    make(server, FULL, name="all", what="vm/*", url="https://hooks.example/secret")
    few, other = server.make_token(["viewer"], "vm0*"), server.make_token(["admin"], "web-*")
    assert set(shown(server, few)) == {"full", "host"} and set(shown(server, other)) == {"host"}
    # Where a web hook goes is for those who may change it.
    assert "url" not in shown(server, few)["host"] and "url" not in shown(server, other)["host"]
    assert "secret" not in json.dumps(shown(server, few)) and "skh_" not in json.dumps(shown(server))
    for what, series in (("vm/*", "cpu_percent"), ("vm/vm00", "cpu_percent"), ("disk/disk0", "requests_per_s"),
                         ("host", "free_bytes")):
        make(server, FULL, 403, other, name="x", what=what, series=series)
    make(server, FULL, 409, other, name="full", what="vm/web-1")
    make(server, FULL, 201, other, name="web", what="vm/web-?")
    make(server, FULL, 403, few)
    for name, status in (("full", 404), ("host", 404), ("none", 404), ("web", 204)):
        assert server.tls("DELETE", f"/v1/alerts/{name}", token=other).status == status
    # Events go to those who see the rule.
    state(server, "host", "firing")
    events = [server.events(token=each) for each in (server.token, few, other)]
    for each in events:
        each.until("snapshot")
    fake.vms["vm00"].resident = 200 << 20
    assert {events[0].until("alert_firing")[2]["alert"] for _ in range(2)} == {"full", "all"}
    assert events[1].until("alert_firing")[2]["alert"] == "full"
    server.tls("DELETE", "/v1/alerts/host")
    # `host` fires from the beginning and is seen by all: what ends is the first that the others hear of.
    for each in events[1:]:
        assert each.until("alert_cleared")[2]["alert"] == "host"
    for each in events:
        each.close()


@pytest.mark.parametrize("change", [{"name": "a b"}, {"name": "a\r\nX: y"}, {"what": "vm/../x"}, {"series": "nonsense"}, {"comparison": ">"},
                                    {"threshold": None}, {"threshold": "90"}, {"clear": 200 << 20}, {"hold_s": -1},
                                    {"severity": "loud"}, {"url": "file:///etc/passwd"}, {"url": "https://a/\r\nX: y"},
                                    {"url": 7}, {"new_secret": "yes"}])
def test_bad_rules(server, change):
    answer = server.tls("POST", "/v1/alerts", {**FULL, **change})
    assert answer.status == 422 and answer.code == "bad-argument", answer.body
    assert not shown(server)


def test_too_many_rules(clean):
    few = clean.make_token(["admin"], "vm*")
    for number in range(48):
        make(clean, FULL, token=few, name=f"r{number}")
    make(clean, FULL, 503, few, name="more")
    for number in range(48, 64):
        make(clean, FULL, name=f"r{number}")
    make(clean, FULL, 503, name="more")
    make(clean, FULL, 200, few, name="r0")


def test_a_preview(clean):
    server = clean
    wait_for(lambda: server.tls("POST", "/v1/alerts/preview", {
        "what": "vm/vm00", "series": "resident_bytes", "comparison": "above", "threshold": 1, "seconds": 60,
        "hold_s": 1}).json()["count"] == 1, 30, "an alert in the last minute")
    found = server.tls("POST", "/v1/alerts/preview", {"what": "vm/vm0*", "series": "resident_bytes",
                                                      "comparison": "above", "threshold": 1, "seconds": 3600}).json()
    assert found["step"] == 1 and found["to"] - found["from"] == 3600 and found["things"] == 4
    assert found["count"] == 4 and found["items"][0]["to"] is None and found["samples"] >= 4
    found = server.tls("POST", "/v1/alerts/preview", {**FULL, "threshold": 1 << 40}).json()
    assert found["step"] == 60 and found["count"] == 0 and found["to"] - found["from"] == 7 * 86400
    for change in ({"seconds": 59}, {"seconds": 32 * 86400}, {"seconds": "60"}, {"threshold": "x"}):
        assert server.tls("POST", "/v1/alerts/preview", {**FULL, **change}).status == 422, change
    few = server.make_token(["viewer"], "web-*")
    assert server.tls("POST", "/v1/alerts/preview", FULL, token=few).status == 403
    assert not shown(server)


def test_a_gateway_that_begins_anew(pair):
    fake, server = pair("--history", "0")        # alerts need no histories
    server.start()
    make(server, FULL)
    fake.vms["vm00"].resident = 200 << 20
    since = state(server, "full", "firing")["items"][0]["since"]
    server.stop()
    time.sleep(1.1)
    server.start()
    wait_for(lambda: shown(server)["full"]["things"] == 1, 30, "a sample")
    rule = shown(server)["full"]
    assert rule["state"] == "firing" and rule["items"][0]["since"] == since
    assert len(audited(server, "alert.firing")) == 1
    # It has ended meanwhile.
    server.stop()
    fake.vms["vm00"].resident = 16 << 20
    server.start()
    state(server, "full", "ok")
    assert len(audited(server, "alert.cleared")) == 1
    server.stop()
    (server.state / "alerts.json").write_text("{")
    with pytest.raises(AssertionError):
        server.spawn()
    assert "alerts.json is damaged" in server.errors()


def test_unknown_rule(pair):
    """A rule that this version does not know stops the gateway, which says what rule it is and why."""
    server = pair("--history", "0")[1]
    server.start()
    make(server, FULL)
    server.stop()
    rules = json.loads((server.state / "alerts.json").read_text())
    rules["items"][0]["series"] = "tomorrows"
    (server.state / "alerts.json").write_text(json.dumps(rules))
    with pytest.raises(AssertionError):
        server.spawn()
    assert 'alerts.json: rule "full": ' in server.errors()


def test_skerryctl(clean, fake, request):
    program = Path(request.config.getoption("--gateway")) / "skerryctl"

    def run(*words, code=0):
        done = subprocess.run([program, "--socket", clean.socket, *words], capture_output=True, text=True, timeout=30)
        assert done.returncode == code, done.stderr
        return done.stdout + done.stderr

    said = run("alert", "create", "full", "vm/vm00", "resident_bytes", "above", "100e6", "clear=50e6", "hold=0",
               "severity=critical", "url=https://hooks.example/x")
    assert "secret skh_" in said and "not shown again" in said
    fake.vms["vm00"].resident = 200 << 20
    state(clean, "full", "firing")
    row = run("alert", "list").splitlines()[1].split()
    assert row[:3] == ["full", "firing", "critical"] and row[-1] == "vm/vm00"
    said = run("alert", "preview", "vm/vm00", "resident_bytes", "above", "1", "--hours", "1")
    assert said.startswith("It would have fired 1 times in 1.0 hours, for 1 things.")
    assert "no such rule" in run("alert", "drop", "none", code=3)
    assert "\"clear\"" in run("alert", "create", "x", "vm/vm00", "cpu_percent", "above", "5", "clear=6", code=1)
    run("alert", "create", "x", "vm/vm00", "cpu_percent", "above", "5", "color=red", code=2)
    run("alert", "drop", "full")
    assert len(run("alert", "list").splitlines()) == 1
