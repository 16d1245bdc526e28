# SPDX-License-Identifier: MIT
"""Each tiny guest passes its checks as a VM under both emulators, and without Skerry on QEMU."""
import re
import subprocess

import pytest

import bundle
import emulators
from machine import EPYC, Bochs, Qemu

GOOD = 16  # EXIT_GOOD of rt.h
FPU_SEEDS = (1, 2)
GUESTS = ("breakpoints", "cpuid", "debug", "exceptions", "fpu", "hlt", "hpet", "interrupts",
          "mmio", "msr", "paging", "paging32", "pci", "ports", "realmode", "reset", "smp", "timers",
          "v8086", "virtio_blk", "virtio_net")
CPUS = {"smp": 4, "virtio_net": 4}
KEYS = {"hpet": "hpet = yes\n", "pci": "rng = yes\n",
        "virtio_blk": "disk = data\ndisk = fixed ro\nconsole = virtio\n",
        "virtio_net": "net = wire\nnet = wire\n"}
MODERN = "disable-legacy=on,modern-pio-notify=on"
DISK_BYTES = 4 << 20
DISKS = "".join(f"[disk {name}]\ncontroller = memory\nimage = disk.img\n"
                for name in ("data", "fixed")) + "[net wire]\n"
DEVICES = {
    "pci": ["-device", f"virtio-rng-pci,{MODERN}"],
    "virtio_blk": ["-drive", "if=none,id=data,format=raw,discard=unmap,file={folder}/disk.img",
                   "-blockdev", "driver=null-co,node-name=fixed,size=4194304,read-zeroes=on,read-only=on",
                   "-device", f"virtio-blk-pci,{MODERN},drive=data,serial=data,num-queues=4",
                   "-device", f"virtio-blk-pci,{MODERN},drive=fixed,num-queues=4"],
    "virtio_net": [word for name in "ab" for word in (
        "-netdev", f"hubport,id={name},hubid=0",
        "-device", f"virtio-net-pci,{MODERN},netdev={name}")],
}
# The guests that run once more with local APICs that the monitor emulates alone.
APIC_GUESTS = ("debug", "interrupts", "smp")
# The guests that run once more with every exception exiting first, as for a debugger.
TRAP_GUESTS = ("breakpoints",)

# What a guest prints by other ways than COM1.
SAYS = {"virtio_blk": ("PASS console-queue\n", "PASS console-indirect\n")}

# The checks that fail on a bare CPU, as Skerry itself provides what they ask for.
BARE_LACKS = {
    "cpuid": {"kvm-leaves"},
    "interrupts": {"x2apic"},
    "mmio": {"nothing-there"},
    "pci": {"pin"},
    "virtio_blk": {"pin", "statuses", "registers", "console"},
    "virtio_net": {"pairs", "offloads"},
    "msr": {"tsc-write", "refusals", "kvm-clock"},
    "smp": {"kvm-calls"},
    "timers": {"tsc-deadline", "pit-gate-stops"},
}


def check_answers(guest, text, lacks):
    """Every answer is PASS, only what may be absent is, and the guest ran to its end."""
    answers = re.findall(r"^(PASS|FAIL|ABSENT) (\S+)", text, re.MULTILINE)
    failed = re.findall(r"^(?:FAIL|  ).*", text, re.MULTILINE)
    assert not failed, f"{guest}:\n" + "\n".join(failed)
    assert any(word == "PASS" for word, _ in answers), f"{guest} says nothing:\n{text}"
    absent = {name for word, name in answers if word == "ABSENT"}
    assert absent <= lacks, f"{guest}: absent, but promised: {absent - lacks}"
    assert re.search(r"^DONE", text, re.MULTILINE), f"{guest} stopped half way:\n{text}"


class Bed:
    """A machine that is booted when it is needed, and again after a test on it has failed."""

    def __init__(self, emulator, make):
        self.emulator = emulator
        self.make = make
        self.machine = None

    def ready(self):
        if self.machine is None:
            self.machine = self.make()
            self.machine.wait_prompt()
        return self.machine

    def check(self, guest, text):
        check_answers(guest, text, emulators.lacks(self.emulator, guest))

    def run(self, *names):
        """Starts VMs together; returns what `vm list` and their consoles say at the end."""
        machine = self.ready()
        try:
            for name in names:
                machine.command(f"vm create {name}")
            for name in names:
                machine.type(f"vm start {name}\r")
            waiting = set(names)
            while waiting:
                machine.wait(rf"({'|'.join(waiting)}): (?:stopped|crashed): ")
                waiting.discard(machine.match().group(1))
            results = []
            for name in names:
                vm = machine.vm(name)
                machine.attach(name)
                text = machine.wait(r"\[the guest has ended\]").replace("\r", "")
                machine.wait_prompt()
                machine.command(f"vm destroy {name}")
                results.append((vm, text))
            return results
        except Exception:
            self.close()
            raise

    def close(self):
        if self.machine is not None:
            self.machine.close()
            self.machine = None


