#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A stand-in for skerryd: the API under /v1 and the UI's files, over made-up VMs.

mock.py [--port 8080] [--vms 16] [--files gateway/ui/dist] [--period 1.0]

Tokens: sky_admin sky_operator sky_viewer sky_auditor sky_chain (audit alone)
sky_foreign (sees web-*); or alice with the password "correct horse". POST /mock turns knobs for tests: see Server.knob.
"""

import argparse
import asyncio
import base64
import fnmatch
import json
import os
import re
import secrets
import time

from mock_http import Problem, Socket, read_request, send
from mock_machine import ALLOWED, EVENT, Machine, Vm
import mock_events
import mock_states

CSP = ("default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
       "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
       "require-trusted-types-for 'script'; trusted-types 'none'; report-uri /mock/csp")
KINDS = {".html": "text/html; charset=utf-8", ".js": "text/javascript", ".css": "text/css",
         ".svg": "image/svg+xml"}
USERS = {
    "sky_admin": ("alice", ["admin", "auditor", "console-read", "console-write", "content"], "*"),
    "sky_operator": ("olga", ["operator", "console-read"], "*"),
    "sky_viewer": ("victor", ["viewer"], "*"),
    "sky_auditor": ("audrey", ["viewer", "auditor"], "*"),
    "sky_chain": ("chris", ["auditor"], "*"),
    "sky_foreign": ("frank", ["viewer"], "web-*"),
    "pw_alice": ("alice", ["admin", "auditor", "console-read", "console-write"], "*", "password"),
}
RANK = {"viewer": 1, "operator": 2, "admin": 3}
COOKIE = "__Host-skerry"


class Server(mock_states.States, mock_events.Events):
    def __init__(self, options):
        self.options = options
        self.machine = Machine(options.vms)
        self.sessions, self.tickets, self.operations = {}, {}, {}
        self.setup_states()
        self.streams, self.consoles = {}, set()
        self.forgotten, self.event_drops = 0, 0
        self.reports = []
        self.requests, self.made = [], {}
        self.slow = 0.0
        self.broken = set()
        self.refuse_streams = False
        self.changes_per_s, self.changes = 0, []

    # --- who asks, and for what ---

    def user(self, request):
        bearer = request.headers.get("authorization", "")
        token = bearer[7:] if bearer.startswith("Bearer ") else \
            self.sessions.get(request.cookie(COOKIE))
        if token not in USERS:
            raise Problem(401, "unauthenticated", "Log in first.")
        return USERS[token]

    def need(self, user, *roles):
        rank = max((RANK.get(role, 0) for role in user[1]), default=0)
        if not any(role in user[1] or rank >= RANK.get(role, 9) for role in roles):
            raise Problem(403, "forbidden", f"This needs the role {' or '.join(roles)}.")

    def vm(self, user, name):
        found = self.machine.vms.get(name)
        if not found or not fnmatch.fnmatchcase(name, user[2]):
            raise Problem(404, "not-found", "There is no such VM.")
        return found

    def tell(self, message):
        for socket, user in list(self.streams.items()):
            name = (message.get("vm") or {}).get("name") if message["type"] == "vm" else None
            if name is None or fnmatch.fnmatchcase(name, user[2]):
                socket.send(message)

    def view(self, user):
        return [vm.view() for vm in self.machine.vms.values()
                if fnmatch.fnmatchcase(vm.name, user[2])]

    # --- one request ---

    async def answer(self, request):
        if request.words[:1] == ["mock"]:
            return self.knob(request)
        if request.words[:1] != ["v1"]:
            return self.file(request)
        self.requests.append(f"{request.method} {request.path}")
        if self.slow:
            await asyncio.sleep(self.slow)
        route = "/".join(request.words[1:])
        if route in self.broken:
            raise Problem(500, "failed", "The mock was told to fail here.")
        if route == "login":
            return self.login(request)
        user = self.user(request)
        changing = request.method not in ("GET", "HEAD")
        if changing and request.cookie(COOKIE) and \
                request.headers.get("content-type") != ("application/octet-stream" if request.method == "PUT" else "application/json"):
            raise Problem(415, "bad-argument", "Changes need Content-Type: application/json.")
        if changing and self.machine.link != "up" and route != "logout":
            raise Problem(503, "link-down", "The link to the machine is lost.")
        if changing and self.changes_per_s:
            self.changes = [at for at in self.changes if at > time.monotonic() - 1]
            if len(self.changes) >= self.changes_per_s:
                raise Problem(429, "rate-limited", "Too many changes in a second.")
            self.changes.append(time.monotonic())
        for pattern, handler in (*mock_states.ROUTES, *mock_events.ROUTES, *ROUTES):
            match = re.fullmatch(pattern, f"{request.method} {route}")
            if match:
                result = handler(self, request, user, *match.groups())
                return await result if asyncio.iscoroutine(result) else result
        raise Problem(404, "not-found", "There is no such resource.")

    def login(self, request):
        given = request.json()
        token = self.token_of(given)
        if token not in USERS:
            raise Problem(401, "unauthenticated", "This token is not known here." if "token" in given
                          else "The name or the password is not valid.")
        session = secrets.token_hex(16)
        self.sessions[session] = token
        self.machine.record(USERS[token][0], "login", "", "ok")
        cookie = f"{COOKIE}={session}; Path=/; Secure; HttpOnly; SameSite=Strict"
        send(request, 200, self.me_of(USERS[token]), [("Set-Cookie", cookie)])

    def me_of(self, user):
        return {"name": user[0], "roles": user[1], "scope": user[2], "expires": None,
                "by": user[3] if len(user) > 3 else "token"}

    def me(self, request, user):
        send(request, 200, self.me_of(user))

    def logout(self, request, user):
        self.sessions.pop(request.cookie(COOKIE), None)
        send(request, 204, headers=[("Set-Cookie", f"{COOKIE}=; Path=/; Secure; Max-Age=0")])

    def host(self, request, user):
        send(request, 200, self.machine.host())

    def host_action(self, request, user, action):
        self.need(user, "admin")
        self.machine.record(user[0], f"host.{action}", "", "ok")
        if action == "audit":
            self.machine.findings = len(self.machine.found)
            return send(request, 200, {"changed": True, "audit_findings": self.machine.findings, "found": self.machine.found})
        return send(request, 200, {"changed": True})

    def vm_list(self, request, user):
        send(request, 200, {"items": self.view(user), "next": None,
                            "stale": self.machine.link != "up"})

    def description(self, request, _user):
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../api/openapi.json"), encoding="utf-8") as stream:
            send(request, 200, json.load(stream))

    def vm_create(self, request, user):
        self.need(user, "admin")
        given = request.json()
        name = given.get("name", "")
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,47}", name):
            raise Problem(422, "bad-argument", "The name is not one that a VM can have.")
        if name in self.machine.vms:
            raise Problem(409, "exists", f"There is a VM {name} already.")
        vm = Vm(name, len(self.machine.vms), self.machine.rng)
        vm.state, vm.sample, vm.uptime = "created", None, 0.0
        self.machine.vms[name] = vm
        self.machine.record(user[0], "vm.create", name, "ok")
        self.tell({"type": "vm", "vm": vm.view()})
        self.tell(self.machine.event("created", name, ""))
        self.made[name] = given.get("config", {})
        send(request, 201, vm.view())

    def vm_show(self, request, user, name):
        vm = self.vm(user, name)
        send(request, 200, {**vm.view(), "config": vm.config()}, [("ETag", f'"{vm.revision}"')])

    def vm_patch(self, request, user, name):
        vm = self.vm(user, name)
        self.need(user, "admin")
        if request.headers.get("if-match") != f'"{vm.revision}"':
            raise Problem(412, "changed", "Somebody else changed it meanwhile.")
        for key, value in request.json().get("config", {}).items():
            if key == "weight":
                if not value.isdigit() or not 1 <= int(value) <= 10000:
                    raise Problem(422, "bad-argument", "weight: 1 to 10000.")
                vm.weight = int(value)
            elif key == "cap":
                vm.cap = None if value == "none" else int(value.rstrip("%"))
            elif key == "backup":
                if value.startswith("pool every 1h"):
                    raise Problem(422, "bad-argument", "backup: quota web* of store pool allows less")
                vm.backup = value if value != "none" else ""
        vm.revision += 1
        self.machine.record(user[0], "vm.set", name, "ok")
        self.tell({"type": "vm", "vm": vm.view()})
        self.vm_show(request, user, name)

    def vm_delete(self, request, user, name):
        vm = self.vm(user, name)
        self.need(user, "admin")
        if vm.state == "running":
            raise Problem(409, "bad-state", f"{name} is running", allowed_states=["stopped"])
        del self.machine.vms[name]
        self.machine.record(user[0], "vm.destroy", name, "ok")
        self.tell({"type": "gone", "name": name})
        self.tell(self.machine.event("destroyed", name, ""))
        send(request, 204)

    async def vm_action(self, request, user, name, action):
        vm = self.vm(user, name)
        self.need(user, "operator")
        if action not in ALLOWED:
            raise Problem(404, "not-found", "There is no such action.")
        changed, problem = self.machine.act(vm, action)
        result = problem[1] if problem else "ok"
        self.machine.record(user[0], f"vm.{action}", name, result)
        if problem:
            raise Problem(*problem[:3], allowed_states=problem[3])
        if changed:
            self.tell({"type": "vm", "vm": vm.view()})
            self.tell(self.machine.event(EVENT[action], name, ""))
        if action == "stop" and "wait=" not in request.headers.get("prefer", ""):
            operation = {"id": str(len(self.operations) + 1), "state": "done", "problem": None,
                         "target": name}
            self.operations[operation["id"]] = operation
            return send(request, 202, operation,
                        [("Location", f"/v1/operations/{operation['id']}")])
        return send(request, 200, {"changed": changed, "vm": vm.view()})

    def operation(self, request, user, number):
        if number not in self.operations:
            raise Problem(404, "not-found", "There is no such operation.")
        send(request, 200, self.operations[number])

    def exits(self, request, user, name):
        counts = self.vm(user, name).counts
        send(request, 200, {"items": [
            {"reason": reason, "count": str(count), "cycles": str(count * 2100)}
            for reason, count in sorted(counts.items(), key=lambda item: -item[1])]})

    def snapshots(self, request, user, name):
        send(request, 200, {"items": [
            {"name": each, "age_s": 12.5, "state_bytes": 45056, "disk_bytes": 73728, "clones": 0, "reset": True}
            for each in self.vm(user, name).snapshots]})

    def snapshot_take(self, request, user, name):
        vm = self.vm(user, name)
        self.need(user, "operator")
        if request.json()["name"] in vm.snapshots:
            raise Problem(409, "exists", f"{name} has that snapshot already.")
        vm.snapshots.append(request.json()["name"])
        send(request, 200, {"changed": True, "vm": vm.view()})

    def snapshot_drop(self, request, user, name, snapshot):
        vm = self.vm(user, name)
        self.need(user, "operator")
        vm.snapshots.remove(snapshot)
        send(request, 200, {"changed": True, "vm": vm.view()})

    def snapshot_clone(self, request, user, name, _snapshot):
        self.vm(user, name)
        net = request.json().get("net", "lan")
        if net != "lan":
            raise Problem(422, "bad-argument", f'there is no network "{net}"; the networks are lan')
        self.vm_create(request, user)

    def log(self, request, user):
        items = self.machine.log
        for key in ("level", "category", "vm"):
            if request.query.get(key):
                items = [item for item in items if item[key] == request.query[key]]
        send(request, 200, {"items": items[-int(request.query.get("limit", 500)):]})

    def audit(self, request, user):
        self.need(user, "auditor")
        after = int(request.query.get("after", 0))
        limit = int(request.query.get("limit", 200))
        entries = [item for item in self.machine.audit if int(item["n"]) > after][:limit]
        head = self.machine.audit[-1]["hash"] if self.machine.audit else None
        send(request, 200, {"items": entries, "head": head, "anchored": head})

    # --- consoles and the stream ---

    def console_get(self, request, user, name):
        self.need(user, "console-read", "console-write")
        console = self.vm(user, name).console
        if "upgrade" in request.headers:
            return self.console_socket(request, user, name)
        start, lost, data = console.read(int(request.query.get("from", 0)))
        return send(request, 200, data, [
            ("Skerry-From", start), ("Skerry-Next", start + len(data)), ("Skerry-Lost", lost)],
            "application/octet-stream")

    def console_ticket(self, request, user, name):
        self.vm(user, name)
        mode = request.json().get("mode")
        self.need(user, "console-write" if mode == "write" else "console-read")
        ticket = secrets.token_hex(16)
        self.tickets[ticket] = (name, mode)
        send(request, 201, {"ticket": ticket, "expires_s": 30})

    async def console_socket(self, request, user, name):
        console = self.vm(user, name).console
        offered = [word.strip() for word in
                   request.headers.get("sec-websocket-protocol", "").split(",")]
        ticket = next((word[7:] for word in offered if word.startswith("ticket.")), None)
        if self.tickets.get(ticket, ("",))[0] != name:
            raise Problem(403, "forbidden", "This ticket is not good here.")
        mode = self.tickets.pop(ticket)[1]
        writers = [entry for entry in self.consoles if entry[1:] == (name, "write")]
        if mode == "write" and writers and request.query.get("take") != "yes":
            raise Problem(409, "busy", "Somebody else writes to this console.")
        for writer in writers if mode == "write" else []:
            self.consoles.discard(writer)
            writer[0].close(1001)
        socket = Socket(request, "skerry.console.v1")
        entry = (socket, name, mode)
        self.consoles.add(entry)
        credit = [64 << 10]
        position, lost, _ = console.read(int(request.query.get("from", 0)))
        socket.send({"from": str(position), "lost": lost})

        async def output():
            at = position
            while not request.writer.is_closing():
                start, lost, data = console.read(at, min(credit[0], 3 << 10))
                if lost:
                    socket.send({"from": str(start), "lost": lost})
                at = start + len(data)
                credit[0] -= len(data)
                if data:
                    socket.send(data)
                    await request.writer.drain()
                else:
                    await asyncio.sleep(0.02)

        task = asyncio.create_task(output())
        try:
            while (message := await socket.receive()) is not None:
                if isinstance(message, str):
                    credit[0] += int(json.loads(message)["ack"])
                elif mode == "write":
                    console.type(message)
        finally:
            task.cancel()
            self.consoles.discard(entry)
            request.writer.close()

    async def stream(self, request, user):
        if self.refuse_streams:
            raise Problem(503, "link-down", "The mock was told to refuse streams.")
        self.need(user, "viewer")
        socket = Socket(request, "skerry.stream.v1")
        socket.send({"type": "snapshot", "host": self.machine.host(), "vms": self.view(user)})
        self.streams[socket] = user
        try:
            while await socket.receive() is not None:
                pass
        finally:
            self.streams.pop(socket, None)
            request.writer.close()

    async def tick(self):
        while True:
            await asyncio.sleep(self.options.period)
            if self.machine.link == "up":
                self.machine.step(self.options.period)
                self.tell(self.machine.samples())

    # --- files, knobs, connections ---

    def file(self, request):
        name = request.path.lstrip("/") or "index.html"
        path = os.path.realpath(os.path.join(self.options.files, name))
        root = os.path.realpath(self.options.files)
        if not path.startswith(root + os.sep) or not os.path.isfile(path):
            raise Problem(404, "not-found", "There is no such file.")
        with open(path, "rb") as stream:
            body = stream.read()
        send(request, 200, body, [
            ("Content-Security-Policy", CSP), ("X-Content-Type-Options", "nosniff"),
            ("Referrer-Policy", "no-referrer"), ("Cache-Control", "no-cache")],
            KINDS.get(os.path.splitext(path)[1], "application/octet-stream"))

    def knob(self, request):
        """
        Answers GET /mock/state and POST /mock {"link", "drop", "expire", "slow", "broken",
        ...}.
        """
        if request.path == "/mock/csp":
            self.reports.append(request.body.decode())
            return send(request, 204)
        if request.method == "GET":
            return send(request, 200, {"csp": self.reports, "requests": self.requests, "made": self.made,
                                       "streams": len(self.streams), "consoles": sorted(entry[1] for entry in self.consoles)})
        given = request.json()
        machine = self.machine
        if "vms" in given:
            self.machine = machine = Machine(given["vms"])
            self.tell({"type": "snapshot", "host": machine.host(),
                       "vms": [vm.view() for vm in machine.vms.values()]})
        if "link" in given:
            machine.link, machine.lost_at = given["link"], time.monotonic()
            self.tell({"type": "link", "state": given["link"]})
        if "expire" in given:
            self.sessions.clear()
        self.slow = given.get("slow", self.slow)
        self.broken = set(given.get("broken", self.broken))
        self.stores.update(given.get("stores", {}))
        self.refuse_streams = given.get("refuse", self.refuse_streams)
        machine.found = given.get("found", machine.found)
        machine.blind = given.get("blind", machine.blind)
        self.changes_per_s = given.get("changes", self.changes_per_s)
        self.event_knob(given)
        if "print" in given:
            data = base64.b64decode(given["print"]["base64"])
            machine.vms[given["print"]["vm"]].console.print(data)
        if "drop" in given:
            for socket in [*self.streams, *(entry[0] for entry in self.consoles)]:
                socket.writer.transport.abort()
        return send(request, 200, {})

    async def connection(self, reader, writer):
        try:
            while not writer.is_closing():
                request = await read_request(reader, writer)
                if request is None:
                    break
                try:
                    await self.answer(request)
                except Problem as problem:
                    send(request, problem.status, problem.body,
                         [("Retry-After", 1)] if problem.status in (429, 503) else [],
                         "application/problem+json")
                if not writer.is_closing():
                    await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


ROUTES = (
    (r"GET openapi.json", Server.description), (r"GET me", Server.me), (r"POST logout", Server.logout), (r"GET host", Server.host),
    (r"POST host/actions/([a-z-]+)", Server.host_action), (r"GET vms", Server.vm_list),
    (r"POST vms", Server.vm_create), (r"GET vms/([^/]+)", Server.vm_show),
    (r"PATCH vms/([^/]+)", Server.vm_patch), (r"DELETE vms/([^/]+)", Server.vm_delete),
    (r"POST vms/([^/]+)/actions/([a-z]+)", Server.vm_action),
    (r"GET vms/([^/]+)/exits", Server.exits), (r"GET vms/([^/]+)/console", Server.console_get),
    (r"GET vms/([^/]+)/snapshots", Server.snapshots),
    (r"POST vms/([^/]+)/snapshots", Server.snapshot_take),
    (r"DELETE vms/([^/]+)/snapshots/([^/]+)", Server.snapshot_drop),
    (r"POST vms/([^/]+)/snapshots/([^/]+)/clones", Server.snapshot_clone),
    (r"POST vms/([^/]+)/console/tickets", Server.console_ticket),
    (r"GET operations/([^/]+)", Server.operation), (r"GET log", Server.log),
    (r"GET audit", Server.audit), (r"GET stream", Server.stream),
)


async def serve(options, ready=None):
    server = Server(options)
    listener = await asyncio.start_server(server.connection, "127.0.0.1", options.port)
    port = listener.sockets[0].getsockname()[1]
    print(f"http://localhost:{port}/", flush=True)
    if ready:
        ready(port)
    async with listener:
        await asyncio.gather(server.tick(), listener.serve_forever())


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=8080)
    parser.add_argument("--vms", type=int, default=16)
    parser.add_argument("--period", type=float, default=1.0)
    parser.add_argument("--files", default=os.path.join(here, "..", "dist"))
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
