#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The gateway's figures: make -C gateway bench [BENCH="get kills"]. A fake Skerry is at the other end.

Instructions are counted by callgrind in both processes; times are those of this machine, reported and
never judged.
"""
import argparse
import contextlib
import http.client
import json
import os
import re
import shutil
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "system"))

from client import Server, free_port, wait_for  # noqa: E402
from fake_skerry import FakeSkerry  # noqa: E402

VMS = [f"vm{number:02}" for number in range(16)]
COUNTED = 1000      # requests between two counts
KILLS = 100
RECONNECTS = 20


def say(name, value, unit, note=""):
    print(f"{name:<44} {value:>12} {unit:<14} {note}".rstrip(), flush=True)


@contextlib.contextmanager
def served(program, *options, fake_class=FakeSkerry, limit=10):
    folder = tempfile.mkdtemp()
    fake = fake_class(folder + "/skerry.sock")
    for name in VMS:
        fake.act("start", [name], [])
    server = Server(program, folder, fake.path, *options)
    try:
        server.start(limit=limit)
        yield fake, server
    finally:
        server.stop()
        fake.close()
        shutil.rmtree(folder)


# --- instructions ---

class Silent(FakeSkerry):
    """Sends two samples and no more: valgrind is some fifty times slower, so that what is done once a second
    would be counted fifty times too often."""

    def __init__(self, path):
        super().__init__(path)
        self.left = 2

    def samples(self):
        if self.left:
            self.left -= 1
            super().samples()


# Copying and clearing by vector instructions: valgrind counts a `rep` once for each byte, a processor once.
TUNABLES = "glibc.cpu.x86_rep_movsb_threshold=100000000:glibc.cpu.x86_rep_stosb_threshold=100000000"


# The functions that core calls once in a while whether it is asked or not; on a busy host they
# disturb the count more often.
NOT_ASKED = ("host_tick", "link_ready")


def asked(out, whole=False):
    """Returns the instructions of a dump, without those of NOT_ASKED and what these call unless all are wanted."""
    total = int(re.search(r"^totals: (\d+)", out.read_text(), re.M)[1])
    if whole:
        return total
    shown = subprocess.run(["callgrind_annotate", "--inclusive=yes", "--threshold=100", str(out)], check=True,
                           capture_output=True, text=True).stdout
    for name in NOT_ASKED:
        found = re.search(rf"^ *([\d,]+) .*:{name}(?: |$)", shown, re.M)
        total -= int(found[1].replace(",", "")) if found else 0
    return total


@contextlib.contextmanager
def under_callgrind(program, build):
    """
    Starts a server under valgrind, and returns a function that takes what core and web have
    done since its last call.
    """
    folder = Path(tempfile.mkdtemp())
    wrapper = folder / "skerryd"
    wrapper.write_text(f"#!/bin/sh\nexec env SKERRYD={program} LD_PRELOAD={build}/tests/counted.so "
                       f"GLIBC_TUNABLES={TUNABLES} valgrind "
                       f"--trace-children=yes --tool=callgrind "
                       f"--callgrind-out-file={folder}/out.%p {program} \"$@\"\n")
    wrapper.chmod(0o755)
    dumps = 0

    def take(whole=False):
        nonlocal dumps
        dumps += 1
        totals = []
        for pid in (server.process.pid, server.web_pid()):
            subprocess.run(["callgrind_control", "-d", str(pid)], check=True, capture_output=True)
            out = folder / f"out.{pid}.{dumps}"
            wait_for(lambda out=out: out.exists() and "totals:" in out.read_text(), 60)
            totals.append(asked(out, whole))
        return totals

    try:
        with served(str(wrapper), "--rate", "0", "--silence", "3600", fake_class=Silent, limit=120) as (fake, server):
            server.tls("GET", "/metrics", timeout=60)
            # no new list comes, after which the first request makes the VMs' text anew
            fake.silent = True
            server.fake = fake
            yield server, take
    finally:
        shutil.rmtree(folder)


def counted(server, take, path, requests, warm):
    """Instructions of core and web for a GET, without what the first ones cost; and its size."""
    connection = server.connect(60)

    def ask(count):
        for _ in range(count):
            answer = server.ask(connection, "GET", path, headers={"Authorization": f"Bearer {server.token}"})
            assert answer.status == 200
        return len(answer.body)

    ask(warm)
    take()
    size = ask(requests)
    core, web = (total // requests for total in take())
    connection.close()
    return core, web, size


def bench_instructions(program, build):
    with under_callgrind(program, build) as (server, take):
        for path in ("/v1/vms", "/v1/vms/vm00", "/metrics"):
            core, web, size = counted(server, take, path, COUNTED, 200)
            say(f"GET {path}, {len(VMS)} VMs", core + web, "instructions", f"core {core}, web {web}, {size} bytes")


# --- times ---

def wrk(server, path, connections, seconds=5):
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", "-H",
                           f"Authorization: Bearer {server.token}",
                           f"https://127.0.0.1:{server.port}{path}"],
                          capture_output=True, text=True, check=True).stdout
    assert "Non-2xx" not in done, done
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", done)[1])
    return round(rate), re.search(r"99%\s+(\S+)", done)[1]


def bench_get(program, _build):
    with served(program) as (_, server):
        for path in ("/v1/vms", "/metrics"):
            for connections in (1, 50):
                rate, late = wrk(server, path, connections)
                say(f"GET {path}, {connections} connections", rate, "a second", f"p99 {late}")
        pids = server.process.pid, server.web_pid()
        sizes = [resident(pid) for pid in pids]
        say("resident after it", f"{sum(sizes):.1f}", "MiB",
            f"core {sizes[0]:.1f}, web {sizes[1]:.1f}")


def resident(pid):
    text = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text)[1]) / 1024


def centile(values, part):
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def say_times(name, seconds):
    say(name, f"{statistics.median(seconds) * 1e3:.2f}", "ms",
        f"median; p99 {centile(seconds, 0.99) * 1e3:.2f}, {len(seconds)} times")


def bench_latency(program, _build):
    with served(program) as (fake, server):
        events = server.events()
        events.next()
        late = []
        for _ in range(500):
            began = time.perf_counter()
            fake.crash("vm15")
            events.next()
            late.append(time.perf_counter() - began)
        say_times("state change to the byte at an SSE client", late)
        events.close()
        connection = server.connect()
        late = []
        for turn in range(500):
            began = time.perf_counter()
            answer = server.ask(connection, "POST", f"/v1/vms/vm00/actions/"
                                f"{'resume' if turn & 1 else 'pause'}",
                                headers={"Authorization": f"Bearer {server.token}"})
            late.append(time.perf_counter() - began)
            assert answer.status == 200, answer.body
        say_times("pause or resume, answered", late)
        console = server.console("vm01")
        console.message()
        late = []
        for _ in range(500):
            began = time.perf_counter()
            console.send(b"x")
            console.read_until(b"x")
            late.append(time.perf_counter() - began)
        say_times("key, echo of the guest, byte at the browser", late)


def bench_start(program, _build):
    ready, again = [], []
    for _ in range(10):
        began = time.perf_counter()
        with served(program) as (_, server):
            ready.append(time.perf_counter() - began)
            server.kill()
            began = time.perf_counter()
            server.start()
            again.append(time.perf_counter() - began)
    say_times("start to ready", ready)
    say_times("SIGKILL, started again, ready", again)


# --- a console's bytes ---

LINE = 32


class Endless:
    """A guest's output that is made when it is asked for: numbered lines."""

    def __init__(self, size):
        self.size = size

    def __len__(self):
        return self.size

    def __getitem__(self, part):
        first = part.start // LINE
        last = (min(part.stop, self.size) + LINE - 1) // LINE
        text = b"".join(b"%031d\n" % line for line in range(first, last))
        return text[part.start - first * LINE:min(part.stop, self.size) - first * LINE]


