# SPDX-License-Identifier: MIT
"""The console's answers to mistakes lead on, and come once."""
import re

import bundle
from machine import Qemu, wait_for

CONF = """[vm fine]
kernel = built-in
memory = 16M
autostart = yes
[vm broken]
kernel = built-in
memory = 16X
[vm later]
kernel = built-in
memory = 16M
[vm large]
kernel = vmlinuz
initrd = initramfs.cpio.gz
memory = 16M
"""


def test_words(build, tmp_path):
    files = bundle.make(tmp_path / "words.cpio", CONF, bundle.debian(build / "guests"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        assert "exists already" in machine.command("vm create fine")
        for command in ("vm start", "vm create"):
            said = machine.command(f"{command} broken")
            assert "its section has mistakes, `log show -c config` lists them" in said, said
        assert "memory: \"16X\" is not valid" in machine.command("log show -c config")
        # the VM is too large for this machine, which is said when it is asked for, not at the next
        # start
        machine.command("vm create later")
        machine.command("vm start later")
        machine.command("vm pause later")
        said = machine.command("vm stop later")
        assert said.count("ended by `vm stop`") == 1, said
        said = machine.command("vm set later memory=2G")
        assert "but this host has only " in said and "MiB for VMs" in said, said
        # the VM is too small for its kernel, which is said in the key's own words, once
        assert ("`vm set large` changes it, `vm start` boots it"
                in machine.command("vm create large") + machine.command("vm create large"))
        said = machine.command("vm start large")
        assert said.count("M or more for this kernel and its initrd") == 1, said
        # a destroyed VM is no part of the configuration, and can be created again
        assert "[vm fine]" in machine.command("config show")
        machine.command("vm destroy fine")
        shown = machine.command("config show")
        assert "[vm fine]" not in shown and "[vm later]" in shown, shown
        machine.command("vm create fine")
        assert "[vm fine]" in machine.command("config show")


def test_lost_words(build):
    """For a command that does not exist the console guesses what was meant."""
    with Qemu(build) as machine:
        machine.wait_prompt()
        for typed, said in (("vm lsit", "did you mean `vm list`?"), ("lst", "`help` lists all"),
                            ("mme", "did you mean `mem`?"), ("vm", "there are: vm backup, vm backup cancel, "),
                            ("exit", "there is nothing to leave"), ("ls", "`vm list` shows VMs"),
                            ("log shwo -n 3", 'unknown command "log shwo", did you mean `log show`?'),
                            ("vm list x", "wrong number of arguments (1), usage: vm list"),
                            ("log show -v nosuch", 'there is no VM "nosuch", and the log'),
                            ("lock", "no password is set")):
            out = machine.command(typed)
            assert out.startswith("error: ") and said in out, (typed, out)
        for typed in ("? vm pause", "vm pause --help", "vm pause alpha --help"):
            assert "stops a running VM's time" in machine.command(typed), typed
        group = machine.command("vm help")
        assert group == machine.command("help vm") and "vm start NAME..." in group, group
        groups = machine.command("--help")
        assert groups.startswith("VMs:\n") and "\n\nLooking closer:\n" in groups, groups
        # each command is there once, whatever group it is in
        names = [line[2:].split("  ")[0] for line in groups.split("\n") if line.startswith("  ")]
        assert sorted(names) == sorted(row["name"] for row in machine.objects("help"))
        assert re.search("built by (gcc|Debian clang) ", machine.command("version"))
        assert [line for line in machine.command("help | COM3").split("\n") if line] == \
            [line for line in machine.command("help").split("\n") if "COM3" in line]
        assert machine.objects("help | COM3")[0]["name"] == "gdb"
        assert "write | and one" in machine.command("help | a b")


def test_hints(build, tmp_path):
    """A console that stays empty gives hints; Tab offers what can be."""
    conf = ("[vm mute]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
            "autostart = yes\n[vm new]\nkernel = built-in\n")
    files = bundle.make(tmp_path / "hints.cpio", conf, bundle.debian(build / "guests"))
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.command("vm create new")
        machine.attach("new")
        machine.wait(r"\[it has not been started\]")
        machine.leave()
        wait_for(lambda: machine.vm("mute")["state"] == "running")
        machine.attach("mute")
        machine.wait(r"\[nothing printed so far; a Linux needs console=ttyS0 in its cmdline\]")
        machine.leave()
        machine.type("vm set mute \t\t")
        offered = machine.wait(r"trap=[^\n]*\n")
        assert "weight=" in offered and "memory=" not in offered, offered
        machine.type("\x15vm create x kernel=\t\x15mem\r")
        machine.wait("kernel=vmlinuz ")
        machine.wait_prompt()
        machine.type("vm create x initrd=\t\x15mem\r")
        machine.wait("initrd=initramfs.cpio.gz ")
        machine.wait_prompt()


def test_several(build, tmp_path):
    conf = "".join(f"[vm v{n:02}]\nkernel = built-in\nmemory = 4M\nstop_timeout = 0s\n"
                   for n in range(1, 4))
    with Qemu(build, bundle=bundle.make(tmp_path / "v.cpio", conf)) as machine:
        machine.wait_prompt()
        for name in ("v01", "v02", "v03"):
            machine.command(f"vm create {name}")
        # nothing is begun when a name is wrong
        assert "v99" in machine.command("vm start v01 v99")
        assert "there is no VM \"v*\" to pause" in machine.command("vm pause v*")
        assert "v01: running\nv02: running" in machine.command("vm start v01 v02 v01")
        assert machine.command("vm start v*").count("running") == 1
        out = machine.command("vm stop v03 v03 v?2")
        assert out.count("stopped: ended by `vm stop`") == 2, out
        out = machine.command("vm pause v01 v02")
        assert "v01: paused\nnot done: v02 is stopped" in out and "not done with 1 of 2 VMs" in out
        assert machine.command("vm destroy *").count("destroyed") == 3
        assert machine.objects("vm list") == []
