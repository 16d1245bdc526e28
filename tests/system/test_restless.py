# SPDX-License-Identifier: MIT
"""
A monitor whose memory never comes to rest (tests/liars/memory_liar.c), while the manager trims,
freezes and resets it: each of these ends, or is refused in time, and whoever asks on COM2
meanwhile is answered.
"""
import re

import pexpect
import pytest

import bundle
from machine import PROMPT, Qemu

CONF = """\
[vm restless]
kernel = spin.bin
memory = 128M
cmdline = {liar}
affinity = 1-2
autostart = yes
"""
CPUS = 3
# The longest silence, in seconds that the emulator has computed for each of its CPUs: beside others it takes
# longer for them. A command that waits for an end is silent as long as that takes, a command in turns a small
# part of it.
SHORT_S = 2.0
SHARE = 0.5
AFTER = 5  # the answers after a command, whose end may come before that of what it began
IN_VAIN = "keep being given back|given back all the time|does not become what it was"


def serve(machine, line):
    """Returns what a command prints; COM2 answers all the time until then."""
    machine.type(line + "\r")
    asked = [machine.computed() / CPUS]
    ended = None
    while ended is None or len(asked) < ended + AFTER:
        machine.channel.result("version")
        asked.append(machine.computed() / CPUS)
        if ended is None and machine.console.expect([PROMPT, pexpect.TIMEOUT], timeout=0.02) == 0:
            ended = len(asked)
            said = machine.console.before.replace("\r", "").removeprefix(line).strip()
    worst = max(later - earlier for earlier, later in zip(asked, asked[1:]))
    took = asked[-1] - asked[0]
    print(f"{line}: {took:.2f} s, {ended - 1} answers, the worst after {worst:.2f} s: {said}")
    assert worst <= max(SHORT_S, SHARE * took), f"COM2 was silent for {worst:.2f} s, {line}"
    return said


@pytest.mark.parametrize("liar, lines", [
    ("writer", ("vm trim restless", "vm snapshot restless one", "vm reset restless --to one")),
    ("giver", ("vm snapshot restless one",)),
], ids=["writer", "giver"])
def test_restless(build, tmp_path, liar, lines):
    files = bundle.make(tmp_path / "restless.cpio", CONF.format(liar=liar),
                        bundle.tiny(build, "spin"))
    with Qemu(build / "tests/liars", bundle=files, memory="2G", channel=True,
              extra=("-smp", str(CPUS))) as machine:
        machine.wait_prompt()
        machine.attach("restless")
        machine.wait("PASS started")
        machine.leave()
        for line in lines:
            said = serve(machine, line)
            if not re.search(IN_VAIN, said):
                assert "error" not in said or "no snapshot" in said, said
