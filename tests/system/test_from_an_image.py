# SPDX-License-Identifier: MIT
"""docs/guides/from-an-image.md, as it stands there: a Debian that boots by its own GRUB from its own disk."""
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import bundle
import firmware
from machine import ROOT, Qemu, nvme, wait_for
from ports import free_port

sys.path.append(str(ROOT / "gateway/tests/system"))
from client import Server  # noqa: E402

GUIDE = ROOT / "docs/guides/from-an-image.md"
BOOT_LIMIT = 600
# Accesses to ports of a boot with its menu, which has 67,000 exits; those of timers are as many as the host is slow.
EXITS_MAX = 120_000


@pytest.fixture(scope="module")
def image(build, request):
    """The image takes two to five minutes to make, and is kept as downloaded guests are. No test writes to it."""
    kept = build / "tests/debian_image"
    script = ROOT / "tests/tools/debian_image.sh"
    made = kept / "script"
    if request.config.getoption("--long") or not made.exists() or made.read_text() != script.read_text():
        shutil.rmtree(kept, ignore_errors=True)
        subprocess.run([script, kept], check=True, timeout=1800, stdout=subprocess.DEVNULL)
        made.write_text(script.read_text())
    return kept / "debian.img"


def make_bundle(folder, more=""):
    lines = re.search(r"```sh\n(.*?)```", GUIDE.read_text(), re.DOTALL).group(1)
    lines = lines.replace("disk = root\n", f"disk = root\n{more}")
    if (folder / "user-data").exists():
        lines = lines.replace("mkdir bundle\n", "mkdir bundle\ncp user-data bundle/\n")
    subprocess.run(["/bin/sh", "-e", "-c", lines], cwd=folder, check=True)
    return folder / "image.cpio"


def wait_login(machine):
    # what GRUB says next may be cut in two by movements of the cursor
    for line in (r"SeaBIOS \(version", "GRUB loading", "debian login: "):
        machine.wait(line, BOOT_LIMIT)


def port_exits(machine):
    return next(row["count"] for row in machine.objects("vm stat debian") if row["reason"] == "io")


def test_debian(build, tmp_path, image):
    """Firmware, boot loader, system; a reboot goes through all three again; the power button ends it."""
    more = "smbios.uuid = 0b1f3c5e-89ab-4cde-8f01-23456789abcd\nsmbios.vendor = Debian one\nsmbios.serial = S-1\n"
    with Qemu(build, bundle=make_bundle(tmp_path, more), extra=("-snapshot", *nvme(image))) as machine:
        machine.wait_prompt()
        machine.attach("debian")
        wait_login(machine)
        machine.leave()
        assert port_exits(machine) < EXITS_MAX
        machine.attach("debian")
        machine.type("root\r")
        machine.wait(r"root@debian:~# ")
        machine.type("findmnt -no SOURCE,FSTYPE /; cd /sys/class/dmi/id; echo $(cat sys_vendor product_serial product_uuid); "
                     "reboot\r")
        machine.wait(r"/dev/vda1 +ext4")
        machine.wait("Debian one S-1 0b1f3c5e-89ab-4cde-8f01-23456789abcd")
        wait_login(machine)
        machine.leave()
        machine.type("vm stop debian\r")
        assert machine.wait_end("debian", BOOT_LIMIT) == ("stopped", "guest powered off")


def seed_taken(machine):
    """What the guest has done with the seed: 3 used it, 7 and the text is gone since."""
    return int(re.search(r"drive\.taken +(\d+)", machine.command("vm inspect debian virtio_scsi.0.drive")).group(1))


def test_cloud_init(build, tmp_path, image):
    """cloud-init of Debian finds the seed and does at the first boot what it says; then its text is gone."""
    (tmp_path / "user-data").write_text(
        "#cloud-config\nruncmd:\n - [sh, -c, 'echo SEED for $(cat /var/lib/cloud/data/instance-id) at "
        "$(hostname), $(blkid -s LABEL -o value /dev/sr0) >/dev/ttyS0']\n")
    with Qemu(build, bundle=make_bundle(tmp_path, "seed = user-data\n"),
              extra=("-snapshot", *nvme(image))) as machine:
        machine.wait_prompt()
        machine.attach("debian")
        machine.wait(r"SEED for [0-9a-f]{8}-[0-9a-f-]{27} at debian, cidata", BOOT_LIMIT)
        machine.leave()
        assert "SEED" not in machine.command("config show")
        assert seed_taken(machine) == 3
        # the text is for one start: gone after the guest's reboot, and in a new process of the VM
        machine.attach("debian")
        machine.type("\r")
        machine.wait("debian login: ", BOOT_LIMIT)
        machine.type("root\r")
        machine.wait(r"root@debian:~# ")
        machine.type("reboot\r")
        machine.wait(r"SeaBIOS \(version", BOOT_LIMIT)
        machine.leave()
        assert seed_taken(machine) == 7
        machine.good("vm kill debian")
        machine.good("vm start debian")
        assert "its guest has used its seed" in machine.command("log show")


