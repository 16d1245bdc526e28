# SPDX-License-Identifier: MIT
"""
A disk's driver dies at each instruction that its clients' requests lead it to: the guest sees no
error, and reads what it wrote.

The instructions of a few functions at a time are replaced by HLT, which ends whoever comes to it in
ring 3. The one that a driver has come to is put back. The machine's memory is a file for that: QEMU
translates a program anew for each process, as each has it at another address. (To write by its GDB
server it stops the machine, and sometimes waits for ever for that.)
"""
import mmap
import re
import subprocess

import pytest

import bundle
import fio
from machine import Qemu, nvme

HLT = 0xf4
PAGE = 4096
# The requests that are answered without a stop at any instruction that is left, after which the
# rest counts as unreached.
UNREACHED = 300
# The instructions tried at a time; the rest of the last one's function is added.
INSTRUCTIONS = 300

CONF = """[disk data]
{disk}
restart_limit = 0
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 96M
autostart = yes
disk = data
"""
# Writes that are verified, flushes and zeroes in the first 8 MiB, discards behind them.
LOAD = ("rm -f /tmp/stop; "
        "{ while [ ! -e /tmp/stop ]; do /sbin/blkdiscard -f -o 8M -l 256K /dev/vda; "
        "done 2>/dev/null & "
        "{ code=0; while [ ! -e /tmp/stop ] && [ $code = 0 ]; do "
        f"{fio.command('2M', 1, more=' --fsync=16')}; code=$?; done; "
        "echo $code > /tmp/end; } & }")
MEMORY_DISK = ("controller = memory\nsize = 16M", ())
REACHED = {"ramdisk": {"scheduler_serve", "ramdisk_submit", "main", "request_finish"},
           "nvme": {"scheduler_serve", "nvme_submit", "nvme_poll", "main", "request_finish"}}


def nvme_disk(path):
    path.write_bytes(bytes(16 << 20))
    return "controller = nvme0", nvme(path, ",addr=4")


def functions(elf):
    """Returns {name: addresses of its instructions}, from the start of the program's image."""
    out = subprocess.run(["objdump", "-d", "--no-show-raw-insn", elf], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    found = {}
    for line in out.split("\n"):
        if head := re.match(r"[0-9a-f]+ <(\S+)>:$", line):
            name = head.group(1)
            while name in found:  # static functions of different files
                name += "'"
            found[name] = []
        elif instruction := re.match(r" +([0-9a-f]+):\t(\S+)", line):
            found[name].append(int(instruction.group(1), 16))
    del found["__image_start"]  # the image's header, kernel/abi/image.h
    return found


def pieces(addresses_of):
    """Functions one after the other, together so long that each piece is worth its waiting."""
    piece = set()
    for addresses in addresses_of.values():
        piece.update(addresses)
        if len(piece) >= INSTRUCTIONS:
            yield piece
            piece = set()
    yield piece


class Program:
    """A program in the machine's memory: its processes run it in place."""

    def __init__(self, path, image):
        with open(path, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), 0)
        self.image = image
        self.places = []
        at = self.memory.find(image[:32])
        while at >= 0:
            self.places += [at] if at % PAGE == 0 else []
            at = self.memory.find(image[:32], at + 1)
        assert self.places, "the program is not in memory"

    def stop_at(self, addresses):
        for place in self.places:
            for at in addresses:
                self.memory[place + at] = HLT

    def mend(self, addresses):
        for place in self.places:
            for at in addresses:
                self.memory[place + at] = self.image[at]


class Deaths:
    """
    The places where processes of a machine have died, from now on. Of many deaths at once the
    last ones are known.
    """

    def __init__(self, machine):
        self.machine = machine
        self.last = -1
        self.new()

    def new(self):
        rows = [row for row in self.machine.objects("log show -c process -n 3")
                if row["sequence"] > self.last and "killed: vector 13" in row["text"]]
        self.last = max([self.last, *(row["sequence"] for row in rows)])
        return {int(re.search(r"rip \+([0-9a-f]+)", row["text"]).group(1), 16) for row in rows}


def die_everywhere(machine, name, program, addresses, deaths):
    """Returns where drivers died."""
    left, places, answered = set(addresses), set(), 0
    program.stop_at(left)
    machine.command(f"driver restart {name}")
    while answered < UNREACHED:
        found = deaths.new()
        assert found <= addresses, f"{name} died elsewhere: {found}"
        program.mend(found)
        places |= found
        left -= found
        row = fio.driver(machine, name)
        assert row["state"] != "failed", row["reason"]
        if row["state"] == "restarting":
            machine.command(f"driver restart {name}")  # a restart has no pause after a short life
        # counts begin anew with each process
        answered = fio.requests(machine, "data") if row["state"] == "ready" and not found else 0
    program.mend(left)
    return places


def check_load(machine):
    """Checks that the load goes on: fio has seen nothing wrong."""
    machine.attach("alpha")
    assert machine.shell("[ -e /tmp/end ] || echo goes-on").strip() == "goes-on", \
        machine.shell("cat /tmp/fio; dmesg | tail -20")
    machine.leave()


@pytest.mark.long
@pytest.mark.parametrize("image", ["ramdisk", "nvme"])
def test_every_instruction(build, tmp_path, image):
    disk, extra = MEMORY_DISK if image == "ramdisk" else nvme_disk(tmp_path / "disk.img")
    files = bundle.make(tmp_path / "every.cpio", CONF.format(disk=disk),
                        bundle.debian_tools(build, "fio"))
    memory = tmp_path / "memory"
    extra = (*extra, "-machine", "memory-backend=ram", "-object",
             f"memory-backend-file,id=ram,size=256M,mem-path={memory},share=on")
    with Qemu(build, memory="256M", bundle=files, extra=extra) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha")
        machine.shell(LOAD)
        machine.leave()
        fio.wait_requests(machine, "data", 20)
        name = machine.objects("driver list")[0]["name"]
        program = Program(memory, (build / f"{image}.bin").read_bytes())
        addresses_of = functions(build / f"{image}.elf")
        deaths, places = Deaths(machine), set()
        for piece in pieces(addresses_of):
            places |= die_everywhere(machine, name, program, piece, deaths)
            check_load(machine)
            print(f"{name}: {len(places)} instructions so far", flush=True)
        reached = {function: len(places.intersection(addresses))
                   for function, addresses in addresses_of.items()
                   if places.intersection(addresses)}
        print(f"{name}: died at {len(places)} instructions of {len(reached)} functions: {reached}")
        assert set(reached) >= REACHED[image]
        machine.attach("alpha")
        machine.shell("touch /tmp/stop; wait")
        assert machine.shell("cat /tmp/end").strip() == "0", \
            machine.shell("cat /tmp/fio; dmesg | tail -20")
        assert machine.shell("dmesg | grep -c 'I/O error'").strip() == "0"
        machine.leave()
        row = machine.objects("disk stat")[0]
        assert row["errors"] == 0 and row["refused"] == 0, row
        assert fio.driver(machine, name)["starts"] > len(places)
        assert machine.objects("audit")[-1]["findings"] == 0
