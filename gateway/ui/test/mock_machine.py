# SPDX-License-Identifier: MIT
"""A machine with VMs that behave each in its own way, for the mock server. Deterministic by seed."""

import hashlib
import random
import time

GIB = 1 << 30
MIB = 1 << 20
CONSOLE_KEPT = 64 << 10
NAMES = ("web-1", "web-2", "db", "batch", "mail", "dns", "build", "cache", "proxy", "queue",
         "metrics", "staging", "legacy", "scratch", "backup",
         "a-machine-whose-name-is-as-long-as-names-may-be")
# name: (CPU %, steal %, exits/s, top reason, state)
CHARACTERS = {
    "db": (88.0, 0.4, 2100, "io", "running"),
    "batch": (61.0, 34.0, 900, "deadline", "running"),
    "mail": (7.0, 0.2, 48000, "io", "running"),
    "dns": (0.6, 0.0, 60, "hlt", "running"),
    "build": (176.0, 4.0, 3400, "memory", "running"),
    "staging": (0.0, 0.0, 0, "hlt", "paused"),
    "legacy": (0.0, 0.0, 0, "hlt", "crashed"),
    "scratch": (0.0, 0.0, 0, "hlt", "stopped"),
}
ALLOWED = {
    "start": ("created", "stopped", "crashed"), "stop": ("running", "paused"),
    "kill": ("running", "paused"), "pause": ("running",), "resume": ("paused",),
    "reset": ("running", "paused", "crashed"), "renew": ("running", "paused"),
    "trim": ("running", "paused"),
}
BECOMES = {"start": "running", "stop": "stopped", "kill": "stopped", "pause": "paused",
           "resume": "running", "reset": "running"}
EVENT = {"start": "started", "stop": "stopped", "kill": "stopped", "pause": "paused",
         "resume": "resumed", "reset": "reset"}
PAST = (("info", "vm", "started"), ("debug", "disk", "/dev/vda: 4096 MiB, write back"),
        ("info", "net", "card 0 joined lan, link up"), ("info", "vm", "console attached"),
        ("warning", "net", "card 0: 212 frames over the limit in 1 s"), ("info", "vm", "reset"),
        ("info", "scheduler", "weight is 256"), ("warning", "disk", "a flush took 1.2 s"))
DONE = ("login", "vm.start", "vm.pause", "vm.resume", "vm.set", "console.write", "host.audit",
        "vm.stop")
CRASH = "triple fault at 0xffffffff81000153"


class Console:
    """A guest's output by absolute offset; the newest 64 KiB are kept."""

    def __init__(self):
        self.data = b""
        self.oldest = 0
        self.line = b""

    @property
    def next(self):
        return self.oldest + len(self.data)

    def print(self, data):
        self.data += data
        lost = max(0, len(self.data) - CONSOLE_KEPT)
        self.data = self.data[lost:]
        self.oldest += lost

    def read(self, offset, limit=CONSOLE_KEPT):
        """Returns (offset of the first byte, bytes lost before it, bytes)."""
        start = min(max(offset, self.oldest), self.next)
        return start, max(0, start - offset), self.data[start - self.oldest:][:limit]

    def type(self, data):
        """Types into a shell that only echoes: each line comes back once more under itself."""
        for byte in data:
            char = bytes([byte])
            if char == b"\r":
                said = self.line
                self.line = b""
                self.print(b"\r\n" + (said + b"\r\n" if said else b"") + b"# ")
            elif char in b"\x7f\b":
                if self.line:
                    self.line = self.line[:-1]
                    self.print(b"\b \b")
            elif byte >= 32:
                self.line += char
                self.print(char)