def tiny_bundle(build, folder, emulator):
    def words(guest):
        return f"{emulator} {emulators.words(emulator, guest)}"

    sections = [DISKS]
    for guest in GUESTS:
        for seed in FPU_SEEDS if guest == "fpu" else ("",):
            sections.append(f"[vm {guest}{seed}]\nkernel = {guest}.bin\nmemory = 32M\n"
                            f"vcpus = {CPUS.get(guest, 1)}\nautostart = no\n"
                            f"cmdline = {words(guest)} seed={seed}\n{KEYS.get(guest, '')}")
    for guest in APIC_GUESTS:
        sections.append(f"[vm {guest}-apic]\nkernel = {guest}.bin\nmemory = 32M\n"
                        f"vcpus = {CPUS.get(guest, 1)}\napic_virtualization = off\n"
                        f"cmdline = {words(guest)}\n")
    for guest in TRAP_GUESTS:
        sections.append(f"[vm {guest}-trap]\nkernel = {guest}.bin\nmemory = 32M\n"
                        f"trap = exceptions\ncmdline = {words(guest)}\n")
    return bundle.make(folder / "tiny.cpio", "\n".join(sections), bundle.tiny(build, *GUESTS) | {"disk.img": bytes(DISK_BYTES)})


@pytest.fixture(scope="module", params=["qemu", "bochs"])
def bed(request, build, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    files = tiny_bundle(build, folder, request.param)
    machine = {"qemu": Qemu, "bochs": Bochs}[request.param]
    made = Bed(request.param, lambda: machine(build, bundle=files))
    yield made
    made.close()


@pytest.mark.parametrize("guest", GUESTS)
def test_guest(bed, guest):
    names = [f"fpu{seed}" for seed in FPU_SEEDS] if guest == "fpu" else [guest]
    for vm, text in bed.run(*names):
        bed.check(guest, text)
        assert all(words in text for words in SAYS.get(guest, ()))
        assert vm["state"] == "stopped"
        assert vm["exit_code"] == GOOD


@pytest.mark.parametrize("guest", APIC_GUESTS)
def test_other_apic(bed, guest):
    ((vm, text),) = bed.run(f"{guest}-apic")
    bed.check(guest, text)
    assert vm["exit_code"] == GOOD


@pytest.mark.parametrize("guest", TRAP_GUESTS)
def test_trapped(bed, guest):
    ((vm, text),) = bed.run(f"{guest}-trap")
    bed.check(guest, text)
    assert vm["exit_code"] == GOOD


def test_without_xsave(build, tmp_path):
    """On a host that saves the FPU's state by FXSAVE alone."""
    files = tiny_bundle(build, tmp_path, "qemu")
    made = Bed("qemu", lambda: Qemu(build, bundle=files, cpu=f"{EPYC},-xsave"))
    try:
        for vm, text in made.run("fpu1", "fpu2", "hlt", "mmio"):
            assert vm["exit_code"] == GOOD, text
    finally:
        made.close()


@pytest.mark.parametrize("guest", GUESTS)
def test_bare(build, tmp_path, guest):
    """The guest passes without Skerry: it checks for what a processor does."""
    (tmp_path / "disk.img").write_bytes(bytes(DISK_BYTES))
    devices = [word.format(folder=tmp_path) for word in DEVICES.get(guest, [])]
    command = ["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", EPYC, "-m", "64M",
               "-display", "none", "-nic", "none", "-serial", "stdio",
               "-smp", str(CPUS.get(guest, 1)),
               "-kernel", build / f"tests/guest/{guest}.bin", "-append", f"bare {emulators.words('qemu', guest, True)}",
               "-device", "isa-debug-exit,iobase=0xf4,iosize=4", *devices]
    lacks = emulators.lacks("qemu", guest, True) | BARE_LACKS.get(guest, set())
    done = subprocess.run(command, stdin=subprocess.DEVNULL, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=600)
    check_answers(guest, done.stdout, lacks)
    assert done.returncode == GOOD << 1 | 1
