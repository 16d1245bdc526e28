#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Writes clients of skerryd in Python and in JavaScript, whose methods are the requests of an OpenAPI description:

    gateway/sdk/generate.py gateway/api/openapi.json FOLDER     # FOLDER/python/skerry.py, FOLDER/javascript/skerry.mjs

A method's name comes from its request: GET /v1/vms is list_vms, POST /v1/vms create_vm, POST /v1/vms/{vm}/actions/start
start_vm; in JavaScript listVms, createVm, startVm. Parts of the path are its first arguments, all else has names.
"""
import json
import keyword
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
MARK = "# the methods", "// the methods"
VERBS = {"get": "get", "post": "create", "patch": "change", "put": "put", "delete": "delete"}
# Requests whose path tells no name.
NAMES = {
    ("get", "/v1"): "get_root", ("get", "/v1/openapi.json"): "get_openapi", ("get", "/metrics"): "get_metrics",
    ("post", "/v1/login"): "log_in", ("post", "/v1/logout"): "log_out", ("post", "/v1/me/password"): "set_password",
    ("post", "/v1/host/actions/log-rotate"): "rotate_log", ("post", "/v1/copies/actions/cancel"): "cancel_copy",
    ("post", "/v1/vms/{vm}/actions/backup-cancel"): "cancel_vm_backup", ("post", "/v1/vms/{vm}/actions/balloon"): "set_vm_balloon",
    ("post", "/v1/vms/{vm}/actions/template"): "make_template",
    ("post", "/v1/stores/{store}/volumes/{volume}/actions/rekey-cancel"): "cancel_rekey",
    ("post", "/v1/disks/restore"): "restore_disk", ("post", "/v1/alerts/preview"): "preview_alert",
    ("post", "/v1/runs/{id}/input"): "send_run_input", ("post", "/v1/runs/{id}/terminal"): "resize_run_terminal",
    ("post", "/v1/runs/{id}/signal"): "signal_run", ("post", "/v1/sandboxes/{id}/fork"): "fork_sandbox",
    ("get", "/v1/stream"): None,  # a WebSocket, as below
    ("get", "/v1/vms/{vm}/vsock/{id}"): None, ("get", "/v1/vms/{vm}/agent"): None,
}
PYTHON_TYPES = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "array": "list", "object": "dict"}


def singular(word):
    return word[:-2] if word.endswith(("xes", "shes")) else word[:-1] if word.endswith("s") else word


def name_of(method, path):
    """A method's name in Python, or None where the client has none."""
    if (method, path) in NAMES:
        return NAMES[method, path]
    parts = [part.replace("-", "_") for part in path.removeprefix("/v1/").split("/")]
    verb = VERBS[method]
    if "actions" in parts:
        verb, parts = parts[-1], parts[:-2]
    one = parts[-1].startswith("{") or verb not in ("get", "put")
    words = [part for part in parts if not part.startswith("{")]
    if verb == "get" and not one and words[-1].endswith("s") and words[-1] not in ("status", "exits"):
        verb = "list"
    chosen = [singular(word) for word in words[:-1]] + [singular(words[-1]) if one else words[-1]]
    return "_".join((verb, *chosen))


class Request:
    """One request of the description, as a method sees it."""

    def __init__(self, document, method, path, operation):
        self.method, self.path, self.summary = method.upper(), path, operation["summary"]
        self.name = name_of(method, path)
        self.parts = re.findall(r"\{(\w+)\}", path)
        self.query = {item["name"]: item["schema"] for item in operation["parameters"] if item["in"] == "query"}
        content = operation.get("requestBody", {}).get("content", {})
        self.bytes = "application/octet-stream" in content
        schema = content.get("application/json", {}).get("schema", {})
        schema = document["components"]["schemas"].get(schema.get("$ref", "").rsplit("/", 1)[-1], schema)
        self.body = schema.get("properties", {})
        # a body that is an object of any names, such as a change of keys, is one argument
        self.whole = bool(content) and not self.bytes and not self.body
        answers = [name for answer in operation["responses"].values() for name in answer.get("content", {})]
        self.events = "text/event-stream" in answers
        self.roles = operation.get("x-skerry-roles", [])


