# SPDX-License-Identifier: MIT
"""Several CPUs when things go wrong: stale translations, guests that make trouble, lost CPUs."""
import os
import re
import socket
import struct
import subprocess

import pytest

import bundle
from machine import ROOT, Bochs, Qemu, wait_for
from ports import free_port
from test_scheduling import boot, busy_bundle, measure

GOOD = 16  # EXIT_GOOD of tests/guest/rt/rt.h


def storm_bundle(build, tmp_path, words, vcpus):
    conf = (f"[vm storm]\nkernel = storm.bin\nmemory = 32M\nvcpus = {vcpus}\nautostart = yes\n"
            f"test_device = yes\ncmdline = {words}\n")
    return bundle.make(tmp_path / "storm.cpio", conf, bundle.tiny(build, "storm"))


# Without the kick a vCPU would run on for ever under SVM, and for up to 5 ms under VMX, where the
# preemption timer makes it exit. Bochs' time is that of its instructions, QEMU's is the host's.
@pytest.mark.parametrize("emulator, limit_us", [(Qemu, 3000000), (Bochs, 1000)])
def test_window(build, tmp_path, emulator, limit_us):
    """A vCPU that never exits of its own accord loses access to an unmapped page at once."""
    files = storm_bundle(build, tmp_path, f"window={limit_us}", 2)
    host = {"extra": ("-smp", "2")} if emulator is Qemu else {"cpus": 2}
    with emulator(build, bundle=files, **host) as machine:
        end = machine.wait_end("storm")
        machine.wait_prompt()
        machine.attach("storm")
        text = machine.wait(r"\[the guest has ended\]")
        assert "PASS window-comes" in text and "PASS window-goes" in text, text
        assert end == ("stopped", f"debug exit {GOOD}")


@pytest.mark.parametrize("emulator, cpus", [
    (Qemu, 8), pytest.param(Bochs, 4, marks=pytest.mark.long)])
def test_all_run(build, tmp_path, emulator, cpus):
    """Every CPU is started and counted, and runs the guest that may run nowhere else."""
    host = {"extra": ("-smp", str(cpus))} if emulator is Qemu else {"cpus": cpus}
    names = [f"on{i}" for i in range(cpus)]
    files = busy_bundle(build, tmp_path, {name: {"affinity": i} for i, name in enumerate(names)})
    with emulator(build, bundle=files, **host) as machine:
        machine.wait(f" {cpus} CPUs, ")
        machine.wait_running(names)
        first = measure(machine, 200)
        assert all(spent > 0 for spent, _ in first.values()), first
        rows = machine.objects("cpu")
        assert [row["id"] for row in rows] == list(range(cpus))
        elsewhere = [row for row, name in zip(rows, names) if row["runs"] not in (name, "manager")]
        assert not elsewhere and all(row["exits"] > 0 for row in rows), rows
        # The code that they started in is unmapped: no kernel page is writable and executable.
        assert machine.objects("audit")[-1]["findings"] == 0


def memory(machine):
    return {row["owner"]: row for row in machine.objects("mem")}


def settled_memory(machine):
    """
    Two answers that are the same: `mem` reads one count after the other, and what a process had
    that has just ended comes back later, page by page.
    """
    rows = [memory(machine)]
    wait_for(lambda: rows.append(memory(machine)) or rows[-1] == rows[-2])
    return rows[-1]


def test_nodes(build, tmp_path):
    """Memory is kept apart by the SRAT's domains, and a VM gets memory that is near its CPUs."""
    halves = ("-smp", "2", "-object", "memory-backend-ram,id=near,size=512M",
              "-object", "memory-backend-ram,id=far,size=512M",
              "-numa", "node,nodeid=0,memdev=near,cpus=0", "-numa", "node,nodeid=1,memdev=far,cpus=1")
    sections = {"one": {"affinity": 1, "memory": "64M", "autostart": "no"}}
    with Qemu(build, bundle=busy_bundle(build, tmp_path, sections), extra=halves) as machine:
        machine.wait_prompt()
        before = settled_memory(machine)
        assert before["node-0"]["pages"] + before["node-1"]["pages"] == \
            sum(row["pages"] for name, row in before.items() if not name.startswith("node"))
        assert before["node-1"]["pages"] == pytest.approx(512 * 256, rel=0.01)
        machine.command("vm create one")
        machine.command("vm start one")
        assert machine.vm("one")["state"] == "running"
        # the VM gets its memory as it runs, and has perhaps not begun
        wait_for(lambda: before["node-1"]["free"] - memory(machine)["node-1"]["free"] >= 512)
        machine.command("vm destroy one")


