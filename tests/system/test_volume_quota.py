# SPDX-License-Identifier: MIT
"""Quotas of a store: volumes, VMs' snapshots and clones count by their names, and a quota may be below what is used."""
import pytest

import ring_3
from test_encryption import BYTES, begin_guest, boot_with
from test_volume_keys import CONF

QUOTAS = {"team-*": 8, "alpha*": 12}


def boot(emulator, build, folder, image, quotas):
    text = ", ".join(f"{pattern} {mib}M" for pattern, mib in quotas.items())
    conf = CONF.replace("overcommit = yes\n", f"quota = {text}\n").replace("pool/secret", "pool/alpha-disk")
    return boot_with(emulator, build, folder, image, None, conf)


def used(machine):
    return {row["pattern"]: row["used_bytes"] >> 20 for row in machine.objects("store quota pool")}


@pytest.mark.parametrize("emulator", ring_3.EMULATORS)
def test_quota(emulator, build, tmp_path):
    image = tmp_path / "disk.img"
    image.write_bytes(bytes(16 * BYTES))
    with boot(emulator, build, tmp_path / "one", image, QUOTAS) as machine:
        machine.wait_prompt()
        machine.good("store format pool")
        machine.good("volume create pool/team-a 4M")
        machine.good("volume create pool/other 16M")
        for command in ("create pool/team-b 5M", "clone pool/other team-b", "resize pool/team-a 9M",
                        "rename pool/other team-b", "snapshot pool/other team-b"):
            assert "quota team-* of store pool allows 8192 KiB, of which 4096 KiB are used" in machine.command(
                f"volume {command}"), command
        machine.good("volume create pool/team-b 4M")
        machine.good("volume drop pool/team-a")
        machine.good("volume create pool/alpha-disk 4M")
        begin_guest(machine)
        # a VM's snapshot counts for its volume; a clone's volume has the clone's name
        machine.good("vm snapshot alpha one")
        assert used(machine) == {"team-*": 4, "alpha*": 8}
        machine.good("vm snapshot alpha two")
        assert "quota alpha* of store pool" in machine.command("vm snapshot alpha three")
        machine.good("vm clone alpha@two team-x")
        assert used(machine) == {"team-*": 8, "alpha*": 12}
        assert "quota team-* of store pool" in machine.command("vm clone alpha@two team-y")
        machine.good("vm clone alpha@two free")
        machine.good("vm destroy team-x")
        machine.good("vm snapshot drop alpha one")
        assert "one" not in machine.command("vm snapshot list alpha")
        # other quotas hold at once, also for a name that a volume with snapshots of a VM is given
        machine.good('store quota set pool "free* 16M, alpha* 8M"')
        assert used(machine) == {"free*": 4, "alpha*": 8}
        assert "quota alpha* of store pool" in machine.command("vm snapshot alpha three")
        assert "is not valid" in machine.command('store quota set pool "alpha* much"')
        row, = machine.objects("store list pool")
        assert row["quotas"] == [{"pattern": "free*", "bytes": 16 << 20, "used_bytes": 4 << 20},
                                 {"pattern": "alpha*", "bytes": 8 << 20, "used_bytes": 8 << 20}]
        assert 'quota = "free* 16M, alpha* 8M"' in machine.command("config show")
        machine.good("store quota set pool none")
        machine.good("vm snapshot alpha three")
        assert used(machine) == {}
        assert "0 found" in machine.command("audit")
    with boot(emulator, build, tmp_path / "less", image, {"team-*": 2, "alpha*": 12}) as machine:
        machine.wait_prompt()
        assert "quota team-* is 2048 KiB, less than the 4096 KiB that are used" in machine.command("log show")
        assert used(machine)["team-*"] == 4
        assert "of which 4096 KiB are used" in machine.command("volume create pool/team-c 64K")
        machine.good("volume create pool/free 64K")
        machine.good("volume drop pool/team-b")
        machine.good("volume create pool/team-c 64K")
