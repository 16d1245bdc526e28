# SPDX-License-Identifier: MIT
"""POST /v1/runs and `skerryctl run` at the real image: commands in clones of a template of busybox."""
import concurrent.futures
import fcntl
import hashlib
import itertools
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import bundle
import pytest
from machine import ROOT, Qemu, wait_for
from net import host_page, user_card
from ports import free_port
from test_runs import CONF, FILES
from test_runs_net import NET

sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

PYTHON = """[disk python]
controller = memory
image = python.squashfs
read_only = yes
[vm python]
kernel = vmlinuz
initrd = initramfs-run.cpio.gz
cmdline = console=ttyS0 quiet
memory = 160M
vsock = yes
clock = jump
disk = python ro
"""
# A VM whose first process is another one never comes to the gate.
NO_GATE = """[vm plain]
kernel = vmlinuz
cmdline = console=ttyS0 quiet panic=0
memory = 96M
vsock = yes
"""


TEMPLATES = {"busybox", "python"}
LIMIT = 300     # seconds for what takes a few where the host has time


def ctl(server, *words, data=b""):
    program = Path(server.program).parent / "skerryctl"
    return subprocess.run([program, "--socket", server.socket, *words], input=data, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=LIMIT, check=False)


@pytest.fixture(scope="module")
def line(build, tmp_path_factory):
    """The image with skerryd at COM2, and a template of busybox."""
    folder = tmp_path_factory.mktemp("runs")
    port = free_port()
    parts = bundle.read(*(build / "runs" / name for name in (*FILES, "python.squashfs")))
    files = bundle.make(folder / "runs.cpio", NET + "[net bare]\n" + CONF + PYTHON + NO_GATE, parts)
    with Qemu(build, bundle=files, memory="2G", extra=(*user_card(free_port()), "-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")) as machine:
        machine.wait_prompt()
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), folder, f"tcp:127.0.0.1:{port}").start()
        try:
            wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
            for name in TEMPLATES:
                made = ctl(server, "template", name)
                assert (made.returncode, made.stdout) == (0, f"{name}: is a template\n".encode()), made.stderr
            assert {vm["state"] for vm in server.tls("GET", "/v1/vms").json()["items"]} == {"paused"}
            yield machine, server
        finally:
            server.stop()


def run(server, *command, headers=None, **more):
    return server.tls("POST", "/v1/runs", {"template": "busybox", "command": list(command), **more}, headers=headers, timeout=LIMIT)


def ended(server, answer):
    """What a run came to; beside other work its answer may come before its end."""
    done = answer.json()
    while done["state"] != "done":
        done = server.tls("GET", f"/v1/runs/{done['id']}?wait=50").json()
    return done


def shell(server, text, limits=(), **more):
    done = run(server, "sh", "-c", text, limits={"wall_s": LIMIT} | dict(limits), **more)
    assert done.status in (200, 202), done.body
    return ended(server, done)


def names(machine):
    return {row["name"] for row in machine.objects("vm list")}


def test_run(line):
    """Output, exit code and signal come back, input goes in; nothing of the run is in the audit."""
    machine, server = line
    done = shell(server, "cat; echo $KEY; echo oh >&2; exit 7", stdin="in\n", env={"KEY": "hidden value"})
    assert (done["stdout"], done["stderr"], done["result"], done["exit_code"]) == ("in\nhidden value\n", "oh\n", "exit", 7)
    done = shell(server, "kill -15 $$")
    assert (done["result"], done["signal"], done["exit_code"]) == ("signal", 15, None)
    assert shell(server, "head -c 3 /dev/zero")["stdout_base64"] == "AAAA"
    assert run(server, "nothing").json()["exit_code"] == 127
    done = run(server, "/new/place/script", files={"/new/place/script": "#!/bin/sh\ncat /etc/passwd /data | od -c | head -n 1\n",
                                                   "/etc/passwd": "a"}, files_base64={"/data": "AP8="}).json()
    assert done["stdout"].split() == ["0000000", "a", "\\0", "377"], done
    refused = run(server, "true", files={"/proc/none/x": "x"})
    assert refused.status == 422, refused.body
    items = server.tls("GET", "/v1/audit").json()["items"]
    assert any((item["action"], item["target"]) == ("run.begin", "busybox") for item in items), items[-3:]
    assert "hidden" not in str(items) and "hidden" not in machine.command("log show -c audit")
    assert names(machine) == TEMPLATES


