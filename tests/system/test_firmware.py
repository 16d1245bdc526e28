# SPDX-License-Identifier: MIT
"""VMs that start by a PC's firmware: SeaBIOS of Debian, unmodified, from reset to what a disk boots."""
import subprocess

import pytest

import bundle
import firmware
from machine import Bochs, Qemu, on_disk

SEEN = (r"SeaBIOS \(version", "Booting from Hard Disk", "SECTOR runs", "SECOND sector", "CLOCK read",
        "MEMORY map read")


def wait_sector(machine):
    for line in SEEN:
        machine.wait(line)


def start_pc(machine):
    """Starts the VM by hand: one that starts at boot may have ended before its console is looked at."""
    machine.command("vm create pc")
    machine.command("vm start pc")


def make_bundle(tmp_path, conf, files=None):
    return bundle.make(tmp_path / "firmware.cpio", conf, firmware.seabios() | (files or {}))


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_boot_sector(build, tmp_path, emulator):
    """The firmware finds a virtio disk and starts its first sector, whose calls it serves."""
    conf = firmware.MEMORY_DISK + firmware.vm(more="autostart = yes\nvcpus = 2\n")
    files = make_bundle(tmp_path, conf, {"disk.img": firmware.disk(tmp_path)})
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("pc")
        wait_sector(machine)
        machine.type("k")
        machine.wait("KEY k")
        machine.type("r")  # by the reset control, and through the firmware again
        wait_sector(machine)
        machine.leave()
        machine.good("vm reset pc")
        machine.attach("pc")
        wait_sector(machine)
        machine.type("o")
        machine.wait("pc: stopped: guest powered off")
        log = machine.command("log show")
        assert "pc: firmware: Running on QEMU (i440fx)" in log
        assert "pc: firmware: found virtio-blk at 00:10.0" in log
        assert "pc: firmware: Found 2 cpu(s) max supported 2 cpu(s)" in log


FROM_CD = tuple("Booting from DVD/CD" if line.startswith("Booting") else line for line in SEEN)


