# SPDX-License-Identifier: MIT
"""`vm save` and `vm restore`: a VM on a disk, over a boot of the host."""
import random
import re
import time
import uuid

import pytest

import bundle
import gpt
from machine import Bochs, Qemu, guest_output, on_disk, wait_for

SECTORS = 65536  # 32 MiB
PARTITIONS = {"boot": (64, 2047, uuid.UUID(int=2)), "data": (2048, 40000, uuid.UUID(int=3))}

KEY = "00112233445566778899aabbccddeeff" * 2
CONF = """[host]
state_key = {key}
[disk saves]
controller = nvme0 ide0.0
{disk}
[vm count]
kernel = counter.bin
memory = {memory}
autostart = {start}
{more}"""


def make_bundle(build, tmp_path, start, key=KEY, memory="16M", disk="", more=""):
    return bundle.make(tmp_path / f"save-{start}.cpio",
                       CONF.format(key=key, start=start, memory=memory, disk=disk, more=more),
                       bundle.tiny(build, "counter"))


def boot(build, files, image, emulator=Qemu, **how):
    return on_disk(emulator, build, image, bundle=files, **how)


def counts_of(text):
    return [int(n, 16) for n in re.findall(r"COUNT 0x([0-9a-f]+)\s", text)]


def last_of(counts):
    """
    Returns the last whole number: a save may cut a line in two, and a part of a number is
    another number.
    """
    return counts[-1] if counts[-1] == counts[-2] + 1 else counts[-2]


def wait_more(machine, more):
    """
    Attaches, and waits until the guest has counted so much further than it has been seen to. On a busy host
    that is far: a number of one's own choice may have gone by while its console was being left.
    """
    last = max(counts_of(machine.transcript()))
    machine.attach("count")
    machine.wait(rf"COUNT 0x{last + more:x}\s")


def joined(before, after, last):
    """The line that the guest had begun behind its number `last`, and has ended after the restore."""
    begun = re.split(rf"COUNT 0x{last:x}\s+", before)[-1]
    ended = re.split(r"\[console of count[^\n]*\n(?:\[nothing[^\n]*\n)?", after)[-1]
    return re.match(r"[A-Z0-9a-fx ]*", begun)[0] + re.split(r"[\r\n]", ended)[0]


def check_goes_on(machine, before, last):
    """The restored guest says every number once, to its end; `before` is what it had said."""
    machine.attach("count")
    machine.wait(rf"COUNT 0x{last + 30:x}\s")
    machine.type("q")
    machine.wait("DONE")
    text = machine.transcript()
    counts = counts_of(text)
    if counts[0] != last + 1:
        assert f"COUNT 0x{last + 1:x}" == joined(before, text, last), (before[-400:], text[:900])
        counts.insert(0, last + 1)
    assert counts == list(range(last + 1, last + 1 + len(counts))), (last, counts[:5])
    assert "FAIL" not in text


def refused(machine, line):
    out = machine.command(line)
    assert out.startswith("error: "), out
    return out


def owned(machine):
    """The handles of all processes: whose, what, which rights."""
    rows = machine.objects("handles")
    return sorted((row["process"], row["type"], row["rights"]) for row in rows)


def save(build, files, image, emulator=Qemu):
    """Lets the guest count and saves it; the last number that it has said, and all the text."""
    with boot(build, files, image, emulator) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x8\s")
        machine.leave()
        out = machine.command("vm save count saves")
        assert "stopped: saved on disk saves" in out, out
        assert machine.vm("count")["state"] == "stopped"
        machine.attach("count")  # returns what the guest has printed to the end
        machine.wait(r"\[the guest has ended\]")
        text = machine.transcript()
        return last_of(counts_of(text)), text


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_over_a_boot(build, tmp_path, emulator):
    """
    The guest has said every number once, its memory and its time are what they were. It was in a
    partition, beside which nothing was written; one beside it is the guest's own. When that has
    another byte, of whomever, the save is refused.
    """
    image = tmp_path / "disk.img"
    image.write_bytes(gpt.image(SECTORS, PARTITIONS))
    first, end = (number * gpt.SECTOR for number in (2048, 40001))
    beside = image.read_bytes()
    conf = {"disk": "partition = data\n[disk own]\ncontroller = nvme0 ide0.0\npartition = boot",
            "more": "disk = own\n"}
    last, before = save(build, make_bundle(build, tmp_path, "yes", **conf), image, emulator)
    content = image.read_bytes()
    assert (content[:first], content[end:]) == (beside[:first], beside[end:])
    assert content[first:].startswith(b"SKERRYSV")
    with boot(build, make_bundle(build, tmp_path, "restore", **conf), image, emulator) as machine:
        machine.wait(r"count: not started \(autostart = restore\): `vm restore count DISK`")
        machine.wait_prompt()
        assert machine.vm("count")["state"] == "created"
        out = machine.command("vm restore count saves")
        assert "count: running" in out, out
        check_goes_on(machine, before, last)
        check_restored_on_crash(machine, last)
    if emulator is Qemu:
        flip(image, 2047 * gpt.SECTOR + 511)  # flips a bit in the last byte of the VM's disk
        check_not_restored(build, tmp_path, image, "disk own was written since the save", **conf)


