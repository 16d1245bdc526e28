# SPDX-License-Identifier: MIT
"""Commands in clones of a template that waits at the gate: iso/init, over a machine channel."""
import re

import bundle
import pytest
import runs
from channel_v2 import Client
from machine import Qemu, wait_for

CONF = """[channel com2]
rights = view operate console configure host guest
[disk busybox]
controller = memory
image = busybox.squashfs
read_only = yes
[vm busybox]
kernel = vmlinuz
initrd = initramfs-run.cpio.gz
cmdline = console=ttyS0 quiet
memory = 96M
vsock = yes
clock = jump
disk = busybox ro
"""
FILES = ("vmlinuz", "initramfs-run.cpio.gz", "busybox.squashfs")


@pytest.fixture(scope="module")
def client(build, tmp_path_factory):
    """A machine with a template of busybox at its gate."""
    parts = bundle.read(*(build / "runs" / name for name in FILES))
    files = bundle.make(tmp_path_factory.mktemp("runs") / "runs.cpio", CONF, parts)
    with Qemu(build, bundle=files, channel=True) as machine:
        machine.wait_prompt()
        made = Client.over(machine.channel)
        made.machine = machine
        made.hello()
        runs.make_template(made, "busybox")
        yield made


def shell(client, line, **how):
    return runs.run(client, "busybox", "one", ["sh", "-c", line], **how)


def test_ends(client):
    """Exit codes, signals, output and errors, each apart; what the image and the command say."""
    done = shell(client, "echo out; echo error >&2; exit 3")
    assert (done.out, done.error, done.code, done.signal) == (b"out\n", b"error\n", 3, None)
    done = shell(client, "kill -9 $$")
    assert (done.code, done.signal, done.out_of_memory) == (None, 9, False)


def test_what_it_gets(client):
    """Input to its end, environment, directory and user; what the command does not say the image does."""
    data = bytes(i * 31 % 251 for i in range(100000))
    done = shell(client, "cat", stdin=data)
    assert (done.out, done.code, done.taken) == (data, 0, len(data))
    # nobody reads: what comes is dropped, and the command ends all the same
    assert shell(client, "exit 5", stdin=data[:20000]).code == 5
    done = shell(client, "echo $A $B $PATH $HOME; pwd; id -u; id -g", env=["A=1", "B=x=y", "A=2"],
                 directory="/tmp", user="65534:65533")
    assert done.out == b"2 x=y /bin /root\n/tmp\n65534\n65533\n"
    done = shell(client, "pwd; id -u; echo here >/bin/new && cat /bin/new; ls /modules /init")
    assert done.out == b"/\n0\nhere\n"
    # the image has no /tmp: the init makes it, for everybody
    assert shell(client, "stat -c %a /tmp /dev/shm; umask", user="7:7").out == b"1777\n1777\n0022\n"
    done = runs.run(client, "busybox", "one", ["nothing"])
    assert (done.code, done.error) == (127, b"nothing: there is no such program\n")
    done = runs.run(client, "busybox", "one", ["/etc"])
    assert (done.code, done.error) == (126, b"/etc: it cannot be executed\n")
    done = shell(client, "true", directory="/none")
    assert (done.code, done.error) == (126, b"/none: there is no such directory\n")


