# SPDX-License-Identifier: MIT
"""Redfish beside a fake Skerry: the same rights, audit and validators as REST, in Redfish's words."""
import base64
import json
import re
import subprocess
from pathlib import Path

import pytest

from client import Server, wait_for
from fake_skerry import FakeSkerry

ROOT = Path(__file__).resolve().parents[3]
ROLES = ("viewer", "operator", "admin", "auditor", "console-read", "guest", "content")
RESET = "/Actions/ComputerSystem.Reset"
CD = "/redfish/v1/Managers/web/VirtualMedia/Cd"
PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    fake = FakeSkerry(str(tmp_path_factory.mktemp("fake") / "skerry.sock"), vms=4)
    fake.add("web", {"boot": "bios", "firmware": "bios-256k.bin", "disk": "pool/web", "vcpus": "2", "memory": "512M"})
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def server(program, fake, tmp_path_factory):
    server = Server(program, tmp_path_factory.mktemp("skerryd"), fake.path).start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def as_before(fake):
    yield
    with fake.lock:
        for vm in fake.vms.values():
            if vm.state != "stopped":
                vm.state, vm.reason = "stopped", ""
                fake.event("stopped", vm)


@pytest.fixture(scope="module")
def rows(program):
    return json.loads(subprocess.run([program, "redfish"], capture_output=True, check=True).stdout)


def ask(server, method, path, body=None, token=None, headers=None):
    return server.tls(method, path, body, token="", headers={"X-Auth-Token": token or server.token, **(headers or {})})


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def error(answer):
    """Returns the message of an answer that is an error of Redfish's, with its id."""
    said = answer.json()["error"]
    assert said["code"] == said["@Message.ExtendedInfo"][0]["MessageId"] and said["message"]
    assert answer.headers["OData-Version"] == "4.0"
    return said["code"].rsplit(".", 1)[1], said["message"]


def user(server, name, roles, scope="*"):
    answer = server.local("POST", "/v1/users", {"name": name, "password": PASSWORD, "roles": roles, "scope": scope})
    assert answer.status == 201, answer.body


def audit(server):
    items = server.local("GET", "/v1/audit").json()["items"]
    return [(item["who"].split(" via ")[0], item["action"], item["target"], item.get("result")) for item in items]


def test_every_link_leads_somewhere(server):
    """From the root every resource is found, says where it is, and which type it has."""
    seen, left = {}, ["/redfish/v1/"]
    while left:
        path = left.pop()
        if path in seen:
            continue
        answer = ask(server, "GET", path)
        assert answer.status == 200 and answer.headers["OData-Version"] == "4.0", (path, answer.body)
        seen[path] = answer.json()
        assert seen[path]["@odata.id"] == path and seen[path]["@odata.type"].startswith("#")
        left += re.findall(r'"@odata.id":"([^"]+)"', answer.body.decode())
    assert "/redfish/v1/Systems/web" in seen and CD in seen and "/redfish/v1/Managers/_host" in seen
    described = server.tls("GET", "/redfish/v1/$metadata", token="").body.decode()
    for resource in seen.values():
        name, version = re.fullmatch(r"#(\w+)\.(?:(v\d+_\d+_\d+)\.)?\1", resource["@odata.type"]).groups()
        assert version is None or f'Namespace="{name}.{version}"' in described, resource["@odata.type"]
        assert version or "Members" in resource


def test_public_ones(server, rows):
    """Without a credential the root and what describes it can be read, and nothing else."""
    for row in rows:
        if row["method"] != "GET":
            continue
        answer = server.tls("GET", row["path"].replace("{}", "web"), token="")
        assert answer.status == (401 if row["ask"] else 200), row
        assert row["ask"] is None or error(answer)[0] == "NoValidSession"
    assert server.tls("GET", "/redfish", token="").json() == {"v1": "/redfish/v1/"}