class Vm:
    def __init__(self, name, number, rng):
        self.medium = "tools" if name == "web-1" else None  # in its CD-ROM drive
        self.backup = "vault every 1d chain 7 keep 4" if name == "web-1" else ""
        self.name = name
        self.uuid = "%08x-0000-4000-8000-%012x" % (number + 1, number + 1)
        default = (rng.uniform(1, 22), rng.uniform(0, 2), rng.uniform(80, 900), "io", "running")
        self.cpu, self.steal, self.rate, self.top, self.state = CHARACTERS.get(name, default)
        self.vcpus = 4 if name == "build" else 1 + number % 2
        self.memory = (256 << (number % 3)) * MIB
        self.resident = int(self.memory * rng.uniform(0.2, 0.9))
        self.weight, self.cap = 256, 50 if name == "db" else None
        self.boots, self.revision = 1 + number % 3, 1
        self.reason = CRASH if self.state == "crashed" else ""
        self.exit_code = 0 if self.state == "stopped" else None
        self.uptime = rng.uniform(60, 900000) if self.state in ("running", "paused") else 0.0
        self.cpu_s = self.uptime * self.cpu / 100
        self.counts = {}
        self.snapshots = []
        self.phase = rng.uniform(0, 50)
        self.sample = None
        self.console = Console()
        self.console.print(self.banner())
        for step in range(3):
            self.step(rng, 60, step)

    def banner(self):
        text = (f"[    0.000000] Linux version 6.1.0-28-cloud-amd64, {self.memory // MIB} MiB\n"
                f"[    0.000000] Command line: console=ttyS0 root=/dev/vda\n"
                f"[    0.006871] tsc: Detected 2894.561 MHz processor\n"
                f"[    0.412233] smp: Brought up 1 node, {self.vcpus} CPUs\n"
                f"[    0.621550] virtio_blk virtio0: [vda] 8388608 512-byte logical blocks\n"
                f"[    0.690112] virtio_net virtio1 eth0: link becomes ready\n"
                f"[    1.020304] \x1b[32mEXT4-fs\x1b[0m (vda): mounted filesystem\n"
                f"\x1b[1m{self.name}\x1b[0m: ready\n# ")
        return text.replace("\n", "\r\n").encode()

    def step(self, rng, seconds, now):
        """Goes on by `seconds`; makes a new sample."""
        if self.state != "running":
            self.sample = None
            return
        swing = 1 + 0.25 * rng.uniform(-1, 1) + (0.2 if int(now + self.phase) % 40 < 8 else 0)
        cpu = min(self.cpu * swing, self.cap or 100 * self.vcpus)
        steal = self.steal * (1 + 0.2 * rng.uniform(-1, 1))
        rate = self.rate * swing
        others = [name for name in ("io", "hlt", "memory", "wrmsr", "cpuid", "host-interrupt")
                  if name != self.top]
        exits = {self.top: round(rate * 0.7)}
        for place, name in enumerate(others):
            exits[name] = round(rate * 0.3 / (2 << place))
        for name, count in exits.items():
            self.counts[name] = self.counts.get(name, 0) + int(count * seconds)
        self.uptime += seconds
        self.cpu_s += seconds * cpu / 100
        self.resident = min(self.memory, int(self.resident * (1 + 0.002 * rng.uniform(-1, 1.2))))
        self.sample = {
            "name": self.name, "cpu_percent": round(cpu, 1), "steal_percent": round(steal, 1),
            "halted_percent": round(max(0, 100 * self.vcpus - cpu - steal) / self.vcpus, 1),
            "exits_per_s": sum(exits.values()), "exits": exits, "resident_bytes": self.resident}

    def view(self):
        return {"name": self.name, "uuid": self.uuid, "state": self.state, "reason": self.reason,
                "exit_code": self.exit_code, "vcpus": self.vcpus, "memory_bytes": self.memory,
                "resident_bytes": self.resident, "uptime_s": round(self.uptime, 3),
                "cpu_s": round(self.cpu_s, 3), "exits": str(sum(self.counts.values())),
                "weight": self.weight, "cap_percent": self.cap, "boots": self.boots,
                "sample": self.sample}

    def config(self):
        values = {"kernel": ("vmlinuz", "next-start"), "initrd": ("initrd.img", "next-start"),
                  "memory": (f"{self.memory // MIB}M", "next-start"),
                  "vcpus": (str(self.vcpus), "next-start"),
                  "cmdline": ("console=ttyS0", "next-start"),
                  "weight": (str(self.weight), "now"),
                  "cap": (f"{self.cap}%" if self.cap else "none", "now"),
                  "on_crash": ("hold", "now"), "backup": (self.backup, "now")}
        if self.medium:
            values["disk"] = (f"pool/web, pool/data, {self.medium} cdrom", "next-start")
        if self.name == "dns":
            values["disk"] = ("pool/dns", "next-start")
        return {key: {"value": value, "applies": applies}
                for key, (value, applies) in values.items()}