def test_outputs(line):
    """Files that a command leaves come back, by REST and by `skerryctl run --output`."""
    _, server = line
    done = shell(server, "printf '\\000here' >/tmp/left; exit 4", outputs=["/tmp/left", "/dev/zero", "/none"])
    assert done["exit_code"] == 4 and done["outputs"]["/tmp/left"] == {"data_base64": "AGhlcmU="}, done
    assert list(done["outputs"]["/dev/zero"]) == list(done["outputs"]["/none"]) == ["problem"]
    here = Path(server.folder) / "left"
    done = ctl(server, "run", "busybox", "--output", f"/tmp/left={here}", "--", "sh", "-c", "head -c 300000 /dev/urandom | tee /tmp/left | sha256sum")
    assert done.returncode == 0 and done.stdout.split()[0].decode() == hashlib.sha256(here.read_bytes()).hexdigest(), done


def test_cpus(line):
    """A run that is capped gets its share and no more; Skerry says in words what it does not give."""
    _, server = line
    done = shell(server, "while :; do :; done", limits={"cpus": 0.2, "wall_s": 4})
    assert done["result"] == "out-of-time" and done["used"]["cpu_s"] < 0.4 * max(4, done["used"]["wall_s"]), done
    refused = run(server, "true", limits={"cpus": 2})
    assert refused.status == 422, refused.body
    refused = ctl(server, "run", "busybox", "--cpus", "0.5", "--memory", "1G", "--", "true")
    assert refused.returncode == 125 and b"memory" in refused.stderr, refused
    assert ctl(server, "run", "busybox", "--cpus", "0.5", "--memory", "96M", "--", "true").returncode == 0


def test_limits(line):
    """A fork bomb, output without end, a loop, memory without end: each ends by its own word, and nothing is left."""
    machine, server = line
    done = shell(server, "b() { b | b & }; b; while :; do :; done", limits={"wall_s": 3})
    assert done["result"] in ("out-of-time", "out-of-memory"), done
    assert shell(server, "while :; do sleep 1; done", limits={"wall_s": 2})["result"] == "out-of-time"
    done = shell(server, "while :; do echo again and again; done", limits={"output_bytes": 5000})
    assert done["result"] == "out-of-output" and len(done["stdout"]) == 5000
    done = shell(server, "while :; do :; done", limits={"cpu_s": 1})
    assert done["result"] == "out-of-cpu" and done["used"]["cpu_s"] >= 1
    done = shell(server, "while :; do cat /proc/cpuinfo; done >/dev/null", limits={"exits": 20000})
    assert done["result"] == "out-of-exits" and done["used"]["exits"] > 20000, done
    assert shell(server, "exec tail /dev/zero")["result"] == "out-of-memory"
    assert shell(server, "tail /dev/zero | cat")["result"] == "exit"
    # the program may do what it likes to its machine
    assert shell(server, "echo b >/proc/sysrq-trigger; sleep 100", limits={"wall_s": 5})["result"] in ("crash", "out-of-time")
    assert shell(server, "poweroff -f")["result"] == "crash"
    assert shell(server, "echo fine")["stdout"] == "fine\n"
    assert names(machine) == TEMPLATES
    assert ": 0 found" in machine.command("audit")


def test_many(line):
    """Twenty at once: each gets its own answer, and all that comes from /dev/urandom and the kernel's names is new."""
    machine, server = line
    text = "cat /proc/sys/kernel/random/boot_id /etc/machine-id; head -c 16 /dev/urandom | od -An -tx1"
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        done = list(pool.map(lambda number: shell(server, f"echo {number}; {text}"), range(20)))
    said = [item["stdout"].split("\n") for item in done]
    assert [rows[0] for rows in said] == [str(number) for number in range(20)], done
    for place in (1, 2, 3):
        assert len({rows[place] for rows in said}) == 20
    assert names(machine) == TEMPLATES


