# SPDX-License-Identifier: MIT
"""The flash memory of VMs with UEFI firmware: what is written there outlives resets, and on a disk the machine."""
import re

import pytest

import bundle
import firmware
from machine import Bochs, Qemu, nvme, on_disk

ROM_VM = "[vm pc]\nboot = uefi\nfirmware = flash.fd\nmemory = 16M\n"


def rom_bundle(tmp_path, conf):
    return bundle.make(tmp_path / "flash.cpio", conf, {"flash.fd": firmware.flash_rom(tmp_path)})


def wait_start(machine, count):
    """Waits for what flash_rom.S says at its start number `count`, counted from 0."""
    machine.wait("FLASH status 0000")
    machine.wait(f"COUNT {count:04X}")
    machine.wait("WRITTEN 8000")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_reset(build, tmp_path, emulator):
    """Flash is programmed and erased by commands, and outlives a reset by the guest and by `vm reset`."""
    with emulator(build, bundle=rom_bundle(tmp_path, ROM_VM)) as machine:
        machine.wait_prompt()
        machine.good("vm create pc")
        machine.good("vm start pc")
        machine.attach("pc")
        wait_start(machine, 0)
        machine.type("p")
        machine.wait("BOTH 800C")
        machine.type("r")
        wait_start(machine, 1)
        machine.leave()
        machine.good("vm reset pc")
        machine.attach("pc")
        wait_start(machine, 2)
        machine.type("e")
        machine.wait("ERASED 80FF")
        machine.type("r")
        wait_start(machine, 0)
        machine.type("o")
        machine.wait("pc: stopped: guest powered off")
        assert "0 found" in machine.command("audit")


DISK_VM = ("[disk vars]\ncontroller = nvme0 ide0.0\n" + ROM_VM + "disk = vars flash\n")


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_disk(build, tmp_path, emulator):
    """On a disk the variables outlive their VM, and a machine whose power is cut right after a write."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(8 << 20))
    files = rom_bundle(tmp_path, DISK_VM)
    for first in (0, 3):
        with on_disk(emulator, build, image, bundle=files) as machine:
            machine.wait_prompt()
            machine.good("vm create pc")
            machine.good("vm start pc")
            machine.attach("pc")
            wait_start(machine, first)
            if first == 0:
                machine.leave()
                assert "the disk for its firmware's variables was empty" in machine.command("log show")
                machine.attach("pc")
            machine.type("r")
            wait_start(machine, first + 1)
            machine.type("o")
            machine.wait("pc: stopped: guest powered off")
            machine.good("vm start pc")
            machine.attach("pc")
            wait_start(machine, first + 2)
            machine.process.kill()
    content = image.read_bytes()
    assert content[:firmware.VARIABLES_BYTES] == firmware.variables(b"")[:1 << 16] + bytes(6) + b"\xff" * 65530
    assert content[firmware.VARIABLES_BYTES:] == bytes((8 << 20) - firmware.VARIABLES_BYTES)


STATE_VM = (f"[host]\nstate_key = {'0123456789abcdef' * 4}\n[disk saves]\ncontroller = nvme0 ide0.0\n"
            "[disk vars]\ncontroller = memory\nsize = 1M\n" + ROM_VM + "disk = vars flash\n")


def restart(machine, name, count):
    """Has the guest reset its machine, and looks at the count."""
    machine.attach(name)
    machine.type("r")
    wait_start(machine, count)
    machine.leave()


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_state(build, tmp_path, emulator):
    """Snapshots, clones, a new monitor and a save have the flash as it was, and the disk follows."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(32 << 20))
    with on_disk(emulator, build, image, bundle=rom_bundle(tmp_path, STATE_VM)) as machine:
        machine.wait_prompt()
        machine.good("vm create pc")
        machine.good("vm start pc")
        machine.attach("pc")
        wait_start(machine, 0)
        machine.leave()
        machine.good("vm snapshot pc one")
        restart(machine, "pc", 1)
        machine.good("vm renew pc")
        restart(machine, "pc", 2)
        machine.good("vm clone pc@one twin")
        restart(machine, "twin", 1)
        machine.good("vm destroy twin")
        machine.good("vm reset pc --to one")
        restart(machine, "pc", 1)
        assert re.search(r"^flash\.0\.mode +0$", machine.command("vm inspect pc flash"), re.M)
        machine.good("vm snapshot drop pc one")
        machine.good("vm kill pc")
        machine.good("vm start pc")
        machine.attach("pc")
        wait_start(machine, 2)
        machine.leave()
        out = machine.command("vm save pc saves")
        assert "stopped: saved on disk saves" in out, out
        out = machine.command("vm restore pc saves")
        assert "running" in out, out
        restart(machine, "pc", 3)
        assert "0 found" in machine.command("audit")


