# SPDX-License-Identifier: MIT
"""
The clients that `make -C gateway sdk` makes, driven alike in Python and in JavaScript, and a server that says once more what
another one said: `sdk_calls.py SKERRYD RECORD` writes the record of a skerryd beside a fake Skerry.
"""
import base64
import http.server
import importlib.util
import itertools
import json
import socketserver
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
GENERATE = ROOT / "gateway/sdk/generate.py"
DRIVE = ROOT / "gateway/tests/sdk/drive.mjs"


def call(name, /, *first, events=0, **named):
    return {"name": name, "first": list(first), "named": named, "events": events}


# Requests whose answers a record has. What they change they change back.
CALLS = [
    call("get_root"), call("get_health"), call("get_me"), call("get_host"), call("list_vms"), call("list_vms", limit=3),
    call("get_vm", "vm00"), call("get_vm", "none"), call("pause_vm", "vm00"), call("pause_vm", "vm00"), call("resume_vm", "vm00"),
    call("create_vm", name="sdk-1", config={"memory": "64M", "cmdline": "quiet \"x\""}), call("change_vm", "sdk-1", config={"weight": 300, "cap": None}),
    call("get_vm", "sdk-1"), call("create_vm", name="sdk-1"), call("delete_vm", "sdk-1"), call("create_vm", config=7),
    call("list_vm_snapshots", "vm00"), call("get_vm_exits", "vm00"), call("list_disks"), call("list_nets"),
    call("list_stores"), call("create_store_volume", "pool", name="web", bytes=8 << 20), call("get_store_volume", "pool", "web"),
    call("list_store_volumes", "pool"), call("change_store_volume", "pool", "web", bytes=16 << 20), call("delete_store_volume", "pool", "web"),
    call("list_runs"), call("list_tokens"), call("list_users"), call("list_alerts"), call("get_log", limit=3), call("get_audit", limit=2),
    call("get_metrics"),
]


def python_client(folder):
    """The module of the client in Python, made in that folder from this tree's description, where the one in JavaScript is, too."""
    subprocess.run([sys.executable, GENERATE, ROOT / "gateway/api/openapi.json", folder], check=True)
    spec = importlib.util.spec_from_file_location("skerry", Path(folder) / "python/skerry.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def by_python(module, options, calls):
    """What each call came to, as drive.mjs says it."""
    client = module.Skerry(**options)
    done = []
    for each in calls:
        first = [base64.b64decode(word["base64"]) if isinstance(word, dict) else word for word in each["first"]]
        try:
            result = getattr(client, each["name"])(*first, **each["named"])
            if each["events"]:
                result = [list(event) for event in itertools.islice(result, each["events"])]
            done.append({"result": {"base64": base64.b64encode(result).decode()} if isinstance(result, bytes) else result})
        except module.Problem as problem:
            done.append({"problem": [problem.status, problem.code, problem.detail]})
        except OSError as error:
            done.append({"error": str(error)})
    return done


def by_script(node, folder, options, calls):
    given = {"module": str(Path(folder) / "javascript/skerry.mjs"), "options": options, "calls": calls}
    done = subprocess.run([node, DRIVE], input=json.dumps(given), stdout=subprocess.PIPE, text=True, timeout=120, check=True)
    return json.loads(done.stdout)


class Local(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "socket"

    def log_message(self, *_):
        pass

    def answer(self):
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        status, kind, text = self.server.say(self.command, self.path, body)
        text = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        if kind:
            self.send_header("Content-Type", kind)
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = answer


def serving(path, say):
    """A server at a Unix socket that answers as say(method, path, body) says: status, type, text."""
    made = Local(str(path), Handler)
    made.say = say
    threading.Thread(target=made.serve_forever, daemon=True).start()
    return made


def replaying(path, record):
    """A server that answers each request of a record in their order."""
    left = list(record)

    def say(method, asked, body):
        wanted = left.pop(0)
        same = [method, asked, json.loads(body or "null")] == wanted["request"]
        return wanted["answer"] if same else (500, "application/json", json.dumps({"code": "other", "detail": f"not {wanted['request']}"}))
    return serving(path, say)


def record(program, target):
    """Writes what that skerryd answers to all calls."""
    import tempfile
    from client import Server
    from fake_skerry import FakeSkerry
    said = []
    with tempfile.TemporaryDirectory() as folder:
        fake = FakeSkerry(folder + "/skerry.sock", rights=["view", "operate", "console", "configure", "host", "inspect", "guest"])
        fake.act("start", ["vm00"], [])
        fake.make_stores()
        server = Server(program, folder, fake.path).start()

        def say(method, asked, body):
            headers = {"Content-Type": "application/json"} if body else {}
            answer = server.local(method, asked, body or None, headers)
            told = answer.status, answer.headers["Content-Type"], answer.body.decode()
            said.append({"request": [method, asked, json.loads(body or "null")], "answer": told})
            return told
        between = serving(folder + "/between.sock", say)
        by_python(python_client(folder), {"unix": folder + "/between.sock"}, CALLS)
        between.shutdown()
        server.stop()
        fake.close()
    Path(target).write_text(json.dumps(said, indent=1) + "\n")


if __name__ == "__main__":
    record(*sys.argv[1:])