def test_refused(line):
    """What is wrong in a request, a template that is not there, one without a gate, a key that comes again."""
    machine, server = line
    for more in ({"limits": {"memory": 5}}, {"limits": {"wall_s": -1}}, {"limits": {"wall_s": "5"}}, {"command": "true"},
                 {"command": [5]}, {"env": {"A=B": "x"}}, {"user": "root"}, {"directory": "tmp"}, {"stdin_base64": "?"},
                 {"more": "x"}, {"template": 7}):
        refused = run(server, "true", **more)
        assert (refused.status, refused.code) == (422, "bad-argument"), (more, refused.body)
    missing = server.tls("POST", "/v1/runs", {"template": "none", "command": ["true"]})
    assert (missing.status, missing.code) == (404, "not-found"), missing.body
    machine.command("vm create plain")
    wait_for(lambda: server.tls("GET", "/v1/vms/plain").status == 200)
    assert server.tls("POST", "/v1/vms/plain/actions/template", headers={"Prefer": "wait=5"}).status == 504
    machine.command("vm destroy plain")
    headers = {"Idempotency-Key": "once"}
    first = run(server, "cat", "/proc/uptime", headers=headers)
    again = run(server, "cat", "/proc/uptime", headers=headers)
    assert again.json() == {"id": first.json()["id"]} and again.headers["idempotency-replayed"] == "true"
    assert names(machine) == TEMPLATES


def test_stop(line):
    """A run in the background is seen, ended, and kept for a while; a gateway that is killed leaves no clone."""
    machine, server = line
    begun = run(server, "sleep", "1000", headers={"Prefer": "wait=0"})
    assert begun.status == 202
    path = begun.headers["location"]
    wait_for(lambda: len(names(machine)) == 3)
    assert [item["state"] for item in server.tls("GET", "/v1/runs").json()["items"]][-1] == "running"
    server.tls("DELETE", path)
    done = ended(server, server.tls("GET", path))
    assert (done["state"], done["result"]) == ("done", "stopped")
    assert names(machine) == TEMPLATES
    run(server, "sleep", "1000", headers={"Prefer": "wait=0"})
    wait_for(lambda: len(names(machine)) == 3)
    server.kill()
    os.unlink(server.socket)
    server.start()
    wait_for(lambda: names(machine) == TEMPLATES)


def test_skerryctl(line):
    """`skerryctl run` has the command's input, output and exit code; ps, logs and stop; and says why there is none."""
    _, server = line
    done = ctl(server, "run", "busybox", "--env", "A=b c", "--user", "7:8", "--workdir", "/tmp", "--", "sh", "-c",
               "cat; echo \"$A\"; id -u; pwd; echo no >&2; exit 5", data=bytes(range(256)))
    assert (done.stdout, done.stderr, done.returncode) == (bytes(range(256)) + b"b c\n7\n/tmp\n", b"no\n", 5)
    assert ctl(server, "run", "busybox", "--", "sh", "-c", "kill $$").returncode == 143
    done = ctl(server, "run", "busybox", "--timeout", "2", "--", "sleep", "100")
    assert done.returncode == 124 and b"out-of-time" in done.stderr
    assert ctl(server, "run", "busybox", "--", "true", data=bytes(20000)).returncode == 2
    data = bytes(i * 31 % 251 for i in range(30000))
    done = ctl(server, "run", "-i", "busybox", "--", "sh", "-c", "cat; exit 6", data=data)
    assert (done.stdout, done.returncode) == (data, 6)
    done = ctl(server, "run", "none", "--", "true")
    assert done.returncode == 125 and b"none" in done.stderr
    number = ctl(server, "run", "busybox", "--detach", "--", "sh", "-c", "echo before; sleep 1000").stdout.strip()
    assert number in ctl(server, "ps").stdout
    wait_for(lambda: ctl(server, "logs", number).stdout == b"before\n")
    assert ctl(server, "stop", number).returncode == 0
    wait_for(lambda: b"stopped" in ctl(server, "ps").stdout)
    assert ctl(server, "logs", number).stdout == b"before\n"


TWINS = """import ctypes, os, random, secrets, ssl, tempfile, time, uuid
drawn = ctypes.create_string_buffer(16)
ctypes.CDLL(None).getrandom(drawn, 16, 0)
print(os.urandom(16).hex(), drawn.raw.hex(), random.getrandbits(64), secrets.token_hex(), ssl.RAND_bytes(16).hex(), uuid.uuid4(),
      tempfile.mktemp(), hash("text"), time.time())
"""
# The first sequence numbers of connections from nine ports, each as Linux's own SYN has it; then once more.
SEQUENCES = """import socket
seen = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
for port in [*range(4000, 4009)] * 2:
    one = socket.socket()
    one.bind(("127.0.0.1", port))
    one.setblocking(False)
    one.connect_ex(("127.0.0.1", 9))
    while True:
        packet = seen.recv(2048)
        segment = packet[(packet[0] & 15) * 4:]
        if int.from_bytes(segment[:2], "big") == port and segment[13] & 2:
            break
    print(int.from_bytes(segment[4:8], "big"))
"""


