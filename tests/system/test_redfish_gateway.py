# SPDX-License-Identifier: MIT
"""
Ironic's library at the real image, over Redfish of skerryd: a CD goes in and boots once, then the disk, and it goes out. The CD is
a disk of the configuration, or a volume that its URL at the gateway names.
"""
import contextlib
import hashlib
import warnings

import bundle
import firmware
import ring_3
import pytest
from test_virsh import CONF, LIMIT, skerry, wait_for

DISKS = firmware.MEMORY_DISK + "[disk cd]\ncontroller = memory\nimage = cd.iso\n"
POOL = "[disk raw]\ncontroller = memory\nsize = 16M\n[store pool]\ndisk = raw\n"
VOLUME = "/v1/stores/pool/volumes/deploy"
VM = firmware.vm(more="autostart = yes\nstop_timeout = 0s\n")


@pytest.fixture
def sushy(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):   # which requests takes for more than verify=False
        monkeypatch.delenv(name, raising=False)
    warnings.simplefilter("ignore")
    return pytest.importorskip("sushy")


@contextlib.contextmanager
def switched_off(sushy, *where):
    """The machine, its gateway, and as Ironic's library has them the VM `pc`, which has started by itself and is off, and its drive."""
    with skerry(*where) as (machine, server, _):
        client = sushy.Sushy(f"https://127.0.0.1:{server.port}", username="ironic", password=server.token, verify=False)
        system = client.get_system("/redfish/v1/Systems/pc")
        (manager,) = system.managers
        (medium,) = manager.virtual_media.get_members()
        wait_for(lambda: system.refresh() or system.power_state == sushy.PowerState.ON, LIMIT)  # it starts by itself
        assert not medium.inserted
        system.reset_system(sushy.ResetType.FORCE_OFF)
        system.refresh()
        assert system.power_state == sushy.PowerState.OFF
        yield machine, server, system, medium


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_deploy(emulator, build, tmp_path, sushy):
    files = firmware.seabios() | {"disk.img": firmware.disk(tmp_path), "cd.iso": firmware.cdrom(tmp_path)}
    with switched_off(sushy, emulator, build, tmp_path, CONF + DISKS + VM, files) as (machine, _, system, medium):
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


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_deploy_by_url(emulator, build, tmp_path, sushy):
    """An ISO is uploaded into a store, its URL goes into the drive, the VM boots from it once, and nothing is left of it afterwards."""
    iso = firmware.cdrom(tmp_path)
    conf = CONF.replace("rights = ", "rights = content ") + firmware.MEMORY_DISK + POOL + VM
    files = firmware.seabios() | {"disk.img": firmware.disk(tmp_path)}
    with switched_off(sushy, emulator, build, tmp_path, conf, files) as (machine, server, system, medium):
        machine.good("store format pool")
        sha = hashlib.sha256(iso).hexdigest()
        put = server.tls("PUT", f"{VOLUME}/content?sha256={sha}", iso, timeout=LIMIT)
        assert put.status == 200 and put.json()["done"], put.body
        url = f"https://127.0.0.1:{server.port}{VOLUME}/content"
        with pytest.raises(sushy.exceptions.HTTPError, match="upload the image"):
            medium.insert_media(url.replace("127.0.0.1", "127.0.0.2"))  # no other host is asked for anything
        medium.insert_media(url)
        system.set_system_boot_source(sushy.BootSource.CD)
        medium.refresh()
        assert medium.inserted and medium.image == "pool/deploy"
        system.reset_system(sushy.ResetType.ON)
        machine.attach("pc")
        machine.wait("Booting from DVD/CD")
        machine.wait("SECTOR runs")
        machine.leave()
        medium.eject_media()        # is refused, as the VM runs; sushy says nothing of that
        medium.refresh()
        assert medium.inserted and server.tls("DELETE", VOLUME).status == 409
        system.reset_system(sushy.ResetType.FORCE_OFF)
        system.refresh()
        assert system.boot.enabled == sushy.BootSourceOverrideEnabled.DISABLED
        medium.eject_media()
        medium.refresh()
        assert not medium.inserted and server.tls("DELETE", VOLUME).status == 204
        system.reset_system(sushy.ResetType.ON)
        with pytest.raises(sushy.exceptions.HTTPError, match="cannot change while pc is running"):
            medium.insert_media(url)
        medium.refresh()
        assert not medium.inserted