def check_restored_on_crash(machine, last):
    """Checks that the guest panics, and goes on from its save again."""
    machine.leave()
    machine.command("vm set count on_crash=restore")
    assert "count: running" in machine.command("vm restore count saves")
    machine.attach("count")
    machine.wait(rf"COUNT 0x{last + 20:x}\s")
    machine.type("p")
    machine.leave()
    wait_for(lambda: machine.command("log show -v count").count("restored from disk saves") == 3,
             120)
    machine.attach("count")
    machine.wait(rf"COUNT 0x{last + 30:x}\s")
    machine.leave()
    assert counts_of(machine.transcript()).count(last + 15) == 3


def check_not_restored(build, tmp_path, image, words, **conf):
    """Checks that the VM is what it was, and boots."""
    with boot(build, make_bundle(build, tmp_path, "no", **conf), image) as machine:
        machine.wait_prompt()
        machine.command("vm create count")
        free = []
        for _ in range(10):  # each attempt leaves a process that has ended
            out = refused(machine, "vm restore count saves")
            assert words in out, out
            free = free or [machine.steady_free()]
        assert abs(machine.steady_free() - free[0]) <= 8, free
        assert machine.vm("count")["state"] == "created"
        assert ": 0 found" in machine.command("audit")
        machine.command("vm start count")
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()


def flip(image, place):
    content = bytearray(image.read_bytes())
    content[place] ^= 1
    image.write_bytes(content)


def test_not_restored(build, tmp_path):
    """
    A save with another key, another configuration or changed bytes is refused in words, and the
    VM stays what it was.
    """
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32 << 20))
    save(build, make_bundle(build, tmp_path, "yes"), image)
    whole = image.read_bytes()
    assert KEY.encode() not in whole and bytes.fromhex(KEY) not in whole
    assert whole.startswith(b"SKERRYSV") and b"COUNT" not in whole and b"SKST" not in whole
    key = KEY[:-1] + "e"
    check_not_restored(build, tmp_path, image, "record 0: it was saved with another key, or changed",
                       key=key)
    check_not_restored(build, tmp_path, image, "bytes of RAM: in the state 16777216, here 33554432",
                       memory="32M")
    record = 4096  # the first record; RAM begins behind the state
    while whole[record] == 1:
        length = int.from_bytes(whole[record + 4:record + 8], "little")
        record += (32 + length + 4095) // 4096 * 4096
    assert whole[record] == 2
    flip(image, record + 5000)
    check_not_restored(build, tmp_path, image, ": it was changed")
    image.write_bytes(bytes(len(whole)))
    check_not_restored(build, tmp_path, image, "header: this is no save")