def python_four(server, program):
    """The words that a program of Python says in each of four runs at once."""
    def one(_):
        done = ended(server, run(server, "python3", "-c", program, template="python", limits={"wall_s": 600}))
        assert done["result"] == "exit" and done["exit_code"] == 0, done["stderr"]
        return done["stdout"].split()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, range(4)))


def test_python(line):
    """
    Debian's Python: four at once draw other numbers in each way that it knows, and have the right time. OpenSSL, glibc, and
    hashes of texts have states of their own.
    """
    said = python_four(line[1], TWINS)
    for place in range(8):
        assert len({words[place] for words in said}) == 4, (place, said)
    assert max(abs(float(words[8]) - time.time()) for words in said) < 120, said


def test_sequence_numbers(line):
    """
    Linux's sequence number is a sum of the time, 2^24 a second, and of a hash with a secret: from port to port it differs by
    the hashes and some milliseconds, in one run always alike, in two runs never.
    """
    def apart(one, other):
        """How far apart the farthest of their steps are."""
        steps = [[then - now for now, then in zip(row, row[1:])] for row in (one, other)]
        return max(min((a - b) % 2**32, (b - a) % 2**32) for a, b in zip(*steps))
    said = [[int(word) for word in words] for words in python_four(line[1], SEQUENCES)]
    assert [len(row) for row in said] == [18] * 4, said
    assert max(apart(row[:9], row[9:]) for row in said) < 2**28, said
    assert min(apart(one[:9], other[:9]) for one, other in itertools.combinations(said, 2)) > 2**28, said


def test_guide(line):
    """The guide's client, and its line of shell."""
    _, server = line
    done = subprocess.run([sys.executable, ROOT / "docs/guides/run_client.py", server.socket, "busybox", "sh", "-c", "cat; exit 3"],
                          input=b"\xff\n", stdout=subprocess.PIPE, timeout=100, check=False)
    assert (done.stdout, done.returncode) == (b"\xff\n", 3)
    done = subprocess.run([sys.executable, ROOT / "docs/guides/run_client.py", server.socket, "none", "true"], input=b"",
                          stderr=subprocess.PIPE, timeout=100, check=False)
    assert done.returncode == 1 and b"none" in done.stderr
    live, text = re.findall(r"^    curl .*\n.*\n", (ROOT / "docs/guides/run-what-you-do-not-trust.md").read_text(), re.MULTILINE)
    done = subprocess.run(["sh", "-c", text.replace("/run/skerryd/skerryd.sock", server.socket)], stdout=subprocess.PIPE,
                          timeout=100, check=False)
    assert json.loads(done.stdout)["stdout"] == "42\n"
    done = subprocess.run(["sh", "-c", live.replace("/run/skerryd/skerryd.sock", server.socket)], stdout=subprocess.PIPE,
                          timeout=100, check=False)
    assert b'event: stdout\ndata: {"stdout":"42\\n"}\n' in done.stdout and b"event: end\n" in done.stdout


def read_until(terminal, wanted, limit=LIMIT):
    """What comes from a terminal until `wanted` has come."""
    said, end = b"", time.monotonic() + limit
    while wanted not in said:
        assert time.monotonic() < end and select.select([terminal], [], [], limit)[0], said
        said += os.read(terminal, 4096)
    return said