def test_named(client):
    """`runs` shows what was cloned as somebody's run, with what it used, and no other clone; an owner is one line of text."""
    client.result("vm clone", "busybox@gate", "one", "run=alice via \"x\"")
    client.result("vm clone", "busybox@gate", "two")
    row, = client.result("runs")
    assert (row["name"], row["template"], row["state"], row["owner"]) == ("one", "busybox", "running", 'alice via "x"'), row
    assert row["age_ns"] > 0 and row["exits"] > 0 and row["resident_bytes"] > 0
    gate = runs.Gate(client, "one")
    gate.seed(bytes(64))
    gate.send("C", runs.words(["sh", "-c", "while :; do :; done"]))
    wait_for(lambda: client.result("runs")[0]["cpu_ns"] > row["cpu_ns"] + 10**8)
    said = client.machine.command("runs").split("\n")
    assert re.match(r"NAME +TEMPLATE +STATE +AGE +CPU +MEMORY +OWNER$", said[0]), said
    assert re.match(r'one +busybox +running +\d+\.\d{3} +\d+\.\d{3} +\d+K +alice via "x"$', said[1]) and not [line for line in said if "two" in line], said
    client.result("vm pause", "one")
    assert client.result("runs")[0]["state"] == "paused"
    assert client.ask("vm clone", "busybox@gate", "three", "run=a\x1b[2J")["code"] == "bad-request"
    for owner in ("", "x" * 65, "\u00e4", "a\u009b2J"):
        for words in (("run=" + owner,), ("egress=none", "run=" + owner)):
            refused = client.ask("vm clone", "busybox@gate", "three", *words)
            assert (refused["code"], refused["error"]) == ("bad-argument", "the owner of a run must have 1 to 64 printable characters"), refused
        assert client.ask("runs give", "one", owner)["code"] == "bad-argument"
    assert client.ask("vm clone", "busybox@gate", "three", "run=a", "net=b")["code"] == "bad-argument"
    assert client.ask("runs give", "two", "bob")["code"] == "bad-state" and client.ask("runs give", "four", "bob")["code"] == "not-found"
    assert client.result("runs give", "one", "bob b") == [{"name": "one", "owner": "bob b"}]
    client.result("vm clone", "busybox@gate", "three", "run=" + "x" * 64)
    assert [row["owner"] for row in client.result("runs")] == ["bob b", "x" * 64]
    for name in ("one", "two", "three"):
        client.result("vm destroy", name)
    assert client.result("runs") == []


def test_signal_and_orphans(client):
    """A signal reaches all of the command; orphans are reaped, and keep nothing from ending."""
    client.result("vm clone", "busybox@gate", "one")
    gate = runs.Gate(client, "one")
    gate.seed(bytes(64))
    gate.send("C", runs.words(["sh", "-c", "trap 'echo told; exit 4' TERM; echo up; while :; do sleep 1; done"]))
    assert gate.frame() == ("O", b"up\n")
    gate.send("K", b"\x0f")
    done = runs.Result()
    while not done.take(*gate.frame()):
        pass
    assert (done.out, done.code) == (b"told\n", 4)
    client.result("vm destroy", "one")
    done = shell(client, "(sleep 1000 &) ; (true &) ; echo done")
    assert (done.out, done.code) == (b"done\n", 0)


def test_terminal(client):
    """What a terminal is to a command, with files that come meanwhile; a run without one has none."""
    runs.on_a_terminal(client, "busybox", "one")
    done = shell(client, "tty; stty size", user="7:7")
    assert (done.out, done.code) == (b"not a tty\n", 1) and done.error.startswith(b"stty: standard input"), (done.out, done.error)


def test_wanted_files(client):
    """Files come at the end, whole; folders, devices, pipes and what has no end are none, and hold up nobody."""
    done = shell(client, "head -c 100000 /dev/zero >/tmp/a; mkfifo /tmp/pipe; ln -s /tmp/a /tmp/link; truncate -s 2G /tmp/long; : >/tmp/none; exit 3",
                 wanted=["/tmp/a", "/tmp/no", "/tmp", "/dev/zero", "/tmp/pipe", "/tmp/link", "/tmp/long", "/tmp/none"])
    assert (done.code, done.done) == (3, [(0, 0), (1, 1), (2, 2), (3, 2), (4, 2), (5, 0), (6, 3), (7, 0)])
    assert done.files == {0: bytes(100000), 5: bytes(100000)}
    # a file of the kernel's says that it is empty
    done = shell(client, "true", wanted=["/proc/self/status"])
    assert done.done == [(0, 0)] and done.files[0].startswith(b"Name:")


def test_out_of_memory(client):
    """Linux kills what takes all memory, and the run says so."""
    done = shell(client, "exec tail /dev/zero")
    assert done.out_of_memory and done.signal == 9


TWIN = "head -c 32 /dev/urandom | od -An -tx1; cat /proc/sys/kernel/random/boot_id /proc/sys/kernel/random/uuid /etc/machine-id"


def test_not_twins(client):
    """
    Four clones of one moment, with one seed: the generation ID alone makes their random numbers, boot ids and machine ids
    differ. And the clocks are right.
    """
    said = [shell(client, TWIN).out for _ in range(4)]
    parts = [part for text in said for part in text.split(b"\n") if part]
    assert len(parts) == 20 and len(set(parts)) == 20, said
    shell(client, "true")
    # between two looks at the host's clock, which may be far apart
    first = client.result(None, hello=2)[0]["wall_s"]
    told = float(shell(client, "date +%s").out)
    last = client.result(None, hello=2)[0]["wall_s"]
    assert first - 3 <= told <= last + 3, (first, told, last)


