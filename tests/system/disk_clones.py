# SPDX-License-Identifier: MIT
"""Clones of a Linux guest, alpha, that writes to its disks."""

NAMES = ("bbb", "ccc")
PIECE = 1000  # the number of a piece of 4 KiB, which no file has
ALL = 1024    # the lines in such a piece


def at(machine, name, line):
    machine.attach(name)
    out = machine.shell(line)
    machine.leave()
    return out


def each(devices, line):
    return f"for d in {' '.join(devices)}; do {line}; done"


def fill(devices, word, sector=None):
    """Lines of a word, in the whole piece or in one sector of it; past what is cached."""
    size, place = ("4k", PIECE) if sector is None else ("512", PIECE * 8 + sector)
    return each(devices, f"yes {word} | dd of=/dev/$d bs={size} count=1 seek={place} "
                "iflag=fullblock oflag=direct conv=notrunc 2>/dev/null")


def found(machine, name, devices):
    """Returns how many lines of each word there are, on each of the disks."""
    out = at(machine, name, each(devices, f"dd if=/dev/$d bs=4k count=1 skip={PIECE} iflag=direct "
                                 "2>/dev/null | sort | uniq -c; echo 0 end"))
    rows = []
    row = {}
    for line in out.splitlines():
        count, word = (line.split() + [""])[:2]
        if word == "end":
            rows.append(row)
            row = {}
        else:
            row[word] = int(count)
    return rows


def refused(machine, line):
    out = machine.command(line)
    assert out.startswith("error: "), out
    return out


def have(machine, devices, *rows):
    """alpha, and each of the clones, on all disks: how many lines of which word."""
    for name, row in zip(("alpha",) + NAMES, rows):
        assert found(machine, name, devices) == [row] * len(devices), name


def run(machine, devices, drivers):
    """
    Lets the source go on writing while two clones write to one sector of the same block: each
    reads its own, beside what was there at the snapshot, also when the disks' drivers begin
    anew. Returns what each has then.
    """
    at(machine, "alpha", fill(devices, "one"))
    machine.objects("vm snapshot alpha cloned")
    at(machine, "alpha", fill(devices, "two"))
    for sector, name in enumerate(NAMES):
        machine.objects(f"vm clone alpha@cloned {name}")
        assert found(machine, name, devices) == [{"one": ALL}] * len(devices)
        at(machine, name, f"{fill(devices, name, 3)}; {fill(devices, name, 5 + sector)}")
    rows = [{"two": ALL}] + [{"one": ALL - 256, name: 256} for name in NAMES]
    have(machine, devices, *rows)
    for driver in drivers:
        machine.command(f"driver restart {driver}")
    have(machine, devices, *rows)
    return rows


def ends(machine, devices, rows):
    """
    Checks that what the clones see stays as it is; a clone that has ended finds nothing of it
    again.
    """
    users = ", ".join(["alpha"] + [f"{name} (view of alpha)" for name in NAMES])
    assert [disk["users"] for disk in machine.objects("disk list")] == [users] * len(devices)
    read = "held at the last snapshot is being read"
    assert read in refused(machine, "vm snapshot alpha more")
    assert read in refused(machine, "vm snapshot drop alpha cloned")
    assert "which is not kept" in refused(machine, f"vm snapshot {NAMES[0]} own")
    machine.objects("vm reset alpha --to cloned")
    have(machine, devices, {"one": ALL}, *rows[1:])
    machine.objects(f"vm renew {NAMES[1]}")
    have(machine, devices, {"one": ALL}, *rows[1:])
    machine.command(f"vm kill {NAMES[0]}")
    assert "make a new clone" in refused(machine, f"vm start {NAMES[0]}")
    machine.command("vm kill alpha")
    assert found(machine, NAMES[1], devices) == rows[2:] * len(devices)
    assert "make a new clone" in refused(machine, f"vm start {NAMES[0]}")
    for name in NAMES:
        machine.command(f"vm destroy {name}")
