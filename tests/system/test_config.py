# SPDX-License-Identifier: MIT
"""The configuration: shown as a file that makes the same machine again, changed while VMs run."""
import json
import random
import re

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


# A second value of each key.
OTHERS = {"kernel": "cpuid.bin", "initrd": "spin.bin", "cmdline": "x", "boot": "bios", "firmware": "spin.bin",
          "boot.order": "cdrom disk", "boot.once": "net", "boot.menu": "yes", "seed": "spin.bin",
          "smbios.uuid": "0b1f3c5e-89ab-4cde-8f01-23456789abcd", "smbios.vendor": "v", "smbios.product": "p",
          "smbios.serial": "s", "memory": "32M",
          "vcpus": "2", "affinity": "all", "weight": "91", "cap": "60%", "reserve": "2ms/30ms",
          "autostart": "no", "on_crash": "destroy", "clock": "jump", "stop_timeout": "9s", "pages": "4k",
          "trap": "cr msr", "preemption_timer": "off", "unrestricted": "off", "tlb_flush": "full",
          "apic_virtualization": "off", "hpet": "yes", "pci": "off",
          "rng": "yes", "balloon": "yes", "vsock": "yes", "vsock.peers": "gamma:5000, delta:22",
          "quiesce": "yes", "window": "fuzz 64K", "overcommit": "yes", "console": "virtio",
          "port": "agent", "channel": "agent", "disk": "none", "net": "none", "backup": "none",
          "disk.ops": "1000", "disk.bytes": "9000000", "disk.burst": "64000", "disk.weight": "512",
          "disk.undo": "1M",
          "net.packets": "1000", "net.bytes": "9000000", "net.burst": "64000", "net.weight": "512",
          "net.egress": "10.0.2.5:443/tcp, 10.1.0.0/16",
          "test_device": "yes"}
# The keys that, by `help vm set`, can change while a VM runs.
AT_ANY_TIME = ("weight cap reserve affinity on_crash stop_timeout autostart trap quiesce backup disk.ops disk.bytes "
               "disk.burst disk.weight disk.undo net.packets net.bytes net.burst net.weight").split()


def check_changeable(machine):
    """
    Checks that the keys of a running VM that help names can be set, and `config show` shows
    them; all others are refused.
    """
    said = re.search(r"At any time: ([^\n]*)\.\n", machine.command("help vm set"))
    assert said[1].split() == AT_ANY_TIME
    keys = re.search(r"the keys are ([a-z_. ]+)", machine.command("vm create x x=x"))[1].split()
    assert set(keys) == set(OTHERS)
    assert 'there is no key "foo"; the keys are kernel initrd' in machine.command("vm set one foo=1")
    for key, value in OTHERS.items():
        if key not in AT_ANY_TIME:
            assert "while one is running" in machine.command(f"vm set one {key}={value}"), key
            continue
        assert machine.objects(f'vm set one {key}="{value}"') == [{"name": "one", key: value}]
        (shown,) = [row for row in machine.objects("config show") if row.get("name") == "one"]
        assert shown.get(key, {"backup": "none"}.get(key, "all")) == value, shown


def test_shown_again(build, tmp_path):
    """The output of `config show` is a valid file; a machine started with it shows the same."""
    with Qemu(build, bundle=make_bundle(build, tmp_path / "1.cpio", CONF)) as machine:
        machine.wait_prompt()
        machine.command(r'vm create three kernel=spin.bin memory=20M vcpus=3 cap=150%'
                        r' cmdline="a \"b\" # c"')
        machine.command("vm set one weight=77 reserve=1ms/20ms affinity=0 stop_timeout=5s")
        machine.command("vm set three autostart=yes on_crash=restart")
        machine.command("log level info")
        machine.command("log export off json")
        shown = machine.command("config show")
        assert "error" not in shown and "log.format = json" in shown
        listed = machine.objects("vm list")
    second = make_bundle(build, tmp_path / "2.cpio", shown.encode())
    with Qemu(build, bundle=second) as machine:
        assert "error" not in machine.wait_prompt()
        assert machine.command("config show") == shown
        rows = machine.objects("vm list")
        assert len(rows) == len(listed)
        for row, old in zip(rows, listed):
            for key in ("name", "vcpus", "memory_bytes", "weight", "cap_percent",
                        "reserve_budget_ns", "reserve_period_ns"):
                assert row[key] == old[key]
        # Keys that take effect at boot change while the VM is stopped.
        check_changeable(machine)
        machine.command("vm set one stop_timeout=0s")
        machine.type("vm stop one\r")
        machine.wait_end("one")
        machine.wait_prompt()
        for key in ("kernel", "initrd"):
            said = machine.command(f"vm set one memory=64M {key}=nofile")
            assert said.startswith(f'error: {key}: there is no file "nofile"'), said
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
        assert "there are too many mistakes; the rest is not read" in said
        assert "\x1b" not in said
        assert machine.objects("vm list") == []
        machine.command("vm create tiny kernel=cpuid.bin memory=16M")
        machine.type("vm start tiny\r")
        assert machine.wait_end("tiny") == ("stopped", "debug exit 16")


WORDS = ("x" * 900, "-1", "99999999999999999999999", "\u00fc\u20ac\U0001f600", "a=b", "=", "-x",
         "%s%n%x", "..", "none", "0x", "\\", "\t~", "'")
SHOWN = ("config show", "log level", "gdb")


def bad_lines(command):
    """Lines that a command must refuse: no word in them is a name, a key or a number that fits.

    A number is a name for a snapshot.
    """
    name = command["name"]
    second = [word for word in WORDS[1:6] if name != "vm snapshot" or not word.isdigit()]
    lines = [f"{name} {word}" for word in WORDS] + [f"{name} one {word}" for word in second]
    lines += [f"{name} " + " ".join(["y"] * count) for count in (32, 100)]
    if command["arguments"] and command["arguments"][0] != "[":
        lines.append(name)
    return lines


def answers(channel, lines):
    """(line, reply) of many requests, sent ahead in batches."""
    for at in range(0, len(lines), 50):
        some = lines[at:at + 50]
        channel.send(b"".join(json.dumps({"id": line, "command": line}).encode() + b"\n"
                              for line in some))
        for line in some:
            reply = channel.reply()
            assert reply["id"] == line
            yield line, reply


def test_arguments(build, tmp_path):
    """Missing, excess, unknown, huge, strange arguments: one clear error each, nothing changed."""
    allowed = b"[channel com2]\nrights = view operate console configure host inspect guest content\n"
    path = make_bundle(build, tmp_path / "arguments.cpio", CONF + allowed)
    with Qemu(build, bundle=path, channel=True) as machine:
        machine.wait_prompt()
        channel = machine.channel
        commands = channel.result("help")
        before = {line: channel.result(line) for line in SHOWN}
        lines = sum((bad_lines(command) for command in commands), [])
        assert len(commands) > 30 and len(lines) > 20 * len(commands)
        for line, reply in answers(channel, lines):
            assert reply["status"] == "error", line
            text = reply["error"]
            assert 10 < len(text) < 2000 and text.isascii() and text.isprintable(), (line, text)
        for line in ("\u00fc", "vm \u00fc", "x" * 1000, "vm", '"', "a " * 100, "\\", "-j"):
            text = channel.error(line)
            assert text.isascii() and len(text) > 10
        for line in before:
            assert channel.result(line) == before[line], line
        assert machine.vm("one")["state"] == "running"
