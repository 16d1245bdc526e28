# SPDX-License-Identifier: MIT
"""Metrics of what VMs, disks and networks transfer."""
import re

from client import wait_for


def traffic(server, token=None):
    """What VMs, disks and networks have transferred, by metric and labels."""
    text = server.tls("GET", "/metrics", token=token).body.decode()
    return {name: float(value) for name, value in re.findall(r"^(skerry_(?:vm_)?(?:disk|network)_\S+) (\S+)$", text, re.M)}


def test_metrics_of_disks_and_networks(pair):
    """They count from the gateway's start and never less, also when a VM goes; disks and networks are for those who see all."""
    fake, server = pair("--silence", "6")       # Skerry is asked for its counts every 3 s
    fake.act("start", ["vm01"], [])
    server.start()
    read, sent = 'skerry_disk_bytes_total{disk="disk0",direction="read"}', 'skerry_vm_network_bytes_total{vm="vm00",direction="sent"}'
    counted = wait_for(lambda: (found := traffic(server)) and found.get(read) and found.get(sent) and found, 40)
    assert set(counted) == {*(f'skerry_disk_bytes_total{{disk="disk0",direction="{way}"}}' for way in ("read", "written")),
                            'skerry_disk_requests_total{disk="disk0"}', *(f'skerry_network_{what}_total{{network="lan"}}' for what in ("bytes", "frames", "dropped")),
                            *(f'skerry_vm_{what}_bytes_total{{vm="vm0{n}",direction="{way}"}}' for n in (0, 1)
                              for what, ways in (("disk", ("read", "written")), ("network", ("received", "sent"))) for way in ways)}, counted
    assert counted[sent.replace("sent", "received")] == 2 * counted[sent]
    few = traffic(server, server.make_token(["viewer"], "vm0?"))
    assert few.keys() == {name for name in counted if name.startswith("skerry_vm_")}
    assert traffic(server, server.make_token(["viewer"], "vm01")).keys() == {name for name in few if 'vm="vm01"' in name}
    assert not any(name.startswith(("skerry_disk", "skerry_network")) for name in traffic(server, server.make_token(["viewer"], "**")))
    fake.act("kill", ["vm01"], [])
    later = wait_for(lambda: (found := traffic(server)) and found[read] > counted[read] and found, 40)
    assert all(later[name] >= value for name, value in counted.items() if name in later)
