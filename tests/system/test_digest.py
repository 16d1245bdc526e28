# SPDX-License-Identifier: MIT
"""
`vm digest` shows that RAM is what it was, page by page, after a save and a restore, with holes and
without.
"""
import re

import pytest

import bundle
from machine import Bochs, Qemu, on_disk, wait_for

KEY = "00112233445566778899aabbccddeeff" * 2
CONF = """[host]
state_key = {key}
[disk saves]
controller = nvme0 ide0.0
[vm fill]
kernel = fill.bin
memory = {memory}M
cmdline = first={first} end={end}
autostart = yes
"""


LIMIT = 1200  # seconds a digest may take


def digest(machine):
    answers = []
    # "try again", while the disk of a restore is still being left
    wait_for(lambda: answers.extend(machine.objects("vm digest fill", LIMIT)) or answers, LIMIT)
    (answer,) = answers
    assert answer["name"] == "fill" and len(answer["ram"]) == len(answer["state"]) == 64
    return answer


def start(emulator, build, folder, memory, words, extra=()):
    image = folder / "disk.img"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    files = bundle.make(folder / "digest.cpio", CONF.format(key=KEY, memory=memory, **words),
                        bundle.tiny(build, "fill"))
    if emulator is Bochs:
        host = memory // 1024 + (2 if memory > 1024 else 1)  # GiB; with 8 Bochs does not start
        return on_disk(Bochs, build, image, bundle=files, memory=f"{host}G")
    return on_disk(Qemu, build, image, bundle=files, memory="8G", extra=extra)


@pytest.mark.parametrize("emulator, memory, first, end", [
    (Qemu, 256, 128, 256),
    pytest.param(Qemu, 3072, 1024, 3072, marks=pytest.mark.long),
    # 3 GiB, a hole of 1 GiB, and 2 GiB
    (Qemu, 5120, 4096, 6144),
    (Bochs, 256, 128, 256),
    pytest.param(Bochs, 1024, 512, 1024, marks=pytest.mark.long),
    pytest.param(Bochs, 3072, 1024, 3072, marks=pytest.mark.long),
    pytest.param(Bochs, 5120, 4096, 6144, marks=pytest.mark.long)])
def test_equal(build, tmp_path, emulator, memory, first, end):
    with start(emulator, build, tmp_path, memory, {"first": first, "end": end}) as machine:
        machine.wait_prompt()
        machine.attach("fill")
        machine.wait("PASS kept")
        machine.leave()
        before = machine.vm("fill")["resident_bytes"]
        running = digest(machine)
        # pages that were looked at and hold nothing are not kept
        assert machine.vm("fill")["resident_bytes"] < before + (64 << 20)
        machine.command("vm pause fill")
        paused = digest(machine)
        assert paused["ram"] == running["ram"]
        assert digest(machine) == paused and machine.vm("fill")["state"] == "paused"
        machine.command("vm resume fill")
        for _ in range(2 if emulator is Qemu else 1):  # a restored VM can be saved again
            assert "saved on disk saves" in machine.command("vm save fill saves overwrite", LIMIT)
            assert "fill: running" in machine.command("vm restore fill saves", LIMIT)
            assert digest(machine)["ram"] == running["ram"]
        machine.command("vm reset fill")
        machine.attach("fill")
        machine.wait("PASS clear|FAIL clear")
        machine.leave()
        assert machine.command("vm kill fill").startswith("fill: ")
        assert "only a running or paused VM" in machine.command("vm digest fill")
        assert ": 0 found" in machine.command("audit")


def test_longer_than_a_minute(build, tmp_path):
    """A save or a digest gets the CPU as long as it takes, while a console waits for it."""
    words = {"first": 1024, "end": 3072}
    slow = ("-icount", "shift=5,sleep=off")  # 31 million instructions a second
    with start(Qemu, build, tmp_path, 3072, words, slow) as machine:
        machine.wait_prompt()
        machine.attach("fill")
        machine.wait("PASS kept")
        machine.leave()
        assert digest(machine)["ram"]
        (held,) = re.findall(r"digested, its guest stood still for (\d+) us", machine.command("log show -n 3"))
        assert int(held) > 60_000_000, held