def test_terminal(line):
    """`skerryctl run` in a terminal: a shell with its size, which follows; Ctrl-C is the program's; files go in meanwhile."""
    machine, server = line
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 30, 90, 0, 0))
    before = termios.tcgetattr(theirs)
    program = Path(server.program).parent / "skerryctl"
    running = subprocess.Popen([program, "--socket", server.socket, "run", "busybox", "--", "sh"], stdin=theirs, stdout=theirs, stderr=theirs)
    try:
        read_until(ours, b"# ")
        os.write(ours, b"stty size; echo $TERM$((6 * 7))\r")
        assert b"30 90\r\n" in read_until(ours, b"42\r\n")
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 40, 100, 0, 0))
        running.send_signal(signal.SIGWINCH)
        os.write(ours, b"until [ \"$(stty size)\" = '40 100' ]; do sleep 0.1; done; stty size; sleep 1000\r")
        read_until(ours, b"40 100\r\n")
        os.write(ours, b"\x03")
        number, = [item["id"] for item in server.tls("GET", "/v1/runs").json()["items"] if item["state"] == "running"]
        data = os.urandom(20000)
        (Path(server.folder) / "file").write_bytes(data)
        done = ctl(server, "cp", f"{server.folder}/file", f"{number}:/tmp/in/file")
        assert done.returncode == 0, done.stderr
        done = ctl(server, "cp", f"{server.folder}/file", f"{number}:/tmp/in")
        assert done.returncode == 1 and b"regular file" in done.stderr, done
        os.write(ours, b"sha256sum /tmp/in/file; exit 5\r")
        read_until(ours, hashlib.sha256(data).hexdigest().encode())
        assert running.wait(LIMIT) == 5
        assert termios.tcgetattr(theirs) == before
    finally:
        running.kill()
        running.wait()
        os.close(ours)
        os.close(theirs)
    wait_for(lambda: names(machine) == TEMPLATES)


