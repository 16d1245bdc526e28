# SPDX-License-Identifier: MIT
"""[host] password: before it is given, console and machine channel neither do nor show anything."""
import hashlib
import json
import re
import subprocess
import time
from pathlib import Path

import pytest

import bundle
import ring_3
from machine import Qemu

ROOT = Path(__file__).resolve().parents[2]
WORD = "open sesame"
WRONG = "close barley"
ASKED = r"(?:^|\n|\r)password: "


def hashed(word, salt=bytes(range(16)), iterations=1000):
    """Computes what the guide's line for a PC computes."""
    digest = hashlib.pbkdf2_hmac("sha256", word.encode(), salt, iterations)
    return f"pbkdf2-sha256${iterations}${salt.hex()}${digest.hex()}"


def files(build, tmp_path, password):
    conf = (f"[host]\npassword = {password}\nexport = com2\n"
            "[vm demo]\nkernel = built-in\nmemory = 16M\nautostart = yes\n")
    return bundle.make(tmp_path / "password.cpio", conf)


def refused(machine, word):
    """Types a wrong password; returns all that is said up to the next question."""
    machine.type(word + "\r")
    return machine.wait(ASKED)


def auths(channel, *words):
    """The answers to several attempts, sent at once."""
    channel.send(b"".join(json.dumps({"id": 0, "auth": word}).encode() + b"\n" for word in words))
    replies = [channel.reply() for _ in words]
    return [reply.get("error", reply["status"]) for reply in replies]


def auth(channel, word):
    return auths(channel, word)[0]


def check_channel(channel):
    """Requests, events and the log wait for the password; three wrong ones cause a delay."""
    assert "the channel is locked; unlock it by" in channel.error("vm list")
    assert "locked" in channel.error("nonsense")
    answers = auths(channel, WRONG, WRONG, WRONG, WORD)
    assert answers[:3] == ["auth: wrong password"] * 3
    assert answers[3] == "auth: there were too many wrong passwords; try again in 1 s"
    assert not channel.events and not channel.log
    while (answer := auth(channel, WORD)) != "ok":
        assert "try again in 1 s" in answer
    assert [vm["name"] for vm in channel.result("vm list")] == ["demo"]
    channel.event("started", "demo")
    channel.wait(lambda: any("wrong password, 3 in a row" in line["text"] for line in channel.log))


def check_locked(machine, channel):
    """What happens while the console is locked is shown only after the password."""
    machine.type("lock\r")
    machine.wait(ASKED)
    channel.result("vm pause demo")
    channel.result("vm destroy demo")
    channel.event("destroyed", "demo")
    assert "demo" not in refused(machine, WRONG)
    machine.type(WORD + "\r")
    machine.wait_prompt()
    channel.result("lock")
    assert "locked" in channel.error("vm list")
    assert auth(channel, WORD) == "ok"


def check_made(machine):
    """The command `password` computes what hashlib on a PC does, and refuses a short password."""
    machine.type("password 1000\r")
    machine.wait("new password: ")
    machine.type("a new one\x15wrong\x7f\x7f\x7f\x7f\x7fcorrect horse\r")
    machine.wait("once more: ")
    machine.type("correct horse\r")
    machine.wait(r"password = pbkdf2-sha256\$1000\$([0-9a-f]{32})\$([0-9a-f]{64})\r*\n")
    made = machine.match()
    assert hashed("correct horse", bytes.fromhex(made[1])).endswith(made[2])
    machine.wait_prompt()
    machine.type("password\r")
    machine.wait("new password: ")
    # the password is asked for again: what a person types next must not become a line of the
    # history
    machine.type("short\r")
    machine.wait("a password has 8 to 64 characters")
    machine.wait("new password .Enter alone gives up.: ")
    machine.type("correct horse\r")
    machine.wait("once more: ")
    machine.type("another\r")
    machine.wait("the two passwords differ")
    machine.wait_prompt()
    machine.type("password\r")
    machine.wait("new password: ")
    machine.type("\r")
    machine.wait("no password made")
    machine.wait_prompt()


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_password(build, tmp_path, emulator):
    with emulator(build, bundle=files(build, tmp_path, hashed(WORD)), channel=True) as machine:
        machine.wait(ASKED)
        assert "demo" not in machine.transcript() and "skerry>" not in machine.transcript()
        assert "error: wrong password" in refused(machine, WRONG)
        assert "error: wrong password" in refused(machine, "")
        said = refused(machine, WORD + "x")
        assert "3 wrong passwords in a row, the next is accepted in 1 s" in said
        machine.type(f"{WRONG}\x15{WORD}\r")
        assert "Starting: demo" in machine.wait_prompt()
        audit = machine.command("log show -c audit")
        for line in ("console: locked", "console: wrong password, 1 in a row",
                     "console: wrong password, 3 in a row, the next is accepted in 1 s",
                     "console: unlocked"):
            assert line in audit, audit
        shown = machine.command("config show") + machine.command("config show -j")
        assert "# password = is set and not shown" in shown and '"password_set":true' in shown and "pbkdf2" not in shown
        check_channel(machine.channel)
        check_locked(machine, machine.channel)
        check_made(machine)
        secrets = (WORD, WRONG, "correct horse", hashed(WORD)[-64:])
        said = machine.transcript() + machine.command("log show")
        assert not [secret for secret in secrets if secret in said]


