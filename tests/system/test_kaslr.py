# SPDX-License-Identifier: MIT
"""KASLR: where the image and the direct map lie is random, and nothing reveals it."""
import re
import struct
import subprocess

import pytest

import bundle
import qemu_monitor
from machine import EPYC, Bochs, Qemu

# docs/boot.md: the bits that differ from boot to boot on a machine with 1 GiB.
CLAIMED = {
    "image, virtual": range(14, 45),
    "image, physical": range(12, 28),
    "direct map": range(30, 45),
}
BOOTS_LONG = 64
TWICE = {"image, virtual": 0, "image, physical": 1, "direct map": 2}
# 64 tosses of a fair coin: outside of these once in 3 million.
ONES = range(12, 53)


def symbols(build):
    out = subprocess.run(["nm", build / "skerry.elf"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return {line.split()[2]: int(line.split()[0], 16) for line in out.splitlines()
            if len(line.split()) == 3}


def image(monitor, loop, linked):
    """
    Returns where the image lies, virtual and physical. Its first pages are unmapped by now. No
    guest may run: while the CPU is in a guest, QEMU sees the guest's addresses.
    """
    offset = linked["cpu_loop"] - linked["__image_start"]
    return loop - offset, monitor.number(f"gva2gpa {loop:#x}", r"gpa: 0x([0-9a-f]+)\n") - offset


def boot(build, files, path, linked):
    """Returns the three bases of a fresh boot, and what the console's commands print."""
    with Qemu(build, bundle=files,
              extra=qemu_monitor.option(path)) as machine:
        machine.wait_prompt()
        loop = machine.objects("sym cpu_loop")[0]["address"]
        said = "".join(machine.command(line) for line in
                       ("log show", "vm list", "mem", "cpu", "config show", "audit",
                        "vm stat demo", "vm regs demo", "vm cr0 demo"))
        machine.good("vm pause demo")
        monitor = qemu_monitor.Monitor(path)
        base, physical = image(monitor, loop, linked)
        variable = linked["direct_map_base"] - linked["__image_start"] + physical
        direct = monitor.number(f"xp /gx {variable:#x}", r": 0x([0-9a-f]{16})\n")
    return {"image, virtual": base, "image, physical": physical, "direct map": direct}, said


def check_silent(bases, said):
    """The console's listings show no address of the image or of the direct map."""
    for name in ("image, virtual", "direct map"):
        high = f"{bases[name] >> 32:x}"
        assert high not in said, f"{name} {bases[name]:#x} shows:\n{said}"


def check_bits(name, values):
    ones = {bit: sum(value >> bit & 1 for value in values) for bit in CLAIMED[name]}
    print(f"{name}: {len(ones)} bits claimed, ones in {len(values)} boots: "
          + " ".join(f"{bit}:{count}" for bit, count in ones.items()))
    if len(values) == BOOTS_LONG:
        assert all(count in ONES for count in ones.values()), (name, ones)


@pytest.mark.parametrize("boots", [4, pytest.param(BOOTS_LONG, marks=pytest.mark.long)])
def test_kaslr(build, tmp_path, boots):
    files = bundle.make(tmp_path / "demo.cpio",
                        "[vm demo]\nkernel = built-in\nmemory = 16M\nautostart = yes\n")
    linked = symbols(build)
    found = {name: [] for name in CLAIMED}
    for number in range(boots):
        bases, said = boot(build, files, tmp_path / f"monitor-{number}", linked)
        check_silent(bases, said)
        for name, base in bases.items():
            found[name].append(base)
    for name, values in found.items():
        check_bits(name, values)
        # of 2^15 and 2^16 places 64 boots may well choose the same place twice
        twice = len(values) - len(set(values))
        assert twice <= TWICE[name], f"{name}: {twice} chosen again"


def test_boot_unmapped(build, tmp_path):
    """No page of the image's part that only the boot needs is mapped any more."""
    linked = symbols(build)
    files = bundle.make(tmp_path / "none.cpio", "# no VM\n")
    with Qemu(build, bundle=files, extra=qemu_monitor.option(tmp_path / "monitor")) as machine:
        machine.wait_prompt()
        loop = machine.objects("sym cpu_loop")[0]["address"]
        monitor = qemu_monitor.Monitor(tmp_path / "monitor")
        base, _ = image(monitor, loop, linked)
        size = linked["__text_start"] - linked["__image_start"]
        assert size >= 0x8000 and linked["kernel_main"] < linked["__text_start"]
        for page in range(base, base + size, 0x1000):
            assert "Unmapped" in monitor.command(f"gva2gpa {page:#x}"), hex(page)
        assert "gpa: " in monitor.command(f"gva2gpa {base + size:#x}")


PAGE_PROCESS, PAGE_GUEST = 6, 7  # the owners of enum page_owner
FRAME = struct.Struct("<12xBBBx")  # struct page: ..., owner, order, flags
HEAD = 2  # the value of PAGE_FLAG_HEAD
MIB = 1 << 20


class Memory:
    """A dump of all of a machine's memory by QEMU, and the place of the kernel in it."""

    def __init__(self, monitor, path, linked, base, physical):
        monitor.command(f"pmemsave 0 {128 * MIB:#x} \"{path}\"")
        self.bytes = path.read_bytes()
        self.linked, self.base, self.physical = linked, base, physical
        self.direct = self.variable("direct_map_base")

    def variable(self, name):
        at = self.linked[name] - self.linked["__image_start"] + self.physical
        return struct.unpack_from("<Q", self.bytes, at)[0]

    def pages(self):
        """Each page of a process or a guest, from the kernel's array of frames."""
        frames, frame, found = self.variable("page_frames") - self.direct, 0, set()
        while frame < len(self.bytes) >> 12:
            owner, order, flags = FRAME.unpack_from(self.bytes, frames + frame * FRAME.size)
            count = 1 << order if flags & HEAD else 1
            if flags & HEAD and owner in (PAGE_PROCESS, PAGE_GUEST):
                found.update(number << 12 for number in range(frame, frame + count))
            frame += count
        return found

    def search(self, pages):
        """
        Returns which of the pages hold an address of the image or of the direct map, at any
        offset.
        """
        patterns = {"image": struct.pack("<I", self.base >> 32),
                    "direct map": struct.pack("<I", self.direct >> 32),
                    "physical": struct.pack("<Q", self.physical)}
        return [(hex(page), name) for page in sorted(pages) for name, pattern in patterns.items()
                if pattern in self.bytes[page:page + 4096]]


def test_memory_of_others(build, tmp_path):
    """
    No page of a guest or a monitor, and no page that these share with the manager, holds an
    address.
    """
    conf = "".join(f"[vm {name}]\nkernel = {kernel}\nmemory = 16M\nautostart = no\n"
                   for name, kernel in (("demo", "built-in"), ("spin", "spin.bin")))
    files = bundle.make(tmp_path / "reach.cpio", conf, bundle.tiny(build, "spin"))
    linked = symbols(build)
    path = tmp_path / "monitor"
    with Qemu(build, bundle=files, memory="128M",
              extra=qemu_monitor.option(path)) as machine:
        machine.wait_prompt()
        monitor = qemu_monitor.Monitor(path)
        base, physical = image(monitor, machine.objects("sym cpu_loop")[0]["address"], linked)
        where = (linked, base, physical)
        before = Memory(monitor, tmp_path / "before", *where)
        for name in ("demo", "spin"):
            for command in ("vm create", "vm start", "vm regs", "trace"):
                machine.command(f"{command} {name}")
        after = Memory(monitor, tmp_path / "after", *where)
    # The manager is told where the image lies, for `sym`: found there, it would be found elsewhere.
    assert any(name == "image" for _, name in before.search(before.pages()))
    others = after.pages() - before.pages()
    print(f"{len(before.pages())} pages of the manager, {len(others)} of guests and monitors")
    assert len(others) > 100 and after.search(others) == []


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_reach(build, tmp_path, emulator):
    """A guest finds no address of the image or of the direct map in anything that it can read."""
    conf = "[vm idle]\nkernel = spin.bin\nmemory = 16M\nautostart = no\n"
    files = bundle.make(tmp_path / "reach.cpio", conf, bundle.tiny(build, "spin", "reach"))
    linked = symbols(build)
    path = tmp_path / "monitor"
    more = {"extra": qemu_monitor.option(path)} if emulator is Qemu else {}
    with emulator(build, bundle=files, **more) as machine:
        machine.wait_prompt()
        loop = machine.objects("sym cpu_loop")[0]["address"]
        words = [f"image={~(loop >> 32) & 0xffffffff}"]
        if emulator is Qemu:
            monitor = qemu_monitor.Monitor(path)
            variable = loop - linked["cpu_loop"] + linked["direct_map_base"]
            direct = monitor.number(f"x /gx {variable:#x}", r": 0x([0-9a-f]{16})\n")
            words += [f"direct={~(direct >> 32) & 0xffffffff}", "svm"]
        machine.command(f"vm create reach kernel=reach.bin memory=16M "
                        f"cmdline=\"{' '.join(words)}\"")
        machine.type("vm start reach\r")
        machine.wait(r"reach: (?:stopped|crashed): ")
        machine.attach("reach")
        text = machine.wait(r"\[the guest has ended\]").replace("\r", "")
    assert re.search(r"^DONE", text, re.MULTILINE) and "FAIL" not in text, text
    assert len(re.findall("^PASS", text, re.MULTILINE)) == 11, text


@pytest.mark.parametrize("cpu, weak", [(EPYC, False), (EPYC + ",-rdrand", True)])
def test_entropy(build, cpu, weak):
    """`cpu` and the log name the sources of randomness; without RDRAND the log has a warning."""
    with Qemu(build, cpu=cpu) as machine:
        machine.wait_prompt()
        sources = machine.objects("cpu")[0]["entropy"].split()
        assert sources == (["tsc", "loader"] if weak else ["rdrand", "tsc", "loader"])
        log = machine.command("log show -c boot")
    assert f"entropy from {' '.join(sources)}" in log
    assert ("warning boot    weak entropy" in log) == weak