def test_not_saved(build, tmp_path):
    """A disk that holds something else, or is too small, stays as it is, and the guest goes on."""
    image = tmp_path / "disk.img"
    content = b"somebody's data" + bytes((32 << 20) - 15)
    image.write_bytes(content)
    with boot(build, make_bundle(build, tmp_path, "yes"), image) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        before = owned(machine)
        for _ in range(10):  # each attempt leaves a process that has ended
            out = refused(machine, "vm save count saves")
            assert "the disk holds something else; use an empty one or" in out, out
        wait_for(lambda: owned(machine) == before)
        assert ": 0 found" in machine.command("audit")
        assert "there is no disk" in refused(machine, "vm save count nothing")
        assert "use overwrite" in refused(machine, "vm save count saves over")
        assert "only a created, stopped or crashed VM" in refused(machine,
                                                                  "vm restore count saves")
        assert image.read_bytes() == content
        wait_more(machine, 10)
        machine.leave()
        assert "saved on disk saves" in machine.command("vm save count saves overwrite")
        assert "count: running" in machine.command("vm restore count saves")
        wait_more(machine, 30)
        machine.type("q")
        machine.wait("DONE")
        counts = counts_of(machine.transcript())
        # the save may have cut one line in two
        assert len(set(range(1, max(counts) + 1)) - set(counts)) <= 1, counts
        assert "FAIL" not in machine.transcript()
    small = tmp_path / "small.img"
    small.write_bytes(bytes(128 << 10))
    with boot(build, make_bundle(build, tmp_path, "yes"), small) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        out = refused(machine, "vm save count saves")
        assert re.search(r"the disk has 128 KiB, but the save takes at least \d+ KiB", out), out
        assert machine.vm("count")["state"] == "running"
        assert not any(small.read_bytes())


@pytest.mark.parametrize("how", ["", "overcommit = yes\n"])
def test_continue(build, tmp_path, how):
    """
    A VM that is saved goes on where it was, again and again, and has no more memory than it has used.
    What is on the disk is what it was at the last time.
    """
    disk = tmp_path / "disk.img"
    disk.write_bytes(bytes(SECTORS * 512))
    files = make_bundle(build, tmp_path, "yes", memory="64M", more=how)
    with boot(build, files, disk) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x8\s")
        machine.leave()
        resident = machine.vm("count")["resident_bytes"]
        for _ in range(3):
            out = machine.command("vm save count saves continue")
            assert out.startswith("count: running"), out
            machine.attach("count")
            machine.wait(r"COUNT 0x[0-9a-f]+\s")
            machine.leave()
        assert machine.vm("count")["resident_bytes"] < resident + (1 << 20)
        machine.attach("count")
        machine.type("q")
        machine.wait("DONE")
        machine.wait_end("count")
        machine.wait_prompt()
        text = machine.transcript()
        counts = [int(n, 16) for n in re.findall(r"COUNT 0x([0-9a-f]+)", guest_output(text))]
        assert counts == list(range(1, len(counts) + 1)) and len(counts) > 8, counts
        assert "FAIL" not in text and ": 0 found" in machine.command("audit")
        assert machine.command("vm restore count saves").startswith("count: running")
        machine.attach("count")
        machine.wait(r"COUNT 0x([0-9a-f]+)\s")
        assert 8 < int(machine.match().group(1), 16) <= counts[-1]


def test_clones(build, tmp_path):
    """A VM is saved though clones have its memory; it is not restored before they are gone."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32 << 20))
    files = make_bundle(build, tmp_path, "yes", disk="", memory="16M\non_crash = hold")
    with boot(build, files, image) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        machine.command("vm snapshot count one")
        machine.command("vm clone count@one beta")
        assert "saved on disk saves" in machine.command("vm save count saves")
        assert "first destroy or stop beta" in refused(machine,
                                                                          "vm restore count saves")
        machine.command("vm destroy beta")
        assert "count: running" in machine.command("vm restore count saves")
        # a VM that has crashed, and is held, can go back, but to what it was configured as
        machine.command("vm snapshot count one")
        machine.command("vm clone count@one beta")
        machine.attach("count")
        machine.type("p")
        machine.leave()
        wait_for(lambda: machine.vm("count")["state"] == "crashed")
        assert "first destroy or stop beta" in refused(machine, "vm restore count saves")
        assert "without snapshots" in refused(machine, "vm set count memory=32M")
        assert "reset to snapshot one" in machine.command("vm reset count --to one")
        assert machine.vm("count")["state"] == "running"
        assert ": 0 found" in machine.command("audit")


DISKS = """[disk data]
controller = memory
size = 1M
[disk small]
controller = memory
size = 64K
[net lan]
"""


def test_disks_and_cards(build, tmp_path):
    """A VM that writes to a disk, reads one, and has a card: each is saved and goes on."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32 << 20))
    conf = DISKS + CONF.format(key=KEY, start="yes", memory="16M", disk="", more="")
    tiny = bundle.tiny(build, "counter")
    files = bundle.make(tmp_path / "write.cpio", conf + "disk = data\n", tiny)
    with boot(build, files, image) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        assert "saved on disk saves" in machine.command("vm save count saves")
        assert "count: running" in machine.command("vm restore count saves")
        # the disk is too small for a save: the guest and its disk go on
        wait_for(lambda: "takes at least" in refused(machine, "vm save count small"))
        wait_more(machine, 5)
        machine.leave()
        assert "saved on disk saves" in machine.command("vm save count saves")
        for row in machine.objects("disk stat"):
            assert row["errors"] == 0 and row["refused"] == 0, row
    files = bundle.make(tmp_path / "read.cpio", conf + "disk = data ro\nnet = lan\n", tiny)
    last, _ = save(build, files, image)
    with boot(build, files, image) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        machine.command("vm kill count")
        before = machine.transcript()
        assert "count: running" in machine.command("vm restore count saves")
        machine.attach("count")
        machine.wait(rf"COUNT 0x{last + 30:x}\s")
        machine.type("q")
        machine.wait("DONE")
        text = machine.transcript()[len(before):]
        assert last + 2 in counts_of(text)  # the number before may be in two parts
        assert "FAIL" not in text


