#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/pictures.md: drawings made of the code's own tables, or checked against the code.

The VM's life comes from the two tables of vm_life.c, the order of locks from enum lock_rank. Where a
vCPU is has no table: its moves are listed here, each with the function that makes it and the words
by which it does, and the script fails when the function no longer has them.
"""
import glob
import re
import sys

LIFE = "vmm/manager/vm/vm_life.c"
LOCKS = "lib/lock.h"
PLACES = "vmm/monitor/machine/vcpu.h"
LOOP = "vmm/monitor/life/loop.c"
RUN = "kernel/guest/vcpu_run.c"
VCPU = "kernel/sched/vcpu_load.c"
CPU = "kernel/cpu/cpu_loop.c"

TAKES = re.compile(r"lock_(?:check_)?acquire\([^;]*?\b(LOCK_[A-Z]+)\b")

# (from, to, function, its file, what it does it by)
MONITOR_MOVES = (
    ("VCPU_INSIDE", "VCPU_IN_GUEST", "loop_between_runs", LOOP, "VCPU_IN_GUEST : VCPU_ASLEEP"),
    ("VCPU_INSIDE", "VCPU_ASLEEP", "loop_between_runs", LOOP, "VCPU_IN_GUEST : VCPU_ASLEEP"),
    ("VCPU_IN_GUEST", "VCPU_INSIDE", "loop_lock_machine", LOOP, "vcpu->place = VCPU_INSIDE"),
    ("VCPU_ASLEEP", "VCPU_INSIDE", "loop_lock_machine", LOOP, "vcpu->place = VCPU_INSIDE"),
)
# Who changes a place at all, as the assignment is written.
MONITOR_WRITES = {("loop_lock_machine", "VCPU_INSIDE"), ("loop_unlock_machine", "place")}
KERNEL_PLACES = (
    ("memory", "nobody runs it, its registers are in memory"),
    ("loaded", "its monitor is at work, a CPU still has its registers"),
    ("guest", "a CPU executes its guest"),
    ("waits", "its thread waits for that CPU, which still has its registers"),
    ("aside", "its thread waits for a CPU, its registers are in memory"),
)
KERNEL_MOVES = (
    ("memory", "guest", "vcpu_take_changes", RUN, "vcpu_load(cpu, vcpu)"),
    ("loaded", "guest", "vcpu_begin_run", RUN, "thread->guest = vcpu"),
    ("guest", "loaded", "vcpu_return_to_monitor", RUN, "vcpu_unclaim(vcpu)"),
    ("guest", "waits", "cpu_loop_reschedule", CPU, "vcpu_preempt(guest)"),
    ("waits", "guest", "cpu_loop", CPU, "vcpu_step(cpu, guest)"),
    ("loaded", "memory", "vcpu_unload", VCPU, "cpu->loaded = NULL"),
    ("waits", "aside", "vcpu_unload", VCPU, "cpu->loaded = NULL"),
    ("aside", "guest", "vcpu_step", RUN, "vcpu_load(cpu, vcpu)"),
)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def fail(text):
    sys.exit(f"docs/pictures.py: {text}")


def block(text, start):
    """From what begins so to the closing brace in the first column."""
    found = re.search(start + r".*?^\}", text, re.DOTALL | re.MULTILINE)
    return found[0] if found else fail(f"{start} is not found, the pattern is out of date")


def body(function, path):
    return block(read(path), rf"^[a-z][^;{{}}\n]*\b{function}\([^;{{}}]*\)\n\{{")


def check_moves(moves):
    for _, _, function, path, by in moves:
        if by not in body(function, path):
            fail(f"{function} in {path} does not have \"{by}\" any more: is the drawing still true?")


def rows(table):
    """[A] = { ... } of a table in two levels, as (A, what is between the braces)."""
    lines = table.replace("\n\t\t", " ").replace("\n\t},", "},")
    return re.findall(r"^\t\[(\w+)\] = \{(.*?)\},?$", lines, re.MULTILINE)


def life_names():
    """What the code calls states and actions."""
    return {name: word for function in ("vm_life_state_name", "vm_life_action_name")
            for name, word in re.findall(r'\[(\w+)\] = "([a-z ]+)"', body(function, LIFE))}


def life_edges():
    """{(from, to): [what leads there]}, in the tables' order."""
    text = read(LIFE)
    names = life_names()
    edges = {}
    for state, actions in rows(block(text, r"^static const struct vm_life table")):
        for action, effect, to in re.findall(r"\[(ACTION_\w+)\] = (\w+)(?:\((\w+)\))?", actions):
            target = {"BOOT": "VM_RUNNING", "BUTTON": "VM_STOPPED"}.get(effect, to)
            word = names[action] + (" (power button)" if effect == "BUTTON" else "")
            edges.setdefault((state, target), []).append(word)
    for state, targets in rows(block(text, r"^static const bool reports")):
        for to in re.findall(r"\[(VM_\w+)\] = true", targets):
            edges.setdefault((state, to), []).append("reported")
    if len(edges) < 12:
        fail(f"{LIFE}: the tables are not found, the pattern is out of date")
    return edges


