# SPDX-License-Identifier: MIT
"""One emulated machine that boots the image, driven through its serial console."""
import inspect
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import textwrap
import time
from pathlib import Path

import pexpect
import pexpect.fdpexpect

from bochs import configuration
from channel import BUSY, Channel
from relay import Relay

PROMPT = r"(?:^|\n|\r)skerry> "
PANIC = r"panic on CPU \d+"
DETACH = "\x1d"
EXAMINE = ("vm list", "cpu", "gdb", "log show -l warning", "driver list", "disk stat")
EXAMINE_PARTS = ("pic", "irqchip", "ioapic", "lapic", "virtio_blk")
REPORT_CHARACTERS = 20000
OVMF = "/usr/share/ovmf/OVMF.fd"
ROOT = Path(__file__).resolve().parents[2]
EPYC = "EPYC,+svm,+npt"
# Seconds of a wait, and generous: emulators share the host's cores with each other, and with whatever else.
LIMIT = 300
# The words for QEMU that make a nanosecond of the machine an instruction, whatever else the host
# has to do.
COUNTED = ("-icount", "shift=0,sleep=off")


def make_iso(build, out, bundle=None, cmdline=""):
    """Makes an ISO of the image as it is in build/, without rebuilding it."""
    # Another spelling of the same folder would change the compiler flags and so rebuild everything.
    build = os.path.relpath(build, ROOT)
    command = ["make", "-s", "-o", f"{build}/skerry.elf", "iso", f"BUILD={build}", f"OUT={out}",
               f"BUNDLE={bundle or ''}", f"CMDLINE={cmdline}"]
    done = subprocess.run(command, cwd=ROOT, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    assert done.returncode == 0, f"make iso failed:\n{done.stdout}"
    return out


def plain_iso(build, folder, bundle, cmdline, keys=None):
    """
    Makes a CD with nothing on it but the image and its bundle, in a seventh of the time that the
    product's ISO takes. GRUB has its configuration and its modules inside it. `keys` is the text of a
    module with the keys of disks.
    """
    tree = folder / "cd"
    (tree / "boot").mkdir(parents=True)
    words = re.sub(r"([\\\"'$])", r"\\\1", cmdline)  # GRUB passes on what is quoted without the quotes
    lines = [f"multiboot2 /boot/skerry.elf {words}"]
    subprocess.run(["objcopy", "--strip-debug", build / "skerry.elf", tree / "boot/skerry.elf"], check=True)
    if bundle:
        shutil.copyfile(bundle, tree / "boot/guests.cpio")
        lines.append("module2 /boot/guests.cpio")
    if keys:
        (tree / "boot/keys").write_text(keys)
        lines.append("module2 /boot/keys skerry.keys")
    (folder / "grub.cfg").write_text("\n".join([*lines, "boot", ""]))
    subprocess.run(["grub-mkimage", "-O", "i386-pc-eltorito", "-p", "/boot", "-c", folder / "grub.cfg", "-o",
                    tree / "boot/grub.img", "biosdisk", "iso9660", "multiboot2"], check=True)
    out = folder / "test.iso"
    subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-r", "-b", "boot/grub.img", "-no-emul-boot",
                    "-boot-load-size", "4", "-boot-info-table", "-o", out, tree],
                   check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return out


def wait_for(found, limit=LIMIT):
    """Asks until the answer is yes, and returns it. If it never is, that says what was asked, and the last answer."""
    end = time.monotonic() + limit
    while not (answer := found()):
        assert time.monotonic() < end, \
            f"waited {limit} s for this, which is still {answer!r}:\n{question(found)}"
        time.sleep(0.05)  # the machine that answers has something else to do, too
    return answer


def question(found):
    """Returns a function as it is written, with the values that it has from where it was made."""
    try:
        text = textwrap.dedent(inspect.getsource(found))
    except (OSError, TypeError):
        text = repr(found)
    try:
        known = inspect.getclosurevars(found).nonlocals
    except TypeError:
        known = {}
    return text + "".join(f"  {name} = {value!r}\n" for name, value in known.items()
                          if not isinstance(value, Machine))


def guest_output(transcript):
    """
    Returns what a guest has printed while its console was attached, without what was done in
    between: leaving its console may cut a line in two, and the rest comes when it is attached
    again.
    """
    return re.sub(r"\r*\n(?:[^\r\n]*\r)?skerry> .*?\[console of [^\n]*\n", "", transcript,
                  flags=re.DOTALL)


