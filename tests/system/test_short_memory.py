# SPDX-License-Identifier: MIT
"""
What is done to a guest's state while the host has ever less memory is done, or refused in words.
"""
import bundle
from machine import Qemu, wait_for

CONF = """[host]
state_key = 00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff
[disk saves]
controller = memory
size = 4M
[vm count]
kernel = counter.bin
memory = 2M
autostart = yes
"""
# The pages less than the largest VM's that a VM takes, so that hardly any are left to others.
SLACK = 64  # pages that a snapshot more, or another monitor, takes
LESS = (*range(0, 40, 8), *range(40, 300, 40), 400, 600, 900, 1300, 2000, 4000)


def fills(machine, pages):
    """Returns whether there is room for a VM of this many pages, which is there then."""
    return "error" not in machine.command(f"vm create filler kernel=counter.bin memory={pages * 4}K")


def largest(machine):
    """Returns how many pages of RAM a VM can have at the most."""
    free = machine.steady_free()
    low, high = 512, free
    while high - low > 1:
        middle = (low + high) // 2
        if fills(machine, middle):
            machine.good("vm destroy filler")
            wait_for(lambda: machine.free_pages() > free - SLACK)
            low = middle
        else:
            high = middle
    return low


def attempt(machine, line, undo):
    """The command works, or says that there is no memory; then it is undone."""
    out = machine.command(line)
    if out.startswith("error: "):
        assert "memory" in out or "MiB" in out or "KiB" in out or "pages" in out, out
        return False
    for each in undo:
        machine.good(each)
    return True


PROMISED = ("vm renew count", "vm digest count", "vm save count saves continue")
ROUND = (*((line, ()) for line in PROMISED),
         ("vm snapshot count one", ("vm reset count --to one", "vm snapshot drop count one")))


def counts_on(machine):
    machine.attach("count")
    machine.wait(r"COUNT 0x[0-9a-f]+\s")
    machine.wait(r"COUNT 0x[0-9a-f]+\s")
    machine.leave()


def test_ever_less(build, tmp_path):
    files = bundle.make(tmp_path / "short.cpio", CONF, bundle.tiny(build, "counter"))
    with Qemu(build, bundle=files, memory="128M") as machine:
        machine.wait_prompt()
        counts_on(machine)
        machine.good("vm snapshot count base")
        done = {line: 0 for line, _ in ROUND}
        clones = 0
        most = largest(machine)
        before = machine.steady_free()
        for less in LESS:
            wait_for(lambda: machine.free_pages() > before - SLACK)
            assert fills(machine, most - less)
            for line, undo in ROUND:
                done[line] += attempt(machine, line, undo)
            if attempt(machine, "vm clone count@base twin", ()):
                clones += 1
                machine.good("vm kill twin")
                machine.good("vm destroy twin")
            machine.good("vm destroy filler")
            counts_on(machine)
        # room for another process of its own is promised to each VM, room for a copy of it is not
        assert all(done[line] == len(LESS) for line in PROMISED), done
        assert 0 < clones < done["vm snapshot count one"] < len(LESS), (done, clones)
        wait_for(lambda: machine.free_pages() > before - SLACK)
        assert ": 0 found" in machine.command("audit")