def test_live(line):
    """Output of a real guest arrives while its command runs, and Ctrl-C ends the run."""
    machine, server = line
    program = Path(server.program).parent / "skerryctl"
    running = subprocess.Popen([program, "--socket", server.socket, "run", "busybox", "--", "sh", "-c",
                                "echo first; sleep 1000"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    assert running.stdout.readline() == b"first\n"
    assert len(names(machine)) == 3
    row, = machine.objects("runs")
    assert (row["template"], row["state"]) == ("busybox", "running") and row["owner"].endswith(" via socket"), row
    running.send_signal(signal.SIGINT)
    assert running.communicate(timeout=LIMIT)[0] == b"" and running.returncode == 130
    wait_for(lambda: names(machine) == TEMPLATES)


def test_warm(line):
    """Clones wait at the gate of a real template: runs that take them are no twins, and have the right time."""
    machine, server = line
    assert ctl(server, "template", "busybox", "--warm", "2").returncode == 0
    wait_for(lambda: len(names(machine)) == 4)
    text = "cat /proc/sys/kernel/random/boot_id /etc/machine-id; head -c 16 /dev/urandom | od -An -tx1; date +%s"
    said = [shell(server, text)["stdout"].split("\n") for _ in range(4)]
    for place in range(3):
        assert len({rows[place] for rows in said}) == 4, said
    assert max(abs(int(rows[3]) - time.time()) for rows in said) < 120, said
    assert ctl(server, "template", "busybox", "--warm", "0").returncode == 0
    wait_for(lambda: names(machine) == TEMPLATES)
    assert ": 0 found" in machine.command("audit")


def test_dropped(line):
    """
    A template that one command makes, with a clone at its gate: it is kept while a run of it goes on, and dropped behind
    that, and nothing of it is left.
    """
    machine, server = line
    made = ctl(server, "template", "create", "once", "image=busybox", "memory=96M", "--warm", "1")
    assert (made.returncode, made.stdout) == (0, b"once: is a template\n"), made.stderr
    begun = run(server, "sleep", "1000", headers={"Prefer": "wait=0"}, template="once").headers["location"]
    wait_for(lambda: len(names(machine)) == 5)
    shown = [(row["template"], row["owner"]) for row in machine.objects("runs")]
    assert {row[0] for row in shown} == {"once"} and [row[1] == "warm" for row in sorted(shown)] == [False, True], shown
    wait_for(lambda: ctl(server, "template", "list").stdout.split(b"once", 1)[-1].split(b"\n")[0].split()[-3:] == [b"1", b"1", b"0"])
    listed = {row.split()[0]: row.split() for row in ctl(server, "template", "list").stdout.decode().splitlines()[1:]}
    assert listed.keys() == {*TEMPLATES, "once"}, listed
    assert (listed["once"][1:4], listed["once"][-3:]) == (["ready", "busybox", "96M"], ["1", "1", "0"]), listed
    refused = ctl(server, "template", "drop", "once")
    assert refused.returncode == 5 and b"once is in use (runs: 1," in refused.stderr, refused.stderr
    assert ctl(server, "stop", begun.rsplit("/", 1)[1]).returncode == 0
    wait_for(lambda: [item["runs"] for item in server.tls("GET", "/v1/templates").json()["items"] if item["name"] == "once"] == [0])
    dropped = ctl(server, "template", "drop", "once")
    assert (dropped.returncode, dropped.stdout) == (0, b"once: dropped\n"), dropped.stderr
    assert names(machine) == TEMPLATES and ": 0 found" in machine.command("audit")
    assert ctl(server, "template", "drop", "once").returncode == 3
    assert ctl(server, "run", "once", "--", "true").returncode == 125
    # a machine that is made a template once more is one already; one that is none is not ended
    assert ctl(server, "template", "create", "busybox").stdout == b"busybox: is a template\n"
    assert ctl(server, "vm", "create", "plain").returncode == 0
    refused = ctl(server, "template", "drop", "plain")
    assert refused.returncode == 3 and b"plain is no template" in refused.stderr, refused.stderr
    assert ctl(server, "vm", "destroy", "plain").returncode == 0
    assert shell(server, "echo on")["stdout"] == "on\n"


def test_net(line):
    """
    A template with a card and a list, by one command: its runs fetch from what that names, or a list of their own, and from
    no other. One whose network gives no address runs nothing, and settings for a machine that is there are refused.
    """
    machine, server = line
    with host_page(b"hello\n") as page, host_page(b"another\n") as other:
        made = ctl(server, "template", "agent", "--image", "busybox", "--net", "lan private", "memory=96M", "net.egress=10.0.2.2/tcp")
        assert (made.returncode, made.stdout) == (0, b"agent: is a template\n"), made.stderr
        # what is refused never comes, and what is not may take a while
        script = (f"timeout 100 wget -q -O - http://10.0.2.2:{page}/; timeout {{}} wget -q -O - http://10.0.2.2:{other}/; "
                  "ping -c 1 -W 1 10.0.2.2 >&2")
        done = ctl(server, "run", "agent", "--", "sh", "-c", script.format(100))
        assert (done.stdout, done.returncode) == (b"hello\nanother\n", 1), done.stderr
        # a list of its own is within the template's, also where clones wait that have that one
        assert ctl(server, "template", "agent", "--warm", "1").returncode == 0
        wait_for(lambda: len(names(machine)) == 4)
        done = ctl(server, "run", "agent", "--egress", f"10.0.2.2:{page}/tcp", "--", "sh", "-c", script.format(2))
        assert (done.stdout, done.returncode) == (b"hello\n", 1), done.stderr
        done = ctl(server, "run", "agent", "--egress", "none", "--", "timeout", "2", "wget", f"http://10.0.2.2:{page}/")
        assert done.returncode != 0
        for wide in ("10.0.2.2", "any", "10.0.2.0/24:80/tcp"):
            done = ctl(server, "run", "agent", "--egress", wide, "--", "true")
            assert done.returncode == 125 and b"is not within the list of agent, 10.0.2.2/tcp; name less" in done.stderr, done.stderr
        for wrong in ("here", "", "x" * 601):
            done = ctl(server, "run", "agent", "--egress", wrong, "--", "true")
            assert done.returncode == 125 and b"list" in done.stderr, done.stderr
        done = ctl(server, "run", "busybox", "--egress", "10.0.2.2", "--", "true")
        assert done.returncode == 125 and b"has no card" in done.stderr, done.stderr
        assert ctl(server, "template", "agent", "--warm", "0").returncode == 0
        wait_for(lambda: len(names(machine)) == 3)
        # without --net there is no card
        done = ctl(server, "run", "busybox", "--", "ls", "/sys/class/net")
        assert done.stdout == b"lo\n"
        made = ctl(server, "template", "agent", "--net", "lan")
        assert made.returncode == 1 and b"there is a machine of that name" in made.stderr, made.stderr
        assert ctl(server, "vm", "destroy", "agent", "--force", "--yes").returncode == 0
        made = ctl(server, "template", "agent", "--image", "busybox", "--net", "bare", "memory=96M")
        assert made.returncode == 0, made.stderr
        done = ctl(server, "run", "agent", "--", "true")
        assert done.returncode == 125 and b"DHCP" in done.stderr, done.stderr
        assert ctl(server, "vm", "destroy", "agent", "--force", "--yes").returncode == 0
    wait_for(lambda: names(machine) == TEMPLATES)