def requests(document):
    found = [Request(document, method, path, operation) for path, operations in document["paths"].items()
             for method, operation in operations.items()]
    found = [request for request in found if request.name]
    names = [request.name for request in found]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    return found


def python_name(name):
    return name + "_" if keyword.iskeyword(name) else name


def python_type(schema):
    kind = schema.get("type", "object" if "$ref" in schema or "properties" in schema else None)
    return PYTHON_TYPES.get(kind, "") if isinstance(kind, str) else ""


def python_arguments(request):
    """The arguments with names, each with its type if it has one alone."""
    for name, schema in {**request.query, **request.body}.items():
        kind = python_type(schema)
        yield f"{python_name(name)}: {kind} = None" if kind else f"{python_name(name)}=None"
    if request.whole:
        yield "body: dict = None"
    yield "headers: dict = None"


def python_method(request):
    first = [python_name(part) for part in request.parts] + ["data"] * request.bytes
    path = f'"{request.path}"'
    if request.parts:
        path = "f" + re.sub(r"\{(\w+)\}", lambda part: "{_part(" + python_name(part[1]) + ")}", path)
    query = "{" + ", ".join(f'"{name}": {python_name(name)}' for name in request.query) + "}"
    body = "None"
    if request.bytes:
        body = "data"
    elif request.whole:
        body = "body or {}"
    elif request.body:
        body = ("{name: value for name, value in {" + ", ".join(f'"{name}": {python_name(name)}' for name in request.body) +
                "}.items() if value is not None}")
    call = (f"self._events({path}, {query}, headers)" if request.events else
            f'self._call("{request.method}", {path}, {query}, {body}, headers)')
    return (f"    def {request.name}({', '.join(('self', *first, '*', *python_arguments(request)))}):\n"
            f'        """{request.method} {request.path}: {request.summary}."""\n        return {call}\n')


def camel(name):
    return re.sub(r"_(\w)", lambda letter: letter[1].upper(), name)


def script_method(request):
    first = [*request.parts, *["data"] * request.bytes]
    names = [*request.query, *request.body, *["body"] * request.whole]
    # a name that is a word of the language, such as `from`, gets a line behind it
    given = ", ".join([f"{name}: {name}_" for name in names] + ["headers"])
    path = "`" + re.sub(r"\{(\w+)\}", r"${encodeURIComponent(\1)}", request.path) + "`"
    query = "{ " + ", ".join(f"{name}: {name}_" for name in request.query) + " }" if request.query else "{}"
    body = "undefined"
    if request.bytes:
        body = "data"
    elif request.whole:
        body = "body_ ?? {}"
    elif request.body:
        body = "{ " + ", ".join(f"{name}: {name}_" for name in request.body) + " }"
    call = f"this.#events({path}, {query}, headers)" if request.events else f'this.#call("{request.method}", {path}, {query}, {body}, headers)'
    return (f"    /** {request.method} {request.path}: {request.summary}. */\n"
            f"    {camel(request.name)}({', '.join((*first, '{ ' + given + ' } = {}'))}) {{\n        return {call};\n    }}\n")


def written(source, mark, methods):
    """The client's text with the methods in place of the line that marks their place."""
    text = source.read_text(encoding="utf-8")
    line, = re.findall(rf"^ *{mark}\n", text, re.MULTILINE)
    return text.replace(line, "\n".join(methods))


def main(description, folder):
    found = requests(json.loads(Path(description).read_text(encoding="utf-8")))
    for name, source, mark, method in (("python/skerry.py", "client.py", MARK[0], python_method),
                                       ("javascript/skerry.mjs", "client.mjs", MARK[1], script_method)):
        target = Path(folder) / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(written(HERE / source, mark, [method(request) for request in found]), encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__.strip())
    main(*sys.argv[1:])