def running(text):
    """The VMs that `vm list` has shown as running."""
    return re.findall(r"^(\S+) +running ", text, re.MULTILINE)


class Machine:
    """What both emulators have in common: a console on a socket, files in a folder of their own."""

    started = []  # the machines that this process has started and not yet closed

    def __init__(self, build):
        folder = build / "tests/machines"
        folder.mkdir(parents=True, exist_ok=True)
        self.build = build
        self.folder = Path(tempfile.mkdtemp(dir=folder))
        self.log = open(self.folder / "emulator.log", "wb")
        self.read = open(self.folder / "console.txt", "w", encoding="utf-8")
        self.listeners = {}
        self.console = None
        self.channel = None
        self.com3 = None  # a Relay, to whose port GDBs connect
        self.process = None
        self.limit = LIMIT
        self.reported = False
        self.prompted = False

    def __enter__(self):
        return self

    def __exit__(self, why, *unused):
        if why is not None and not self.reported:
            if why is AssertionError and self.process and self.process.poll() is None:
                self.examine()
            print(f"the machine had said:\n{self.said()}")
        self.close()

    def examine(self):
        """Asks the machine what may tell why it stands still; the answers are at the end of what it has said."""
        self.type(DETACH)
        time.sleep(1)  # bytes right behind the command would be dropped
        self.type("\r" + "".join(f"{line}\r" for line in EXAMINE))
        self.type("".join(f"vm regs {name}\r" + "".join(f"vm inspect {name} {part}\r" for part in EXAMINE_PARTS)
                          for name in running(self.wait_rest())))
        self.wait_rest()

    @classmethod
    def unreported(cls):
        """
        Returns the ends of the output of all machines that still run: a fixture holds these
        machines.
        """
        return [machine.said() for machine in cls.started if not machine.reported]

    def wait(self, pattern, limit=None):
        """Waits for a pattern; returns what came before it."""
        patterns = [pattern] if "panic" in pattern else [pattern, PANIC]
        ends = [pexpect.TIMEOUT, pexpect.EOF]
        found = self.console.expect(patterns + ends, timeout=limit or self.limit)
        if found != 0:
            raise AssertionError(self.report(pattern, (patterns + ends)[found]))
        return self.console.before

    def report(self, pattern, instead):
        """
        Returns why a wait failed: what the machine had printed, and what it prints now when
        asked.
        """
        self.reported = True
        if instead is pexpect.TIMEOUT:
            self.examine()
        elif instead is pexpect.EOF:
            self.ended(10)
        else:
            self.wait_rest()
        return (f"waited for {pattern!r}, but: {instead}; the emulator's end: "
                f"{self.process.poll()}\n{self.said()}")

    def wait_rest(self):
        """Returns what the machine still prints in the next seconds."""
        self.console.expect([pexpect.TIMEOUT, pexpect.EOF], timeout=5)
        return self.console.before

    def wait_prompt(self, limit=None):
        return self.wait(PROMPT, limit)

    def match(self):
        """The match that the last wait ended with."""
        return self.console.match

    def type(self, text):
        self.console.send(text)

    def command(self, line, limit=None):
        """
        Types a command at the prompt; returns what it printed. As long as its VM has still to do the last one, which
        takes a busy machine a while, it is typed again.
        """
        return wait_for(lambda: [said for said in [self.typed(line, limit)] if BUSY not in said], self.limit)[0]

    def typed(self, line, limit=None):
        # Before the first prompt the manager turns the UART's FIFO on, which loses what comes meanwhile.
        self.prompted = self.prompted or re.search(PROMPT, self.transcript()) is not None
        if not self.prompted:
            self.wait_prompt(limit)
        self.type(line + "\r")
        self.wait(re.escape(line) + r"\r*\n", limit)
        return self.wait_prompt(limit).replace("\r", "")

    def good(self, line):
        """Does a command that has to succeed."""
        out = self.command(line)
        assert "error: " not in out, out
        return out

    def objects(self, line, limit=None):
        """The JSON objects that a command prints."""
        out = self.command(line + " -j", limit)
        return [json.loads(text) for text in out.split("\n") if text.startswith("{")]

    def vm(self, name):
        """Returns what `vm list -j` says about a VM; None: there is no such VM."""
        found = [vm for vm in self.objects("vm list") if vm["name"] == name]
        return found[0] if found else None

    def wait_running(self, names):
        """Waits for the prompt, and until these VMs run."""
        self.wait_prompt()
        wait_for(lambda: set(names) <= {vm["name"] for vm in self.objects("vm list")
                                        if vm["state"] == "running"}, self.limit)

    def free_pages(self):
        return [row["pages"] for row in self.objects("mem") if row["owner"] == "free"][0]

    def steady_free(self):
        """
        Returns how many pages are free once three answers have been the same: a busy CPU gives back the last pages
        of what has ended at its next ticks.
        """
        free = [self.free_pages()]
        while len(free) < 3 or len(set(free[-3:])) > 1:
            time.sleep(0.2)
            free.append(self.free_pages())
        return free[-1]

    def settled_free(self, pages, seconds=60):
        """
        Waits for this many free pages, at most that long; returns how many there are then.
        A busy CPU gives back the last pages at its next tick.
        """
        limit = time.monotonic() + seconds
        while (free := self.free_pages()) != pages and time.monotonic() < limit:
            pass
        return free

    def wait_free(self, pages):
        """Waits until this many pages are free."""
        free = self.settled_free(pages, self.limit)
        assert free == pages, f"{pages} pages were free, now {free}"

    def wait_end(self, name, limit=None):
        """Waits until the console says that a VM has ended; returns its state and why."""
        self.wait(rf"{name}: (stopped|crashed): ([^\r\n]*)\r*\n", limit)
        return self.match().group(1), self.match().group(2)

    def attach(self, name):
        self.type(f"vm console {name}\r")
        self.wait(rf"\[console of {name}, [^\n]*\n")

    def leave(self):
        """Ctrl-] leaves a guest's console."""
        self.type(DETACH)
        self.wait_prompt()

    def shell(self, line, limit=None):
        """A command at the shell of the guest whose console is attached; returns its output."""
        # The quotes keep the echo of the line from looking like the ends of its output.
        self.type(f"echo sk''erry-begin; {line}; echo sk''erry-done\n")
        self.wait(r"skerry-begin\r*\n", limit)
        return self.wait(r"skerry-done\r*\n", limit).replace("\r", "")

    def attach_shell(self, name, limit=None):
        """Attaches, and waits until the guest has its shell."""
        self.attach(name)
        self.wait(rf"READY {name}\r*\n", limit)
        self.wait(f"{name}# ", limit)

    def ended(self, limit=LIMIT):
        """Returns whether the emulator ends by itself within the limit."""
        try:
            self.process.wait(timeout=limit)
            return True
        except subprocess.TimeoutExpired:
            return False

    def computed(self):
        """CPU seconds that the emulator has used, in steps of 10 ms: beside others it takes longer for them."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        if self in self.started:
            self.started.remove(self)
        if self.console is not None:
            try:
                self.console.close()
            except (OSError, pexpect.ExceptionPexpect):
                pass
            # detach() has closed the descriptor, whose number may belong to another file by now.
            self.link.detach()
        if self.channel is not None:
            self.channel.close()
        if self.com3 is not None:
            self.com3.close()
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        for listener in self.listeners.values():
            listener.close()
        self.log.close()
        self.read.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def listen(self, line):
        """
        The port that a serial line of the emulator shall connect to. We listen there already: of a
        port that only seems to be free another program may be the first to make use.
        """
        self.listeners[line] = socket.create_server(("127.0.0.1", 0))
        return self.listeners[line].getsockname()[1]

    def start(self, command):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.DEVNULL,
                                        stdout=self.log, stderr=self.log, start_new_session=True)
        try:
            links = {line: self.accept(listener) for line, listener in self.listeners.items()}
        except TimeoutError:
            said = self.log_end()
            self.close()
            raise AssertionError(f"{command[0]} does not start:\n{said}") from None
        self.open_console(links["com1"])
        if "com2" in links:
            self.channel = Channel(links["com2"], self.limit)
        if "com3" in links:
            self.com3 = Relay(links["com3"])

    def accept(self, listener):
        """The line's other end: the emulator connects when it starts."""
        listener.settimeout(0.5)
        deadline = time.monotonic() + 60
        while True:
            try:
                return listener.accept()[0]
            except TimeoutError:
                if time.monotonic() > deadline or self.process.poll() is not None:
                    raise

    def open_console(self, link):
        self.link = link
        self.console = pexpect.fdpexpect.fdspawn(link.fileno(), encoding="utf-8",
                                                 codec_errors="replace", timeout=self.limit)
        self.console.logfile_read = self.read
        self.console.delaybeforesend = None
        self.started.append(self)

    def transcript(self):
        self.read.flush()
        return (self.folder / "console.txt").read_text(encoding="utf-8", errors="replace")

    def said(self):
        """The end of the transcript, for a report, and why the emulator has ended if it has."""
        said = self.transcript()[-REPORT_CHARACTERS:]
        if self.process is None or self.process.poll() is None:
            return said
        return f"{said}\nthe emulator has ended, it had said:\n{self.log_end()}"

    def log_end(self):
        return (self.folder / "emulator.log").read_text(errors="replace")[-2000:]


