# SPDX-License-Identifier: MIT
"""All state can be saved and restored: a monitor does so all the time while Linux boots."""
import random
import re

import pytest

import bundle
import fio
import net
from machine import Bochs, Qemu, wait_for

CONF = ("[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
        "cmdline = console=ttyS0 console=hvc0 quiet name=alpha\nvcpus = {vcpus}\nhpet = yes\nautostart = yes\n"
        "rng = yes\nconsole = virtio\n")


@pytest.fixture(scope="module")
def rebuilding(build):
    """The image in which vCPUs and devices are destroyed and made again all the time."""
    return build / "tests/rebuilt"


@pytest.mark.parametrize("emulator, vcpus", [
    (Qemu, 1), pytest.param(Qemu, 2, marks=pytest.mark.long),
    pytest.param(Bochs, 1, marks=pytest.mark.long)])
def test_rebuilt(build, rebuilding, tmp_path, emulator, vcpus):
    files = bundle.make(tmp_path / "state.cpio", CONF.format(vcpus=vcpus),
                        bundle.debian_virtio(build / "guests"))
    with emulator(rebuilding, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 600)
        # the registers of this process and the time survive too
        machine.shell("i=0; while [ $i -lt 300 ]; do echo $i > /dev/null; i=$((i+1)); done")
        assert "300" in machine.shell("echo $i")
        assert machine.shell("head -c 64 /dev/hwrng | wc -c") == "64\n"
        assert machine.shell("tty") == "/dev/hvc0\n"
        before = float(machine.shell("cat /proc/uptime").split()[0])
        after = float(machine.shell("sleep 1; cat /proc/uptime").split()[0])
        assert 1 <= after - before < 60
        machine.leave()
        lines = machine.command("log show -n 1000")
        counts = [int(n) for n in re.findall(r"rebuilt (\d+) times", lines)]
        assert counts and max(counts) >= 2, lines
        assert machine.vm("alpha")["state"] == "running"


DISK_CONF = ("[disk data]\ncontroller = memory\nsize = 32M\n"
             "[vm alpha]\nkernel = vmlinuz\ninitrd = initramfs.cpio.gz\nmemory = 128M\n"
             "cmdline = console=ttyS0 quiet name=alpha no_timer_check\nvcpus = {vcpus}\n"
             "autostart = yes\ndisk = data\n")


@pytest.mark.parametrize("vcpus", [1, pytest.param(4, marks=pytest.mark.long)])
def test_rebuilt_disk(build, rebuilding, tmp_path, vcpus):
    """The disk's device is saved, destroyed and loaded under fio, and its driver dies as well."""
    files = bundle.make(tmp_path / "state.cpio", DISK_CONF.format(vcpus=vcpus),
                        bundle.debian_tools(build, "fio"))
    with Qemu(rebuilding, bundle=files) as machine:
        machine.wait_prompt()
        machine.attach_shell("alpha", 600)
        machine.type(f"({fio.command(size='4M', seconds=15, told='/tmp/enough')}; echo fio''-ends=$?) &\r")
        machine.leave()
        fio.wait_requests(machine, "data", 20)
        fio.die_often(machine, "data", 5, random.Random(1), "driver restart")
        machine.attach("alpha")
        machine.type("touch /tmp/enough\r")
        machine.wait(r"fio-ends=(\d+)")
        assert machine.match().group(1) == "0"
        machine.leave()
        wait_for(lambda: re.search(r"rebuilt (\d+) times", machine.command("log show -n 1000").split("driver restart data", 1)[1]))
        assert machine.objects("disk stat")[0]["errors"] == 0


CARDS_CONF = ("[net wire]\n"
              "[vm cards]\nkernel = virtio_net.bin\nmemory = 32M\nvcpus = 4\nnet = wire\nnet = wire\n"
              "autostart = no\ncmdline = qemu forgets\n")


def test_rebuilt_cards(build, rebuilding, tmp_path):
    """Cards are saved, destroyed and loaded while frames pass: none is lost, mixed up or changed."""
    files = bundle.make(tmp_path / "state.cpio", CARDS_CONF, bundle.tiny(build, "virtio_net"))
    with Qemu(rebuilding, bundle=files) as machine:
        machine.wait_prompt()
        machine.command("vm create cards")
        machine.type("vm start cards\r")
        machine.wait("cards: (?:stopped|crashed): ")
        if machine.vm("cards")["exit_code"] != 16:
            machine.attach("cards")  # returns what the guest printed
            machine.leave()
            raise AssertionError(machine.transcript()[-6000:])
        counts = re.findall(r"cards.*rebuilt (\d+) times", machine.command("log show -n 1000"))
        assert counts and int(counts[-1]) >= 4, counts


@pytest.mark.parametrize("vcpus", [1, pytest.param(4, marks=pytest.mark.long)])
def test_rebuilt_net(build, rebuilding, tmp_path, vcpus):
    """Guests' cards are saved, destroyed and loaded under iperf3, and their switch dies as well."""
    conf = "[net lan]\nrestart_limit = 0\n" + "".join(
        net.guest(name, address) + f"vcpus = {vcpus}\n"
        for name, address in (("alpha", "10.0.2.15"), ("beta", "10.0.2.16")))
    files = bundle.make(tmp_path / "state.cpio", conf, bundle.debian_tools(build, "iperf3"))
    with Qemu(rebuilding, bundle=files) as machine:
        machine.limit = 600
        net.boot(machine, "alpha", "beta")
        net.shell(machine, "beta", "iperf3 -s -D >/dev/null 2>&1")
        before = net.ports(machine)["beta"]["sent_bytes"]
        net.begin_transfer(machine, "alpha", "10.0.2.16", f"-P {vcpus}")
        for _ in range(2):
            wait_for(lambda: net.ports(machine)["beta"]["sent_bytes"] > before + 1000000)
            fio.die(machine, "lan.switch", "driver restart")
            before = net.ports(machine)["beta"]["sent_bytes"]
        net.end_transfer(machine, "alpha")
        assert net.pings(machine, "alpha", "10.0.2.16") == 3

        def said(name):
            lines = machine.command("log show -n 1000").split("driver restart lan.switch", 1)[1]
            return re.search(rf"{name}:? .*rebuilt (\d+) times", lines)
        wait_for(lambda: said("alpha") and said("beta"))  # each guest prints this now and then
