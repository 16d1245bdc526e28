# SPDX-License-Identifier: MIT
"""A Linux guest's shell writes a disk and reads it back, while the disk's driver is restarted."""
import random

import fio

# Writes random blocks of 64 KiB and reads them back in other pieces, each time a block further and
# after `count` times from the first on again: at least so often, and until it is told to end.
COMMAND = ("rm -f /tmp/enough; dd if=/dev/urandom of=/tmp/x bs=64k count={blocks} 2>/dev/null; n=0; "
           "until [ $n -ge {count} ] && [ -e /tmp/enough ]; do i=$((n % {count})); n=$((n+1)); "
           "dd if=/tmp/x of=/dev/{device} bs=64k seek=$i conv=notrunc oflag=direct 2>/dev/null && "
           "dd if=/dev/{device} of=/tmp/y bs=16k skip=$((4*i)) count=$((4*{blocks})) iflag=direct "
           "2>/dev/null && cmp /tmp/x /tmp/y || echo WRO''NG; done; echo ROUNDS''DONE-{device}=$i")


def run(machine, count, restarts, device="vda", disk="data", blocks=16):
    """
    Does this many rounds or more at the shell of alpha, while the driver of `disk`, which the
    guest has as `device`, is restarted at arbitrary moments. Returns the digest of the last
    block written, and which block of 64 KiB it is.
    """
    name = next(row["driver"] for row in machine.objects("disk list") if row["name"] == disk)
    machine.attach("alpha")
    machine.type(f"({COMMAND.format(count=count, device=device, blocks=blocks)}) &\r")
    machine.leave()
    fio.wait_requests(machine, disk, 20)
    fio.die_often(machine, name, restarts, random.Random(restarts), "driver restart")
    machine.attach("alpha")
    machine.type("touch /tmp/enough\r")
    machine.wait(rf"ROUNDSDONE-{device}=(\d+)\s")
    place = int(machine.match().group(1))
    assert "\nWRONG" not in machine.transcript().replace("\r", "")
    digest = machine.shell("sync; md5sum < /tmp/x").split()[0]
    machine.leave()
    for row in machine.objects("disk stat"):
        assert row["errors"] == 0 and row["refused"] == 0, row
    assert fio.driver(machine, name)["starts"] == restarts + 1
    return digest, place
