# SPDX-License-Identifier: MIT
"""A store on a disk that two machines reach: one at a time holds it, and one that stalled writes nothing any more."""
import os
import signal
import sys
import uuid

import bundle
from machine import ROOT, Bochs, Qemu, wait_for

sys.path.insert(0, str(ROOT / "tests/tools"))
import store_check  # noqa: E402

CONF = """[host]
{id}
[disk raw]
controller = nvme0 ide0.0
[store pool]
disk = raw
lease = {lease}s
[vm alpha]
kernel = vmlinuz
initrd = initramfs.cpio.gz
cmdline = console=ttyS0 quiet name=alpha no_timer_check
memory = 96M
autostart = no
disk = pool/one
"""
ONE, TWO = "0b1f3c5e-89ab-4cde-8f01-23456789abc1", "0b1f3c5e-89ab-4cde-8f01-23456789abc2"
LEASE = 6


def boot(build, folder, image, host, by_firmware=False, lease=LEASE):
    """One of the machines, whose identity is in the configuration or in the firmware."""
    folder.mkdir(exist_ok=True)
    conf = CONF.format(id="" if by_firmware else f"id = {host}", lease=lease)
    made = bundle.make(folder / "lease.cpio", conf, bundle.debian_tools(build))
    return Qemu(build, bundle=made, extra=[
        "-drive", f"file={image},if=none,id=n0,format=raw,file.locking=off", "-device", "nvme,serial=one,drive=n0",
        *(["-uuid", host] if by_firmware else [])])


def row(machine):
    return machine.objects("store list")[0]


def wait_state(machine, state):
    wait_for(lambda: row(machine)["state"] == state)


def content(image):
    return store_check.Image(image).content("one")


def test_two_machines(build, tmp_path):
    image = tmp_path / "shared.img"
    image.touch()
    os.truncate(image, 64 << 20)
    with boot(build, tmp_path / "a", image, ONE) as first:
        first.wait_prompt()
        first.good("store format pool")
        first.good("volume create pool/one 4M")
        assert (row(first)["owner"], row(first)["own"], row(first)["lease_seconds"]) == (ONE, True, LEASE)
        first.good("vm create alpha")
        first.good("vm start alpha")
        first.attach_shell("alpha")
        first.shell("dd if=/dev/zero of=/dev/vda bs=64k count=64 conv=fsync 2>/dev/null")
        first.shell("(while :; do date +%s.%N; done | dd of=/dev/vda bs=4k oflag=direct iflag=fullblock 2>/dev/null) & true")
        first.leave()
        with boot(build, tmp_path / "b", image, TWO, by_firmware=True) as second:
            second.wait_prompt()
            # while the first one lives the second is refused, at its start and later
            assert row(second)["state"] == "held" and row(second)["owner"] == ONE
            assert f"it belongs to host {ONE}" in second.command("store list")
            assert "another host holds it" in second.command("vm create alpha")
            second.good("store take pool")
            wait_for(lambda: row(second)["state"] == "loading")
            wait_state(second, "held")
            assert row(first)["state"] == "ready"
            epoch = row(first)["epoch"]
            # the first one stalls, and the second takes the store; then the first one goes on
            os.kill(first.process.pid, signal.SIGSTOP)
            second.good("store take pool")
            wait_state(second, "ready")
            assert (row(second)["owner"], row(second)["epoch"]) == (TWO, epoch + 1)
            before = content(image)
            os.kill(first.process.pid, signal.SIGCONT)
            wait_state(first, "lost")
            assert f"host {TWO} has taken it from this host" in first.command("log show")
            assert f"owner {TWO}, epoch {epoch + 1}" in first.command("store list")
            assert "end these VMs first" in first.command("store take pool")
            assert "not ready" in first.command("volume create pool/two 4M")
            assert content(image) == before
            second.good("vm create alpha")
            second.good("vm start alpha")
            second.attach_shell("alpha")
            assert second.shell("dd if=/dev/vda bs=64k 2>/dev/null | sha256sum")
            second.leave()
            first.command("vm kill alpha")
            first.good("store take pool")
            wait_for(lambda: row(first)["state"] == "loading")
            wait_state(first, "held")
            assert row(second)["state"] == "ready"
        # the second one is gone
        first.good("store take pool")
        wait_state(first, "ready")
        assert row(first)["epoch"] == epoch + 2
        assert content(image) == before
    assert not store_check.check(image)[1]


def end(machine, image):
    """Ends the host in an orderly way; returns the epoch in which it has given its store back."""
    machine.type("poweroff now\r")
    assert machine.ended()
    state = store_check.Image(image).states[-1]
    assert state.session == 0 and state.lease != 0, "the store was not given back"
    return state.epoch


def wait_unwatched(machine):
    """Waits until the store is ready, which this host takes without watching the last one for a lease."""
    def ready():
        assert "watches" not in machine.command("store list")
        return row(machine)["state"] == "ready"
    wait_for(ready, 60)


def test_given_back(build, tmp_path):
    """A host that is shut down, while a guest writes, has given its store back: the next one need not wait."""
    image = tmp_path / "shared.img"
    image.touch()
    os.truncate(image, 64 << 20)
    with boot(build, tmp_path / "a", image, ONE, lease=20) as first:
        first.wait_prompt()
        first.good("store format pool")
        first.good("volume create pool/one 4M")
        first.good("vm create alpha")
        first.good("vm start alpha")
        first.attach_shell("alpha")
        first.shell("(while :; do date +%s.%N; done | dd of=/dev/vda bs=4k oflag=direct iflag=fullblock 2>/dev/null) & true")
        first.leave()
        epoch = end(first, image)
    assert not store_check.check(image)[1]
    for more, host in ((1, TWO), (2, ONE), (3, ONE)):  # another host, then back, then the same once more
        with boot(build, tmp_path / "b", image, host, lease=20) as machine:
            machine.wait_prompt()
            wait_unwatched(machine)
            assert (row(machine)["owner"], row(machine)["epoch"]) == (host, epoch + more)
            assert end(machine, image) == epoch + more
    assert not store_check.check(image)[1]


def test_bochs(build, tmp_path):
    """The same under VMX, on an IDE disk: a store whose owner is gone is taken at the start, and then not waited for."""
    image = tmp_path / "store.img"
    image.touch()
    os.truncate(image, 64 << 20)
    made = bundle.make(tmp_path / "lease.cpio", CONF.format(id=f"id = {ONE}", lease=3), bundle.debian_tools(build))
    with Bochs(build, bundle=made, disk=image) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/one 4M")
        epoch = end(machine, image)
    store_check.set_owner(image, uuid.UUID(TWO).bytes_le)
    with Bochs(build, bundle=made, disk=image) as machine:
        machine.wait_prompt()
        wait_unwatched(machine)
        epoch = row(machine)["epoch"]
    store_check.set_owner(image, uuid.UUID(TWO).bytes_le)
    for more in (2, 3):  # the other host raised it, too
        with Bochs(build, bundle=made, disk=image) as machine:
            machine.wait_prompt()
            wait_state(machine, "ready")
            assert (row(machine)["owner"], row(machine)["epoch"]) == (ONE, epoch + more)
            assert "one" in {volume["name"] for volume in machine.objects("volume list")}
    assert not store_check.check(image)[1]
