# SPDX-License-Identifier: MIT
"""Clients of Redfish as Debian has them, unchanged, beside a fake Skerry."""
import json
import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from client import Server, wait_for
from fake_skerry import FakeSkerry

PASSWORD = "correct horse battery"
SYSTEM = "/redfish/v1/Systems/web"
# Too large to be installed for two tests: these are there where the programs are.
FENCE = shutil.which("fence_redfish", path=os.environ["PATH"] + ":/usr/sbin")
# ansible-core has no modules of Redfish
ANSIBLE = any((Path(folder) / "ansible_collections/community/general").is_dir() for folder in sys.path)


@pytest.fixture(scope="module")
def fake(tmp_path_factory):
    fake = FakeSkerry(str(tmp_path_factory.mktemp("fake") / "skerry.sock"), vms=2)
    fake.add("web", {"boot": "bios", "firmware": "bios-256k.bin", "disk": "pool/web", "memory": "512M"})
    yield fake
    fake.close()


@pytest.fixture(scope="module")
def server(program, fake, tmp_path_factory):
    server = Server(program, tmp_path_factory.mktemp("skerryd"), fake.path).start()
    answer = server.local("POST", "/v1/users", {"name": "ann", "password": PASSWORD, "roles": ["admin"], "scope": "*"})
    assert answer.status == 201, answer.body
    yield server
    server.stop()


@pytest.fixture(scope="module")
def root(server):
    import sushy

    warnings.simplefilter("ignore")
    with pytest.MonkeyPatch.context() as patch:
        # requests takes this variable for more than verify=False
        patch.delenv("REQUESTS_CA_BUNDLE", raising=False)
        patch.delenv("CURL_CA_BUNDLE", raising=False)
        yield sushy, sushy.Sushy(f"https://127.0.0.1:{server.port}", username="ann", password=PASSWORD, verify=False)


def run(*words):
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, (words, done.stdout, done.stderr)
    return done.stdout


def test_sushy_deploys(server, fake, root):
    """What Ironic does to a server over its library: a medium in, boot from it, on, off, the medium out, boot from the disk, on."""
    sushy, client = root
    vm = fake.vms["web"]
    system = client.get_system(SYSTEM)
    assert (system.identity, system.uuid, system.power_state) == ("web", vm.uuid, sushy.PowerState.OFF)
    assert len(client.get_system_collection().get_members()) == 3
    (manager,) = system.managers
    (medium,) = manager.virtual_media.get_members()
    medium.insert_media("pool/deploy")
    medium.refresh()
    assert medium.inserted and medium.image == "pool/deploy" and vm.config["disk"] == "pool/web, pool/deploy cdrom"
    system.set_system_boot_options(sushy.BootSource.CD, sushy.BootSourceOverrideEnabled.CONTINUOUS, sushy.BootSourceOverrideMode.LEGACY)
    system.refresh()
    assert system.boot.target == sushy.BootSource.CD and vm.config["boot.order"] == "cdrom"
    system.reset_system(sushy.ResetType.ON)
    system.refresh()
    assert system.power_state == sushy.PowerState.ON
    medium.eject_media()    # is refused, as the VM runs; sushy says nothing of that
    medium.refresh()
    assert medium.inserted
    system.reset_system(sushy.ResetType.GRACEFUL_SHUTDOWN)
    wait_for(lambda: system.refresh() or system.power_state == sushy.PowerState.OFF)
    medium.eject_media()
    medium.refresh()
    assert not medium.inserted and vm.config["disk"] == "pool/web"
    system.set_system_boot_options(sushy.BootSource.HDD, sushy.BootSourceOverrideEnabled.CONTINUOUS)
    system.reset_system(sushy.ResetType.ON)
    system.reset_system(sushy.ResetType.FORCE_RESTART)
    system.reset_system(sushy.ResetType.FORCE_OFF)
    assert vm.state == "stopped"
    system.set_system_boot_source(sushy.BootSource.PXE)     # which is for one boot, as Ironic sets it
    system.refresh()
    assert (system.boot.target, system.boot.enabled) == (sushy.BootSource.PXE, sushy.BootSourceOverrideEnabled.ONCE)
    assert (vm.config["boot.order"], vm.config["boot.once"]) == ("disk", "net")
    system.reset_system(sushy.ResetType.ON)
    wait_for(lambda: system.refresh() or system.boot.enabled == sushy.BootSourceOverrideEnabled.CONTINUOUS)
    assert system.boot.target == sushy.BootSource.HDD
    system.reset_system(sushy.ResetType.FORCE_OFF)


def test_sushy_looks_round(root):
    sushy, client = root
    host = client.get_manager("/redfish/v1/Managers/_host")
    assert host.firmware_version == "0.1-fake" and host.name == "Skerry"
    (chassis,) = client.get_chassis_collection().get_members()
    assert chassis.chassis_type == sushy.ChassisType.STAND_ALONE
    (session,) = client.get_session_service().sessions.get_members()
    assert session.username == "ann"
    with pytest.raises(sushy.exceptions.AccessError):
        sushy.Sushy(client._conn._url, username="ann", password="wrong password", verify=False).get_system(SYSTEM)


@pytest.mark.parametrize("scheme", ("Basic", "Session"))
def test_redfishtool(server, fake, scheme):
    words = ("redfishtool", "-r", f"127.0.0.1:{server.port}", "-u", "ann", "-p", PASSWORD, "-A", scheme, "-S", "Always")
    assert json.loads(run(*words, "Systems", "-I", "web"))["PowerState"] == "Off"
    run(*words, "Systems", "-I", "web", "reset", "On")
    assert fake.vms["web"].state == "running"
    run(*words, "Systems", "-I", "web", "reset", "ForceOff")
    assert fake.vms["web"].state == "stopped"
    assert json.loads(run(*words, "Managers", "-I", "_host"))["ManagerType"] == "Service"
    assert json.loads(run(*words, "Chassis"))["Members@odata.count"] == 1
    assert "ann" in run(*words, "AccountService", "Accounts")


if FENCE:
    def test_fence_redfish(server, fake):
        words = (sys.executable, FENCE, "--ip=127.0.0.1", f"--ipport={server.port}", "--ssl-insecure", f"--systems-uri={SYSTEM}",
                 "--username=ann", f"--password={PASSWORD}")
        for action, state in (("on", "running"), ("off", "stopped"), ("on", "running"), ("reboot", "running"), ("off", "stopped")):
            run(*words, f"--action={action}")
            assert fake.vms["web"].state == state, action


if ANSIBLE:
    def test_ansible(server, fake):
        """Ansible's modules look at all systems, and start one."""
        def ansible(module, category, command, **more):
            arguments = {"baseuri": f"127.0.0.1:{server.port}", "username": "ann", "password": PASSWORD, "category": category,
                         "command": command, **more}
            done = subprocess.run(["ansible", "localhost", "-c", "local", "-m", f"community.general.{module}", "-a", json.dumps(arguments)],
                                  capture_output=True, text=True, timeout=60, check=False)
            assert done.returncode == 0, done.stdout + done.stderr
            return done.stdout

        found = ansible("redfish_info", "Systems", "GetSystemInventory")
        assert '"SystemType": "Virtual"' in found and '"PowerState": "Off"' in found
        assert "CHANGED" in ansible("redfish_command", "Systems", "PowerOn", resource_id="web")
        assert fake.vms["web"].state == "running"