@pytest.mark.parametrize("rounds", [1, pytest.param(4, marks=pytest.mark.long)])
def test_fifty_at_a_time(client, rounds):
    """Runs one after another leave nothing over, and the audit finds nothing."""
    def free():
        assert ": 0 found" in client.machine.command("audit")
        return {row["owner"]: row["pages"] for row in client.result("mem")}
    shell(client, "true")
    before = free()
    for _ in range(rounds):
        for number in range(50):
            done = shell(client, f"echo {number}")
            assert (done.out, done.code) == (b"%d\n" % number, 0)
        wait_for(lambda: free() == before)  # the last pages come back a moment after a VM's end


def busy_ns(client):
    """What all CPUs have been busy for; nothing is sampled before or behind."""
    del client.samples[:]
    client.result("samples", "every=100")
    host = client.wait(lambda: [each for each in client.samples if each["sample"] is None])
    client.result("samples", "off")
    return sum(cpu[0] for cpu in host[-1]["cpus"])


def counted_run(client, fields):
    """Instructions of a run of `true`: the guest's own, its monitor's, and bytes of memory before its end."""
    client.result("vm clone", "busybox@gate", "one")
    gate = runs.Gate(client, "one")
    gate.seed(bytes(64))
    gate.send("C", runs.words(["true"]))
    done = runs.talk(gate, b"")
    assert done.code == 0
    client.result("samples", "every=100")
    ended = len(client.samples)
    client.wait(lambda: len([each for each in client.samples[ended:] if each["sample"] is None]) >= 2)
    client.result("samples", "off")
    values = dict(zip(fields, next(each["values"] for each in client.samples[::-1] if each["sample"] == "one")))
    client.result("vm destroy", "one")
    return values["guest_ns"], values["monitor_ns"], values["resident_bytes"]


def counted_runs(client, count=8):
    """Instructions of all of the machine for a run of `true`, from its request to its VM's end; those of the counting are taken off."""
    first, before = busy_ns(client), busy_ns(client)
    for _ in range(count):
        assert runs.run(client, "busybox", "one", ["true"]).code == 0
    return (busy_ns(client) - before - (before - first)) // count


def counted_warm(client, count=4):
    """The same from the seed on, for clones that were at the gate before."""
    names = [f"warm{number}" for number in range(count)]
    for name in names:
        client.result("vm clone", "busybox@gate", name)
    gates = [runs.Gate(client, name) for name in names]
    first, before = busy_ns(client), busy_ns(client)
    for name, gate in zip(names, gates):
        gate.seed(bytes(64))
        gate.send("C", runs.words(["true"]))
        assert runs.talk(gate, b"").code == 0
        client.result("vm destroy", name)
    return (busy_ns(client) - before - (before - first)) // count


@pytest.mark.parametrize("card", ["", pytest.param("net = lan\n", marks=pytest.mark.long)])
def test_figures(build, tmp_path, card):
    """How many instructions a run of `true` takes besides its guest's, and how much memory: docs/performance/runs.md."""
    parts = bundle.read(*(build / "runs" / name for name in FILES))
    files = bundle.make(tmp_path / "runs.cpio", "[net lan]\ndhcp = 10.7.0.0/16\n" + CONF + card, parts)
    # an idle machine waits as long as its clocks say: with sleep=off all its timers come while the test thinks
    with Qemu(build, bundle=files, channel=True, extra=("-icount", "shift=0,sleep=on")) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        runs.make_template(client, "busybox")
        fields = client.result("samples", "every=60000")[0]["fields"]
        client.result("samples", "off")
        counted_runs(client, 2)
        alone = [counted_runs(client) for _ in range(4)]
        warm = counted_warm(client)
        counted = [counted_run(client, fields) for _ in range(5)]
        # a busy host lets more of the guests' ticks come meanwhile, and none less
        guest, monitor, taken = (min(column) for column in zip(*counted))
        print(f"a run: {min(alone)} instructions, of these {guest} are its guest's; {monitor} are its monitor's; {taken} bytes")
        print(f"a run in a clone that was at the gate: {warm} instructions")
        assert guest < 4_000_000 + 1_500_000 * bool(card) and taken < (3 << 20) + (1 << 20) * bool(card)
        assert min(alone) - guest < 3_100_000 + 1_500_000 * bool(card), alone
