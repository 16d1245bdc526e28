# SPDX-License-Identifier: MIT
"""`vm save` and `vm restore`: a VM on a disk, over a boot of the host."""
import re

import bundle
from machine import Qemu

KEY = "00112233445566778899aabbccddeeff" * 2
CONF = """[host]
state_key = {key}
[disk saves]
controller = nvme0
{disk}
[vm count]
kernel = counter.bin
memory = {memory}
autostart = {start}
"""


def make_bundle(build, tmp_path, start, key=KEY, memory="16M", disk=""):
    return bundle.make(tmp_path / f"save-{start}.cpio",
                       CONF.format(key=key, start=start, memory=memory, disk=disk),
                       bundle.tiny(build, "counter"))


def boot(build, files, image):
    return Qemu(build, bundle=files,
                extra=("-drive", f"if=none,id=disk0,file={image},format=raw",
                       "-device", "nvme,drive=disk0,serial=one"))


def counts_of(text):
    return [int(n, 16) for n in re.findall(r"COUNT 0x(\w+)\s", text)]


def refused(machine, line):
    out = machine.command(line)
    assert out.startswith("error: "), out
    return out


def save(build, files, image):
    """Lets the guest count and saves it; the last number that it has said."""
    with boot(build, files, image) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x8\s")
        machine.leave()
        out = machine.command("vm save count saves", 120)
        assert "stopped: saved on disk saves" in out, out
        assert machine.vm("count")["state"] == "stopped"
        machine.attach("count")  # what it has said to the end
        machine.wait_rest()
        return counts_of(machine.transcript())[-1]


def test_over_a_boot(build, tmp_path):
    """The guest has said every number once, its memory and its time are what they were."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32 << 20))
    last = save(build, make_bundle(build, tmp_path, "yes"), image)
    with boot(build, make_bundle(build, tmp_path, "no"), image) as machine:
        machine.wait_prompt()
        machine.command("vm create count")
        out = machine.command("vm restore count saves", 120)
        assert "count: running" in out, out
        machine.attach("count")
        machine.wait(rf"COUNT 0x{last + 30:x}\s")
        machine.type("q")
        machine.wait("DONE")
        text = machine.transcript()
        counts = counts_of(text)
        assert counts == list(range(last + 1, last + 1 + len(counts))), (last, counts[:5])
        assert "FAIL" not in text