def first_block(image):
    with open(image, "rb") as content:
        return content.read(4096)


def test_cut(build, tmp_path):
    """The machine goes off while a VM is saved over an older save: there is none then."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32 << 20))
    conf = CONF.format(key=KEY, start="yes", memory="32M", disk="", more="")
    noise = random.Random(1).randbytes(12 << 20)  # random bytes make the save take a while
    files = bundle.make(tmp_path / "cut.cpio", conf + "initrd = noise\n",
                        bundle.tiny(build, "counter") | {"noise": noise})
    save(build, files, image)
    with boot(build, files, image) as machine:
        machine.wait_prompt()
        machine.attach("count")
        machine.wait(r"COUNT 0x3\s")
        machine.leave()
        machine.type("vm save count saves\r")
        wait_for(lambda: not any(first_block(image)))
        machine.process.kill()
        machine.process.wait()
    assert not any(first_block(image))
    check_not_restored(build, tmp_path, image, "header: this is no save")


LINUX = """[host]
state_key = {key}
[disk saves]
controller = nvme0 ide0.0
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
memory = 128M
cmdline = console=ttyS0 quiet name=alpha no_timer_check
autostart = {start}
clock = jump
"""
WEEK_S = 7 * 24 * 3600


def check_linux(machine, jump_s):
    """Checks that Linux is restored and goes on, its date this much later than where it stood."""
    assert "alpha: running" in machine.command("vm restore alpha saves")
    machine.attach("alpha")
    ticks = int(machine.shell("wc -l </tmp/ticks").split()[-1])
    machine.shell("sleep 3")
    assert int(machine.shell("wc -l </tmp/ticks").split()[-1]) > ticks
    said = machine.shell("dmesg | tail -n 20")
    assert not re.search(r"stall|BUG|Oops|unstable|hung|lockup|Call Trace", said), said
    assert abs(int(machine.shell("date +%s").split()[-1]) - time.time() - jump_s) < 60
    up_s = float(machine.shell("cut -d' ' -f1 /proc/uptime").split()[-1])
    assert jump_s < up_s < jump_s + 600, up_s


def test_linux(build, tmp_path):
    """Linux goes on with what it had in memory, and finds nothing wrong, a week later either."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(192 << 20))
    files = {start: bundle.make(tmp_path / f"{start}.cpio", LINUX.format(key=KEY, start=start),
                                bundle.debian(build / "guests")) for start in ("yes", "no")}
    with boot(build, files["yes"], image) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 600)
        machine.shell("head -c 8000000 /dev/urandom >/tmp/noise; md5sum /tmp/noise >/tmp/sum")
        machine.shell("(while echo tick >>/tmp/ticks; do sleep 1; done) & true")
        machine.leave()
        assert "saved on disk saves" in machine.command("vm save alpha saves")
    later = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() + WEEK_S))
    with boot(build, files["no"], image, extra=("-rtc", f"base={later}")) as machine:
        machine.wait_prompt()
        machine.command("vm create alpha")
        check_linux(machine, WEEK_S)
        assert "noise: OK" in machine.shell("md5sum -c /tmp/sum")
        machine.leave()
        machine.command("vm kill alpha")
        machine.command("vm set alpha clock=stop")
        check_linux(machine, 0)