class Printer(FakeSkerry):
    """A guest that prints as fast as the output is read, and so loses nothing."""

    def push(self, number):
        stream = self.streams.get(number)
        if stream and isinstance(stream["vm"].printed, Endless):
            printed = stream["vm"].printed
            printed.size = max(printed.size, min(printed.most, stream["at"] + stream["credit"]))
        super().push(number)


def bench_console(program, _build, size):
    with served(program, fake_class=Printer) as (fake, server):
        printed = fake.vms["vm00"].printed = Endless(0)
        printed.most = size
        at = reconnects = 0
        cuts = [size * part // (RECONNECTS + 1) for part in range(1, RECONNECTS + 1)]
        began = time.perf_counter()
        while at < size:
            console = server.console("vm00", "read", f"?from={at}")
            while at < size and not (cuts and at >= cuts[0]):
                message = console.message()
                if not isinstance(message, bytes):
                    assert not json.loads(message).get("lost"), message
                    continue
                assert message == printed[at:at + len(message)], f"other bytes at {at}"
                at += len(message)
                console.send(json.dumps({"ack": len(message)}))
            console.close()
            if cuts and at >= cuts[0]:
                cuts.pop(0)
                reconnects += 1
        took = time.perf_counter() - began
    say(f"console, {size >> 20} MiB, {reconnects} reconnects", f"{size / took / 1e6:.1f}", "MB/s",
        "each byte compared, none lost")


# --- SIGKILL ---

def bench_kills(program, _build):
    """Clients set a weight that none has set before; skerryd is killed meanwhile, again and again."""
    with served(program, "--rate", "0", "--change-rate", "0") as (fake, server):
        sent, acknowledged = set(), set()
        lock = threading.Lock()
        ended = threading.Event()

        def client(place):
            number = place
            while not ended.is_set():
                number += 8
                key = f"{number}"
                with lock:
                    sent.add(key)
                try:
                    answer = server.tls("PATCH", f"/v1/vms/{VMS[place]}",
                                        {"config": {"affinity": key}}, timeout=5)
                    if answer.status == 200:
                        with lock:
                            acknowledged.add(key)
                except (OSError, http.client.HTTPException, ValueError):
                    time.sleep(0.02)

        threads = [threading.Thread(target=client, args=(place,)) for place in range(8)]
        for each in threads:
            each.start()
        for _ in range(KILLS):
            time.sleep(0.15)
            server.kill()
            server.start()
        ended.set()
        for each in threads:
            each.join()
        done = [word.split("=", 1)[1] for words, _ in fake.commands for word in words
                if word.startswith("affinity=")]
        doubled = {key for key in done if done.count(key) > 1}
        lost = acknowledged - set(done)
        assert not doubled and not lost and not set(done) - sent, (doubled, lost)
        chain = subprocess.run([program, "verify-audit", server.state], capture_output=True,
                               text=True)
        assert chain.returncode == 0, chain.stdout + chain.stderr
        say(f"{KILLS} x SIGKILL under load", len(done), "changes",
            f"{len(acknowledged)} acknowledged, none lost, none doubled, audit chain whole")


CONTENT = "/v1/stores/pool/volumes/{}/content"


def put(connection, path, data, headers, status):
    """Uploads the bytes, and returns the seconds that took."""
    began = time.monotonic()
    connection.request("PUT", path, data, headers)
    response = connection.getresponse()
    assert response.status == status, response.read()
    response.read()
    connection.close()
    return time.monotonic() - began


def moved(server, name, data, limit=600):
    """Uploads the bytes as a volume, and returns the seconds that took."""
    return put(server.connect(limit), CONTENT.format(name), data, {"Authorization": f"Bearer {server.token}"}, 200)


NGINX = """daemon off; master_process off; pid {folder}/pid; error_log {folder}/error;
events {{}}
http {{
    access_log off; client_max_body_size 0; client_body_temp_path {folder}/temporary;
    server {{
        listen 127.0.0.1:{port} ssl; ssl_certificate {folder}/certificate; ssl_certificate_key {folder}/key; ssl_protocols TLSv1.3;
        location / {{ root {folder}/kept; dav_methods PUT; }}
    }}
}}
"""


@contextlib.contextmanager
def nginx(*wrapper):
    """Debian's nginx, one process that keeps what is put; yields it, a function that connects, and its folder."""
    folder = Path(tempfile.mkdtemp())
    port = free_port()
    (folder / "kept").mkdir()
    (folder / "conf").write_text(NGINX.format(folder=folder, port=port))
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=localhost",
                    "-keyout", folder / "key", "-out", folder / "certificate"], check=True, capture_output=True)
    context = ssl.create_default_context(cafile=folder / "certificate")
    context.check_hostname = False
    process = subprocess.Popen([*[word.format(folder=folder) for word in wrapper], "nginx", "-c", folder / "conf"])

    def connect():
        with contextlib.suppress(OSError):
            connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=600, context=context)
            connection.connect()
            return connection
    try:
        wait_for(connect, 120).close()
        yield process, connect, folder
    finally:
        process.terminate()
        process.wait(60)
        shutil.rmtree(folder)