class Qemu(Machine):
    """QEMU's software CPU: SVM and NPT."""

    def __init__(self, build, boot="kernel", cpu=EPYC, memory="1G", bundle=None, cmdline="",
                 com2=None, channel=False, com3=False, kernel=None, iso=None, accel="tcg",
                 extra=()):
        super().__init__(build)
        command = ["qemu-system-x86_64", "-M", "q35", "-accel", accel, "-cpu", cpu, "-m", memory,
                   "-display", "none", "-no-reboot", "-nic", "none",
                   *self.serial("com1")]
        if com2:
            command += ["-serial", f"file:{com2}"]
        if channel:
            command += self.serial("com2")
        if com3:
            command += [] if com2 or channel else ["-serial", "null"]
            command += self.serial("com3")
        if boot == "kernel":
            command += ["-kernel", kernel or build / "skerry.elf", "-append", cmdline]
            if bundle:
                command += ["-initrd", bundle]
        else:
            iso = iso or make_iso(build, self.folder / "test.iso", bundle, cmdline)
            command += ["-cdrom", iso]
            if boot == "uefi":
                command += ["-bios", OVMF]
        self.start(command + list(extra))

    def serial(self, line):
        return ["-chardev", f"socket,id={line},host=127.0.0.1,port={self.listen(line)}",
                "-serial", f"chardev:{line}"]