STORE_CONF = """[channel com2]
rights = view operate console configure host content
[disk image]
controller = nvme0
read_only = yes
[disk raw]
controller = nvme1
[store pool]
disk = raw
[net lan]
"""
# One word on the serial line is the end of what cloud-init was told to do.
USER_DATA = """#cloud-config
runcmd:
 - [sh, -c, "echo MADE $(cat /var/lib/cloud/data/instance-id) $(hostname) $(cat /sys/class/net/e*/address) $(cat /etc/machine-id) HERE >/dev/ttyS0"]
"""


def skerryctl(server, *words):
    done = subprocess.run([Path(server.program).parent / "skerryctl", "--socket", server.socket, *words], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, timeout=BOOT_LIMIT, check=False)
    assert done.returncode == 0, (words, done.stderr)
    return done.stdout.decode()


def test_by_skerryctl(build, tmp_path, image):
    """
    Two machines of one image, each by one command at the gateway: each has a name, an instance-id, an address and a machine-id
    of its own, and its text is in no list and no audit.
    """
    (tmp_path / "user-data").write_text(USER_DATA)
    with open(tmp_path / "store.img", "wb") as store:
        store.truncate(8 << 30)
    port = free_port()
    extra = ("-snapshot", *nvme(image), "-drive", f"if=none,id=disk1,format=raw,file={tmp_path}/store.img",
             "-device", "nvme,drive=disk1,serial=two", "-serial", f"tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")
    made = bundle.make(tmp_path / "image.cpio", STORE_CONF, firmware.seabios())
    with Qemu(build, bundle=made, memory="2G", extra=extra) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume import pool/debian image")
        program = os.environ.get("SKERRYD", ROOT / "gateway/build/skerryd")
        server = Server(str(program), tmp_path, f"tcp:127.0.0.1:{port}").start()
        try:
            wait_for(lambda: server.tls("GET", "/v1/host").json()["link"] == "up")
            said = []
            for name in ("web", "db"):
                skerryctl(server, "create", name, "--image", "pool/debian", "--cloud-init", tmp_path / "user-data", "--net", "lan",
                          "memory=512M")
                machine.attach(name)
                machine.wait(r"MADE ([0-9a-f-]{36}) (\w+) ([0-9a-f:]{17}) ([0-9a-f]{32}) HERE", BOOT_LIMIT)
                said.append(machine.match().groups())
                machine.leave()
            assert [words[1] for words in said] == ["web", "db"] and all(len(set(column)) == 2 for column in zip(*said)), said
            shown = [server.tls("GET", path).body for path in ("/v1/vms", "/v1/vms/web", "/v1/audit", "/v1/log")]
            assert not [text for text in shown if b"MADE" in text or b"runcmd" in text]
        finally:
            server.stop()


UEFI_CONF = """[disk esp]
controller = memory
image = esp.img
[disk root]
controller = nvme0
[vm debian]
boot = uefi
firmware = ovmf.fd
memory = 512M
autostart = yes
disk = esp, root
"""
# The loader has its modules in its own file; those of partition tables are not loaded by themselves.
UEFI_GRUB = """insmod part_msdos
search --no-floppy --set=root --file /etc/debian_version
configfile ($root)/boot/grub/grub.cfg
"""
UEFI_EXITS_MAX = 900_000  # 506,000 were counted


def test_uefi(build, tmp_path, image):
    """The same system by UEFI: OVMF starts GRUB from a FAT file system, which shows Debian's own menu."""
    (tmp_path / "grub.cfg").write_text(UEFI_GRUB)
    loader = tmp_path / "BOOTX64.EFI"
    subprocess.run(["grub-mkstandalone", "-O", "x86_64-efi", "-o", loader, f"boot/grub/grub.cfg={tmp_path}/grub.cfg"],
                   check=True, capture_output=True)
    files = {"ovmf.fd": firmware.OVMF.read_bytes(), "esp.img": firmware.esp(tmp_path / "esp.img", loader)}
    with Qemu(build, bundle=bundle.make(tmp_path / "uefi.cpio", UEFI_CONF, files),
              extra=("-snapshot", *nvme(image))) as machine:
        machine.wait_prompt()
        machine.attach("debian")
        for line in ("BdsDxe: starting Boot", "debian login: "):
            machine.wait(line, BOOT_LIMIT)
        machine.leave()
        assert port_exits(machine) < UEFI_EXITS_MAX
        machine.attach("debian")
        machine.type("root\r")
        machine.wait(r"root@debian:~# ")
        machine.type("ls -d /sys/firmware/efi/runtime; cat /sys/class/dmi/id/product_name; "
                     "mount -t efivarfs none /mnt; ls /mnt | grep -c Boot\r")
        machine.wait("/sys/firmware/efi/runtime")
        machine.wait("Skerry virtual machine")
        machine.wait(r"\n[1-9]\d*\r")
        machine.leave()
        machine.type("vm kill debian\r")
