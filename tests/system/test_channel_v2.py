# SPDX-License-Identifier: MIT
"""The machine channel, version 2: rights, structured words, numbered events, streams, samples."""
import json
import random
import socket
import threading

import bundle
from channel_record import Player, Recorder
from channel_v2 import Client
from machine import Qemu

CONF = """[channel com2]
rights = {rights}
[vm tiny]
kernel = spin.bin
memory = 16M
autostart = no
"""
SPARE = """[vm spare]
kernel = spin.bin
memory = 16M
autostart = no
"""
ALL = "view operate console configure host inspect guest content"


def make_bundle(build, tmp_path, rights=ALL, more=""):
    return bundle.make(tmp_path / "channel.cpio", CONF.format(rights=rights) + more,
                       bundle.tiny(build, "spin", "echo"))


def test_requests(build, tmp_path):
    """A channel takes a hello, words as they are, the asker's name, codes, and events by number."""
    with Qemu(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        assert client.code("vm list", hello=2) == "bad-request"
        hello = client.hello()
        assert hello["protocol"] == 2 and len(hello["boot"]) == 32 and hello["channel"] == "com2"
        assert hello["vm"] is None
        assert hello["rights"] == ALL.split() and not hello["locked"]
        assert hello["limits"]["request_bytes"] == 8192
        assert (hello["event_first"], hello["event_last"]) == (1, 0)
        # Words are taken as they are: no quotes, no -j, no filter.
        client.result("vm create", "tiny", "cmdline=a \"b\" | -j \\", actor="alice via token 7")
        shown = [row for row in client.result("config show") if row.get("name") == "tiny"][0]
        assert shown["cmdline"] == "a \"b\" | -j \\"
        audit = [row["text"] for row in client.result("log show -c audit")]
        assert 'machine channel for "alice via token 7": created' in audit, audit
        assert client.code("vm create", "tiny") == "exists"
        assert client.code("vm", "list") == "unknown-command"
        assert client.code("vm start", "nobody") == "not-found"
        assert client.code("vm set", "tiny", "weight=x") == "bad-argument"
        assert client.code("vm list", "tiny") == "bad-argument"
        refused = client.ask("vm resume", "tiny")
        assert refused["code"] == "bad-state" and refused["allowed_states"] == ["paused"]
        client.result("vm start", "tiny")
        client.result("vm set", "tiny", "weight=77")
        client.event("configuration", "tiny")
        client.result("vm destroy", "tiny")
        client.event("destroyed", "tiny")
        # The events that were sent unasked are those that are kept, in the same words.
        kept = client.result("events since 0")
        names = ["created", "started", "configuration", "destroyed"]
        assert [event["event"] for event in kept] == names
        assert [event["sequence"] for event in kept] == [1, 2, 3, 4]
        assert len({event["uuid"] for event in kept}) == 1 and len(kept[0]["uuid"]) == 36
        assert client.result("events since 3") == kept[3:]
        assert client.code("events since 5") == "bad-argument"
        sent = [value for value in client.raw if "event" in value]
        assert sent == kept


def test_events_lost(build, tmp_path):
    """Of more than 1,024 events the oldest are gone, and an asker for them is told so."""
    with Qemu(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        client.result("vm create", "tiny")
        for _ in range(11):
            numbers = [client.request("vm set", "tiny", "weight=7") for _ in range(100)]
            for number in numbers:
                client.reply_to(number)
        assert client.code("events since 0") == "too-old"
        last = client.hello()["event_last"]
        assert last == 1101 and client.hello()["event_first"] == last - 1023
        kept = client.result(f"events since {last - 1024}")
        assert [event["sequence"] for event in kept] == list(range(last - 1023, last + 1))


DENIED = {
    "view": "vm list", "operate": "vm start tiny", "configure": "vm create tiny",
    "host": "log level info", "inspect": "vm regs tiny", "console": "vm console tiny",
    "guest": "vsock connect tiny 1",
}


def test_rights(build, tmp_path):
    """A channel does what its section says, whoever speaks which version; by default neither inspect nor guest."""
    for rights in ("view operate", "none", None):
        made = make_bundle(build, tmp_path, rights or ALL, SPARE)
        if rights is None:
            made = bundle.make(tmp_path / "plain.cpio", CONF.format(rights="").split("\n", 2)[2],
                               bundle.tiny(build, "spin"))
        with Qemu(build, bundle=made, channel=True) as machine:
            machine.wait_prompt()
            given = set((rights or "view operate console configure host").split()) - {"none"}
            channel = machine.channel
            for right, line in DENIED.items():
                reply = channel.ask(line)
                assert (reply.get("code") == "no-right") == (right not in given), (rights, reply)
            client = Client.over(channel)
            assert set(client.hello()["rights"]) == given
            machine.command("vm destroy tiny" if rights is None else "vm create tiny")
            if rights == "view operate":
                client.event("created", "tiny")
                client.result("vm set", "tiny", "weight=5")
                assert client.code("vm set", "tiny", "memory=20M") == "no-right"
                # a schedule writes to a store, and what it makes drops what is there
                for words in (("backup=none",), ("weight=6", "backup", "pool every 1s")):
                    assert client.code("vm set", "tiny", *words) == "no-right", words
                assert client.code("vm backup now", "tiny") == "no-right"
                end_runs_alone(client)
            if rights == "none":
                assert client.code("vm list") == "no-right" and not client.events


def end_runs_alone(client):
    """Who may make runs may end them, and no other VM beside them or by a pattern."""
    client.result("vm start", "tiny")
    client.result("vm snapshot", "tiny", "gate")
    for words in (("run1", "run=me"), ("run2", "run=me"), ("other",)):
        client.result("vm clone", "tiny@gate", *words)
    for words in (("other",), ("tiny",), ("run1", "other"), ("*",), ("?????",)):
        assert client.code("vm destroy", *words) == "no-right", words
    assert client.code("runs give", "other", "me") == "bad-state"
    assert [row["name"] for row in client.result("runs")] == ["run1", "run2"] and len(client.result("vm list")) == 4
    # Neither does anything else end a VM that is no run, or take the place of one of the configuration's.
    for name in ("tiny", "other", "run1"):
        for word in ("on_crash=destroy", "on_crash destroy"):
            assert client.code("vm set", name, "weight=6", *word.split()) == "no-right", (name, word)
        client.result("vm set", name, "on_crash=restart")
    for words in (("spare", "run=me"), ("spare",)):
        assert client.code("vm clone", "tiny@gate", *words) == "no-right", words
    client.result("vm destroy", "run?")
    assert "spare" in {row.get("name") for row in client.result("config show")}
    assert {row["name"] for row in client.result("vm list")} == {"tiny", "other"}


def line_of(number):
    return b"line ................................................... %06d\n" % number


def test_streams(build, tmp_path):
    """
    A stream carries what a guest prints, by offset and within credit, and what the guest reads;
    its mode says who may write.
    """
    made = make_bundle(build, tmp_path, "view operate console configure",
                       "[vm echo]\nkernel = echo.bin\nmemory = 16M\n")
    with Qemu(build, bundle=made, channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        assert client.code("stream open", "echo") == "not-found"
        client.result("vm create", "echo", "cmdline=lines=1200")
        early = client.stream_open("echo")
        client.result("vm start", "echo")
        writer = client.stream_open("echo", "mode=write")
        assert client.event("console_attached", "echo")["reason"] == "machine channel"
        # No byte comes without credit, and no more than the credit.
        client.result("vm list")
        assert not early.data
        client.give(early, 100)
        client.wait(lambda: len(early.data) == 100)
        every = b"".join(line_of(i) for i in range(1200))
        assert early.data == every[early.lost:early.lost + 100]
        before = early.lost
        # The writer has read nothing yet; what it types comes back when the lines are out.
        client.wait(lambda: writer.credit == 4096)
        client.write(writer, b"hello\n")
        writer.refill = True
        client.give(writer, 65536)
        printed = client.read(writer, b"hello\n")
        assert printed.count(b"PASS started") == 1
        if writer.lost == 0:
            assert printed.startswith(every)
        else:
            assert every.endswith(printed[:printed.index(b"PASS")])
        # A reader that was not quick enough is told what it has lost, to the byte.
        whole = len(every) + len(b"PASS started\nhello\n")
        client.give(early, 65536)
        client.wait(lambda: early.next == whole or early.data.endswith(b"hello\n"))
        assert early.lost == max(before, whole - 65535 - 100), (early.lost, whole)
        assert early.lost + len(early.data) == whole
        # Readers by offset.
        late = client.result("stream open", "echo", f"from={whole - 6}")[0]
        assert (late["from"], late["next"], late["lost"]) == (whole - 6, whole, 0)
        client.result("stream close", str(late["stream"]))
        gone = client.result("stream open", "echo", "from=0")[0]
        assert gone["lost"] == gone["oldest"] == gone["from"] == whole - 65535
        assert client.code("stream open", "echo", f"from={whole + 1}") == "bad-argument"
        # A port has one writer: another one is refused, or takes over.
        assert client.code("stream open", "echo", "mode=write") == "busy"
        second = client.stream_open("echo", "mode=write", "from=end", "take=yes")
        client.wait(lambda: writer.closed)
        assert writer.closed == "taken"
        client.give(second, 65536)
        client.write(second, b"x" * 4500 + b"\n")
        assert client.read(second, b"\n") == b"x" * 4500 + b"\n"
        # The credit is what the guest has taken, no more than 4,096 bytes in all.
        client.wait(lambda: second.credit == 4096)
        client.result("vm destroy", "echo")
        client.wait(lambda: second.closed)
        assert second.closed == early.closed == "destroyed"


def test_samples(build, tmp_path):
    """Sums that only grow, of VMs in which something has changed, and heartbeats."""
    with Qemu(build, bundle=make_bundle(build, tmp_path, "view operate configure"),
              channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        client.result("vm create", "tiny")
        client.result("vm create", "idle", "kernel=spin.bin", "memory=16M")
        client.result("vm start", "tiny")
        assert client.code("samples", "every=99") == "bad-argument"
        fields = client.result("samples", "every=100")[0]["fields"]
        assert fields[:6] == ["guest_ns", "monitor_ns", "steal_ns", "halted_ns", "resident_bytes",
                              "exits"] and "exit.io" in fields
        client.wait(lambda: len([row for row in client.samples if row["sample"] == "tiny"]) >= 16)
        rows = [row for row in client.samples if row["sample"] == "tiny"]
        for one, other in zip(rows, rows[1:]):
            assert one["time_ns"] < other["time_ns"] and len(other["values"]) == len(fields)
            values = dict(zip(fields, zip(one["values"], other["values"])))
            for name in set(fields) - {"resident_bytes"}:
                assert values[name][0] <= values[name][1], name
        # A sample is late where the host had no time for it, and the next one is not: only the
        # whole says how often they come, from one that was not very late itself.
        first, last = (dict(zip(fields, rows[i]["values"])) for i in (0, -1))
        passed = rows[-1]["time_ns"] - rows[0]["time_ns"]
        assert max((rows[-1]["time_ns"] - rows[at]["time_ns"]) / (len(rows) - 1 - at)
                   for at in range(len(rows) // 2)) >= 50e6, rows
        used = sum(last[name] - first[name]
                   for name in ("guest_ns", "monitor_ns", "steal_ns", "halted_ns"))
        assert used <= 2 * passed + 50e6, (used, passed)
        assert last["exits"] == sum(last[name] for name in fields if name.startswith("exit."))
        assert last["guest_ns"] > 100e6
        # Nothing happens in a VM that does not run.
        assert len([row for row in client.samples if row["sample"] == "idle"]) <= 1
        host = [row for row in client.samples if row["sample"] is None]
        assert len(host) >= 8
        # a CPU is busy or idle, and the last of it may not be counted yet
        counted = [sum(row["cpus"][0][::2]) for row in host]
        assert all(row["cpus"][0][1] is None for row in host)
        passed = host[-1]["time_ns"] - host[0]["time_ns"]
        assert abs(counted[-1] - counted[0] - passed) < passed / 2, (counted, passed)
        client.result("samples", "off")
        client.samples.clear()
        client.result("heartbeat", "1")
        client.wait(lambda: sum(event["event"] == "heartbeat" for event in client.events) >= 2)
        client.result("heartbeat", "off")
        assert not client.samples
        shown = {row["name"]: row for row in client.result("vm list")}
        assert shown["tiny"]["uuid"] == rows[0]["uuid"] and shown["tiny"]["boots"] == 1
        assert shown["tiny"]["steal_ns"] >= last["steal_ns"]


SERVICE = """[channel web]
rights = view operate configure
[vm service]
kernel = vmlinuz
initrd = initramfs.cpio.gz
memory = 128M
cmdline = console=ttyS0 quiet name=service
autostart = yes
port = web
channel = web
"""


# A line is sent to the port, and what comes is skipped up to a reply.
OPEN_PORT = ("exec 3<>/dev/$(basename $(dirname $(grep -l web /sys/class/virtio-ports/*/name))); "
             "ask() { echo \"$1\" >&3; while read -r line <&3; do "
             "case $line in {\\\"id\\\"*) break;; esac; done; echo \"$line\"; }")


def test_port(build, tmp_path):
    """A guest drives the machine by a port of its virtio console, as far as its channel may."""
    files = bundle.debian_virtio(build / "guests") | bundle.tiny(build, "spin")
    made = bundle.make(tmp_path / "port.cpio", CONF.format(rights="view console operate") + SERVICE,
                       files)
    with Qemu(build, bundle=made, channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        machine.attach_shell("service")
        machine.shell(OPEN_PORT)

        def ask(line):
            return json.loads(machine.shell(f"ask '{line}'"))

        hello = ask('{"id":1,"hello":2}')["result"][0]
        assert hello["channel"] == "web" and hello["rights"] == ["view", "operate", "configure"]
        assert hello["vm"] == "service"
        made = ask('{"id":2,"command":"vm create","arguments":["tiny"],"actor":"bob"}')
        assert made["result"][0]["state"] == "created"
        event = json.loads(machine.shell("read -r line <&3; echo \"$line\""))
        assert event["event"] == "created" and event["sequence"] > hello["event_last"]
        assert client.event("created", "tiny")["uuid"] == event["uuid"]
        assert ask('{"id":3,"command":"reboot"}')["code"] == "no-right"
        assert ask('nonsense')["code"] == "bad-request"
        audit = [row["text"] for row in client.result("log show -c audit")]
        assert 'channel web for "bob": created' in audit, audit
        # No other client gets at the port, nor may a second VM have the channel.
        assert client.code("stream open", "service", "port=web") == "busy"
        machine.leave()
        assert "is a machine channel" in machine.command("vm console service web")
        assert "that of VM service" in \
            machine.command("vm create other kernel=spin.bin port=web channel=web")
        assert "add port = web" in machine.command("vm create x kernel=spin.bin channel=web")
        # A guest that boots afresh is a new client.
        assert client.result("vm kill", "service")[0]["reason"] == "ended by `vm kill`"
        assert client.code("vm kill", "service") == "bad-state"
        client.result("vm start", "service")
        machine.attach_shell("service")
        machine.shell(OPEN_PORT)
        again = ask('{"id":1,"hello":2}')["result"][0]
        assert again["boot"] == hello["boot"]
        machine.leave()


def test_keys(build, tmp_path):
    """`vm get` says of every key what it is, where from, and when a change takes effect."""
    with Qemu(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.result("vm create", "tiny", "weight=9")
        rows = {row["key"]: row for row in client.result("vm get", "tiny")}
        assert rows["kernel"] == {"key": "kernel", "value": "spin.bin", "applies": "next-start",
                                  "origin": "configuration"}
        assert (rows["weight"]["value"], rows["weight"]["applies"]) == ("9", "now")
        assert rows["weight"]["origin"] == "command" and rows["vcpus"]["origin"] == "default"
        digest = "0123456789abcdef" * 4
        assert client.result("audit anchor", digest)[0]["hash"] == digest
        assert client.code("audit anchor", digest[1:]) == "bad-argument"
        assert client.result("log show -c audit")[-1]["text"] == f"machine channel: anchor {digest}"


def test_hostile(build, tmp_path):
    """Garbage, half lines, forged streams, credit and data that nobody allowed: then a healthy
    request, and the machine is as it was."""
    dice = random.Random(12)
    made = make_bundle(build, tmp_path, ALL, "[vm echo]\nkernel = echo.bin\nmemory = 16M\n")
    with Qemu(build, bundle=made, channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        before = machine.free_pages()
        client.result("vm create", "echo")
        client.result("vm start", "echo")

        def healthy(answered):
            number = client.request("version", order="any")
            while True:
                reply = client.reply()
                if reply["id"] == number:
                    return
                assert reply["id"] in (None, 1) and reply["code"] == "bad-request", reply
                answered.append(reply)

        # Each line of garbage is answered once, the empty ones not at all.
        noise = bytes(dice.choices(b'{}[]":,\\\xff\x00\x1bidstream credit0123456789', k=20000))
        lines = noise + b"\n" + b'{"id":1,"comm\n' + b"\n" * 100 + b'{"id":\n'
        client.send(lines)
        answered = []
        healthy(answered)
        assert len(answered) == sum(1 for line in lines.split(b"\n") if line.strip(b" \t\r"))
        # A line of which the end never comes, until it does.
        client.send(b'{"id":1,' + b" " * 5000)
        client.send(b'"command":"vm list"\n')
        answered = []
        healthy(answered)
        assert len(answered) == 1
        # A line for a stream that is not this client's is ignored.
        client.send(b'{"credit":%d,"bytes":1}\n{"stream":%d,"data":"eA=="}\n' % (99, 99) * 2000)
        healthy([])
        reader = client.stream_open("echo")
        client.post({"stream": reader.number, "data": "eA=="})
        client.wait(lambda: reader.closed)
        greedy = client.stream_open("echo")
        client.give(greedy, 65536)
        client.give(greedy, 65536)
        client.wait(lambda: greedy.closed)
        # A running guest takes input as it comes by a slow line, which gives new credit in time.
        client.result("vm pause", "echo")
        flood = client.stream_open("echo", "mode=write")
        client.send(b'{"stream":%d,"data":"%s"}\n' % (flood.number, b"eHh4" * 1000) * 20)
        client.wait(lambda: flood.closed)
        assert {reader.closed, greedy.closed, flood.closed} == {"bad-input"}
        client.result("vm resume", "echo")
        # A client gets no more streams than there are, and all of them end.
        for _ in range(16):
            client.stream_open("echo", "from=end")
        assert client.code("stream open", "echo") == "busy"
        for number in list(client.streams)[-16:]:
            client.result("stream close", str(number))
        assert client.code("stream close", "1") == "not-found"
        assert client.result("vm list")[0]["state"] == "running"
        client.result("vm destroy", "echo")
        machine.wait_free(before)


def test_record(tmp_path):
    """A client cannot tell a record from the machine it was made of."""
    ours, theirs = socket.socketpair()
    path = tmp_path / "record.jsonl"
    client = Client(Recorder(ours, path), 10)
    event = {"event": "created", "sequence": 1, "vm": "tiny", "uuid": "u", "reason": "",
             "time_ns": 5}
    answers = ([{"protocol": 2}], [], [{"name": "tiny", "state": "created"}])

    def machine():
        with theirs.makefile("rb") as lines:
            for number, answer in enumerate(answers, 1):
                assert json.loads(lines.readline())["id"] == number
                line = {"id": number, "status": "ok", "result": answer}
                more = json.dumps(event).encode() + b"\n" if number == 2 else b""
                theirs.sendall(json.dumps(line).encode() + b"\n" + more)

    threading.Thread(target=machine, daemon=True).start()
    assert client.hello() == answers[0][0]
    assert [client.result("vm list"), client.result("vm list")] == list(answers[1:])
    client.close()
    player = Player(path, tmp_path / "socket", speed=100)
    threading.Thread(target=player.serve, daemon=True).start()
    link = socket.socket(socket.AF_UNIX)
    link.connect(str(tmp_path / "socket"))
    client = Client(link, 10)
    assert client.hello() == answers[0][0]
    assert client.result("vm list", actor="somebody else") == []
    assert client.event("created", "tiny") == event
    assert client.result("vm list") == client.result("vm list") == answers[2]
    assert client.code("vm start", "tiny") == "failed"
    client.close()
    player.close()
