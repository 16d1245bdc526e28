# SPDX-License-Identifier: MIT
"""The configuration: shown as the file that makes the machine again, changed while VMs run."""
import random

import bundle
from machine import Qemu

CONF = rb"""# the first one
[host]
log = warning
[vm one]
kernel = spin.bin
memory = 16M
autostart = yes
cmdline = "off # \"quoted\" \\"
weight = 300
[vm two]
kernel = cpuid.bin
memory = 16M
trap = cr,msr
stop_timeout = 1500ms
"""


def make_bundle(build, path, conf):
    return bundle.write(path, bundle.tiny(build, "spin", "cpuid") | {"skerry.conf": conf})


def test_shown_again(build, tmp_path):
    """What `config show` prints is a file; a machine started with it shows the same."""
    with Qemu(build, bundle=make_bundle(build, tmp_path / "1.cpio", CONF)) as machine:
        machine.wait_prompt()
        machine.command(r'vm create three kernel=spin.bin memory=20M vcpus=3 cap=150%'
                        r' cmdline="a \"b\" # c"')
        machine.command("vm set one weight=77 reserve=1ms/20ms affinity=0 stop_timeout=5s")
        machine.command("vm set three autostart=yes on_crash=restart")
        machine.command("log level info")
        shown = machine.command("config show")
        assert "error" not in shown
        listed = machine.objects("vm list")
    second = make_bundle(build, tmp_path / "2.cpio", shown.encode())
    with Qemu(build, bundle=second) as machine:
        assert "error" not in machine.wait_prompt()
        assert machine.command("config show") == shown
        for row, old in zip(machine.objects("vm list"), listed):
            for key in ("name", "vcpus", "memory_bytes", "weight", "cap_percent",
                        "reserve_budget_ns", "reserve_period_ns"):
                assert row[key] == old[key]
        # What belongs to a boot changes between two of them.
        assert "while one is running" in machine.command("vm set one memory=32M")
        machine.command("vm set one stop_timeout=0s")
        machine.type("vm stop one\r")
        machine.wait_end("one")
        machine.wait_prompt()
        assert machine.objects("vm set one memory=32M vcpus=2")[0]["memory"] == "32M"
        machine.command("vm start one")
        assert machine.vm("one")["memory_bytes"] == 32 << 20
        assert machine.vm("one")["vcpus"] == 2


def test_noise(build, tmp_path):
    """A mebibyte of noise: few clear errors, and a machine that works."""
    dice = random.Random(6)
    noise = bytes(dice.choices(b"[]=#\"\\\n vmhost:kernl0\xff\x00\x1b", k=1 << 20))
    path = make_bundle(build, tmp_path / "noise.cpio", noise)
    with Qemu(build, bundle=path) as machine:
        said = machine.wait_prompt()
        errors = [line for line in said.split("\n") if "error: skerry.conf:" in line]
        assert 0 < len(errors) <= 21
        assert "found too many mistakes, the rest is not read" in said
        assert "\x1b" not in said
        assert machine.objects("vm list") == []
        machine.command("vm create tiny kernel=cpuid.bin memory=16M")
        machine.type("vm start tiny\r")
        assert machine.wait_end("tiny") == ("stopped", "debug exit 16")


WORDS = ("x" * 900, "-1", "99999999999999999999999", "\u00fc\u20ac\U0001f600", "a=b", "=", "-x",
         "%s%n%x", "..", "none", "0x", "\\", "\t~", "'")
# These would do something with one of the words above.
ENDS = ("poweroff", "reboot")


def test_arguments(build, tmp_path):
    """No, too many, unknown, huge, strange arguments: one clear error each, nothing changed."""
    path = make_bundle(build, tmp_path / "arguments.cpio", CONF)
    with Qemu(build, bundle=path, channel=True) as machine:
        machine.wait_prompt()
        channel = machine.channel
        commands = channel.result("help")
        before = channel.result("config show"), len(channel.result("vm list"))
        assert len(commands) > 20
        tried = 0
        for command in commands:
            name = command["name"]
            lines = [f"{name} {word} {other}".rstrip() for word in WORDS for other in ("", "one")]
            lines += [f"{name} " + " ".join(["y"] * 32), f"{name} " + " ".join(["y"] * 100)]
            if command["arguments"] and command["arguments"][0] not in "[" and name not in ENDS:
                lines.append(name)
            for line in lines:
                reply = channel.ask(line)
                tried += 1
                if reply["status"] == "error":
                    text = reply["error"]
                    assert 10 < len(text) < 2000 and text.isascii() and text.isprintable(), text
        assert tried > 500
        for line in ("\u00fc", "vm \u00fc", "x" * 1000, "vm", '"', "a " * 100, "\\", "-j"):
            text = channel.error(line)
            assert text.isascii() and len(text) > 10
        assert (channel.result("config show"), len(channel.result("vm list"))) == before
        assert machine.vm("one")["state"] == "running"
