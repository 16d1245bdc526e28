# SPDX-License-Identifier: MIT
"""What the console says to mistakes leads on, and is said once."""
import bundle
from machine import Qemu

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
        assert "there already" in machine.command("vm create fine")
        for command in ("vm start", "vm create"):
            said = machine.command(f"{command} broken")
            assert "its section has mistakes, `log show -c config` lists them" in said, said
        assert "memory: found \"16X\"" in machine.command("log show -c config")
        # too large for this machine: said when it is asked for, not at the next start
        machine.command("vm create later")
        machine.command("vm start later")
        machine.command("vm pause later")
        said = machine.command("vm stop later")
        assert said.count("ended by `vm stop`") == 1, said
        said = machine.command("vm set later memory=2G")
        assert "allowed: the " in said and "that this machine has for VMs" in said, said
        # too small for its kernel: in the key's own words, once
        assert ("`vm set large` changes it, `vm start` boots it"
                in machine.command("vm create large") + machine.command("vm create large"))
        said = machine.command("vm start large")
        assert said.count("M or more for this kernel and its initrd") == 1, said
        # what was destroyed is no part of the configuration, and can be created again
        assert "[vm fine]" in machine.command("config show")
        machine.command("vm destroy fine")
        shown = machine.command("config show")
        assert "[vm fine]" not in shown and "[vm later]" in shown, shown
        machine.command("vm create fine")
        assert "[vm fine]" in machine.command("config show")
