# SPDX-License-Identifier: MIT
"""QEMU's guest agent in a Debian guest, asked by skerryctl through skerryd and a port of the virtio console."""
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import bundle
from channel_v2 import Client
from machine import Qemu
from ports import free_port

ROOT = Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

CONF = ("[channel com2]\nrights = {rights}\n"
        "[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 192M\n"
        "port = org.qemu.guest_agent.0\ncmdline = console=ttyS0 quiet name=alpha\nautostart = {starts}\n")
START = ("ln -s /bin/hwclock /sbin/hwclock; for port in /sys/class/virtio-ports/*; do grep -q guest_agent $port/name && "
         "qemu-ga -p /dev/${port##*/} -t /tmp -f /tmp/pid -d; done")


def agent(server, *words, stdin=b""):
    program = os.environ.get("SKERRYCTL", ROOT / "gateway/build/skerryctl")
    return subprocess.run([program, "--socket", server.socket, *words], input=stdin, capture_output=True,
                          timeout=120, check=False)


def good(server, *words, stdin=b""):
    done = agent(server, *words, stdin=stdin)
    assert done.returncode == 0, (words, done)
    return done.stdout


def test_agent(build, tmp_path):
    """Each command; a program's output, error output and code; a file there and back; a freeze and a thaw."""
    parts = bundle.debian_tools(build, "agent")
    port = free_port()
    files = bundle.make(tmp_path / "agent.cpio", CONF.format(
        rights="view operate console configure host guest", starts="yes"), parts)
    with Qemu(build, bundle=files, extra=("-serial", f"tcp:127.0.0.1:{port},server=on,wait=off")) as machine:
        machine.wait_prompt()
        server = Server(os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd"), tmp_path,
                        f"tcp:127.0.0.1:{port}").start()
        try:
            machine.attach_shell("alpha", 600)
            machine.shell(START)
            assert good(server, "agent", "alpha", "ping") == b"alpha: done\n"
            assert json.loads(good(server, "--json", "agent", "alpha", "info"))["version"]
            assert b"kernel-release: 6." in good(server, "agent", "alpha", "osinfo")
            assert b"name: lo" in good(server, "agent", "alpha", "addresses")
            assert good(server, "--json", "agent", "alpha", "users").strip() == b"[]"
            done = agent(server, "agent", "alpha", "exec", "--", "/bin/sh", "-c", "tr a-z A-Z; echo no >&2; exit 7",
                         stdin=b"hello")
            assert (done.returncode, done.stdout, done.stderr) == (7, b"HELLO", b"no\n")
            data = os.urandom(70000)
            good(server, "agent", "alpha", "file-write", "/tmp/file", stdin=data)
            assert good(server, "agent", "alpha", "file-read", "/tmp/file") == data
            refused = agent(server, "agent", "alpha", "file-read", "/nothing/here")
            assert refused.returncode == 1 and b"No such file" in refused.stderr, refused
            machine.shell("date -s 2001-01-01")
            good(server, "agent", "alpha", "set-time")
            now = int(machine.shell("date +%s").split()[-1])
            assert abs(now - time.time()) < 60
            assert good(server, "agent", "alpha", "frozen") == b"thawed\n"
            machine.leave()
            # the guest has no file system of the kind that can be frozen
            assert good(server, "agent", "alpha", "freeze") == good(server, "agent", "alpha", "thaw") == b"0\n"
            audit = server.tls("GET", "/v1/audit?limit=50").json()["items"]
            assert sum(item["action"] == "vm.agent" and item["target"] == "alpha" for item in audit) >= 12
        finally:
            server.stop()


# The agent runs this program round each freeze: what it has written tells what was asked of the agent, and in which order.
HOOK = ("printf '#!/bin/sh\\necho $1 >>/tmp/said\\n' >/tmp/hook; chmod +x /tmp/hook; for port in /sys/class/virtio-ports/*; do "
        "grep -q guest_agent $port/name && echo /dev/${port##*/} >/tmp/port; done")
AGENT = ("qemu-ga -p $(cat /tmp/port) -t /tmp -f /tmp/pid -F/tmp/hook -d; until ls -l /proc/$(cat /tmp/pid)/fd 2>/dev/null | grep -q vport; do "
         "usleep 50000; done")
# Thaws come behind the moment: they are waited for, and then counted.
SAID = "until [ $(grep -c thaw /tmp/said) -ge {0} ]; do usleep 50000; done; cat /tmp/said; : >/tmp/said"


def test_quiesce(build, tmp_path):
    """
    A snapshot freezes and thaws, a clone of it is thawed by itself; an agent that does not answer, or is gone, delays a
    snapshot a little, and is thawed when it reads again.
    """
    parts = bundle.debian_tools(build, "agent")
    files = bundle.make(tmp_path / "quiesce.cpio", CONF.format(rights="view", starts="yes") + "quiesce = yes\n", parts)

    def said(name, thaws=1):
        machine.attach(name)
        words = machine.shell(SAID.format(thaws)).split()
        machine.leave()
        return words

    def snapshot(name, words=""):
        answer, = machine.objects(f"vm snapshot alpha {name} {words}")
        return answer.get("frozen"), answer.get("not_frozen")

    with Qemu(build, bundle=files, memory="2G") as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 600)
        machine.shell(HOOK)
        machine.leave()
        assert snapshot("none") == (None, "no guest agent reads a port org.qemu.guest_agent.0")
        machine.attach("alpha")
        machine.shell(AGENT)
        machine.leave()
        # no file system of this guest can be frozen, but the agent was asked, and answered
        assert snapshot("one") == (0, None)
        assert said("alpha") == ["freeze", "thaw"]
        machine.good("vm clone alpha@one beta")
        assert said("beta") == ["freeze", "thaw"]
        machine.good("vm reset alpha --to one")
        assert said("alpha") == ["freeze", "thaw"]
        assert snapshot("two", "quiesce=no") == (None, None)
        assert "use quiesce=yes or quiesce=no" in machine.command("vm snapshot alpha three quiesce=maybe")
        machine.attach("alpha")
        machine.shell("kill -STOP $(cat /tmp/pid)")
        machine.leave()
        assert snapshot("three") == (None, "the guest's agent does not answer in time")
        machine.attach("alpha")
        assert machine.shell("cat /tmp/said") == ""
        machine.shell("kill -CONT $(cat /tmp/pid)")
        machine.leave()
        assert said("alpha") == ["freeze", "thaw"]
        # refused by the kernel when the guest was frozen already
        assert "as many layers of memory" in machine.command("vm snapshot alpha four")
        assert said("alpha") == ["freeze", "thaw"]
        assert ": 0 found" in machine.command("audit")


def test_right(build, tmp_path):
    """The agent's port needs the right guest, whatever else a channel may; the right guest opens no console."""
    parts = bundle.tiny(build, "spin")
    for rights, port, code in (("view console", "port=org.qemu.guest_agent.0", "no-right"),
                               ("view guest", "port=org.qemu.guest_agent.0", None),
                               ("view guest", "mode=read", "no-right"), ("view console", "mode=read", None)):
        conf = CONF.format(rights=rights, starts="no").replace("vmlinuz\ninitrd = initramfs.cpio.gz", "spin.bin")
        files = bundle.make(tmp_path / "right.cpio", conf, parts)
        with Qemu(build, bundle=files, channel=True) as machine:
            machine.wait_prompt()
            machine.command("vm create alpha")
            client = Client.over(machine.channel)
            client.hello()
            reply = client.ask("stream open", "alpha", port)
            assert reply.get("code") == code, (rights, port, reply)
