# SPDX-License-Identifier: MIT
"""Bad input: each mistake is named with its place, the prompt appears, other VMs run."""
import pytest

import bundle
import ring_3
from machine import Qemu

GOOD_VM = "[vm good]\nkernel = cpuid.bin\nmemory = 16M\nautostart = no\n"


def good_files(build, conf=""):
    return bundle.tiny(build, "cpuid") | {"skerry.conf": (GOOD_VM + conf).encode()}


def check_good(machine):
    """A VM without a mistake is not affected."""
    machine.command("vm create good")
    machine.type("vm start good\r")
    assert machine.wait_end("good") == ("stopped", "debug exit 16")
    machine.command("version")


def check_refused(build, archive, tmp_path, pattern, good=True):
    path = tmp_path / "bad.cpio"
    path.write_bytes(archive)
    with Qemu(build, bundle=path) as machine:
        machine.wait(pattern)
        machine.wait_prompt()
        if good:
            check_good(machine)


def bad_conf(conf):
    return lambda build: bundle.pack(good_files(build, conf))


def broken_header(build):
    """Makes a bundle whose second member has a wrong magic: the first member is still a file."""
    files = good_files(build)
    conf = bundle.member(1, "skerry.conf", files["skerry.conf"])
    kernel = bundle.member(2, "cpuid.bin", files["cpuid.bin"])
    return conf + kernel + b"070707" + b"0" * 200


def broken_size(build):
    files = good_files(build)
    archive = bundle.pack(files)
    bad = bundle.member(9, "bad")
    bad = bad[:54] + b"FFFFFFFF" + bad[62:]
    return archive[:-len(bundle.member(0, bundle.TRAILER))] + bad


def no_trailer(build):
    return bundle.pack(good_files(build))[:-len(bundle.member(0, bundle.TRAILER))]


def long_name(build):
    return bundle.pack({"n" * 64: b"", "m" * 63: b""} | good_files(build))


# Each mistake, and what must be said about it.
MISTAKES = {
    "cpio-name": (long_name, r"error: boot bundle: n{60}\.\.\. is left out; give it a name"),
    "cpio-magic": (broken_header, r"error: boot bundle \(\d+ bytes\): at byte \d+: bad magic"),
    "cpio-size": (broken_size, r"error: boot bundle \(\d+ bytes\): at byte \d+: truncated"),
    "cpio-trailer": (no_trailer, r"error: boot bundle \(\d+ bytes\): at byte \d+: the trailer"),
    "unknown-key": (bad_conf("[vm bad]\nkernel = cpuid.bin\ncolour = red\n"),
                    r'error: skerry.conf:7:1: there is no key "colour"; the keys are kernel initrd'),
    "unknown-value": (bad_conf("[vm bad]\nkernel = cpuid.bin\nmemory = lots\n"),
                      r'error: skerry.conf:7:10: [^\n]*"lots"[^\n]*use a size such as 128M'),
    "unknown-section": (bad_conf("[machine x]\nkernel = cpuid.bin\n"),
                        r"error: skerry.conf:5:2: there is no section \[machine\]; the sections are \[host\]"),
    "second-name": (bad_conf("[vm good]\nkernel = cpuid.bin\n"),
                    r"error: skerry.conf:5:5: there is a second VM good; give each its own name"),
    "no-kernel": (bad_conf("[vm bad]\nmemory = 16M\n"), r"error: skerry.conf:5:\d+: [^\n]*kernel"),
    "missing-file": (bad_conf("[vm bad]\nkernel = nowhere\nautostart = yes\n"),
                     r'error: VM bad: kernel: there is no file "nowhere"; the boot bundle has '
                     r"cpuid.bin"),
    "too-large": (bad_conf("[vm bad]\nkernel = cpuid.bin\nmemory = 64G\nautostart = yes\n"),
                  r"error: VM bad: memory: 65536 MiB takes [^\n]*only \d+ MiB"),
    "not-text": (bad_conf("[vm bad]\nkernel = \x01\x02\n"),
                 r"error: skerry.conf:6:10: the byte 0x01 is no ASCII text; leave it out"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistake(build, tmp_path, mistake):
    make, pattern = MISTAKES[mistake]
    check_refused(build, make(build), tmp_path, pattern)


def test_no_configuration(build, tmp_path):
    archive = bundle.pack({"something": b"else"})
    check_refused(build, archive, tmp_path,
                  r"error: there is no configuration skerry.conf among the boot files", good=False)


def test_not_an_archive(build, tmp_path):
    check_refused(build, b"This is no archive at all." * 100, tmp_path,
                  r"error: boot bundle \(2600 bytes\): at byte 0: bad magic", good=False)


def bad_kernels(build):
    """VMs with a kernel file that is cut short, and with one that is noise."""
    kernel = (build / "guests/vmlinuz").read_bytes()
    files = good_files(build, "".join(f"[vm {name}]\nkernel = {name}\nmemory = 64M\n"
                                      for name in ("short", "noise")))
    files["short"] = kernel[:len(kernel) // 2]
    files["noise"] = bytes(range(256)) * 64
    return files


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_bad_kernel(build, tmp_path, emulator):
    path = bundle.write(tmp_path / "kernels.cpio", bad_kernels(build))
    with emulator(build, bundle=path) as machine:
        machine.wait_prompt()
        for name, said in (("short", "kernel file: truncated"), ("noise", "neither a bzImage")):
            machine.command(f"vm create {name}")
            machine.type(f"vm start {name}\r")
            state, reason = machine.wait_end(name)
            assert state == "crashed" and said in reason, reason
            assert machine.vm(name)["state"] == "crashed"
        check_good(machine)


def test_long_line(build, tmp_path):
    """100 kB without an end of line are refused, and the console works as before."""
    path = bundle.write(tmp_path / "good.cpio", good_files(build))
    with Qemu(build, bundle=path) as machine:
        machine.wait_prompt()
        for _ in range(100):
            machine.type("x" * 1000)
        machine.type("\r")
        machine.wait("error: the line is too long; use at most 1024 characters")
        machine.wait_prompt()
        assert "error: " not in machine.command("version").split("\n", 1)[0]
        check_good(machine)


def test_bad_keys(build, tmp_path):
    """Keys and values on the console get the same answers as in the file."""
    path = bundle.write(tmp_path / "good.cpio", good_files(build))
    with Qemu(build, bundle=path) as machine:
        machine.wait_prompt()
        for words, said in (("x colour=red", 'there is no key "colour"'),
                            ("x kernel=cpuid.bin memory=1K", "use a size"),
                            ("x kernel=cpuid.bin vcpus=1000", "use a number from 1 to 64"),
                            ("x kernel=nowhere", "there is no file"),
                            ("../x kernel=cpuid.bin", "is not valid; use 1 to 31"),
                            ("x", "kernel")):
            out = machine.command(f"vm create {words}")
            assert out.startswith("error: ") and said in out, out
        assert machine.objects("vm list") == []
        for command in ("vm start", "vm regs", "vm console"):
            assert ("good does not exist yet, `vm create good` makes it from its section"
                    in machine.command(f"{command} good"))
        check_good(machine)