def draw_life():
    names = life_names()
    yield "stateDiagram-v2"
    yield "    [*] --> created: create"
    for (state, to), words in life_edges().items():
        end = "[*]" if to == "VM_ENDING" else names[to]
        yield f"    {names[state]} --> {end}: {', '.join(words)}"


def draw_monitor():
    known = re.findall(r"^\t(VCPU_\w+), +/\* (.*) \*/$", block(read(PLACES), r"^enum vcpu_place"),
                       re.MULTILINE)
    drawn = {place for move in MONITOR_MOVES for place in move[:2]}
    if {name for name, _ in known} != drawn:
        fail(f"{PLACES}: enum vcpu_place has other places than are drawn")
    for path in glob.glob("vmm/monitor/**/*.[ch]", recursive=True):
        for value in re.findall(r"->place = (\w+)", read(path)):
            if not any(value == written and path == LOOP for _, written in MONITOR_WRITES):
                fail(f"{path} moves a vCPU to {value}, which is not drawn")
    check_moves(MONITOR_MOVES)
    yield "stateDiagram-v2"
    for name, text in known:
        yield f"    {name}: {name}, {text.replace(':', ',')}"
    for start, to, function, _, _ in MONITOR_MOVES:
        yield f"    {start} --> {to}: {function}"


def draw_kernel():
    check_moves(KERNEL_MOVES)
    yield "stateDiagram-v2"
    for name, text in KERNEL_PLACES:
        yield f"    {name}: {text}"
    yield "    [*] --> memory: vcpu_create"
    for start, to, function, _, _ in KERNEL_MOVES:
        yield f"    {start} --> {to}: {function}"


def locks():
    text = block(read(LOCKS), r"^enum lock_rank")
    found = re.findall(r"^\t(LOCK_\w+),[ \t]*(?:/\* (.*) \*/)?$", text, re.MULTILINE)
    return found if len(found) > 5 else fail(f"{LOCKS}: the ranks are not found")


def takers():
    """Which files take a lock of that rank, by the call's last argument."""
    found = {}
    for path in sorted(path for top in ("kernel", "mm", "arch")
                       for path in glob.glob(f"{top}/**/*.[ch]", recursive=True)):
        for rank in set(TAKES.findall(read(path))):
            found.setdefault(rank, []).append(path)
    return found


def draw_locks():
    names = [name for name, _ in locks()]
    yield "flowchart TD"
    for first, second in zip(names, names[1:]):
        yield f"    {first} --> {second}"


def lock_rows():
    by = takers()
    yield "| rank | what it is | taken in |"
    yield "|---|---|---|"
    for name, text in locks():
        text = text or f"struct {name.removeprefix('LOCK_').lower()}"
        yield f"| `{name}` | {text} | {', '.join(f'`{path}`' for path in by.get(name, []))} |"


def mermaid(lines):
    return "\n".join(["```mermaid", *lines, "```"])


PAGE = """# Pictures

`docs/pictures.py` writes this page from the code, `make docs-update` runs it, and `make docs` fails when the page is old.

## A VM's life

The drawing shows the two tables in `{life}`. A word is the command that leads from one state to
the next (the first table); *reported* is what a monitor may say by itself (the second table), such as the end of its guest.
What is not drawn is refused, and a monitor that reports it counts as crashed. [Life cycle](manager/life-cycle.md) explains
each state.

{draw_life}

## A vCPU's places

A monitor sees its vCPU in one of three places, `enum vcpu_place` in `{places}`. Only
`{loop}` moves it, under the machine's lock. [A vCPU between two runs](monitor.md#a-vcpu-between-two-runs) has what may be relied on in each.

{draw_monitor}

The kernel keeps two facts of a vCPU: which thread runs it (`runner`), and which CPU has its registers (`loaded`). They stay
loaded while the monitor is at work or another thread has the CPU, until another vCPU needs the CPU, another CPU asks for
them, or a process of another group is to run there. The functions are in `{run}`, `{vcpu}` and
`{cpu}`.

{draw_kernel}

## The order of locks

A CPU that holds a lock may take only those further down (`{locks}`), and never two of one rank. An image built with
`DEBUG=1` panics at the first lock that is taken in another order.

{draw_locks}

{lock_rows}
"""


def main():
    print(PAGE.format(life=LIFE, places=PLACES, loop=LOOP, run=RUN, vcpu=VCPU, cpu=CPU, locks=LOCKS,
                      draw_life=mermaid(draw_life()), draw_monitor=mermaid(draw_monitor()),
                      draw_kernel=mermaid(draw_kernel()), draw_locks=mermaid(draw_locks()),
                      lock_rows="\n".join(lock_rows())), end="")


if __name__ == "__main__":
    main()
