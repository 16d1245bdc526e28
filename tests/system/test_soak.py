# SPDX-License-Identifier: MIT
"""Operations at random from both consoles; the machine ends with the pages it began with."""
import random
import re
import time

import pytest

import bundle
from machine import Bochs, Qemu

NAMES = ("a", "b", "c")
GUESTS = ("built-in", "spin.bin", "cpuid.bin", "noise")
OPERATIONS = ("create", "create", "start", "start", "start", "pause", "resume", "reset", "stop",
              "destroy", "set", "stat", "list", "show")
STATES = {"created", "running", "paused", "stopped", "crashed"}


def make_bundle(build, tmp_path):
    files = bundle.tiny(build, "spin", "cpuid") | {"noise": bytes(range(256)) * 16}
    return bundle.make(tmp_path / "soak.cpio", "# VMs come and go\n[channel com2]\nrights = view operate configure host inspect\n", files)


def operation(dice):
    """Returns a random command line, valid in some state of the VM or other."""
    name = dice.choice(NAMES)
    what = dice.choice(OPERATIONS)
    if what == "create":
        return (f"vm create {name} kernel={dice.choice(GUESTS)} memory={dice.choice((4, 16, 48, 700))}M "
                f"vcpus={dice.choice((1, 1, 2, 5))} stop_timeout={dice.choice(('0s', '20ms', '1s'))} "
                f"on_crash={dice.choice(('hold', 'restart', 'destroy'))}")
    if what == "set":
        return f"vm set {name} weight={dice.randint(1, 999)} cap={dice.choice(('none', '50%'))}"
    if what in ("list", "show"):
        return {"list": "vm list", "show": "config show"}[what]
    return f"vm {what} {name}"


def pages(channel):
    return {row["owner"]: row["pages"] for row in channel.result("mem")}


def settled_pages(channel, wanted):
    """Waits for the pages wanted: a VM's last ones come back a moment after its end is reported."""
    deadline = time.monotonic() + 60
    while pages(channel) != wanted and time.monotonic() < deadline:
        pass
    return pages(channel)


def destroy_all(channel):
    for name in NAMES:
        channel.ask(f"vm destroy {name}")
    channel.wait(lambda: channel.result("vm list") == [])


def soak(machine, count):
    machine.wait_prompt()
    channel = machine.channel
    dice = random.Random(20)
    channel.result("sym kernel_main") # maps the symbols, for good
    for name in NAMES:
        channel.result(f"vm create {name} kernel=spin.bin memory=48M vcpus=5")
        channel.result(f"vm start {name}")
    destroy_all(channel)
    before = pages(channel)
    good = 0
    typed = 0
    for _ in range(count):
        if dice.random() < 0.2:
            machine.type(operation(dice) + "\r")
            typed += 1
        reply = channel.ask(operation(dice))
        assert reply["status"] == "ok" or len(reply["error"]) > 10, reply
        good += reply["status"] == "ok"
        if typed == 10: # when this key is answered, all that was typed before it is done
            machine.type("sym soaked\r")
            machine.wait(re.escape('error: "soaked"'))
            typed = 0
    assert good > count / 4, f"{good} of {count} operations were possible"
    machine.type("sym soaked\r")
    machine.wait(re.escape('error: "soaked"'))
    assert {vm["state"] for vm in channel.result("vm list")} <= STATES
    assert channel.result("audit")[-1]["findings"] == 0
    destroy_all(channel)
    assert settled_pages(channel, before) == before
    assert channel.result("audit")[-1]["findings"] == 0
    created = [event for event in channel.events if event["event"] == "created"]
    destroyed = [event for event in channel.events if event["event"] == "destroyed"]
    assert len(created) == len(destroyed) > count / 50
    return good


@pytest.mark.parametrize("emulator, count", [
    (Qemu, 200), (Bochs, 60), pytest.param(Qemu, 10000, marks=pytest.mark.long),
    pytest.param(Bochs, 2000, marks=pytest.mark.long)])
def test_soak(build, tmp_path, emulator, count):
    with emulator(build, bundle=make_bundle(build, tmp_path), channel=True) as machine:
        soak(machine, count)
