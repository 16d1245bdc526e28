#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the tables of docs/proved.md anew, between its two marks, and prints the page.

What a proof follows is computed from its harness (tests/verify/coverage.py), what a unit test or a
fuzzer compiles from their #include lines. So a function that is renamed or moved, or a harness that
no longer calls it, changes the page, and `make docs` says so.
"""
import json
import os
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / part) for part in ("tests", "tests/verify", "tests/lint")]
import coverage  # noqa: E402
import files  # noqa: E402
from verify import RESULTS, UNWIND  # noqa: E402

PAGE = ROOT / "docs/proved.md"
BEGIN, END = "<!-- generated: make docs-update -->\n", "<!-- end of what is generated -->\n"
TESTS = ("tests/unit", "tests/fuzz", "tests/model")
OPENING = re.compile(r"/\*.*?\*/\n/\*\n(.*?)\*/", re.DOTALL)
CLASSES = ("proved", "followed", "tested", "neither", "assembly", "declarations")


def opening(path):
    """What a harness says of itself: (for what it holds, what is proved)."""
    text = " ".join(line.strip(" *") for line in OPENING.search(path.read_text())[1].splitlines())
    text = text.strip()
    given, _, shown = text.partition("Proved")
    return given.strip(" .") + ".", shown.lstrip(": ").strip()


def ring0():
    """{path: text} of what `make lint` counts as ring 0."""
    return {path: Path(path).read_text() for path in files.files()
            if path.endswith((".c", ".h", ".S")) and files.part_of(path) not in (None, files.ONCE)}


def tested_sources():
    """The sources and headers that a unit test, a fuzzer or the reference model compiles into itself."""
    found = {}
    for folder in TESTS:
        for path in sorted(Path(folder).rglob("*.[ch]")):
            coverage.sources_of(path, found)
    return set(found)


def followed():
    """{(source, function): the tools that follow it}."""
    found = {}
    for tool, path in coverage.harnesses():
        for proof in coverage.proofs_of(path):
            for key in coverage.reached(path, proof):
                found.setdefault(key, set()).add(tool)
    return found


def class_of(tools, body, tested):
    if "CBMC" in tools:
        return "proved"
    if tools:
        return "followed"
    if "__asm__" in body:
        return "assembly"
    return "tested" if tested else "neither"


def counts(sources, proofs, tested):
    """{part of ring 0: {class: lines of code}}."""
    rows = {part: dict.fromkeys(CLASSES, 0) for part in files.PARTS}
    for path, text in sources.items():
        row = rows[files.part_of(path)]
        left = files.code_lines(text)
        if path.endswith(".S"):
            row["assembly"] += left
            continue
        for name, (first, last, body) in coverage.functions(text).items():
            lines = coverage.lines_of_code(text, first, last)
            of = class_of(proofs.get((path, name), ()), body, path in tested)
            row[of] += lines
            left -= lines
        row["declarations"] += left
    return rows


def print_counts(rows):
    print("| part | proved by CBMC | followed by EVA | only tested | neither | assembly | declarations | all |")
    print("|---|---|---|---|---|---|---|---|")
    total = dict.fromkeys(CLASSES, 0)
    for part, row in rows.items():
        print(f"| `{part}/` | " + " | ".join(str(row[name]) for name in CLASSES) + f" | {sum(row.values())} |")
        for name in CLASSES:
            total[name] += row[name]
    print("| **ring 0** | " + " | ".join(f"**{total[name]}**" for name in CLASSES),
          f"| **{sum(total.values())}** |\n")


def bound(tool, path):
    return f"each loop at most {UNWIND[path.stem]} rounds, shown" if tool == "CBMC" else "loops to their end"


def print_proofs(results):
    print("| proof | by | for | shown | bound | seconds | mutants refused |")
    print("|---|---|---|---|---|---|---|")
    for tool, path in coverage.harnesses():
        given, shown = opening(path)
        name = str(path.relative_to(ROOT / "tests/verify"))
        seconds = [results["seconds"].get(f"{name} {proof}") for proof in coverage.proofs_of(path)]
        took = "not run" if None in seconds else sum(seconds)
        refused = ", ".join(f"`{function}` {count} of {every}" for function, (count, every)
                            in results["mutants"].get(name, {}).items()) or "not run"
        print(f"| [`{name}`](../tests/verify/{name}) | {tool} | {given} | {shown} | {bound(tool, path)} | {took}",
              f"| {refused} |")
    print()


def print_functions(proofs):
    print("| source | functions |")
    print("|---|---|")
    sources = {}
    for (source, name), tools in sorted(proofs.items()):
        mark = "**" if "CBMC" in tools else ""
        line = coverage.functions((ROOT / source).read_text())[name][:2]
        sources.setdefault(source, []).append(f"{mark}`{name}`{mark} {line[1] - line[0] + 1}")
    for source, names in sources.items():
        print(f"| [`{source}`](../{source}) | {', '.join(names)} |")
    print()


def main():
    os.chdir(ROOT)
    head, _, rest = PAGE.read_text().partition(BEGIN)
    tail = rest.partition(END)[2]
    proofs = followed()
    print(head + BEGIN)
    rows = counts(ring0(), proofs, tested_sources())
    print_counts(rows)
    looked, every = (sum(sum(row[name] for name in names) for row in rows.values())
                     for names in (CLASSES[:2], CLASSES))
    print(f"So proofs have looked at {100 * looked / every:.1f} % of the lines of ring 0, declarations counted.\n")
    print("### The proofs\n")
    print_proofs(json.loads(RESULTS.read_text()))
    print("### The functions\n")
    print("Each with its number of lines, comments counted; those in bold are proved by CBMC.\n")
    print_functions(proofs)
    sys.stdout.write(END + tail)


if __name__ == "__main__":
    main()
