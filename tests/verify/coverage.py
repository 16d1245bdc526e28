# SPDX-License-Identifier: MIT
"""
Computes from the harnesses of tests/verify which functions of the sources a proof follows: those
that are reached by calls from a prove_* function, among the sources that its harness includes.
"""
import re
from pathlib import Path

import mutate

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = {"Frama-C EVA": ROOT / "tests/verify", "CBMC": ROOT / "tests/verify/cbmc"}
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
PROOF = re.compile(r"^void (prove_\w+)\(void\)\n\{", re.MULTILINE)
# Functions that the harness says its states never enter, though others name them.
NEVER = re.compile(r"Never entered:\s([^.]*)\.")
NAME = re.compile(r"\b(\w+)\(")
# What a harness puts in the place of a function: assembly, atomics, the direct map.
REPLACED = re.compile(r"^#define (\w+)(?:\(|\s)", re.MULTILINE)


def harnesses():
    """(tool, path of the harness) for each harness."""
    for tool, folder in FOLDERS.items():
        for path in sorted(folder.glob("*.c")):
            yield tool, path


def proofs_of(path):
    return PROOF.findall(path.read_text())


def functions(text):
    """
    {function: (first line, last line, its body without comments)} of a C source: what begins in the
    first column and has a body.
    """
    bare = mutate.blanked(text)
    found = {}
    for match in mutate.BODY.finditer(bare):
        head, _, body = match[0].partition("\n{\n")
        name = NAME.search(head)
        if name:
            line = bare.count("\n", 0, match.start()) + 1
            found[name[1]] = (line, line + match[0].count("\n"), body)
    return found


def sources_of(path, seen=None):
    """The sources and headers that a harness includes, at any depth, in order."""
    seen = {} if seen is None else seen
    for name in INCLUDE.findall(path.read_text()):
        part = ROOT / name
        if name not in seen and part.exists():
            seen[name] = part.read_text()
            sources_of(part, seen)
    return seen


def is_shipped(name):
    return not name.startswith("tests/")


def reached(path, proof):
    """
    {(source, function): (first line, last line)} of the shipped functions that the proof follows. A
    harness's own function or macro stands in for a shipped one of the same name; assembly is followed by
    no tool.
    """
    known, mine = {}, functions(path.read_text())
    for source, text in sources_of(path).items():
        for name, place in functions(text).items():
            known.setdefault(name, (source, place))
    for text in [path.read_text(), *(text for name, text in sources_of(path).items() if not is_shipped(name))]:
        for name in REPLACED.findall(text):
            known.pop(name, None)
    for text in (path.read_text(), *sources_of(path).values()):
        for names in NEVER.findall(text):
            for name in re.findall(r"\w+", names):
                known.pop(name, None)
    known.update({name: (str(path.relative_to(ROOT)), place) for name, place in mine.items()})
    found, ahead = {}, [proof]
    while ahead:
        name = ahead.pop()
        if name in found or name not in known:
            continue
        found[name] = known[name]
        ahead += re.findall(r"\b[a-z_]\w*\b", known[name][1][2])
    return {(source, name): (place[0], place[1]) for name, (source, place) in found.items()
            if is_shipped(source) and "__asm__" not in place[2]}


def lines_of_code(text, first, last):
    """How many of these lines of a source are neither blank nor only comment."""
    bare = mutate.blanked(text).splitlines()
    return sum(1 for line in bare[first - 1:last] if line.strip())
