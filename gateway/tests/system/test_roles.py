# SPDX-License-Identifier: MIT
"""Every route of the table, with every role, for a VM of one's own, a foreign one and none."""
import json
import subprocess

import pytest

ROLES = ("viewer", "operator", "admin", "auditor", "console-read", "console-write", "guest", "content")
IMPLIED = {"viewer": {"viewer"}, "operator": {"operator", "viewer"},
           "admin": {"admin", "operator", "viewer"}, "auditor": {"auditor"},
           "console-read": {"console-read"}, "console-write": {"console-write", "console-read"},
           "guest": {"guest"}, "content": {"content"}}
# The actions that must not be done to the server of all tests, that end what is looked at, or (a
# template) that wait for a guest: these are tried only with roles that lack them.
ONLY_DENIED = {"vm.destroy", "vm.kill", "vm.template", "host.reboot", "host.poweroff"}


@pytest.fixture(scope="module")
def routes(program):
    return json.loads(subprocess.run([program, "routes"], capture_output=True, check=True).stdout)


@pytest.fixture(scope="module")
def tokens(server):
    """Makes a token of each role, for the VMs vm0*."""
    return {role: server.make_token([role], "vm0*") for role in ROLES}


def body_of(route, name):
    if route["scope"] == "new":
        return {"name": name, "config": {"nonsense": "1"}}
    if route["method"] == "PATCH":
        return {"config": {"weight": "256"}}
    if route["path"] == "/v1/tokens" and route["method"] == "POST":
        return {}
    return {} if route["method"] == "POST" else None


def status_of(server, connection, route, token, name):
    path = route["path"].replace("{vm}", name).replace("{id}", "999999").replace("{store}", "pool").replace("{volume}", "none")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    if route["path"] == "/v1/events" and token:
        return events_status(server, token)
    # a template's guest never comes to the gate here: nobody waits for it
    headers["Prefer"] = "wait=1"
    answer = server.ask(connection, route["method"], path, body_of(route, name), headers)
    return answer.status


def events_status(server, token):
    events = server.events(token=token)
    events.close()
    return events.status


def test_without_a_credential(server, routes):
    connection = server.connect()
    for route in routes:
        if not route["public"]:
            status = status_of(server, connection, route, None, "vm00")
            assert status == 401, route


@pytest.mark.parametrize("role", ROLES)
def test_role(server, routes, tokens, role):
    connection = server.connect()
    tried = 0
    for route in routes:
        if route["public"] or route["path"] == "/v1/logout":
            continue
        allowed = IMPLIED[role] & set(route["roles"])
        if allowed and route["action"] in ONLY_DENIED:
            continue
        status = status_of(server, connection, route, tokens[role], "vm00")
        if not allowed:
            assert status == 403, (role, route)
        elif route["scope"] == "all" or route["disk"]:
            assert status == 403, (role, route)
        else:
            assert status not in (401, 403), (role, route, status)
        tried += 1
    assert tried > 20


@pytest.mark.parametrize("role", ROLES)
def test_foreign_vm_is_like_none(server, routes, tokens, role):
    connection = server.connect()
    for route in routes:
        if route["scope"] not in ("vm", "new"):
            continue
        allowed = IMPLIED[role] & set(route["roles"])
        foreign = status_of(server, connection, route, tokens[role], "vm15")
        missing = status_of(server, connection, route, tokens[role], "vm99")
        if route["scope"] == "vm":
            assert foreign == missing == (404 if allowed else 403), (role, route)
        else:
            assert foreign == missing == 403, (role, route)


def test_foreign_vms_are_in_no_list(server, tokens):
    for path in ("/v1/vms", "/metrics", "/v1/log"):
        text = server.tls("GET", path, token=tokens["viewer"]).body.decode()
        assert "vm00" in text and "vm15" not in text, path
    server.local("POST", "/v1/vms/vm15/actions/start")
    token = server.make_token(["auditor"], "vm0*")
    audit = server.tls("GET", "/v1/audit", token=token).json()
    assert "vm15" not in {item["target"] for item in audit["items"]}


def test_every_change_is_audited(routes):
    for route in routes:
        assert route["method"] == "GET" or route["action"], route


def test_a_machine_channel_needs_the_scope_of_all(server, tokens):
    """A VM with a machine channel has that channel's rights over all VMs, so an admin of a few gives none of them one."""
    for method, path, body in (("POST", "/v1/vms", {"name": "vm0z", "config": {"port": "skerry", "channel": "skerry"}}),
                               ("PATCH", "/v1/vms/vm02", {"config": {"channel": "skerry"}}),
                               ("PATCH", "/v1/vms/vm02", {"config": {"port": "skerry"}, "config.channel": "skerry"})):
        answer = server.tls(method, path, body, token=tokens["admin"])
        assert (answer.status, answer.code) == (403, "forbidden") and "channel" in answer.json()["detail"], answer.body


def test_run_time_keys_are_for_operators(server, tokens):
    """
    An operator may change keys that take effect while VMs run; all other keys need the role
    admin, all or nothing.
    """
    def status(config, role="operator"):
        return server.tls("PATCH", "/v1/vms/vm02", {"config": config}, token=tokens[role]).status
    for config in ({"weight": "300"}, {"cap": 50, "reserve": 10}, {"autostart": True}, {"on_crash": "restart"}):
        assert status(config) == 200, config

    def shown():
        return server.tls("GET", "/v1/vms/vm02").json()["config"]
    # A change is answered when the keys were read again, so that the next look shows it.
    assert shown()["autostart"]["value"] == "yes"
    before = shown()
    for config in ({"memory": "1G"}, {"weight": "1", "cmdline": "x"}, {"trap": "all"}, {"channel": "com2"},
                   {"disk": {"ops": 1}}, {"weightx": 1}, {"": 1},
                   # what ends a VM when it crashes, which an operator could see to
                   {"on_crash": "destroy"}, {"on_crash": " destroy"}, {"weight": "1", "on_crash": "destroy"}):
        assert status(config) == 403, config
        assert status(config, "viewer") == 403, config
    # Another name for the same field is no way around the check.
    answer = server.tls("PATCH", "/v1/vms/vm02", {"config.memory": "1G"}, token=tokens["operator"])
    assert answer.status == 403
    assert shown() == before
    assert status({"cmdline": "x"}, "admin") in (200, 409)