def test_storm(build, tmp_path):
    """IPIs, NMIs, INIT and SIPI at random, APICs that move: all at the cost of that guest alone."""
    sections = {"storm": {"kernel": "storm.bin", "vcpus": 4, "memory": "32M"}, "one": {}}
    with boot(build, tmp_path, sections) as machine:
        machine.wait_running(("one",))
        machine.attach("storm")
        machine.wait("STORM")
        machine.leave()
        spent, passed = measure(machine, 200)["one"]
        assert spent / passed > 0.47
        assert machine.vm("storm")["state"] == "running"
        machine.command("vm destroy storm")
        spent, passed = measure(machine, 100)["one"]
        assert spent / passed > 0.9


def address_of(build, name):
    """The address of a symbol in an image that was booted with nokaslr."""
    out = subprocess.run(["nm", build / "skerry.elf"], check=True, text=True,
                         stdout=subprocess.PIPE).stdout
    return int(re.search(rf"^([0-9a-f]+) \w {name}$", out, re.MULTILINE).group(1), 16)


def backtraces(machine):
    """{CPU: text} of a panic, from the line after its message to `halted`."""
    text = machine.wait(r"halted\r*\n").replace("\r", "")
    parts = re.split(r"^CPU (\d+) ", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2])) | {"panic": parts[0]}


def test_panic(build, tmp_path):
    """A machine check on one CPU: the panic shows what each of the other CPUs was doing."""
    files = busy_bundle(build, tmp_path, {"one": {"affinity": 1}, "two": {"affinity": 2}})
    # now and then CPU 1 is on its way from its guest to the scheduler at that moment
    shown = [panic_of(build, files, tmp_path / "monitor0")]
    while len(shown) < 3 and "svm_switch_out" not in shown[-1]["1"]:
        shown.append(panic_of(build, files, tmp_path / f"monitor{len(shown)}"))
    # CPU 1 was in its guest: the NMI is taken after the exit, when GIF is set.
    assert "svm_switch_out" in shown[-1]["1"], shown
    assert all("cpu_loop" in each["panic"] and set(each) == {"panic", "1", "2", "3"} for each in shown), shown
    # CPU 3 was idle.
    assert all("cpu_loop_handle" in each["3"] for each in shown), shown


def panic_of(build, files, path):
    """Returns the backtraces of a machine whose CPU 1 and CPU 2 are in guests; its CPU 3 is idle."""
    with Qemu(build, bundle=files, extra=("-smp", "4", "-monitor",
                                          f"unix:{path},server=on,wait=off")) as machine:
        machine.wait_running(("one", "two"))
        # the vCPUs are in their guests, and no more in their monitors
        wait_for(lambda: all(machine.vm(name)["cpu_ns"] > 10 ** 9 for name in ("one", "two")))
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(path))
            link.sendall(b"mce 0 9 0xbd00000000000000 0x5 0 0\n")
            machine.wait("panic on CPU 0: machine check on CPU 0")
            return backtraces(machine)


class Debugger:
    """The part of GDB's remote protocol that it takes to send one CPU astray."""

    def __init__(self, port):
        self.link = socket.create_connection(("127.0.0.1", port), timeout=120)
        self.unread = b""
        # without this question QEMU changes no register
        self.ask("qXfer:features:read:target.xml:0,fff")

    def packet(self):
        while b"#" not in self.unread[:-2]:
            self.unread += self.link.recv(4096)
        body, rest = self.unread.split(b"#", 1)
        self.unread = rest[2:]
        self.link.sendall(b"+")
        return body.split(b"$", 1)[1].decode()

    def send(self, text):
        self.link.sendall(f"${text}#{sum(text.encode()) & 255:02x}".encode())

    def ask(self, text):
        """The answer; stop replies are skipped, unless the question makes CPUs run."""
        self.send(text)
        answer = self.packet()
        while answer.startswith("T") and text not in "cs":
            answer = self.packet()
        return answer

    def lose(self, cpu, at, where):
        """Makes the CPU go on at `where` the next time that it comes to `at`."""
        thread = f"thread:0{cpu + 1}"
        while True:
            assert self.ask(f"Z1,{at:x},1") == "OK"
            stop = self.ask("c")
            assert self.ask(f"z1,{at:x},1") == "OK"
            if thread in stop:
                break
            self.ask("s")
        assert self.ask(f"Hg{cpu + 1}") == "OK"
        assert self.ask("P10=" + struct.pack("<Q", where).hex()) == "OK"
        self.send("D")


def test_lost_cpu(build, tmp_path):
    """A CPU hangs with interrupts off: another one notices, and an NMI shows where it hangs."""
    port = free_port()
    files = busy_bundle(build, tmp_path, {"one": {"affinity": 1}, "two": {"affinity": 1}})
    with Qemu(build, bundle=files, cmdline="nokaslr",
              extra=("-smp", "2", "-gdb", f"tcp:127.0.0.1:{port}")) as machine:
        machine.wait_running(("one", "two"))
        debugger = Debugger(port)
        debugger.lose(1, address_of(build, "sched_next"), address_of(build, "cpus_halt"))
        machine.type("vm destroy one\r")
        machine.wait("panic on CPU 0: CPU 1 does not answer")
        shown = backtraces(machine)
        assert "tlb_reclaim" in shown["panic"]  # tlb_reclaim is a part of tlb_cpu_passed
        assert re.match(r"at\n +[0-9a-f]+ cpus_halt", shown["1"]), shown["1"]
        assert "cpu_loop" in shown["1"]


