# SPDX-License-Identifier: MIT
"""AFL++ in a Linux guest drives other guests by a window: each run goes back to a snapshot."""
import gzip
import re

import pytest

import bundle
from machine import Qemu, wait_for

LINUX = ("[vm {0}]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 256M\nautostart = yes\n"
         "window = fuzz 128K\ncmdline = console=ttyS0 quiet name={0}\n")
TARGET = "[vm {0}]\nkernel = fuzzed.bin\nmemory = 4M\nautostart = yes\nwindow = fuzz 128K\n"


def programs(build, *names):
    """A piece of initramfs with these programs in /sbin."""
    members = [bundle.member(number, f"sbin/{name}", (build / "tests/guest/afl" / name).read_bytes(), bundle.PROGRAM)
               for number, name in enumerate(names, 2)]
    return gzip.compress(bundle.member(1, "sbin", mode=bundle.FOLDER) + b"".join(members) + bundle.pack({}), mtime=0)


def start(build, folder, conf, piece, **how):
    files = bundle.debian(build / "guests") | bundle.tiny(build, "fuzzed")
    files["initramfs.cpio.gz"] += piece
    return Qemu(build, bundle=bundle.make(folder / "fuzz.cpio", conf, files), **how)


def begin_target(machine):
    """Starts the target of a Linux guest, which has itself set back from then on, and its console, too."""
    machine.attach_shell("target")
    machine.type("/sbin/target 0\n")
    machine.leave()


@pytest.mark.parametrize("target", ["tiny", "linux"])
def test_bridge(build, tmp_path, target):
    """A run that is fine, one that crashes and one that hangs, each told apart, and the next one is fine again."""
    conf = LINUX.format("harness") + (TARGET if target == "tiny" else LINUX).format("target")
    with start(build, tmp_path, conf, programs(build, "bridge", "stand_in", "target")) as machine:
        machine.wait_prompt()
        if target == "linux":
            begin_target(machine)
        wait_for(lambda: "on-request" in machine.command("vm snapshot list target"))
        machine.attach_shell("harness")
        said = machine.shell("/sbin/stand_in 200 /sbin/bridge 1")
        machine.leave()
        runs = dict(re.findall(r"^RUN (\w+) (.*) edges=\d+$", said, re.MULTILINE))
        fine = "signal=0 exit=0"
        assert runs == {"fine": fine, "deeper": fine, "crash": "signal=11 exit=0", "after": fine,
                        "hang": "signal=9 exit=0", "last": fine}, said
        edges = {name: int(count) for name, count in re.findall(r"^RUN (\w+) .* edges=(\d+)$", said, re.MULTILINE)}
        assert 0 < edges["fine"] < edges["deeper"] and edges["fine"] == edges["last"], said
        print(re.search(r"RUNS \d+ MS \d+", said)[0])
        assert machine.vm("target")["state"] == "running"
        assert ": 0 found" in machine.command("audit")


# What afl-fuzz shall not look at in a guest, and that it ends at the first crash, by a number of runs that repeats.
FUZZ = ("AFL_NO_UI=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 "
        "AFL_BENCH_UNTIL_CRASH=1 afl-fuzz -V 900 -s 1 -t 2000 -m none -i /in -o /out {0} -- /sbin/bridge {1} >/log{1} 2>&1")


@pytest.mark.long
def test_no_target(build, tmp_path):
    """A bridge whose target is gone ends, with a sentence, and so does one without a place."""
    conf = LINUX.format("harness") + TARGET.format("target")
    with start(build, tmp_path, conf, programs(build, "bridge", "stand_in")) as machine:
        machine.wait_prompt()
        wait_for(lambda: "on-request" in machine.command("vm snapshot list target"))
        machine.good("vm destroy target")
        machine.attach_shell("harness")
        said = machine.shell("/sbin/stand_in 1 /sbin/bridge 1")
        assert "bridge: the target does not go back" in said and "FAIL the bridge has ended" in said, said
        said = machine.shell("/sbin/stand_in 1 /sbin/bridge 9")
        assert "bridge: say as root which place" in said, said


@pytest.mark.long
def test_afl(build, tmp_path):
    """Debian's afl-fuzz finds the crash from a seed that says nothing of it."""
    piece = (build / "tests/guest/afl/afl.cpio.gz").read_bytes()
    with start(build, tmp_path, LINUX.format("harness") + TARGET.format("target"), piece) as machine:
        machine.wait_prompt()
        wait_for(lambda: "on-request" in machine.command("vm snapshot list target"))
        machine.attach_shell("harness")
        machine.shell("mkdir /in; echo hello, world, hello, world >/in/seed")
        machine.shell(FUZZ.format("-D", 1), 1000)
        said = machine.shell("tail -n 5 /log1; cat /out/default/fuzzer_stats; cat /out/default/crashes/id*")
        print(said)
        assert re.search(r"saved_crashes +: 1", said) and "SKRYL" in said, said


@pytest.mark.long
def test_two_bridges(build, tmp_path):
    """Two workers in one guest, each with a target of its own: both have all their runs."""
    conf = LINUX.format("harness") + TARGET.format("one") + TARGET.format("two")
    with start(build, tmp_path, conf, programs(build, "bridge", "stand_in"), extra=("-smp", "2")) as machine:
        machine.wait_prompt()
        for name in ("one", "two"):
            wait_for(lambda target=name: "on-request" in machine.command(f"vm snapshot list {target}"))
        machine.attach_shell("harness")
        machine.shell("/sbin/stand_in 200 /sbin/bridge 1 >/one & /sbin/stand_in 200 /sbin/bridge 2 >/two & wait", 300)
        said = machine.shell("cat /one /two")
        print(re.findall(r"RUNS \d+ MS \d+", said))
        assert said.count("RUN crash signal=11") == said.count("RUN hang signal=9") == 2, said
        assert said.count("RUNS 200") == 2 and "FAIL" not in said, said


@pytest.mark.long
def test_workers(build, tmp_path):
    """Two workers in one machine, each a harness and a target with a window of their own, find the crash at one time."""
    piece = (build / "tests/guest/afl/afl.cpio.gz").read_bytes()
    conf = "".join((LINUX.format(f"harness{n}") + TARGET.format(f"target{n}")).replace("= fuzz ", f"= fuzz{n} ")
                   for n in (1, 2))
    with start(build, tmp_path, conf, piece, extra=("-smp", "2")) as machine:
        machine.wait_prompt()
        for n in (1, 2):
            wait_for(lambda target=f"target{n}": "on-request" in machine.command(f"vm snapshot list {target}"))
            machine.attach_shell(f"harness{n}")
            machine.shell("mkdir /in; echo hello, world, hello, world >/in/seed")
            machine.type(f"{FUZZ.format('-D', 1)}; echo EN''DED\n")
            machine.leave()
        for n in (1, 2):
            machine.attach(f"harness{n}")
            machine.wait("ENDED", 900)
            said = machine.shell("cat /out/default/fuzzer_stats /out/default/crashes/id*")
            machine.leave()
            print(said)
            assert re.search(r"saved_crashes +: 1", said) and "SKRYL" in said, said
