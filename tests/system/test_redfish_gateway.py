# SPDX-License-Identifier: MIT
"""Ironic's library at the real image, over Redfish of skerryd: a CD goes in and boots once, then the disk, and it goes out."""
import warnings

import bundle
import firmware
import ring_3
import pytest
from test_virsh import CONF, LIMIT, skerry, wait_for

DISKS = firmware.MEMORY_DISK + "[disk cd]\ncontroller = memory\nimage = cd.iso\n"
VM = firmware.vm(more="autostart = yes\nstop_timeout = 0s\n")


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_deploy(emulator, build, tmp_path, monkeypatch):
    sushy = pytest.importorskip("sushy")
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):   # which requests takes for more than verify=False
        monkeypatch.delenv(name, raising=False)
    warnings.simplefilter("ignore")
    files = firmware.seabios() | {"disk.img": firmware.disk(tmp_path), "cd.iso": firmware.cdrom(tmp_path)}
    with skerry(emulator, build, tmp_path, CONF + DISKS + VM, files) as (machine, server, _):
        client = sushy.Sushy(f"https://127.0.0.1:{server.port}", username="ironic", password=server.token, verify=False)
        system = client.get_system("/redfish/v1/Systems/pc")
        (manager,) = system.managers
        (medium,) = manager.virtual_media.get_members()
        wait_for(lambda: system.refresh() or system.power_state == sushy.PowerState.ON, LIMIT)  # it starts by itself
        assert not medium.inserted
        system.reset_system(sushy.ResetType.FORCE_OFF)
        system.refresh()
        assert system.power_state == sushy.PowerState.OFF
        medium.insert_media("cd")
        system.set_system_boot_source(sushy.BootSource.CD)  # once, as Ironic does
        system.refresh()
        medium.refresh()
        assert medium.inserted and system.boot.target == sushy.BootSource.CD
        assert system.boot.enabled == sushy.BootSourceOverrideEnabled.ONCE
        system.reset_system(sushy.ResetType.ON)
        machine.attach("pc")
        machine.wait("Booting from DVD/CD")
        machine.wait("SECTOR runs")
        machine.leave()
        with pytest.raises(sushy.exceptions.HTTPError, match="cannot change while pc is running"):
            system.set_system_boot_options(sushy.BootSource.HDD, sushy.BootSourceOverrideEnabled.CONTINUOUS)
        system.reset_system(sushy.ResetType.GRACEFUL_SHUTDOWN)
        wait_for(lambda: system.refresh() or system.power_state == sushy.PowerState.OFF, LIMIT)
        system.refresh()
        assert system.boot.enabled == sushy.BootSourceOverrideEnabled.DISABLED
        system.reset_system(sushy.ResetType.ON)  # with the CD in the drive yet
        machine.attach("pc")
        machine.wait("Booting from Hard Disk")
        machine.leave()
        system.reset_system(sushy.ResetType.FORCE_OFF)
        system.refresh()
        medium.eject_media()
        medium.refresh()
        assert not medium.inserted
        assert "first via token 1" in machine.command("log show -c audit")