def bench_nginx(few, many):
    """The same upload to nginx, which writes a file."""
    with nginx("env", f"GLIBC_TUNABLES={TUNABLES}", "valgrind", "-q", "--tool=callgrind", "--callgrind-out-file={folder}/out") as (process, connect, folder):
        put(connect(), "/warm", few, {}, 201)
        for number, (path, data) in enumerate((("/one", few), ("/counted", many)), 1):
            put(connect(), path, data, {}, 201)
            subprocess.run(["callgrind_control", "-d", str(process.pid)], check=True, capture_output=True)
            out = folder / f"out.{number}"
            wait_for(lambda out=out: out.exists() and "totals:" in out.read_text(), 60)
        say("PUT to nginx, 4 MiB over TLS", round(asked(out, True) / len(many), 1), "instructions a byte")
        assert (folder / "kept/counted").read_bytes() == many
    with nginx() as (_, connect, _):
        data = os.urandom(32 << 20)
        say("PUT to nginx, 32 MiB over TLS", round(len(data) / 1e6 / put(connect(), "/timed", data, {}, 201), 1), "MB/s")


def bench_upload(program, build):
    """An upload and a download over TLS: instructions a byte, and MB/s beside a fake Skerry in Python."""
    few, many = bytes(1 << 20), os.urandom(4 << 20)
    with under_callgrind(program, build) as (server, take):
        server.fake.silent = False
        server.fake.make_stores()
        moved(server, "warm", few)
        take(True)
        moved(server, "counted", many)
        core, web = (total / len(many) for total in take(True))
        say("PUT content, 4 MiB over TLS", round(core + web, 1), "instructions a byte", f"core {core:.1f}, web {web:.1f}")
        assert server.tls("GET", CONTENT.format("counted"), timeout=600).body == many
        core, web = (total / len(many) for total in take(True))
        say("GET content, 4 MiB over TLS", round(core + web, 1), "instructions a byte", f"core {core:.1f}, web {web:.1f}")
    with served(program, "--rate", "0", fake_class=Silent) as (fake, server):
        fake.make_stores()
        data = os.urandom(32 << 20)
        before = [rss(pid) for pid in (server.process.pid, server.web_pid())]
        seconds = moved(server, "timed", data)
        after = [rss(pid) for pid in (server.process.pid, server.web_pid())]
        say("PUT content, 32 MiB over TLS", round(len(data) / 1e6 / seconds, 1), "MB/s",
            f"core {before[0]} KiB before, {after[0]} after; web {before[1]} and {after[1]}")
    bench_nginx(few, many)


def rss(pid):
    """Returns the most KiB that the process has had in memory."""
    return int(re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1])


def main():
    benches = {"instructions": bench_instructions, "get": bench_get, "latency": bench_latency,
               "start": bench_start, "console": bench_console, "kills": bench_kills, "upload": bench_upload}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gateway", type=Path, required=True)
    parser.add_argument("--console-bytes", type=int, default=1 << 30)
    parser.add_argument("name", nargs="*", choices=[[], *benches])
    asked = parser.parse_args()
    for name in asked.name or benches:
        more = (asked.console_bytes,) if name == "console" else ()
        benches[name](str(asked.gateway / "skerryd"), asked.gateway, *more)


if __name__ == "__main__":
    main()
