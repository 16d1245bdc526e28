#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Breaks mm/ in turn, each time in a way that the model of tests/model has to find: within a minute
of a CPU's time, from nothing but the number that the dice begin with."""
import argparse
import os
import re
import resource
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))
from mutate import Lost, mutated  # noqa: E402

LIMIT_S = 60
PARTS = ("arch", "boot", "kernel", "lib", "mm", "tests/fuzz", "tests/model", "tests/unit")
COMPILE = ("clang", "-std=gnu17", "-D_GNU_SOURCE", "-g1", "-O2", "-w", "-I.",
           "-fsanitize=fuzzer,undefined", "-fno-sanitize-recover=all",
           "-fno-sanitize-coverage=trace-cmp", "-o", "model", "tests/fuzz/mm.c", "-lcmocka")

# (what is wrong, file, function, the expression there, what takes its place)
MUTANTS = (
    ("a merge divides a GiB between two objects", "mm/layer.c", "layer_take_chunk",
     "(*from & CHUNK_HUGE) && layer_take_huge(memory, number)", "0"),
    ("a GiB below some pages comes up as one", "mm/layer.c", "layer_take_huge", "above != 0 ||", ""),
    ("what is left of a GiB below is still called one", "mm/layer.c", "layer_take_huge",
     "memory_huge_end(memory->below, number);", ""),
    ("a GiB's leaf loses the tables below those that it replaces", "mm/table.c", "table_merge",
     "|| table_has_tables(format, HPA(walk.entry & PTE_ADDRESS), leaf->level - 1))", ")"),
    ("a fault ends with nothing mapped", "mm/space.c", "space_leaf_put",
     "space_leaf_choose(mapping, address, hpa, walk.level, own, &leaf);", "return STATUS_OK;"),
    ("a block that has come up gets slots", "mm/layer.c", "layer_own", "if (unlikely(chunk != 0)) {",
     "if (0) {"),
    ("what comes back later keeps what came before", "mm/quota.c", "quota_release",
     "&quota->returning[quota_still_returning(quota) != 0];", "&quota->returning[0];"),
    ("what is not free yet is given out", "mm/quota.c", "quota_charge",
     "quota_still_returning(quota) <= left - count ? STATUS_OK : STATUS_AGAIN", "STATUS_OK"),
    ("a reset hides what is written meanwhile, too", "mm/layer.c", "layer_reset",
     "if (!memory->resetting) {", "if (memory->hide_first == 0) {"),
    ("a reset waits for what others exchange meanwhile", "mm/layer.c", "layer_break",
     "layer_revoke_pages(memory, &index, 1, WAIT_PAGE)", "layer_revoke_pages(memory, &index, 1, WAIT_ALL)"),
    ("an exchange waits for nobody", "mm/layer.c", "layer_flush",
     "tlb_await(mapping->space, mapping->memory->awaited[wait]);", ""),
    ("what is exchanged stays in TLBs", "mm/layer.c", "layer_flush", "tlb_flush_space(mapping->space);",
     ""),
    ("what is frozen is promised to nobody", "mm/layer.c", "layer_freeze_begin",
     "memory->present, memory->flags, &frozen", "0, memory->flags, &frozen"),
    ("what is frozen stays writable", "mm/space.c", "space_leaf_choose",
     "own ? mapping->rights : mapping->rights & ~(u32)PT_WRITE", "mapping->rights"),
    ("a freeze waits for nobody", "mm/layer.c", "layer_freeze",
     "&& tlb_all_passed(memory->awaited[WAIT_ALL]);", ";"),
    ("a page of one's own is not a copy", "mm/layer.c", "layer_give_page", "page_copy(*hpa, from);",
     "page_clear(*hpa, 1);"),
    ("who reads what is below is not noted", "mm/space.c", "space_leaf_put",
     "mapping->shown |= layer_shown_bit(space_index_of(mapping, address));", ";"),
    ("what a merge brings up is not listed", "mm/layer.c", "layer_take_page",
     "layer_slot_set(memory, slot, index, HPA(*from & PTE_ADDRESS));", "*slot = *from;"),
    ("what is merged is counted twice", "mm/layer.c", "layer_take_count",
     "memory_count_present(memory->below, -count);", ""),
    ("what is given back is somebody else's, too", "mm/discard.c", "memory_return_block",
     "*word = 0; memory_count_present", "memory_count_present"),
    ("what is given back stays mapped", "mm/discard.c", "discard_or_wait",
     "layer_revoke(memory, &revoked, first + *count, WAIT_PAGE) != STATUS_OK", "false"),
    ("a GiB with a page given back stays one", "mm/discard.c", "discard_step",
     "memory_huge_end(memory, first / MEMORY_CHUNK_PAGES);", ";"),
    ("what is split stays a block", "mm/discard.c", "memory_block_split", "page_split(hpa, 0);", ""),
    ("what was written to while it was hidden goes", "mm/discard.c", "memory_trim_settle",
     "if (!gives || !memory_holds_zeros(*slot) ||", "if (!gives ||"),
    ("a new page is not cleared", "mm/memory.c", "memory_slot_populate",
     "memory_count_present(memory, 1); page_clear(hpa, 1);", "memory_count_present(memory, 1);"),
    ("a block is seen before it is cleared", "mm/memory.c", "memory_slot_ram",
     "return word & (SLOT_PRESENT | CHUNK_READY);", "return word != 0;"),
    ("what was promised is not given back", "mm/memory.c", "memory_promise_end",
     "quota_release(memory->quota, memory->owner, absent, 0);", ""),
    ("an unmapped range stays in TLBs", "mm/space.c", "space_mapping_remove",
     "layer_flush(mapping, WAIT_LATER);", ""),
    ("pages are free an epoch too soon", "mm/tlb.c", "", "#define EPOCHS_TO_WAIT 3",
     "#define EPOCHS_TO_WAIT 2"),
    ("pages are free two epochs too soon", "mm/tlb.c", "", "#define EPOCHS_TO_WAIT 3",
     "#define EPOCHS_TO_WAIT 1"),
    ("a table goes without a flush", "mm/table.c", "table_unmap_entry",
     "|| bytes != table_level_bytes(level);", ";"),
    ("ring 3's half of the tables is forgotten", "mm/table.c", "table_entry_write",
     "if (level == TOP && table_entry_index(at, level) < LOWER_HALF)", "if (0)"),
)


