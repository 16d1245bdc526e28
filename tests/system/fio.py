# SPDX-License-Identifier: MIT
"""What tests with fio have in common: its command, and disks' drivers that die during a run."""
import time

from machine import LIMIT

# A job for each of four queues, in a part of the disk of its own; each block has a header that says
# where it belongs, and a checksum, which is looked at soon after the block was written.
PASS = ("/sbin/fio --name=v --filename={disk} --ioengine=libaio --direct=1 --thread "
        "--group_reporting --rw=randrw --bsrange=4k-128k --iodepth={depth} --numjobs=4 "
        "--size={size} --offset_increment={size} --verify=crc32c --verify_fatal=1 "
        "--verify_backlog=64 --randrepeat=0 --minimal{more} > /tmp/fio 2>&1")
# The disk is all zero before each pass: in place of a lost write there must not be an older write
# of the same block, which fio would take for the lost one.
COMMAND = ("end=$(($(date +%s) + {seconds})); code=0; "
           "while [ $code = 0 ] && {{ [ $(date +%s) -lt $end ] || [ ! -e {told} ]; }}; do "
           "/sbin/blkdiscard -f -z -l {bytes} {disk} 2>/tmp/fio && {once}; code=$?; "
           "done; (exit $code)")


def command(size, seconds, disk="/dev/vda", depth=8, more="", told="/"):
    """
    Verifies 4 * size ("8M") of the disk again and again, for so many seconds of the guest's clock,
    until there is the file `told`, and until the last pass is over.
    """
    once = PASS.format(size=size, disk=disk, depth=depth, more=more)
    return COMMAND.format(bytes=4 * int(size[:-1]) << 20, seconds=seconds, disk=disk, once=once, told=told)


def driver(machine, name):
    return next(row for row in machine.objects("driver list") if row["name"] == name)


def requests(machine, disk):
    return next(row["requests"] for row in machine.objects("disk stat") if row["disk"] == disk)


def wait_requests(machine, disk, more):
    """Waits until the disk has answered this many more requests."""
    before = requests(machine, disk)
    limit = time.monotonic() + LIMIT
    while requests(machine, disk) < before + more:
        assert time.monotonic() < limit, f"no more requests to {disk}"


def wait_ready(machine, name):
    while (row := driver(machine, name))["state"] != "ready":
        assert row["state"] != "failed", row
    return row


def die(machine, name, command="fault driver"):
    """
    Lets a driver's process end, and waits until another one is ready. `fault` needs a TEST=1
    image.
    """
    starts = driver(machine, name)["starts"]
    said = machine.command(f"{command} {name}")
    assert "allowed" not in said, said
    limit = time.monotonic() + LIMIT
    while driver(machine, name)["starts"] == starts:
        assert time.monotonic() < limit, f"{name} lives on"
    return wait_ready(machine, name)


def die_often(machine, name, times, random, command="fault driver"):
    """
    Lets a driver die several times, each time after an arbitrary number of requests since its
    start. Returns for each death the microseconds until the disk was known again, and until a
    guest had an answer.
    """
    disks = [row["name"] for row in machine.objects("disk list") if row["driver"] == name]
    times_us = []
    for _ in range(times):
        die(machine, name, command)
        wait_requests(machine, disks[0], random.randrange(1, 40))
        row = driver(machine, name)
        times_us.append((row["restart_us"], row["pause_us"]))
    return times_us