def test_rights_are_those_of_rest(server, rows):
    """Each resource with each role, for a VM of one's own and a foreign one, is as what it asks of REST."""
    bodies = {"PATCH": {"Boot": {"BootSourceOverrideEnabled": "Disabled"}}, "Reset": {"ResetType": "Resume"}, "InsertMedia": {"Image": "a/b"}}
    tried = 0
    for role in ROLES:
        token = server.make_token([role], "vm0*")
        for row in rows:
            if not row["ask"] or "Session" in row["path"]:
                continue
            method, path = row["ask"].split()
            for name in ("vm00", "web"):
                rest = server.tls(method, path.replace("{}", name), token=token).status
                body = bodies.get(row["method"], bodies.get(row["path"].rsplit(".", 1)[-1]))
                answer = ask(server, row["method"], row["path"].replace("{}", name), body, token)
                if row["method"] == "GET" and rest < 400 and ("Service/" not in row["path"] or "{}" not in row["path"]):
                    assert answer.status in (200, 501), (role, row)
                elif rest >= 400:
                    assert answer.status == rest, (role, row, name, answer.body)
                elif role == "viewer" and row["method"] != "GET" and not path.startswith("/v1/me"):
                    assert answer.status in (403, 409), (role, row, answer.body)
                tried += 1
    assert tried > 300


def test_a_system(server, fake):
    shown = ask(server, "GET", "/redfish/v1/Systems/web")
    vm = server.local("GET", "/v1/vms/web")
    assert shown.headers["ETag"] == vm.headers["ETag"]
    shown = shown.json()
    assert shown["UUID"] == fake.vms["web"].uuid and shown["PowerState"] == "Off"
    assert shown["ProcessorSummary"]["Count"] == 2 and shown["MemorySummary"]["TotalSystemMemoryGiB"] == 0.5
    assert shown["Boot"]["BootSourceOverrideMode"] == "Legacy" and len(shown["Boot"]["BootSourceOverrideTarget@Redfish.AllowableValues"]) == 4
    kernel = ask(server, "GET", "/redfish/v1/Systems/vm01").json()["Boot"]
    assert kernel["BootSourceOverrideTarget@Redfish.AllowableValues"] == ["None"]


def power(server, kind, status=204, name="web", token=None):
    answer = ask(server, "POST", f"/redfish/v1/Systems/{name}{RESET}", {"ResetType": kind}, token)
    assert answer.status == status, answer.body
    return answer


def state(server, name="web"):
    return ask(server, "GET", f"/redfish/v1/Systems/{name}").json()["PowerState"]


def test_power(server, fake):
    boots = fake.vms["web"].boots
    for kind, then in (("On", "On"), ("On", "On"), ("Pause", "Paused"), ("On", "On"), ("ForceRestart", "On"), ("ForceOff", "Off"),
                       ("ForceOff", "Off"), ("PushPowerButton", "On")):
        power(server, kind)
        assert state(server) == then, kind
    assert fake.vms["web"].boots == boots + 2
    answer = power(server, "GracefulShutdown", 202)
    task = answer.json()
    assert task["TaskState"] == "Running" and answer.headers["Location"] == task["TaskMonitor"]
    wait_for(lambda: ask(server, "GET", task["TaskMonitor"]).status == 204, what="the end of the task")
    assert ask(server, "GET", task["@odata.id"]).json()["TaskState"] == "Completed" and state(server) == "Off"


def test_power_of_a_crashed_vm(server, fake):
    power(server, "On")
    fake.crash("web")
    wait_for(lambda: state(server) == "Off")
    assert ask(server, "GET", "/redfish/v1/Systems/web").json()["Status"]["Health"] == "Critical"
    power(server, "ForceOff")
    power(server, "On")
    assert state(server) == "On"


def test_the_audit_has_the_lines_of_rest(server):
    """Who does what over Redfish stands in the audit as if it were done over REST, denials too."""
    viewer = server.make_token(["viewer"])
    before = len(audit(server))
    power(server, "On")
    answer = power(server, "ForceOff", 403, token=viewer)
    assert error(answer)[0] == "InsufficientPrivilege"
    lines = audit(server)[before:]
    assert [line[1:3] for line in lines] == [("vm.start", "web"), ("vm.kill", "web")], lines


def boot(server, target=None, enabled=None, status=204, **more):
    wanted = {key: value for key, value in (("BootSourceOverrideTarget", target), ("BootSourceOverrideEnabled", enabled)) if value}
    answer = ask(server, "PATCH", "/redfish/v1/Systems/web", {"Boot": wanted}, **more)
    assert answer.status == status, answer.body
    return ask(server, "GET", "/redfish/v1/Systems/web").json()["Boot"] if status == 204 else answer


