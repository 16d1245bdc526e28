# SPDX-License-Identifier: MIT
"""User-data for cloud-init that comes over the machine channel: who gets it, how long it stays, what is refused."""
import base64
import re

import pytest

import bundle
import firmware
from channel_v2 import Client
from machine import Bochs, Qemu

PIECE = 4096
MAX = 32 << 10
TEXT = b"#cloud-config\npassword: wl3kVq8Zt\n"
SECRET = "wl3kVq8Zt"
KEYS = ("boot=bios", "firmware=seabios.bin", "memory=32M", "disk=root ro")


def hand_over(client, text, at=0):
    for start in range(at, len(text), PIECE):
        client.result("user-data", str(start), data=base64.b64encode(text[start:start + PIECE]).decode())


def make_bundle(tmp_path):
    return bundle.make(tmp_path / "seed.cpio", firmware.MEMORY_DISK,
                       firmware.seabios() | {"disk.img": firmware.seed_disk(tmp_path)})


def refused(client, name, size, *keys):
    reply = client.ask("vm create", name, f"user-data={size}", *(keys or KEYS))
    assert reply["status"] == "error", reply
    return reply["error"]


@pytest.mark.parametrize("emulator", [Qemu, pytest.param(Bochs, marks=pytest.mark.long)])
def test_given(build, tmp_path, emulator):
    """The guest of a VM that is made with a text finds it on its CD; nothing else shows it."""
    with emulator(build, bundle=make_bundle(tmp_path), channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        hand_over(client, TEXT)
        client.result("vm create", "pc", f"user-data={len(TEXT)}", *KEYS)
        client.result("vm start", "pc")
        machine.attach("pc")
        machine.wait(SECRET)
        machine.wait("END of user-data")
        machine.leave()
        for command in ("config show", "vm list", "vm get pc", "log show", "log show -c audit", "events since 0"):
            assert SECRET not in str(client.result(command)), command
        assert SECRET not in machine.command("vm inspect pc")
        assert re.search(r"seed +next-start +command +\(given\)", machine.command("vm get pc"))
        # a start whose guest has not used the text leaves it there for the next
        client.result("vm kill", "pc")
        client.result("vm start", "pc")
        machine.attach("pc")
        machine.wait(SECRET)
        machine.leave()
        # another VM needs a text of its own
        assert "0 bytes have come" in refused(client, "two", len(TEXT))
        assert "no text has come" in client.ask("vm create", "two", "seed=(given)", *KEYS)["error"]
        client.result("vm destroy", "pc")
        assert [row["name"] for row in client.result("vm list")] == []
        assert "0 found" in machine.command("audit")


def test_refused(build, tmp_path):
    """What cloud-init could not read makes no VM, and leaves no text behind."""
    with Qemu(build, bundle=make_bundle(tmp_path), channel=True) as machine:
        machine.wait_prompt()
        client = Client.over(machine.channel)
        client.hello()
        for text, said in ((b"#cloud-config\n\0", "byte 14 of the text is a 0"),
                           (b"#cloud-config\n\xff", "byte 14 of the text is not UTF-8"),
                           (b"#cloud-config\n\xc3", "byte 14 of the text is not UTF-8")):
            hand_over(client, text)
            assert said in refused(client, "pc", len(text))
        assert "0 bytes have come" in refused(client, "pc", 0)
        hand_over(client, TEXT)
        assert f"{len(TEXT)} bytes have come" in refused(client, "pc", len(TEXT) + 1)
        hand_over(client, TEXT)
        assert "firmware" in refused(client, "pc", len(TEXT), "kernel=built-in", "memory=32M")
        assert "0 bytes have come" in refused(client, "pc", len(TEXT))
        hand_over(client, bytes(b"a" * MAX))
        assert client.ask("user-data", str(MAX), data="YQ==")["error"].endswith("at most 32 KiB here")
        hand_over(client, TEXT)
        assert "begin again at 0" in client.ask("user-data", "5", data="YQ==")["error"]
        assert "the piece is missing" in client.ask("user-data", "0")["error"]
        assert "the piece is missing" in client.ask("user-data", "0", data="?")["error"]
        assert "takes none" in client.ask("vm list", data="YQ==")["error"]
        assert "machine channel" in machine.command("user-data 0")
        assert "machine channel" in machine.command("vm create pc user-data=5")
        # a new session of the client finds nothing of the one before
        hand_over(client, TEXT)
        client.hello()
        assert "0 bytes have come" in refused(client, "pc", len(TEXT))
        assert client.result("vm list") == []
        longest = TEXT.ljust(MAX, b"#")
        hand_over(client, longest)
        client.result("vm create", "pc", f"user-data={MAX}", *KEYS)
        client.result("vm destroy", "pc")
        assert "0 found" in machine.command("audit")
