# SPDX-License-Identifier: MIT
"""The machine channel, version 2: rights, structured words, numbered events, streams, samples."""
import bundle
from channel_v2 import Client
from machine import Qemu

CONF = """[channel com2]
rights = {rights}
[vm tiny]
kernel = spin.bin
memory = 16M
autostart = no
"""
ALL = "view operate console configure host inspect"


def make_bundle(build, tmp_path, rights=ALL, more=""):
    return bundle.make(tmp_path / "channel.cpio", CONF.format(rights=rights) + more,
                       bundle.tiny(build, "spin", "cpuid"))


def test_requests(build, tmp_path):
    """Hello, words as they are, who asks, codes, events by number."""
    with Qemu(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        assert client.code("vm list", hello=2) == "bad-request"
        hello = client.hello()
        assert hello["protocol"] == 2 and len(hello["boot"]) == 32 and hello["channel"] == "com2"
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
        # What was sent by itself is what is kept, in the same words.
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
    """Of more than 1,024 events the oldest are gone, and whoever asks for them is told."""
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
}


def test_rights(build, tmp_path):
    """A channel does what its section says, whoever speaks which version; by default not inspect."""
    for rights in ("view operate", "none", None):
        made = make_bundle(build, tmp_path, rights or ALL)
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
            if rights == "none":
                assert client.code("vm list") == "no-right" and not client.events
