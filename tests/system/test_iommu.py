# SPDX-License-Identifier: MIT
"""Devices behind an IOMMU reach what their drivers have been given."""
import hashlib

import bundle
import pytest
from machine import Qemu
from test_nvme import CONF, digest, start, wait_driver

OWN_PAGES = 80
POOL_PAGES = 256
UNITS = {"VT-d": "intel-iommu,aw-bits=48", "AMD-Vi": "amd-iommu"}


def behind(build, folder, unit, **more):
    return start(build, folder, unit=("-device", UNITS[unit]), **more)


@pytest.mark.parametrize("unit", UNITS)
def test_disk(build, tmp_path, unit):
    """A guest reads and writes its disk; the driver dies; nothing was refused."""
    path, qemu = behind(build, tmp_path, unit)
    with qemu as machine:
        machine.wait_prompt()
        function = machine.objects("pci 00:04.0")[0]
        assert (function["driver"], function["dma"]) == ("nvme", True)
        assert (function["reaches"], function["refused"]) == ("its driver's memory", 0)
        assert machine.objects("driver list")[0]["dma"] == "confined by an IOMMU"
        assert {row["dma"] for row in machine.objects("cpu")} == {"drivers are confined"}
        said = machine.command("pci")
        assert f"IOMMU 0: {unit}, registers at" in said and "No IOMMU" not in said
        assert "trusted" not in machine.command("log show -c device")
        machine.attach_shell("alpha", 120)
        assert digest(machine) == hashlib.md5(path.read_bytes()).hexdigest()
        machine.shell("dd if=/dev/zero of=/dev/vda bs=64k count=32 seek=16 conv=fsync")
        assert path.read_bytes()[1 << 20:3 << 20] == bytes(2 << 20)
        machine.leave()
        machine.command("driver restart nvme0")
        wait_driver(machine, "ready", 2)
        machine.attach("alpha")
        assert digest(machine) == hashlib.md5(path.read_bytes()).hexdigest()
        machine.leave()
        assert "not mapped" not in machine.command("log show -c device")
        audit = machine.objects("audit")[-1]
        assert audit["findings"] == 0
        # the driver's own memory, and the pool of its client
        assert audit["device_pages"] == OWN_PAGES + POOL_PAGES