class Bochs(Machine):
    """Bochs: VMX, EPT and VPID."""

    def __init__(self, build, memory="1G", bundle=None, cmdline="", model="corei7_skylake_x",
                 cpus=1, com2=None, channel=False, com3=False, iso=None, disk=None, card=False):
        super().__init__(build)
        iso = iso or plain_iso(build, self.folder, bundle, cmdline)
        ports = {line: self.listen(line) for line, wanted in
                 (("com1", True), ("com2", channel), ("com3", com3)) if wanted}
        self.start(configuration(self.folder, iso, ports["com1"], memory=memory, model=model,
                                 cpus=cpus, com2=com2, channel=ports.get("com2"),
                                 com3=ports.get("com3"), disk=disk, card=card))


def on_cpus(emulator, cpus):
    """
    The arguments of a machine with so many CPUs for guests, and the guests' affinity. QEMU's own
    threads harm guests on CPU 0, so with QEMU one more CPU has no guests. And where the host has
    fewer than half as many CPUs they keep each other from running: then one thread is all of them
    (docs/platforms.md).
    """
    if emulator is not Qemu:
        return {"cpus": cpus}, "all"
    if cpus == 1:
        return {}, "all"
    single = cpus + 1 > 2 * os.cpu_count()
    return {"extra": ("-smp", str(cpus + 1)),
            "accel": "tcg,thread=single" if single else "tcg"}, f"1-{cpus}"


def nvme(image, more=""):
    """QEMU's words for an NVMe controller with that image as its disk."""
    return ("-drive", f"if=none,id=disk0,format=raw,file={image}",
            "-device", f"nvme,drive=disk0,serial=one{more}")


def on_disk(emulator, build, image, extra=(), **how):
    """A machine with that image as its only disk: QEMU's is nvme0; Bochs has no NVMe, its is ide0.0."""
    if emulator is Bochs:
        return Bochs(build, disk=image, **how)
    return Qemu(build, extra=(*extra, *nvme(image)), **how)
