#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A Skerry for tests: version 2 of the machine channel on a Unix socket, with VMs that do nothing.

It is a process of its own (main) or a thread (FakeSkerry), and does on request what a line can do:
garbage, silence, a loss of the connection, a restart with another boot id.
"""
import argparse
import base64
import json
import os
import socket
import threading
import time

from fake_report import Reports
from fake_snapshots import Refused, Snapshots
from fake_states import KEYS, States
from fake_vsock import Vsocks

EXITS = ("io", "memory", "cpuid", "hlt", "rdmsr", "wrmsr", "hypercall", "host-interrupt")
FIELDS = ["guest_ns", "monitor_ns", "steal_ns", "halted_ns", "resident_bytes", "exits", *(f"exit.{name}" for name in EXITS)]
RING = 65536
RUN_TIME_KEYS = ("weight", "cap", "reserve", "affinity", "on_crash", "stop_timeout", "autostart")
# For each action of a VM: the states that it needs, its event, and the new state.
ACTIONS = {
    "start": (("created", "stopped", "crashed"), "started", "running"),
    "kill": (("running", "paused", "crashed"), "stopped", "stopped"),
    "pause": (("running",), "paused", "paused"),
    "resume": (("paused",), "resumed", "running"),
    "reset": (("running", "paused"), "reset", "running"),
    "renew": (("running", "paused"), None, None),
    "trim": (("running", "paused"), None, None),
}


class Machine:
    """A VM of the fake Skerry."""

    def __init__(self, name, number, config=None):
        self.name, self.number = name, number
        self.uuid = f"00000000-0000-4000-8000-{number:012x}"
        self.state, self.reason, self.exit_code = "created", "", None
        self.snapshots, self.clone_of, self.run_of = [], None, ""     # clone_of: the name of a VM, and of its snapshot
        self.addresses = []     # of its cards, by the switch's word
        self.config = {"memory": "128M", "vcpus": "1", "weight": "256", "cap": "none",
                       **(config or {"kernel": "vmlinuz", "cmdline": "console=ttyS0"})}
        self.boots = 0
        self.revision = 1
        self.began = time.monotonic()
        # all of the console's output; what is older than RING is not handed out
        self.printed = b""
        self.echo = True
        self.resident = 16 << 20    # bytes; tests of alerts change it

    def running(self):
        return self.state == "running"

    def values(self):
        ns = int((time.monotonic() - self.began) * 1e9) if self.boots else 0
        exits = [ns // (100000 * (place + 1)) for place in range(len(EXITS))]
        return [ns // 10, ns // 100, ns // 1000, ns * 88 // 100, self.resident, sum(exits), *exits]

    def listed(self):
        values = self.values()
        return {"name": self.name, "uuid": self.uuid, "state": self.state, "reason": self.reason,
                "exit_code": self.exit_code, "vcpus": int(self.config["vcpus"]),
                "memory_bytes": int(self.config["memory"][:-1]) << {"M": 20, "G": 30}[self.config["memory"][-1]],
                "resident_bytes": values[4] if self.boots else 0,
                "uptime_ns": int((time.monotonic() - self.began) * 1e9) if self.boots else 0,
                "cpu_ns": values[0] + values[1], "exits": values[5],
                "weight": int(self.config["weight"]),
                "cap_percent": None if self.config["cap"] == "none"
                else int(self.config["cap"].rstrip("%")),
                "reserve_budget_ns": 0, "reserve_period_ns": 0, "missed_deadlines": 0,
                "addresses": self.addresses, "boots": self.boots, "revision": self.revision, "halted_ns": values[3],
                "steal_ns": values[2]}


class FakeSkerry(Snapshots, States, Vsocks, Reports):
    """Serves one connection at a time, as the line does."""

    def __init__(self, path, vms=16, password=None, stop_s=0.3, rights=None):
        self.path, self.password, self.stop_s = path, password, stop_s
        self.rights = rights or ["view", "operate", "console", "configure", "host"]
        self.lock = threading.RLock()
        self.vms = {}
        for number in range(vms):
            self.add(f"vm{number:02}")
        self.commands = []      # (words, actor) of each request
        self.piece, self.user_data, self.given = None, b"", {}  # texts for cloud-init, by VM
        self.anchors = []
        self.delay_s = 0        # seconds before each reply
        self.silent = False     # True if the fake answers nothing
        self.own = None         # the VM whose port the channel is
        self.accepts = True
        self.peer = None
        self.numbered = False
        self.ended = False
        self.forget_stores()
        self.restart()
        self.listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(path):
            os.unlink(path)
        self.listener.bind(path)
        self.listener.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()
        threading.Thread(target=self.tick, daemon=True).start()

    def add(self, name, config=None):
        self.vms[name] = Machine(name, len(self.vms) + 1, config)
        return self.vms[name]

    def restart(self):
        """Boots again: ids, sequences and time begin anew."""
        self.boot = os.urandom(16).hex()
        self.began = time.monotonic()
        self.sequence = 0
        self.events = []

    def now_ns(self):
        return int((time.monotonic() - self.began) * 1e9) + 1

    # --- the line ---

    def serve(self):
        while not self.ended:
            try:
                peer, _ = self.listener.accept()
            except OSError:
                return
            if not self.accepts:
                peer.close()
                continue
            with self.lock:
                self.peer = peer
                self.numbered = False
                self.locked = self.password is not None
                self.sampling = False
                self.streams = {}
            self.read(peer)
            with self.lock:
                self.peer = None

    def read(self, peer):
        rest = b""
        while True:
            try:
                data = peer.recv(65536)
            except OSError:
                return
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            for line in lines:
                if line:
                    self.take(line)

    def send(self, value):
        self.send_raw(json.dumps(value, separators=(",", ":")).encode() + b"\n")

    def send_raw(self, data):
        with self.lock:
            if self.peer:
                try:
                    self.peer.sendall(data)
                except OSError:
                    pass

    def drop(self):
        """Loses the line."""
        with self.lock:
            if self.peer:
                self.peer.shutdown(socket.SHUT_RDWR)

    def close(self):
        self.ended = True
        self.listener.shutdown(socket.SHUT_RDWR)    # a thread in accept() would go on with whatever gets the number of a closed socket
        self.drop()

    def take(self, line):
        try:
            request = json.loads(line)
        except ValueError:
            self.send({"id": None, "status": "error", "code": "bad-request", "error": "no JSON"})
            return
        with self.lock:
            if "credit" in request:
                self.take_credit(request)
            elif "stream" in request:
                self.take_input(request)
            elif not self.silent:
                self.take_request(request)

    def take_request(self, request):
        reply = {"id": request.get("id")}
        after = []
        try:
            reply.update(status="ok", result=self.answer(request, after))
        except Refused as why:
            reply.update(status="error" if why.rows is None else "ok", code=why.code, error=str(why))
            if why.rows is not None:
                reply.update(result=why.rows, incomplete=True)
            if why.states:
                reply["allowed_states"] = list(why.states)
        if self.delay_s and "hello" not in request:
            threading.Timer(self.delay_s, self.send, [reply]).start()
        else:
            self.send(reply)
        for each in after:
            each()

    def answer(self, request, after):
        if "hello" in request:
            return [self.hello()]
        if "auth" in request:
            if request["auth"] != self.password:
                raise Refused("wrong-password", "wrong password")
            self.locked = False
            return []
        if self.locked:
            raise Refused("locked", "the channel is locked")
        words = request["command"].split() + request.get("arguments", [])
        self.commands.append((words, request.get("actor")))
        self.piece = request.get("data")
        return self.run(words, after)

    def hello(self):
        if self.locked:
            return {"protocol": 2, "boot": self.boot, "channel": "com2", "locked": True}
        self.numbered = True
        return {"protocol": 2, "version": "0.1-fake", "boot": self.boot, "channel": "com2",
                "locked": False, "vm": self.own, "time_ns": self.now_ns(), "wall_s": int(time.time()),
                "rights": self.rights, "event_last": self.sequence,
                "event_first": self.events[0]["sequence"] if self.events else 1,
                "limits": {"request_bytes": 8192, "requests": 8, "streams": 16,
                           "credit_bytes": 65536, "events": 1024}}

    # --- commands ---

    def run(self, words, after):
        name = "_".join(words[:2]) if len(words) > 1 else words[0]
        for count in (3, 2, 1):
            handler = getattr(self, "run_" + "_".join(words[:count]).replace("-", "_"), None)
            if handler:
                return handler(words[count:], after) or []
        if words[0] == "vm" and words[1] in ACTIONS:
            return self.act(words[1], words[2:], after)
        raise Refused("unknown-command", f"no such command: {name}")

    def vm(self, name):
        if name not in self.vms:
            raise Refused("not-found", f"no such VM: {name}")
        return self.vms[name]

    def event(self, event, vm=None, reason="", **more):
        self.sequence += 1
        line = {"event": event, "sequence": self.sequence, "time_ns": self.now_ns(), **more}
        if vm:
            line.update(vm=vm.name, uuid=vm.uuid, reason=reason)
        self.events = [*self.events, line][-1024:]
        if self.numbered:
            self.send(line)

    def act(self, verb, names, after):
        states, event, state = ACTIONS[verb]
        vms = [self.vm(name) for name in names]
        for vm in vms:
            if vm.state not in states:
                raise Refused("bad-state", f"{vm.name} is {vm.state}", states)
        for vm in vms:
            if verb in ("start", "reset"):
                vm.boots += verb == "start"
                if verb == "start" and vm.config.get("boot.once"):
                    vm.config["boot.once"] = ""
                    vm.revision += 1
                    self.event("configuration", vm)
                vm.began = time.monotonic()
                self.print_to(vm, f"Linux of {vm.name} boots ({vm.boots})\r\nlogin: ".encode())
            if event:
                vm.state, vm.reason = state, "ended by `vm kill`" if verb == "kill" else ""
                after.append(lambda vm=vm: self.event(event, vm, vm.reason))
        return [{"name": vm.name, "state": vm.state, "reason": vm.reason} for vm in vms]

    def run_vm_stop(self, names, _after):
        vm = self.vm(names[0])
        if vm.state not in ("running", "paused"):
            raise Refused("bad-state", f"{vm.name} is {vm.state}", ("running", "paused"))
        boots = vm.boots

        def stopped():
            with self.lock:
                if vm.state in ("running", "paused") and vm.boots == boots:
                    vm.state, vm.reason = "stopped", "guest powered off"
                    self.event("stopped", vm, vm.reason)
        timer = threading.Timer(self.stop_s, stopped)
        timer.daemon = True     # the timer does not keep the tests from ending
        timer.start()
        return [{"name": vm.name, "state": vm.state, "reason": "stopping"}]

    def crash(self, name, reason="triple fault"):
        with self.lock:
            vm = self.vms[name]
            vm.state, vm.reason = "crashed", reason
            self.event("crashed", vm, reason)

    def run_vm_list(self, _words, _after):
        return [vm.listed() for vm in self.vms.values()]

    def run_vm_get(self, words, _after):
        vm = self.vm(words[0])
        return [{"name": vm.name, "key": key, "value": value,
                 "applies": "now" if key in RUN_TIME_KEYS else "next-start",
                 "origin": "configuration"} for key, value in vm.config.items()]

    def keys(self, words):
        pairs = dict(word.split("=", 1) for word in words)
        for key in pairs:
            if key not in (*RUN_TIME_KEYS, *KEYS):
                raise Refused("bad-argument", f"no such key: {key}")
        return pairs

    def run_vm_set(self, words, after):
        vm, pairs = self.vm(words[0]), self.keys(words[1:])
        if vm.state in ("running", "paused") and set(pairs) - set(RUN_TIME_KEYS):
            raise Refused("bad-state", f"{vm.name} is {vm.state}", ("created", "stopped", "crashed"))
        vm.config.update({key: "" if value == "none" and key != "cap" else value for key, value in pairs.items()})
        vm.revision += 1
        after.append(lambda: self.event("configuration", vm))
        return [{"name": vm.name, **pairs}]

    def run_vm_destroy(self, words, after):
        vm = self.source_may_end(self.vm(words[0]))
        del self.vms[vm.name]
        for number, stream in list(self.streams.items()):
            if stream["vm"] is vm:
                del self.streams[number]
                self.send({"closed": number, "reason": "destroyed"})
        after.append(lambda: self.event("destroyed", vm))
        return [{"name": vm.name, "state": "destroyed", "reason": ""}]

    def run_vm_stat(self, words, _after):
        vm = self.vm(words[0])
        values = vm.values()[6:]
        return [*({"reason": name, "count": count, "instructions": 400 if count else None}
                  for name, count in zip(EXITS, values)),
                {"reason": "pages-resident", "count": 4096, "instructions": None},
                *self.balloon_rows(vm)]

    def run_cpu(self, _words, _after):
        return [{"id": 0, "load_percent": 3, "exits": 1, "ipis": 1, "runs": "idle",
                 "speculation": "ibrs ibpb", "speculation_open": "none", "entropy": "rdrand",
                 "dma": "drivers are trusted", "leaks": self.leaks}]

    def run_mem(self, _words, _after):
        few = [{"owner": owner, "pages": 512}
               for owner in ("reserved", "image", "module", "tables", "process", "control")]
        return [*few, {"owner": "guest", "pages": 65536}, {"owner": "kernel", "pages": 1024},
                {"owner": "free", "pages": 190000}, {"owner": "node-0", "pages": 259632,
                                                     "free": 190000}]

    def run_log_show(self, words, _after):
        options = dict(zip(words[::2], words[1::2]))
        rows = [{"time_ns": 1000000 * n, "cpu": 0, "level": "info" if n % 3 else "warning",
                 "category": "vm", "vm": f"vm{n % 4:02}" if n % 5 else "",
                 "text": f"line {n} of the log", "sequence": n} for n in range(1, 301)]
        for option, key in (("-c", "category"), ("-v", "vm"), ("-l", "level")):
            if option in options:
                rows = [row for row in rows if row[key] == options[option]]
        return rows[-int(options.get("-n", 300)):]

    def run_log_rotate(self, _words, _after):
        return [{"segment": 2, "lines": 0, "bytes": 0, "first_ns": 0, "last_ns": 0}]

    def run_audit_anchor(self, words, _after):
        self.anchors.append(words[0])
        return []

    def run_reboot(self, _words, _after):
        return []

    run_poweroff = run_reboot

    def run_events_since(self, words, _after):
        since = int(words[0])
        if self.events and since < self.events[0]["sequence"] - 1:
            raise Refused("too-old", "some of these events are gone")
        return [event for event in self.events if event["sequence"] > since]

    def run_samples(self, words, _after):
        self.sampling = words[0] != "off"
        self.period_s = int(words[0].split("=")[1]) / 1000 if self.sampling else 1
        return [{"fields": FIELDS}]

    def tick(self):
        next_s = time.monotonic()
        while not self.ended:
            time.sleep(0.05)
            if time.monotonic() < next_s:
                continue
            next_s = time.monotonic() + getattr(self, "period_s", 1)
            with self.lock:
                if self.peer and self.sampling and not self.silent:
                    self.samples()

    def samples(self):
        for vm in self.vms.values():
            if vm.running():
                self.send({"sample": vm.name, "uuid": vm.uuid, "time_ns": self.now_ns(),
                           "values": vm.values()})
        now = self.now_ns()
        self.send({"sample": None, "time_ns": now, "free_bytes": 190000 * 4096,
                   "cpus": [[now // 20, now // 30, now - now // 20],
                            [now // 50, now // 60, now - now // 50]]})

    # --- consoles ---

    def print_to(self, vm, data):
        vm.printed += data
        for number in list(getattr(self, "streams", {})):
            self.push(number)

    def run_stream_open(self, words, after):
        vm = self.vm(words[0])
        options = dict(word.split("=", 1) for word in words[1:])
        write = options.get("mode") == "write"
        if "port" in options:
            return self.open_agent(vm, options["port"])
        for number, stream in list(self.streams.items()):
            if write and stream["write"] and stream["vm"] is vm:
                if options.get("take") != "yes":
                    raise Refused("busy", "somebody writes there")
                del self.streams[number]
                after.append(lambda number=number: self.send({"closed": number,
                                                              "reason": "taken"}))
        oldest = max(0, len(vm.printed) - RING)
        at = min(max(wanted := int(options.get("from", oldest)), oldest), len(vm.printed))
        number = next(n for n in range(1, 99) if n not in self.streams)
        self.streams[number] = {"vm": vm, "at": at, "credit": 0, "write": write, "input": 4096}
        after.append(lambda: self.event("console_attached", vm))
        return [{"stream": number, "from": at, "oldest": oldest, "next": len(vm.printed),
                 "lost": at - wanted if at > wanted else 0}]

    def run_stream_close(self, words, _after):
        self.streams.pop(int(words[0]), None)
        return []

    def take_credit(self, line):
        stream = self.streams.get(line["credit"])
        if stream:
            stream["credit"] += line["bytes"]
            assert stream["credit"] <= 65536, "more credit than is allowed"
            self.push(line["credit"])

    def take_input(self, line):
        stream = self.streams.get(line["stream"])
        if not stream or not stream["write"]:
            return self.take_vsock(line["stream"], stream, line)
        data = base64.b64decode(line["data"])
        if len(data) > stream["input"]:
            return self.close_stream(line["stream"], "bad-input")
        self.send({"credit": line["stream"], "bytes": len(data)})
        if stream["vm"].echo:
            self.print_to(stream["vm"], data)

    def push(self, number):
        stream = self.streams.get(number)
        self.push_vsock(number, stream)
        while stream and "port" not in stream and stream["credit"] and stream["at"] < len(stream["vm"].printed):
            vm = stream["vm"]
            oldest = max(0, len(vm.printed) - RING)
            if stream["at"] < oldest:
                self.send({"stream": number, "at": stream["at"], "lost": oldest - stream["at"]})
                stream["at"] = oldest
            data = vm.printed[stream["at"]:stream["at"] + min(3072, stream["credit"])]
            self.send({"stream": number, "at": stream["at"],
                       "data": base64.b64encode(data).decode()})
            stream["at"] += len(data)
            stream["credit"] -= len(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("socket")
    parser.add_argument("--vms", type=int, default=16)
    parser.add_argument("--running", type=int, default=12, help="how many of them run")
    options = parser.parse_args()
    fake = FakeSkerry(options.socket, vms=options.vms)
    for vm in list(fake.vms.values())[:options.running]:
        fake.act("start", [vm.name], [])
    print("ready", flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