CONTENTS = {
    "something else": (b"MBR".ljust(firmware.VARIABLES_BYTES, b"\x90"), "no volume of UEFI firmware begins there"),
    "torn": (firmware.variables()[:58] + b"\1" + firmware.variables()[59:], "the checksum of their header is wrong"),
    "of other firmware": (firmware.variables(size=64 << 10).ljust(firmware.VARIABLES_BYTES, b"\xff"),
                          "its variables are those of firmware of another size"),
    "too small": (bytes(64 << 10), "it is smaller than they are; make it 1 MiB large"),
}
TOLD = {
    "begun and cut off": (firmware.variables(b"\xaa\x55\x3f\0" + bytes(36) + b"\1\1\1\1"),
                          "its firmware's variables are torn at byte 100"),
    "full": (firmware.variables((b"\xaa\x55\x3f\0" + bytes(32) + b"\x04\0\0\0\xa0\x0f\0\0" + bytes(16 + 4004)) * 14),
             "its firmware's variables are full: 14 of them have 56896 of "),
    "without a beginning": (b"\xff" * 4096 + firmware.variables()[4096:-1] + b"\0",
                            "its firmware's variables have lost their beginning"),
}


def test_no_place(build, tmp_path):
    """Firmware that fills a power of two of bytes and has no variables: a disk for them is refused in a sentence."""
    files = {"flash.fd": b"\xff" * firmware.VARIABLES_BYTES + firmware.flash_rom(tmp_path)[firmware.VARIABLES_BYTES:]}
    conf = "[disk vars]\ncontroller = memory\nsize = 1M\n" + ROM_VM + "disk = vars flash\n"
    with Qemu(build, bundle=bundle.make(tmp_path / "flash.cpio", conf, files)) as machine:
        machine.wait_prompt()
        assert "no variables, and no room for them below it" in machine.command("vm create pc")
        machine.good("vm create pc disk=none")
        assert "0 found" in machine.command("audit")


def test_spoiled(build, tmp_path):
    """A disk that holds no variables, or spoiled ones: a sentence each, and nothing is written to it."""
    files = {"flash.fd": firmware.flash_rom(tmp_path)}
    conf = ""
    for number, content in enumerate([*CONTENTS.values(), *TOLD.values()]):
        files[f"d{number}"] = content[0]
        conf += (f"[disk d{number}]\ncontroller = memory\nimage = d{number}\n" +
                 ROM_VM.replace("pc", f"v{number}") + f"disk = d{number} flash\n")
    with Qemu(build, bundle=bundle.make(tmp_path / "flash.cpio", conf, files)) as machine:
        machine.wait_prompt()
        for number, (_, problem) in enumerate(CONTENTS.values()):
            machine.type(f"vm create v{number}\r")
            machine.wait("the disk for its firmware's variables cannot be used: " + problem)
        for number, (_, line) in enumerate(TOLD.values(), len(CONTENTS)):
            machine.good(f"vm create v{number}")
            machine.good(f"vm start v{number}")
            machine.attach(f"v{number}")
            machine.wait("WRITTEN")
            machine.leave()
            assert line in machine.command("log show")
            machine.good(f"vm kill v{number}")
        assert "0 found" in machine.command("audit")


UEFI_VM = ("[disk esp]\ncontroller = memory\nimage = esp.img\n[disk vars]\ncontroller = nvme0\n"
           "[vm pc]\nboot = uefi\nfirmware = ovmf.fd\nmemory = 256M\ndisk = esp, vars flash\n")
OVMF_CODE = firmware.OVMF.parent.parent / "OVMF/OVMF_CODE.fd"
EXITS_MAX = 900_000  # of a first start: 488,000 were counted


def wait_loader(machine, count):
    machine.wait(f"LOADER start {count}")


def test_uefi(build, tmp_path):
    """OVMF finds the flash and keeps a boot loader's variable: over resets, a new VM, and in another bundle."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(8 << 20))
    files = {"ovmf.fd": firmware.OVMF.read_bytes(),
             "esp.img": firmware.esp(tmp_path / "esp.img", firmware.uefi_program(tmp_path))}
    with Qemu(build, bundle=bundle.make(tmp_path / "one.cpio", UEFI_VM, files), extra=nvme(image)) as machine:
        machine.wait_prompt()
        machine.good("vm create pc")
        machine.good("vm start pc")
        machine.attach("pc")
        wait_loader(machine, 1)
        machine.leave()
        assert machine.vm("pc")["exits"] < EXITS_MAX
        machine.good("vm snapshot pc one")
        machine.good("vm reset pc")
        machine.attach("pc")
        wait_loader(machine, 2)
        machine.leave()
        machine.good("vm reset pc --to one")
        machine.attach("pc")
        machine.type("r")
        wait_loader(machine, 2)
        machine.process.kill()
    # the code alone, with the variables that are on the disk
    files["ovmf.fd"] = OVMF_CODE.read_bytes()
    with Qemu(build, bundle=bundle.make(tmp_path / "two.cpio", UEFI_VM, files), extra=nvme(image)) as machine:
        machine.wait_prompt()
        machine.good("vm create pc")
        machine.good("vm start pc")
        machine.attach("pc")
        wait_loader(machine, 3)
        machine.leave()
        assert "0 found" in machine.command("audit")
