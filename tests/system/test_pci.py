# SPDX-License-Identifier: MIT
"""The host's PCI functions: found on every bus, described truly, without DMA."""
import pytest

from machine import Bochs, Qemu


def disk(folder, name, mebibytes=4):
    path = folder / name
    with open(path, "wb") as file:
        file.truncate(mebibytes << 20)
    return path


def functions(machine):
    return {row["address"]: row for row in machine.objects("pci")}


@pytest.fixture
def q35(tmp_path):
    """A machine with a bit of everything; a root port and a second root bus have an NVMe each."""
    extra = []
    for name in ("direct", "behind", "far"):
        extra += ["-drive", f"if=none,id={name},format=raw,file={disk(tmp_path, name)}"]
    return (*extra, "-device", "nvme,drive=direct,serial=1,addr=4",
            "-device", "e1000e,addr=5", "-device", "qemu-xhci,addr=6",
            "-device", "usb-ehci,addr=7",
            "-device", "pcie-root-port,id=rp1,chassis=1,slot=1,addr=8",
            "-device", "nvme,drive=behind,serial=2,bus=rp1",
            "-device", "pxb-pcie,id=pxb,bus_nr=64,bus=pcie.0,addr=9",
            "-device", "pcie-root-port,id=rp2,chassis=2,slot=2,bus=pxb",
            "-device", "nvme,drive=far,serial=3,bus=rp2")


KINDS = {"00:04.0": "NVMe controller", "00:05.0": "Ethernet controller",
         "00:06.0": "USB controller, xHCI", "00:07.0": "USB controller, EHCI",
         "00:08.0": "PCI bridge", "00:1f.2": "SATA controller, AHCI", "01:00.0": "NVMe controller",
         "40:00.0": "PCI bridge", "41:00.0": "NVMe controller"}


def check_quiet(machine, found):
    """
    Checks that nothing but a bridge may use DMA, and that the log and the command say what that
    is worth.
    """
    assert not [row for row in found.values()
                if row["dma"] and not row["class"].startswith("06")]
    assert not [row for row in found.values() if row["problem"]]
    assert "No IOMMU is in use" in machine.command("pci")
    said = machine.command("log show -c device")
    assert f"PCI: {len(found)} functions" in said
    assert "none does now" in said and "cannot be switched off" not in said


def test_qemu(build, q35):
    with Qemu(build, extra=q35) as machine:
        machine.wait_prompt()
        found = functions(machine)
        assert {at: found[at]["class_name"] for at in KINDS} == KINDS
        assert (found["00:08.0"]["first_bus"], found["00:08.0"]["last_bus"]) == (1, 1)
        for at in ("00:04.0", "01:00.0", "41:00.0"):
            nvme = found[at]
            assert (nvme["vendor"], nvme["device"], nvme["class"]) == (0x1b36, 0x10, "010802")
            assert [(bar["bar"], bar["kind"], bar["bytes"], bar["wide"])
                    for bar in nvme["bars"]] == [(0, "memory", 16 << 10, True)]
            assert nvme["msix_entries"] == 65 and nvme["resets"]
        assert "MSI" in found["00:05.0"]["capabilities"]
        ports = [bar for bar in found["00:1f.2"]["bars"] if bar["kind"] == "ports"]
        assert [(bar["bar"], bar["bytes"]) for bar in ports] == [(4, 32)]
        # the BARs are what the firmware made them: each lies where the machine says
        assert {bar["address"] for row in found.values() for bar in row["bars"]}.isdisjoint({0})
        check_quiet(machine, found)
        assert machine.command("pci 41:00.0").startswith("41:00.0 NVMe controller [0108]")
        assert "use a PCI address" in machine.command("pci nvme")
        assert "use an address that `pci` lists" in machine.command("pci 41:01.0")


def test_bochs(build):
    """On Bochs the scan goes by ports: the chipset has no configuration space in memory."""
    with Bochs(build) as machine:
        machine.wait_prompt()
        found = functions(machine)
        assert found["00:00.0"]["class_name"] == "host bridge"
        ide = [row for row in found.values() if row["class_name"] == "IDE controller"]
        assert len(ide) == 1
        assert [(bar["bar"], bar["kind"], bar["bytes"]) for bar in ide[0]["bars"]] == [
            (4, "ports", 16)]
        check_quiet(machine, found)
        assert "found by ports" in machine.command("log show -c device")