@pytest.mark.parametrize("emulator", [Qemu, Bochs])
def test_cdrom(build, tmp_path, emulator):
    """The firmware finds a CD-ROM drive, and starts what El Torito says: from the CD, since no disk boots."""
    conf = ("[disk cd]\ncontroller = memory\nimage = cd.iso\n[disk blank]\ncontroller = memory\nsize = 1M\n" +
            firmware.vm(disk="blank, cd cdrom", more="autostart = yes\n"))
    files = make_bundle(tmp_path, conf, {"cd.iso": firmware.cdrom(tmp_path)})
    with emulator(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("pc")
        for line in FROM_CD:
            machine.wait(line)
        machine.type("k")
        machine.wait("KEY k")
        machine.leave()
        assert machine.command("vm eject pc") == "pc: cd is out of the drive"
        assert machine.command("vm insert pc cd") == "pc: cd is in the drive"
        assert "pc has no CD-ROM drive with a disk" in machine.command("vm eject pc blank")
        machine.good("vm reset pc")
        machine.attach("pc")
        for line in FROM_CD:
            machine.wait(line)
        machine.leave()
        machine.good("vm eject pc")
        machine.type("vm reset pc\r")
        machine.wait("pc: stopped: its firmware finds no disk with a boot sector")
        machine.wait_prompt()
        machine.good("vm start pc")  # the medium is in again
        machine.attach("pc")
        for line in FROM_CD:
            machine.wait(line)
        machine.type("o")
        machine.wait("pc: stopped: guest powered off")
        log = machine.command("log show")
        assert "pc: firmware: found virtio-scsi at 00:11.0" in log
        assert "vendor='SKERRY' product='CD-ROM' rev='1.0' type=5 removable=1" in log


def test_scsi_disk(build, tmp_path):
    """The firmware finds two disks at the SCSI host, and boots from the first one."""
    conf = ("[disk blank]\ncontroller = memory\nsize = 1M\n" + firmware.MEMORY_DISK +
            firmware.vm(disk="root scsi, blank scsi", more="autostart = yes\nboot.order = disk\n"))
    files = make_bundle(tmp_path, conf, {"disk.img": firmware.disk(tmp_path)})
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("pc")
        wait_sector(machine)
        machine.type("o")
        machine.wait("pc: stopped: guest powered off")
        log = machine.command("log show")
        assert "pc: firmware: found virtio-scsi at 00:07.0" in log
        assert log.count("vendor='SKERRY' product='DISK' rev='1.0' type=0 removable=0") == 2


ORDERS = {"cdrom, disk": "Booting from DVD/CD", "disk": "Booting from Hard Disk", "net cdrom": "Booting from DVD/CD"}


@pytest.mark.parametrize("order", ORDERS)
def test_boot_order(build, tmp_path, order):
    """A disk and a CD both boot: the key says which does."""
    conf = ("[disk cd]\ncontroller = memory\nimage = cd.iso\n" + firmware.MEMORY_DISK +
            firmware.vm(disk="root, cd cdrom", more=f"autostart = yes\nboot.order = {order}\n"))
    files = make_bundle(tmp_path, conf, {"cd.iso": firmware.cdrom(tmp_path), "disk.img": firmware.disk(tmp_path)})
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach("pc")
        machine.wait(ORDERS[order])  # and waits there for a key: no other is tried
        machine.wait("SECTOR runs")


def test_boot_once(build, tmp_path):
    """The first start is from the CD, as the key says; the guest's own reboot and the second start are from the disk."""
    conf = ("[disk cd]\ncontroller = memory\nimage = cd.iso\n" + firmware.MEMORY_DISK +
            firmware.vm(disk="root, cd cdrom", more="boot.once = cdrom\n"))
    files = make_bundle(tmp_path, conf, {"cd.iso": firmware.cdrom(tmp_path), "disk.img": firmware.disk(tmp_path)})

    def once(machine):
        keys = {key["key"]: key["value"] for key in machine.objects("vm get pc")}
        assert keys["boot.once"] == machine.vm("pc")["boot_once"]
        assert ("boot.once" in machine.command("config show")) == bool(keys["boot.once"])
        return keys["boot.once"]

    def boots_from(machine, device, *, again=False):
        machine.attach("pc")
        machine.wait(f"Booting from {device}")
        machine.wait("SECTOR runs")
        if again:
            machine.wait("MEMORY map read")
            machine.type("k")
            machine.wait("KEY k")
            machine.type("r")
            machine.wait("Booting from Hard Disk")
        machine.leave()
        machine.good("vm kill pc")

    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.good("vm create pc")
        assert once(machine) == "cdrom"
        machine.good("vm start pc")
        assert once(machine) == ""
        boots_from(machine, "DVD/CD", again=True)
        machine.good("vm start pc")
        boots_from(machine, "Hard Disk")
        machine.good("vm set pc boot.once=cdrom")
        assert once(machine) == "cdrom"
        machine.good("vm start pc")
        boots_from(machine, "DVD/CD")
        assert once(machine) == ""
        machine.good("vm start pc")
        boots_from(machine, "Hard Disk")


def test_boot_menu(build, tmp_path):
    """The firmware waits for a key at the console, shows what there is, and boots what was chosen."""
    conf = ("[disk cd]\ncontroller = memory\nimage = cd.iso\n" + firmware.MEMORY_DISK +
            firmware.vm(disk="root, cd cdrom",
                        more="boot.menu = yes\nsmbios.uuid = 0b1f3c5e-89ab-4cde-8f01-23456789abcd\n"))
    files = make_bundle(tmp_path, conf, {"cd.iso": firmware.cdrom(tmp_path), "disk.img": firmware.disk(tmp_path)})
    with Qemu(build, bundle=files) as machine:
        machine.wait_prompt()
        machine.good("vm create pc")
        machine.good("vm start pc")
        machine.attach("pc")
        machine.wait("Machine UUID 0b1f3c5e-89ab-4cde-8f01-23456789abcd")
        machine.wait("Press ESC for boot menu")
        machine.type("\x1b")
        machine.wait("Select boot device:")
        machine.wait(r"1\. Virtio disk PCI:00:10.0")
        machine.wait(r"2\. DVD/CD \[virtio-scsi Drive SKERRY CD-ROM")
        machine.type("2")
        machine.wait("Booting from DVD/CD")
        machine.wait("SECTOR runs")


MISTAKES = {
    "empty": ("boot = bios\nfirmware = zeros.bin\n", "where a processor begins, there is 0x0 and no jump"),
    "small": ("boot = bios\nfirmware = small.bin\n", "it has 100 bytes; a BIOS has 64, 128, 192 or 256 KiB"),
    "large": ("boot = bios\nfirmware = large.bin\n", "a BIOS has 64, 128, 192 or 256 KiB"),
    "bios": ("boot = uefi\nfirmware = seabios.bin\n", "it has 262144 bytes; UEFI firmware has 1 to 8 MiB"),
    "blank": ("boot = uefi\nfirmware = blank.bin\n", "where a processor begins, there is no code"),
    "seedless": ("boot = bios\nfirmware = seabios.bin\nseed = gone.yaml\n", 'seed: there is no file "gone.yaml"'),
    "zero": ("boot = bios\nfirmware = seabios.bin\nseed = blank.yaml\n", "seed: blank.yaml has a byte 0 at 3"),
    "long": ("boot = bios\nfirmware = seabios.bin\nseed = zeros.bin\n", "seed: zeros.bin has a byte 0 at 0"),
    "huge": ("boot = bios\nfirmware = seabios.bin\nseed = large.bin\n", "user-data has at most 256 KiB"),
    "missing": ("boot = bios\nfirmware = gone.bin\n", 'firmware: there is no file "gone.bin"'),
}
WRONG_KEYS = {
    "firmware = seabios.bin\nkernel = seabios.bin\n": "firmware = seabios.bin is for boot = bios or uefi",
    "boot = bios\n": "has no firmware; set firmware = FILE",
    "boot = bios\nfirmware = seabios.bin\ncmdline = quiet\n": "its disk has the kernel; leave out kernel",
    "boot = bios\nfirmware = seabios.bin\npci = off\n": "does not go with pci = off; set pci = on",
    "boot = bios\nfirmware = seabios.bin\nboot.order = disk floppy\n":
        "boot.order = disk floppy is not valid; use any of disk, cdrom and net, each once",
    "boot = bios\nfirmware = seabios.bin\nboot.order = disk, net, disk\n": "use any of disk, cdrom and net, each once",
    "boot = bios\nfirmware = seabios.bin\nboot.once = cd\n": "boot.once = cd is not valid; use any of disk, cdrom and net",
    "kernel = k\nboot.once = disk\n": "boot.once is for boot = bios or uefi",
    "boot = bios\nfirmware = seabios.bin\nsmbios.uuid = 1234\n": "smbios.uuid = 1234 is not valid; use a UUID",
    "kernel = k\nboot.menu = yes\n": "boot.menu is for boot = bios or uefi",
    "boot = efi\nfirmware = seabios.bin\n": "kernel, bios or uefi",
}


def test_no_firmware(build, tmp_path):
    """Files that are no firmware, and keys that do not go together: a sentence each, and no VM."""
    files = {"zeros.bin": bytes(1 << 16), "small.bin": b"\xea" * 100, "large.bin": b"\xea" * (2 << 20),
             "blank.bin": b"\xff" * (2 << 20), "blank.yaml": b"abc\0"}
    conf = "".join(f"[vm {name}]\n{keys}memory = 16M\n" for name, (keys, _) in MISTAKES.items())
    with Qemu(build, bundle=make_bundle(tmp_path, conf, files)) as machine:
        machine.wait_prompt()
        for name, (_, problem) in MISTAKES.items():
            machine.type(f"vm create {name}\r")
            machine.wait(problem.replace("(", r"\("))
            machine.wait_prompt()
        assert "0 found" in machine.command("audit")


@pytest.mark.parametrize("keys", WRONG_KEYS)
def test_wrong_keys(build, tmp_path, keys):
    with Qemu(build, bundle=make_bundle(tmp_path, f"[vm pc]\n{keys}")) as machine:
        machine.wait(WRONG_KEYS[keys])
        machine.wait_prompt()


@pytest.mark.parametrize("disks", ["disk = root\n", ""], ids=["no-boot-sector", "no-disk"])
def test_nothing_to_boot(build, tmp_path, disks):
    """The firmware finds nothing that it could start: the VM stops and says so."""
    conf = (firmware.MEMORY_DISK + "[vm pc]\nboot = bios\nfirmware = seabios.bin\nmemory = 32M\n"
            f"{disks}autostart = yes\n")
    with Qemu(build, bundle=make_bundle(tmp_path, conf, {"disk.img": bytes(1 << 20)})) as machine:
        machine.wait(r"pc: stopped: its firmware finds no disk with a boot sector to boot from")
        machine.wait_prompt()
        assert "No bootable device." in machine.command("log show")


def boot_sector_answers(machine, name, key):
    """The sector waits for keys by INT 0x16, that is with the firmware's own data; then for a reset."""
    machine.attach(name)
    machine.type(key)
    machine.wait(f"KEY {key}")
    machine.type("r")
    wait_sector(machine)
    machine.leave()


@pytest.mark.parametrize("emulator", [Qemu, pytest.param(Bochs, marks=pytest.mark.long)])
def test_state(build, tmp_path, emulator):
    """A snapshot, its clone, a new monitor and a save hold what the firmware left; resets go through it again."""
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(48 << 20))
    state_key = "00112233445566778899aabbccddeeff" * 2
    conf = (f"[host]\nstate_key = {state_key}\n[disk saves]\ncontroller = nvme0 ide0.0\n" +
            "[disk cd]\ncontroller = memory\nsize = 64K\n" + firmware.MEMORY_DISK +
            firmware.vm(memory="16M", disk="root, cd cdrom", more="seed = seed.yaml\n"))
    files = make_bundle(tmp_path, conf, {"disk.img": firmware.disk(tmp_path), "seed.yaml": b"#cloud-config\n"})
    with on_disk(emulator, build, image, bundle=files) as machine:
        machine.wait_prompt()
        machine.good("vm create pc")
        machine.good("vm start pc")
        machine.attach("pc")
        wait_sector(machine)
        machine.leave()
        machine.good("vm eject pc")
        machine.good("vm snapshot pc one")
        machine.good("vm insert pc")
        machine.good("vm clone pc@one twin")
        boot_sector_answers(machine, "twin", "t")
        boot_sector_answers(machine, "pc", "p")
        machine.good("vm reset pc --to one")
        assert "virtio_scsi.0.drive.tray" in machine.command("vm inspect pc virtio_scsi.0.drive")
        boot_sector_answers(machine, "pc", "q")
        machine.good("vm destroy twin")
        machine.good("vm snapshot drop pc one")
        machine.good("vm renew pc")
        boot_sector_answers(machine, "pc", "m")
        out = machine.command("vm save pc saves")
        assert "stopped: saved on disk saves" in out, out
        out = machine.command("vm restore pc saves")
        assert "running" in out, out
        boot_sector_answers(machine, "pc", "s")
        assert "0 found" in machine.command("audit")


