#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Proofs and models. Frama-C's EVA analyses each prove_* function of tests/verify/*.c with the
sources that ship and must not raise an alarm; CBMC does so with tests/verify/cbmc/*.c and must find no
assertion that can fail; Spin searches every state of each *.pml, and must find the mistake in each
variant that has one (BROKEN, BROKEN_...). --mutants breaks each proved source in turn: a proof must
fail each time. --every makes each mutant of each function that a harness of CBMC proves (mutator.py)
and counts those refused. --quick leaves out what has taken long. --record keeps the seconds and these
counts for docs/proved.md."""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import coverage  # noqa: E402
import mutator  # noqa: E402
from mutate import Lost, mutated  # noqa: E402

LIMIT_S = 1200
# --quick: what has taken no longer than that, and CBMC's proofs of each charge and each copy of a handle.
QUICK_S = 10
QUICK_TOO = ("cbmc/quota.c prove_charge", "cbmc/rights.c prove_grant")
# Tools at a time, each one busy thread.
WORKERS = min(os.cpu_count() or 1, 2)
# A function that is called and has no body could do anything that its prototype allows, which is not
# what the kernel's does: a harness that has lost the function it was written for must not pass.
EVA = ["-c11", "-machdep", "gcc_x86_64", "-eva", "-eva-no-results",
       "-kernel-warn-key", "typing:implicit-function-declaration=abort,annot:missing-spec=abort",
       "-eva-auto-loop-unroll", "300", "-eva-split-limit", "300", "-eva-interprocedural-splits",
       "-eva-split-return", "full", "-eva-msg-key=-initial-state,-final-states",
       "-cpp-extra-args=-I. -include lib/hidden.h"]
# EVA's precision: how many states it keeps apart, how far it unrolls loops and splits values.
USUAL = ["-eva-slevel", "600"]
OPTIONS = {
    "handle": ["-eva-slevel", "2000", "-eva-plevel", "600", "-eva-min-loop-unroll",
               "300"],
    "table": ["-eva-slevel", "20000", "-eva-ilevel", "64", "-eva-plevel", "600",
              "-eva-auto-loop-unroll", "600"],
    "record": ["-eva-slevel", "20000", "-eva-auto-loop-unroll", "0"],
    "walk": ["-eva-slevel", "40"],
}
# CBMC: each loop ends within so many rounds, which is an obligation of the proof too.
CBMC = ["-I.", "--drop-unused-functions", "--unwinding-assertions", "--unwind"]
UNWIND = {"layers": 7, "merge": 7, "quota": 20, "reset": 7, "rights": 9, "slots": 7}
# Loops that end sooner, which makes the formula smaller.
UNWINDSET = {"merge": ("--unwindset", "layer_take_pages.0:4"), "reset": ("--unwindset", "layer_hide.0:4")}
MUTANT_LIMIT_S = 90
TOOLS = {"Frama-C EVA": "frama-c", "CBMC": "cbmc"}
RESULTS = HERE / "results.json"
# (source, function, the expression there, its replacement, harness, the proof that notices)
MUTANTS = (
    ("kernel/object/handle.c", "handle_entry_of", "index_masked(index - 1, table->end)",
     "index_masked(index, 256)", "handle", "lookup"),
    ("kernel/object/handle.c", "handle_entry_of", "entry->object != NULL && entry->generation",
     "entry->generation", "handle", "lookup"),
    ("kernel/object/handle.c", "handle_lookup", "entry == NULL || entry->object->dead", "entry == NULL", "handle",
     "lookup"),
    ("kernel/object/handle.c", "handle_insert", "if (at == table->size) return STATUS_NO_QUOTA;", "", "handle",
     "insert"),
    ("kernel/object/handle.c", "handle_close_those", "entry->object != NULL && (", "(", "handle", "close_dead"),
    ("mm/quota.c", "quota_charge", "left = account->quota_pages - account->used_pages",
     "left = account->quota_pages", "quota", "bound"),
    ("mm/quota.c", "quota_init", "if (account != NULL) {", "{", "quota", "init"),
    ("lib/checked.h", "range_within", "length <= limit - start", "start + length <= limit", "copy",
     "range"),
    ("vmm/monitor/memory/guest_memory.c", "guest_memory_pointer", "&& length <= region->length - offset",
     "", "copy", "read"),
    ("vmm/manager/vm/vm_console.c", "vm_console_read", "read++ % CHANNEL_OUT_BYTES",
     "read++ % (CHANNEL_OUT_BYTES + 1)", "ring", "output"),
    ("vmm/manager/vm/vm_console.c", "vm_console_write", "at++ % CHANNEL_RING_BYTES", "at++", "ring",
     "input"),
    ("vmm/monitor/memory/walk.c", "walk_descend", "leaf = level == 1 ||", "leaf =", "walk", "pae"),
    ("mm/table.c", "table_walk_step", "!(entry & format->present) ||", "0 ||", "table", "any_lookup"),
    ("mm/table.c", "table_walk_step", "(level != TOP && (entry & format->large))", "0", "table",
     "any_lookup"),
    ("mm/table.c", "table_unmap_entry", "table_entry_write(table, walk->node[level], *at, level, 0);", ";",
     "table", "unmap"),
    ("mm/table.c", "table_unmap_entry",
     "table_entry_write(table, walk->node[level + 1], *at, level + 1, 0);", ";", "table", "unmap"),
    ("mm/table.c", "table_map_walked", "return STATUS_IN_USE;", ";", "table", "map"),
    ("mm/table.c", "table_protect", "leaf.rights = rights;", "", "table", "protect"),
    ("mm/table.c", "table_init", "page_free(table->root.kernel, quota);", ";", "table", "life"),
    ("vmm/monitor/state/record.c", "record_fault", "if (*taken > left) return STATE_SHORT;", "", "record",
     "parse"),
    ("vmm/monitor/state/record.c", "record_fault", "left < sizeof(*record)", "0", "record", "parse"),
    ("kernel/log/log.c", "log_write", "(ring->capacity - 1)]", "(2 * ring->capacity - 1)]", "log", "write"),
    ("vmm/manager/log/log_kernel.c", "log_kernel_peek", "taken[index] & (ring->capacity - 1)",
     "taken[index] & ring->capacity", "log_take", "take"),
)
# (source, a function's head there, the name that it has lost, harness, the proof that notices)
LOST = (
    ("mm/quota.c", "enum status quota_charge", "quota_charge_gone", "quota", "charge"),
    ("kernel/object/handle.c", "enum status handle_lookup", "handle_gone", "handle", "lookup"),
    ("kernel/log/log.c", "void log_write", "log_gone", "log", "write"),
)


def run(command, folder, limit=LIMIT_S):
    try:
        done = subprocess.run(command, cwd=folder, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=limit)
        return done.returncode, done.stdout
    except subprocess.TimeoutExpired:
        return 1, f"not done in {limit} s"


def proofs():
    for tool, path in coverage.harnesses():
        for name in coverage.proofs_of(path):
            yield tool, path, name


def prove_bounded(path, name, tree=ROOT, before=(), limit=LIMIT_S):
    """
    Returns whether no assertion can fail, and its output. The assumptions may not contradict each
    other: each place that is marked REACHED, at least one, must be reached.
    """
    command = ["cbmc", *before, *CBMC, str(UNWIND[path.stem]), *UNWINDSET.get(path.stem, ()), "--function",
               name, str(path.relative_to(ROOT))]
    code, output = run(command, tree, limit)
    if code != 0 or "VERIFICATION SUCCESSFUL" not in output:
        return False, output
    command = [part for part in command if part != "--stop-on-fail"]
    output = run([*command, "-DVACUOUS", "--no-standard-checks"], tree, limit)[1]
    places = re.findall(r"\] line \d+ (reached: .*): (\w+)$", output, re.MULTILINE)
    return places != [] and all(result == "FAILURE" for _, result in places), output


def prove(path, name, tree=ROOT):
    """Returns whether there is no alarm and the analysis has run to its end, and its output."""
    if path.parent != HERE:
        return prove_bounded(path, name, tree)
    code, output = run(["frama-c", *EVA, *OPTIONS.get(path.stem, USUAL), "-main", name,
                        str(path.relative_to(ROOT))], tree)
    ended = "ANALYSIS SUMMARY" in output
    return code == 0 and ended and "[eva:alarm]" not in output and "0 alarms" in output, output


def broken_tree(folder, source, text):
    """Makes a copy of the sources in which one of them has another text."""
    shutil.rmtree(folder, ignore_errors=True)
    for part in ("arch", "kernel", "lib", "mm", "vmm", "tests/verify"):
        shutil.copytree(ROOT / part, folder / part)
    (folder / source).write_text(text)


def refute(folder, mutant):
    """Whether the proof fails for the source with the mistake, although that can be analysed."""
    source, function, expression, instead, harness, name = mutant
    try:
        text = mutated((ROOT / source).read_text(), function, expression, instead)
    except Lost as lost:
        return False, f"{source}: {lost}"
    broken_tree(folder, source, text)
    holds, output = prove(HERE / f"{harness}.c", f"prove_{name}", folder)
    return not holds and "ANALYSIS SUMMARY" in output, output


def miss(folder, lost):
    """Whether the proof fails for the source whose function has got another name."""
    source, head, instead, harness, name = lost
    text = (ROOT / source).read_text()
    if f"\n{head}(" not in text:
        return False, f"{source}: no {head}"
    broken_tree(folder, source, text.replace(f"\n{head}(", f"\n{head.rsplit(' ', 1)[0]} {instead}("))
    holds, output = prove(HERE / f"{harness}.c", f"prove_{name}", folder)
    return not holds and "treated as fatal error" in output, output


def refused(folder, path, source, text, quickest):
    """Whether a proof of the harness notices the mutant; None: none was done in time, or the compiler refuses it."""
    (folder / source).parent.mkdir(parents=True, exist_ok=True)
    (folder / source).write_text(text)
    code = run(["gcc", "-std=gnu17", "-fsyntax-only", "-w", f"-I{folder}", "-I.", str(folder / source)], ROOT)[0]
    if code != 0:
        return None
    for name in quickest:
        holds, output = prove_bounded(path, name, before=(f"-I{folder}", "--stop-on-fail"), limit=MUTANT_LIMIT_S)
        if not holds and not output.startswith("not done"):
            return True
    return False


def every_mutant(path, build, results, functions):
    """Counts the mutants that the proofs of a harness refuse, of each function of a .c file that they reach."""
    name = str(path.relative_to(HERE))
    proving = {}
    for proof in sorted(coverage.proofs_of(path), key=lambda proof: results["seconds"].get(f"{name} {proof}", 0)):
        for source, function in coverage.reached(path, proof):
            if source.endswith(".c") and (not functions or function in functions):
                proving.setdefault((source, function), []).append(proof)
    folder = build.resolve() / "every" / path.stem
    sound = set()
    for (source, function), quickest in sorted(proving.items()):
        found = [0, 0]
        whole = (ROOT / source).read_text()
        for proof in set(quickest) - sound:
            if refused(folder, path, source, whole, [proof]) is not False:
                sys.exit(f"verify: {name} {proof} refuses {function} as it is")
            sound.add(proof)
        for text, line, was, instead in mutator.mutants(whole, function):
            verdict = refused(folder, path, source, text, quickest)
            shutil.rmtree(folder, ignore_errors=True)
            if verdict is None:
                continue
            found[not verdict] += 1
            if not verdict:
                print(f"{source}:{line}: SURVIVES: `{was}` as `{instead}`", flush=True)
        print(f"{name} {function}: {found[0]} of {sum(found)} mutants refused", flush=True)
        results["mutants"].setdefault(name, {})[function] = [found[0], sum(found)]


def mistakes(model):
    """The names that make the model one with a mistake."""
    return sorted(set(re.findall(r"^#\s*(?:el)?if.*?\b(BROKEN\w*)", model.read_text(),
                                 re.MULTILINE)))


def search(model, folder, mistake=None):
    """
    Counts the errors and states of a model: of safety, and if it holds of the LTL formula. A
    model may have less to search for the latter, which takes longer: #ifdef SAFETY.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    output, states = "", 0
    for macros, options in ((["-DSAFETY"], ["-DSAFETY", "-DNOCLAIM"]), ([], [])):
        text = run(["spin", *macros, *([f"-D{mistake}"] if mistake else []), "-a", str(model)],
                   folder)[1]
        code, compiled = run(["gcc", "-w", "-O2", *options, "-o", "pan", "pan.c"], folder)
        output += text + compiled
        if code != 0:
            return None, output
        code, text = run(["./pan", "-m1000000", *([] if macros else ["-a", "-f"])], folder)
        output += text
        found = re.search(r"errors: (\d+)", text)
        if not found or "max search depth too small" in text:
            return None, output
        states += int(re.search(r"(\d+) states, stored", text)[1])
        if found[1] != "0":
            return (int(found[1]), states), output
    return (0, states), output


def search_good(model, folder):
    found, output = search(model, folder)
    print(f"{model.name}: {found[1] if found else 'not all'} states", flush=True)
    return found is not None and found[0] == 0, output


def search_broken(model, folder, mistake):
    found, output = search(model, folder, mistake)
    return found is not None and found[0] > 0, output


def tasks(build, mutants):
    """
    Returns (name, what is shown, how): calling `how` returns whether that holds, and what the
    tool said.
    """
    if mutants:
        for number, mutant in enumerate(MUTANTS):
            yield (f"{mutant[4]} prove_{mutant[5]}", f"{mutant[0]} broken ({mutant[5]}): refuted",
                   partial(refute, build / f"mutant{number}", mutant))
        for number, lost in enumerate(LOST):
            yield (f"{lost[3]} prove_{lost[4]}", f"{lost[0]} without {lost[1]}: refused",
                   partial(miss, build / f"lost{number}", lost))
        return
    for tool, path, name in proofs():
        if shutil.which(TOOLS[tool]):
            what = path.relative_to(HERE)
            yield f"{path.stem} {name} {tool.lower()}", f"{what} {name}", partial(prove, path, name)
    for model in sorted(HERE.glob("*.pml")):
        yield model.stem, model.name, partial(search_good, model, build / model.stem)
        for mistake in mistakes(model):
            yield (model.stem, f"{model.name} notices {mistake}",
                   partial(search_broken, model, build / f"{model.stem}.{mistake}", mistake))


def is_quick(what, seconds):
    """What has never been timed is not quick."""
    return seconds.get(what, LIMIT_S) <= QUICK_S or what in QUICK_TOO


def cpu_seconds():
    """What the tools that have ended have computed: a busy machine makes no difference to it."""
    spent = os.times()
    return spent.children_user + spent.children_system


def done(clock, task):
    what, how = task
    began = clock()
    good, output = how()
    return what, good, output, clock() - began


def done_in_order(chosen, record):
    """
    (what, whether it holds, what the tool said, seconds) of each task, WORKERS at a time. Seconds that are
    recorded are a CPU's, of one task at a time.
    """
    with concurrent.futures.ThreadPoolExecutor(1 if record else WORKERS) as pool:
        yield from pool.map(partial(done, cpu_seconds if record else time.monotonic), chosen)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="only what contains one of these")
    parser.add_argument("--build", type=Path, required=True)
    parser.add_argument("--mutants", action="store_true")
    parser.add_argument("--check", action="store_true", help="only whether there is such a name")
    parser.add_argument("--quick", action="store_true", help="only what has taken little time")
    parser.add_argument("--record", action="store_true", help="keep the seconds in results.json")
    parser.add_argument("--every", action="store_true", help="each mutant of what CBMC proves: names of functions")
    options = parser.parse_args()
    if options.every:
        results = json.loads(RESULTS.read_text())
        for tool, path in coverage.harnesses():
            if tool == "CBMC":
                every_mutant(path, options.build, results, options.names)
        if options.record:
            RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
        return
    for tool in () if options.check else sorted({tool for tool, _, _ in proofs()}):
        if not shutil.which(TOOLS[tool]):
            print(f"verify: {tool} is not installed: its proofs are SKIPPED", flush=True)
    results = json.loads(RESULTS.read_text())
    seconds = results["seconds"]
    chosen = [(what, how) for name, what, how in tasks(options.build, options.mutants)
              if (not options.names or any(part in name for part in options.names)) and
              (not options.quick or is_quick(what, seconds))]
    if not chosen:
        sys.exit("verify: nothing has that name")
    if options.check:
        return
    passed = 0
    for what, good, output, took in done_in_order(chosen, options.record):
        passed += good
        print(f"{what}: {'holds' if good else 'DOES NOT HOLD'} ({took:.0f} s)", flush=True)
        if good:
            seconds[what] = max(1, round(took))
        else:
            seconds.pop(what, None)
            print(output[-3000:])
    if options.record and not options.mutants:
        RESULTS.write_text(json.dumps(results, indent=1, sort_keys=True) + "\n")
    print(f"verify: {passed} hold, {len(chosen) - passed} do not")
    sys.exit(passed != len(chosen))


if __name__ == "__main__":
    main()