def test_boot_override(server, fake):
    config = fake.vms["web"].config
    shown = boot(server, "Cd", "Continuous")
    assert config["boot.order"] == "cdrom" and (shown["BootSourceOverrideEnabled"], shown["BootSourceOverrideTarget"]) == ("Continuous", "Cd")
    shown = boot(server, "Pxe", "Once")
    assert (config["boot.order"], config["boot.once"]) == ("cdrom", "net")
    assert (shown["BootSourceOverrideEnabled"], shown["BootSourceOverrideTarget"]) == ("Once", "Pxe")
    power(server, "On")
    shown = wait_for(lambda: (shown := ask(server, "GET", "/redfish/v1/Systems/web").json()["Boot"])["BootSourceOverrideEnabled"] != "Once" and shown)
    assert (shown["BootSourceOverrideEnabled"], shown["BootSourceOverrideTarget"]) == ("Continuous", "Cd")
    assert error(boot(server, "Hdd", "Continuous", 409))[0] == "ResourceInUse"
    power(server, "ForceOff")
    shown = boot(server, enabled="Disabled")
    assert not config["boot.order"] and shown["BootSourceOverrideTarget"] == "None"
    tag = ask(server, "GET", "/redfish/v1/Systems/web").headers["ETag"]
    boot(server, "Hdd", "Continuous", headers={"If-Match": tag})
    assert error(boot(server, "Cd", "Continuous", 412, headers={"If-Match": tag}))[0] == "PreconditionFailed"
    boot(server, "None")


def test_virtual_media(server, fake):
    config = fake.vms["web"].config
    insert, eject = CD + "/Actions/VirtualMedia.InsertMedia", CD + "/Actions/VirtualMedia.EjectMedia"
    assert ask(server, "POST", insert, {"Image": "pool/iso"}).status == 204
    assert config["disk"] == "pool/web, pool/iso cdrom"
    medium = ask(server, "GET", CD).json()
    assert medium["Inserted"] and medium["Image"] == "pool/iso"
    assert ask(server, "POST", insert, {"Image": "other"}).status == 409
    assert ask(server, "POST", eject).status == 204 and config["disk"] == "pool/web"
    assert not ask(server, "GET", CD).json()["Inserted"] and ask(server, "POST", eject).status == 409
    url = f"https://127.0.0.1:{server.port}/v1/stores/pool/volumes/iso/content"
    assert ask(server, "POST", insert, {"Image": url}).status == 204 and config["disk"].endswith("pool/iso cdrom")
    assert ask(server, "POST", eject, {}).status == 204
    answer = ask(server, "POST", insert, {"Image": "http://example.org/x.iso"})
    assert answer.status == 400 and "upload the image" in error(answer)[1]
    # Volumes belong to the host: whoever has a few VMs only may not give one to a VM.
    some = server.make_token(["admin"], "w*")
    assert ask(server, "POST", insert, {"Image": "pool/iso"}, some).status == 403
    assert config["disk"] == "pool/web"


WRONG = [b"{", b"[]", b'"On"', b"{\"ResetType\": \"On\", \"ResetType\": \"On\"}", b"{\"ResetType\": [\"On\"]}", b"{\"ResetType\": null}",
         b"{\"ResetType\": \"on\"}", b"{\"ResetType\": \"On\", \"x\": 1}", b"{\"\\u0000\": 1}", b"\xff\xfe", b"[" * 8000,
         b"{\"a\":" * 2700 + b"1" + b"}" * 2700, b"{\"ResetType\": \"" + b"A" * 16000 + b"\"}"]


def test_wrong_bodies(server, fake):
    """What is no request is refused in Redfish's words, and nothing is changed."""
    count = len(fake.commands)
    for path, method in ((f"/redfish/v1/Systems/web{RESET}", "POST"), ("/redfish/v1/Systems/web", "PATCH"),
                         (CD + "/Actions/VirtualMedia.InsertMedia", "POST"), ("/redfish/v1/SessionService/Sessions", "POST")):
        for body in WRONG:
            answer = ask(server, method, path, body, headers={"Content-Type": "application/json"})
            assert answer.status == 400, (path, body[:40], answer.body)
            error(answer)
    changes = [words for words, _ in fake.commands[count:] if words[-1] not in ("cpu", "mem", "list", "stat")
               and words[1] not in ("get", "show")]
    assert not changes, changes
    answer = ask(server, "POST", f"/redfish/v1/Systems/web{RESET}", b'{"ResetType":"On"}', headers={"Content-Type": "text/plain"})
    assert answer.status == 415
    error(answer)
    answer = ask(server, "GET", "/redfish/v1/", headers={"OData-Version": "3.0"})
    assert answer.status == 412