@pytest.mark.parametrize("way", ["ro", "cdrom"])
def test_iso(build, tmp_path, way):
    """An ISO as grub-mkrescue and Debian make theirs boots as a disk that is only read, and as a CD."""
    (tmp_path / "iso/boot/grub").mkdir(parents=True)
    (tmp_path / "iso/boot/grub/grub.cfg").write_text(
        'set timeout=0\nmenuentry x {\n echo "MENU from the ISO"\n sleep 1\n halt\n}\n')
    image = tmp_path / "disk.iso"
    subprocess.run(["grub-mkrescue", "-o", image, tmp_path / "iso"], check=True, capture_output=True)
    content = image.read_bytes()
    content = content.ljust(-(-len(content) // 4096) * 4096, b"\0")
    conf = firmware.MEMORY_DISK.replace("disk.img", "disk.iso") + firmware.vm(memory="64M")
    conf = conf.replace("disk = root\n", f"disk = root {way}\n")
    with Qemu(build, bundle=make_bundle(tmp_path, conf, {"disk.iso": content})) as machine:
        machine.wait_prompt()
        start_pc(machine)
        machine.attach("pc")
        machine.wait(firmware.grub_says("MENU from the ISO"))
        machine.wait("pc: stopped: guest powered off")  # by the firmware's ACPI tables


def test_uefi_cdrom(build, tmp_path):
    """OVMF starts the loader that an ISO has for UEFI, from the CD-ROM drive by its own driver."""
    (tmp_path / "iso/boot/grub").mkdir(parents=True)
    (tmp_path / "iso/boot/grub/grub.cfg").write_text('echo "MENU by UEFI from the CD"\nsleep 1\nhalt\n')
    image = tmp_path / "disk.iso"
    subprocess.run(["grub-mkrescue", "-o", image, tmp_path / "iso"], check=True, capture_output=True)
    conf = ("[disk cd]\ncontroller = memory\nimage = cd.iso\n[vm pc]\nboot = uefi\nfirmware = ovmf.fd\n"
            "memory = 256M\ndisk = cd cdrom\nautostart = yes\n")
    files = {"ovmf.fd": firmware.OVMF.read_bytes(), "cd.iso": firmware.whole_pages(image.read_bytes())}
    with Qemu(build, bundle=make_bundle(tmp_path, conf, files)) as machine:
        machine.wait_prompt()
        machine.attach("pc")
        machine.wait("BdsDxe: starting Boot0001 .*CD-ROM")
        machine.wait(firmware.grub_says("MENU by UEFI from the CD"))
        machine.wait("pc: stopped: guest powered off")


def test_uefi_scsi(build, tmp_path):
    """OVMF starts the loader on a disk at the VM's SCSI host, which stands behind a blank one there."""
    conf = (firmware.MEMORY_DISK + "[disk blank]\ncontroller = memory\nsize = 1M\n[vm pc]\nboot = uefi\n"
            "firmware = ovmf.fd\nmemory = 256M\ndisk = blank scsi, root scsi\nautostart = yes\n")
    loader = firmware.uefi_program(tmp_path)
    files = {"ovmf.fd": firmware.OVMF.read_bytes(), "disk.img": firmware.esp(tmp_path / "disk.img", loader)}
    with Qemu(build, bundle=make_bundle(tmp_path, conf, files)) as machine:
        machine.wait_prompt()
        machine.attach("pc")
        machine.wait('BdsDxe: starting Boot000. "UEFI SKERRY')
        machine.wait("LOADER start 1")


def test_uefi(build, tmp_path):
    """OVMF of Debian finds the disk by its own driver and starts the loader on its file system."""
    (tmp_path / "grub.cfg").write_text('echo "MENU by UEFI"\nsleep 1\nhalt\n')
    loader = tmp_path / "BOOTX64.EFI"
    subprocess.run(["grub-mkstandalone", "-O", "x86_64-efi", "-o", loader, f"boot/grub/grub.cfg={tmp_path}/grub.cfg"],
                   check=True, capture_output=True)
    conf = (firmware.MEMORY_DISK + "[vm pc]\nboot = uefi\nfirmware = ovmf.fd\nmemory = 256M\ndisk = root\n")
    files = {"ovmf.fd": firmware.OVMF.read_bytes(), "disk.img": firmware.esp(tmp_path / "disk.img", loader)}
    with Qemu(build, bundle=make_bundle(tmp_path, conf, files)) as machine:
        machine.wait_prompt()
        start_pc(machine)
        machine.attach("pc")
        machine.wait("BdsDxe: starting Boot0001")
        machine.wait(firmware.grub_says("MENU by UEFI"))
        machine.wait("pc: stopped: guest powered off")
        assert machine.vm("pc")["exits"] < 900_000  # 494,000 were counted, 437,000 of them of ports