IDLE = r"\[locked, no input for 2 s\]\r*\n"


def unlock(machine):
    machine.type(WORD + "\r")
    return machine.wait_prompt()


def check_idle_ends(machine, line):
    """Checks that what is under way at the terminal ends with the lock."""
    unlock(machine)
    machine.type(line + "\r")
    machine.wait(IDLE)
    machine.wait(ASKED)


def test_idle(build, tmp_path):
    """`lock_after` locks the console when nothing is typed, whatever it shows meanwhile. On Bochs,
    whose idle time passes at once, nobody could type in time."""
    conf = (f"[host]\npassword = {hashed(WORD)}\nlock_after = 2s\n"
            "[vm demo]\nkernel = built-in\nmemory = 16M\nautostart = yes\nstop_timeout = 300s\n")
    with Qemu(build, bundle=bundle.make(tmp_path / "idle.cpio", conf)) as machine:
        machine.wait(ASKED)
        unlock(machine)
        machine.type("vm li")  # a line that is not finished is none
        machine.wait(IDLE)
        machine.wait(ASKED)
        for line in ("watch 1 vm list", "password"):
            check_idle_ends(machine, line)
        assert "vm list" not in refused(machine, WRONG)
        unlock(machine)
        machine.attach("demo")
        machine.wait(IDLE)
        machine.wait(ASKED)
        unlock(machine)
        assert "lock_after = 2s" in machine.command("config show")
        audit = machine.command("log show -c audit")
        assert audit.count("console: no input for 2 s") == 4, audit
        assert "demo: console: console left" in audit
        machine.command("term on 5")
        machine.type("help\r")
        machine.wait("--more--")
        machine.wait(IDLE)
        machine.wait(ASKED)
        unlock(machine)
        for _ in range(8):
            machine.type("x")
            time.sleep(0.5)
        machine.type("\x15version\r")
        assert "locked" not in machine.wait("Skerry ")
        machine.wait_prompt()
        # a machine that is about to power off goes on
        machine.type("poweroff\r")
        machine.wait("Stopping 1 VM first")
        time.sleep(4)
        machine.type("\x03")
        assert "locked" not in machine.wait_prompt()


def test_idle_without_password(build, tmp_path):
    conf = "[host]\nlock_after = 1s\n[vm demo]\nkernel = built-in\nmemory = 16M\n"
    with Qemu(build, bundle=bundle.make(tmp_path / "idle.cpio", conf)) as machine:
        assert "lock_after: it has no effect without a password" in machine.wait_prompt()
        time.sleep(2)
        assert "Skerry" in machine.command("version")


def guide_line(word):
    """Returns what the guide's line for a PC prints."""
    text = (ROOT / "docs/guides/write-a-configuration.md").read_text()
    line = re.search(r"^    (python3 -c .*)$", text, re.MULTILINE)[1]
    done = subprocess.run(line, shell=True, check=True, text=True, input=word + "\n",
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
    return done.stdout.strip().removeprefix("password = ")


def test_command_line(build, tmp_path):
    """`run=` is up to whoever boots the machine: it needs no password, and unlocks nothing."""
    with Qemu(build, bundle=files(build, tmp_path, guide_line(WORD)),
              cmdline='run="vm list; vm console demo; ; "') as machine:
        said = machine.wait(ASKED)
        assert " 16M " in said and "needs a terminal" in said
        assert "skerry>" not in refused(machine, "vm list")
        machine.type(WORD + "\r")
        machine.wait_prompt()


def test_unreadable(build, tmp_path):
    """A malformed `password =` locks the machine for good, and is not shown."""
    with Qemu(build, bundle=files(build, tmp_path, WORD), channel=True) as machine:
        said = machine.wait(ASKED)
        assert "skerry.conf:2:12: password: \"...\" is not valid; use pbkdf2-sha256$" in said
        assert "the password in the configuration cannot be read" in said
        assert "wrong password" in refused(machine, WORD)
        assert "cannot be read" in auth(machine.channel, WORD)
        assert "locked" in machine.channel.error("vm list")
        assert WORD not in machine.transcript()