class Machine:
    def __init__(self, count=16, seed=7):
        self.rng = random.Random(seed)
        self.boot = "%032x" % self.rng.getrandbits(128)
        self.started = time.monotonic() - 86400
        self.vms = {}
        self.events, self.log, self.audit = [], [], []
        self.findings, self.found = None, []  # of the last walk over all pages; what the next one finds
        self.blind = False          # True if the guests' share of a CPU is not known
        self.link = "up"
        self.lost_at = None
        self.cpus = []
        names = [NAMES[n] if n < len(NAMES) else f"node-{n:02}" for n in range(count)]
        for number, name in enumerate(names):
            self.vms[name] = Vm(name, number, self.rng)
        for vm in list(self.vms.values())[:6]:
            self.event("started", vm.name, "")
        for kind, name, reason in (("crashed", "legacy", CRASH), ("paused", "staging", ""), ("backup_done", "db", "data: full 4"),
                                   ("network", "", "net1 of lan: blocked, as it leads to where net0 leads"), ("console_attached", "web-1", "alice"),
                                   ("disk_full", "build", "overlay of data: no room for more writes")):
            if not name or name in self.vms:
                self.event(kind, name, reason)
        for place, event in enumerate(self.events):
            event["time_s"] -= round(40000 / (place + 1) ** 2, 3)
        self.tell_the_past(names)
        self.step(1)

    def tell_the_past(self, names):
        """Makes a log and an audit of the last day."""
        for number in range(60 if names else 0):
            level, category, text = PAST[number % len(PAST)]
            self.write(level, category, names[number * 7 % len(names)], text)
            self.log[-1]["time_s"] = round(86400 - 40000 / (number + 1) - 60 + number, 3)
        if "legacy" in names:
            self.write("error", "vm", "legacy", CRASH)
        for number in range(24):
            action = DONE[number % len(DONE)]
            name = names[number * 5 % len(names)] if names and action.startswith("vm.") else ""
            refused = number % 9 == 8
            self.record(("alice", "olga", "console", "alice via ci")[number % 4], action, name,
                        "forbidden" if refused else "ok", 3600 - 140 * number)

    def now(self):
        return round(time.monotonic() - self.started, 3)

    def step(self, seconds):
        for vm in self.vms.values():
            vm.step(self.rng, seconds, self.now())
        self.cpus = []
        for cpu in range(4):
            guest = min(88, sum(vm.sample["cpu_percent"] for vm in self.vms.values()
                                if vm.sample) / 5 + 9 * cpu)
            self.cpus.append({"id": cpu, "busy_percent": round(guest * 1.04 + 0.5, 1),
                              "guest_percent": None if self.blind else round(guest, 1)})

    def samples(self):
        return {"type": "sample", "time_s": self.now(), "cpus": self.cpus,
                "vms": [vm.sample for vm in self.vms.values() if vm.sample]}

    def event(self, kind, name, reason):
        found = {"type": "event", "sequence": str(len(self.events) + 1), "time_s": self.now(),
                 "event": kind, "vm": name, "reason": reason}
        self.events.append(found)
        return found

    def write(self, level, category, vm, text):
        self.log.append({"sequence": str(len(self.log) + 1), "time_s": self.now(), "level": level,
                         "category": category, "vm": vm, "text": text})

    def record(self, who, action, target, result, ago=0):
        before = self.audit[-1]["hash"] if self.audit else ""
        entry = {"n": str(len(self.audit) + 1), "who": who, "action": action, "target": target,
                 "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - ago)), "result": result}
        entry["hash"] = hashlib.sha256((before + repr(sorted(entry.items()))).encode()).hexdigest()
        self.audit.append(entry)

    def host(self):
        guests = sum(vm.resident for vm in self.vms.values())
        owners = [("guest RAM", guests), ("page tables", 23 * MIB), ("monitors", 31 * MIB),
                  ("kernel", 12 * MIB), ("drivers", 9 * MIB)]
        total = 16 * GIB
        used = sum(size for _, size in owners)
        age = 0.1 if self.link == "up" else round(time.monotonic() - self.lost_at, 1)
        return {
            "link": self.link, "stale": self.link != "up", "age_s": age, "version": "0.1",
            "boot": self.boot, "uptime_s": self.now(), "cpus": self.cpus,
            "memory": {"owners": [{"owner": owner, "bytes": size} for owner, size in owners],
                       "free_bytes": total - used, "total_bytes": total},
            "rights": ["view", "operate", "console", "configure", "host", "inspect"],
            "speculation": "ibrs retpoline flush-l1d verw", "speculation_open": "",
            "fingerprint": hashlib.sha256(b"mock").hexdigest(), "audit_findings": self.findings}

    def act(self, vm, action):
        """
        Returns (changed, problem): the problem is (status, code, detail, allowed states) or
        None.
        """
        if vm.state not in ALLOWED[action]:
            if BECOMES.get(action) == vm.state and action != "reset":
                return False, None
            detail = f"{vm.name} is {vm.state}"
            return False, (409, "bad-state", detail, list(ALLOWED[action]))
        if action in ("start", "reset"):
            vm.boots += action == "start"
            vm.uptime, vm.reason, vm.exit_code = 0.0, "", None
            vm.cpu = vm.cpu or 5.0
            vm.rate = vm.rate or 200
            vm.console.print(b"\r\n" + vm.banner())
        if action in ("stop", "kill"):
            vm.exit_code, vm.uptime = 0, 0.0
        vm.state = BECOMES.get(action, vm.state)
        vm.step(self.rng, 0, self.now())
        self.write("info", "vm", vm.name, EVENT.get(action, "has a new monitor"))
        return True, None