def madt(apic_ids):
    """Makes a MADT for QEMU's q35 with these CPUs (ACPI 5.2.12)."""
    body = struct.pack("<II", 0xfee00000, 1)
    body += b"".join(struct.pack("<BBBBI", 0, 8, uid, apic_id, 1)
                     for uid, apic_id in enumerate(apic_ids))
    body += struct.pack("<BBBBII", 1, 12, 0, 0, 0xfec00000, 0)
    body += struct.pack("<BBBBIH", 2, 10, 0, 0, 2, 0)
    body += b"".join(struct.pack("<BBBBIH", 2, 10, 0, irq, irq, 0xd) for irq in (5, 9, 10, 11))
    table = struct.pack("<4sIBB6s8sI4sI", b"APIC", 36 + len(body), 1, 0, b"SKERRY", b"TESTMADT",
                        1, b"TEST", 1) + body
    return table[:9] + bytes([-sum(table) & 255]) + table[10:]


def test_absent_cpu(build, tmp_path):
    """A CPU that only the firmware's tables know is named and left out; the CPU after it runs."""
    tree = tmp_path / "tree"
    (tree / "boot/grub").mkdir(parents=True)
    (tree / "boot/madt").write_bytes(madt([0, 77, 1]))
    subprocess.run(["objcopy", "--strip-debug", build / "skerry.elf", tree / "boot/skerry.elf"],
                   check=True)
    (tree / "boot/grub/grub.cfg").write_text(
        "acpi --exclude=APIC /boot/madt\nmultiboot2 /boot/skerry.elf\nboot\n")
    subprocess.run(["grub-mkrescue", "-o", tmp_path / "test.iso", tree], check=True,
                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    with Qemu(build, boot="cdrom", iso=tmp_path / "test.iso", extra=("-smp", "2")) as machine:
        machine.wait_prompt()
        log = machine.command("log show")
        assert "the CPU with APIC id 77 does not answer and is left out" in log, log
        assert "2 of 3 CPUs run" in log
        assert [row["id"] for row in machine.objects("cpu")] == [0, 1]


@pytest.fixture(scope="module")
def debug_build(build):
    """The image with all checks of DEBUG=1."""
    folder = build / "debug"
    path = os.path.relpath(folder, ROOT)
    done = subprocess.run(["make", "-s", "-j2", "DEBUG=1", f"BUILD={path}", f"{path}/skerry.elf"], cwd=ROOT,
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout
    return folder


def check_lines(machine):
    """A symbol's file and line are where its function begins."""
    (symbol,) = machine.objects("sym kernel_main")
    lines = (ROOT / symbol["file"]).read_text().split("\n")
    # The compiler gives a function the line of its name or of its brace.
    assert any("kernel_main(" in line for line in lines[symbol["line"] - 2:symbol["line"]]), symbol
    (inside,) = machine.objects(f"sym {symbol['address'] + 8}")
    assert inside["name"] == "kernel_main" and inside["distance"] == 8
    assert inside["file"] == symbol["file"] and inside["line"] >= symbol["line"]


@pytest.mark.long
def test_debug_image(build, debug_build, tmp_path):
    """A kernel with its assertions, the order of locks among them, runs without a panic."""
    files = busy_bundle(build, tmp_path, {
        "one": {"weight": 512, "cap": "80%"}, "two": {"reserve": "2ms/10ms"}, "three": {},
        "storm": {"kernel": "storm.bin", "vcpus": 4, "memory": "32M"}})
    with Qemu(debug_build, bundle=files, extra=("-smp", "2")) as machine:
        machine.wait_running(("one", "two", "three", "storm"))
        machine.attach("storm")
        machine.wait("STORM")
        machine.leave()
        machine.command("vm destroy storm")
        measure(machine, 1000)
        for name in ("one", "two"):
            machine.command(f"vm destroy {name}")
        locks = {row["lock"]: row for row in machine.objects("locks")}
        assert locks.pop("iommu")["taken"] == 0, "the machine has none"
        assert locks.pop("layer")["taken"] == 0, "no VM has a snapshot"
        for line in ("irq", "ioapic"):
            assert locks.pop(line)["taken"] > 0, "the console's interrupt line is unmasked"
        rare = {name: row["taken"] for name, row in locks.items() if row["taken"] < 100}
        assert not rare, "locks that the guests' second must have taken more often"
        assert all(row["waited"] <= row["taken"] for row in locks.values())
        assert machine.vm("three")["state"] == "running"
        check_lines(machine)


def test_locks_are_not_counted(build, tmp_path):
    with Qemu(build) as machine:
        machine.wait_prompt()
        assert machine.command("locks") == \
            "error: locks are counted by an image built with make DEBUG=1"
