# SPDX-License-Identifier: MIT
"""What Pacemaker's agent VirtualDomain asks libvirt's door: stores that another host holds, and states when the link is lost."""
import subprocess

import pytest

from client import LIMIT, wait_for
from libvirt_door import as_before, fake, folder, server  # noqa: F401
from virsh import Virsh


@pytest.fixture
def virsh(server):
    return Virsh(server.virt)


def takes(fake):
    return sum(words[:2] == ["store", "take"] for words, _ in fake.commands)


@pytest.fixture(autouse=True)
def stores(fake):
    fake.make_stores()
    yield
    fake.forget_stores()


def test_a_store_is_taken(virsh, fake):
    """The agent starts the pools that its XML names, and goes on once they are there."""
    assert "already active" in virsh("pool-start", "pool", fails=True) and takes(fake) == 0
    # Skerry's driver begins a little later to look whether the other host writes
    fake.store_shows, fake.store_taken = ["held"], ["held", "loading", "loading", "ready"]
    assert "inactive" in virsh("pool-info", "pool")
    assert "started" in virsh("pool-start", "pool")
    assert takes(fake) == 1 and "running" in virsh("pool-info", "pool")


def test_a_store_that_is_being_loaded_is_waited_for(virsh, fake):
    before = takes(fake)
    fake.store_shows = ["loading", "loading", "ready"]
    assert "started" in virsh("pool-start", "pool") and takes(fake) == before


def test_the_other_host_lives(virsh, fake):
    fake.store_shows, fake.store_taken = ["lost"], ["loading", "held"]
    said = virsh("pool-start", "pool", fails=True)
    assert "store pool is held" in said and f"it belongs to host {fake.OWNER}" in said
    assert "store empty is empty" in virsh("pool-start", "empty", fails=True)
    assert "not found" in virsh("pool-start", "none", fails=True)


def test_who_may_not(server, virsh, fake):
    fake.store_shows = ["held"]
    assert "read only access" in virsh("pool-start", "pool", fails=True, options=("-r",))


def test_no_state_without_a_link(server, fake):
    """Whoever asks hears neither that a VM runs nor that it does not: the agent takes a VM that is not found for one that has stopped."""
    code = f"""
import libvirt
connection = libvirt.open("skerry+unix:///system?socket={server.virt}")
domain = connection.lookupByName("vm00")
print(domain.state()[0], domain.info()[0], flush=True)
input()
print(domain.state()[0], domain.info()[0])
"""
    with subprocess.Popen(["/usr/bin/python3", "-c", code], text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as client:
        assert client.stdout.readline() == "1 1\n"
        fake.accepts = False
        fake.drop()
        try:
            wait_for(lambda: not server.health()["ready"])
            said = Virsh(server.virt)("domstate", "vm00", fails=True)
            assert client.communicate("\n", LIMIT)[0] == "0 0\n"
        finally:
            fake.accepts = True
    assert said.startswith("error: failed to connect to the hypervisor") and "lost its link to Skerry" in said
    wait_for(lambda: server.health()["ready"])
    assert Virsh(server.virt)("domstate", "vm00") == "running"
