# SPDX-License-Identifier: MIT
"""
On one network with an honest pair, whose frames arrive whole and in order: a monitor that lies on
its links (tests/liars), and a guest that rewrites its rings while its card reads them.
"""
import re

import bundle
from machine import Qemu, wait_for

VM = """[vm {name}]
kernel = {kernel}.bin
cmdline = {words}
memory = 16M
autostart = {start}
vcpus = {vcpus}
net = {nets}
test_device = yes
"""
GOOD = 16  # EXIT_GOOD of tests/guest/rt/rt.h
MORE = 400  # frames of the pair, beside each


def vm(name, words, nets, start="no", kernel="net_share", vcpus=1):
    return VM.format(name=name, kernel=kernel, words=words, nets=nets, start=start, vcpus=vcpus)


def arrived(machine):
    """Returns how many of the pair's frames have been found good; none was bad."""
    machine.attach("receiver")
    machine.wait(r"(CAME|FAIL) ([^\r\n]*)\r*\n")
    kind, said = machine.match().groups()
    machine.leave()
    assert kind == "CAME", said
    return int(said, 16)


def port_of(machine, name):
    return next(row for row in machine.objects("net stat")
                if (row["net"], row["port"]) == ("lan", name))


def check_pair(machine):
    before = arrived(machine)
    wait_for(lambda: arrived(machine) >= before + MORE)


def test_beside_honest_ones(build, tmp_path):
    mac = "mac=52:54:00:00:00:0"
    conf = "[net lan]\n[net liar]\n"
    conf += vm("sender", "order to=2", f"lan {mac}1", "yes")
    conf += vm("receiver", "verify from=1", f"lan {mac}2", "yes")
    conf += vm("victim", "flood to=2", f"lan {mac}3\nnet = liar\nnet.packets = 2000")
    conf += vm("race", "ms=1000", f"lan {mac}4", kernel="hostile_net_race", vcpus=2)
    files = bundle.make(tmp_path / "liars.cpio", conf,
                        bundle.tiny(build, "net_share", "hostile_net_race"))
    with Qemu(build / "tests/liars", bundle=files) as machine:
        machine.wait_prompt()
        check_pair(machine)
        for line in ("vm create victim", "vm start victim"):
            machine.command(line)
        wait_for(lambda: port_of(machine, "victim")["dropped"]["spoofed"] > 0)
        check_pair(machine)
        machine.command("vm create race")
        machine.type("vm start race\r")
        state, why = machine.wait_end("race")
        machine.attach("race")
        said = machine.wait(r"\[the guest has ended\]")
        machine.wait_prompt()
        assert state == "stopped" and machine.vm("race")["exit_code"] == GOOD, f"{why}\n{said}"
        check_pair(machine)
        victim = port_of(machine, "victim")
        print(victim)
        machine.command("vm destroy victim")
        assert machine.vm("victim") is None
        check_pair(machine)
        rows = {row["name"]: row for row in machine.objects("driver list")}
        assert rows["lan.switch"]["starts"] == 1 and rows["lan.switch"]["state"] == "ready"
        machine.attach("receiver")
        machine.leave()
        assert not re.search(r"FAIL (pattern|order)", machine.transcript())