def found_by(output):
    """The line before the end of the process."""
    lines = re.split(r"\n?==\d+== ERROR|\nSUMMARY", output)[0].split("\n")
    return lines[-1] if "Test unit written" in output else None


def limit_cpu():
    resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S + 5))


def run(command, folder):
    """
    Runs a command; returns its status, its output and the seconds of CPU time it has taken, at
    most LIMIT_S.
    """
    with open(folder / "output", "w+b") as output:
        with subprocess.Popen(command, cwd=folder, stdout=output, stderr=subprocess.STDOUT,
                              preexec_fn=limit_cpu) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        return (process.returncode, output.read().decode(errors="replace"),
                usage.ru_utime + usage.ru_stime)


def find(folder, mutant):
    """Returns whether the model fails over the source with the mistake, and the model's output."""
    _, source, function, expression, instead = mutant
    try:
        text = mutated((ROOT / source).read_text(), function, expression, instead)
    except Lost as lost:
        return False, f"{source}: {lost}"
    shutil.rmtree(folder, ignore_errors=True)
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "tests/random.h", folder / "tests")
    (folder / source).write_text(text)
    code, output, _ = run(COMPILE, folder)
    if code != 0:
        return False, output
    _, output, cpu_s = run(["./model", "-seed=1", "-max_len=4096", "-artifact_prefix=./"], folder)
    return found_by(output) is not None, f"{output}\n{cpu_s:.1f} s"


def tasks(build):
    """Returns the tasks, as verify.py's function of this name does."""
    for number, mutant in enumerate(MUTANTS):
        yield (f"model {mutant[0]}", f"{mutant[1]}: {mutant[0]}: found by the model",
               partial(find, build / f"model{number}", mutant))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="only what contains one of these")
    parser.add_argument("--build", type=Path, default=ROOT / "build/verify")
    options = parser.parse_args()
    failed = 0
    for name, what, how in tasks(options.build):
        if options.names and not any(part in name for part in options.names):
            continue
        good, output = how()
        failed += not good
        print(f"{what}: {'yes' if good else 'NO'}, {output.splitlines()[-1]}:",
              found_by(output) or output[-300:], flush=True)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