def test_a_body_of_10_mib(server):
    connection = server.raw()
    head = (f"POST /redfish/v1/Systems/web{RESET} HTTP/1.1\r\nHost: localhost\r\nX-Auth-Token: {server.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {10 << 20}\r\n\r\n").encode()
    connection.sendall(head)
    try:
        for _ in range(160):
            connection.sendall(b" " * 65536)
    except OSError:
        pass    # it was refused before all of it was sent
    answer = b""
    while b"@Message.ExtendedInfo" not in answer:
        answer += connection.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413 ")
    connection.close()
    assert state(server) == "Off"


def test_sessions(server):
    user(server, "ann", ["operator"], "web")
    made = server.tls("POST", "/redfish/v1/SessionService/Sessions", {"UserName": "ann", "Password": PASSWORD}, token="")
    assert made.status == 201 and made.json()["UserName"] == "ann"
    token, place = made.headers["X-Auth-Token"], made.headers["Location"]
    assert token.encode() not in made.body
    members = ask(server, "GET", "/redfish/v1/Systems", token=token).json()["Members"]
    assert members == [{"@odata.id": "/redfish/v1/Systems/web"}]
    assert ask(server, "GET", "/redfish/v1/Systems/vm00", token=token).status == 404
    assert ask(server, "GET", place, token=token).json()["@odata.id"] == place
    assert ask(server, "DELETE", place, token=token).status == 204
    answer = ask(server, "GET", place, token=token)
    assert answer.status == 401 and error(answer)[0] == "NoValidSession"
    for wrong in ("wrong password", "sky_" + 64 * "0"):
        answer = server.tls("POST", "/redfish/v1/SessionService/Sessions", {"UserName": "ann", "Password": wrong}, token="")
        assert answer.status == 401 and "X-Auth-Token" not in answer.headers
    server.local("DELETE", "/v1/users/ann")


def test_basic(server):
    """A name and a password count for Redfish alone, until the user is changed; a token may be the password."""
    user(server, "bob", ["operator"], "web")
    before = len(audit(server))
    for _ in range(3):
        assert server.tls("GET", "/redfish/v1/Systems/web", token="", headers=basic("bob", PASSWORD)).status == 200
    assert [line[:2] for line in audit(server)[before:]] == [("bob", "login")]
    assert server.tls("GET", "/redfish/v1/Systems/vm00", token="", headers=basic("bob", PASSWORD)).status == 404
    assert server.tls("GET", "/v1/vms/web", token="", headers=basic("bob", PASSWORD)).status == 401
    answer = server.tls("GET", "/redfish/v1/Systems", token="", headers=basic("bob", "wrong password"))
    assert answer.status == 401 and error(answer)[0] == "NoValidSession"
    assert server.tls("GET", "/redfish/v1/Systems", token="", headers=basic("bob", "x" * 201)).status == 401
    assert server.tls("GET", "/redfish/v1/Systems", token="", headers=basic("any", server.token)).status == 200
    foreign = {**basic("bob", PASSWORD), "Origin": "https://evil.example"}
    assert server.tls("POST", CD + "/Actions/VirtualMedia.EjectMedia", token="", headers=foreign).status == 403
    for wrong in ("Basic", "Basic ", "Basic !", "Basic " + base64.b64encode(b"bob").decode()):
        assert server.tls("GET", "/redfish/v1/Systems", token="", headers={"Authorization": wrong}).status == 401
    server.local("PATCH", "/v1/users/bob", {"password": PASSWORD + "!"})
    assert server.tls("GET", "/redfish/v1/Systems", token="", headers=basic("bob", PASSWORD)).status == 401
    server.local("DELETE", "/v1/users/bob")
    answer = server.tls("GET", "/redfish/v1/Systems", token="", headers=basic("bob", PASSWORD + "!"))
    assert answer.status in (401, 429)


def test_cookies_are_none_here(server):
    made = server.tls("POST", "/v1/login", {"token": server.token}, token="")
    cookie = {"Cookie": made.headers["Set-Cookie"].split(";")[0]}
    assert server.tls("GET", "/v1/vms", token="", headers=cookie).status == 200
    assert server.tls("GET", "/redfish/v1/Systems", token="", headers=cookie).status == 401


def test_guide_has_every_resource(rows):
    guide = (ROOT / "docs/guides/redfish.md").read_text()
    for row in rows:
        asked = f"`{row['ask'].replace('{}', '{vm}')}`" if row["ask"] and "/vms/" in row["ask"] else ""
        path = row["path"].replace("{}", "*")
        assert any(f"`{path}`" in line and row["method"] in line and asked in line for line in guide.splitlines()), row
