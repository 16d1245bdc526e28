#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""
The documentation's links: relative ones lead to a file, anchors to a heading, quoted paths exist in
the tree, in «`name` in `path`» the file has the name; each claim of the threat model names a test.
A row of a table has as many cells as the table's first. A sequence drawing's messages begin with a
function each, which the list below it names in the same order; each journey of docs/guides/an-hour.md
has one, and names no more files than its table says. Each page of docs/ is in docs/index.md, or in the
index.md of its folder, which is there. Nothing was left by a merge.
"""

import os
import re
import sys

TOPS = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs", "gateway/README.md",
        "tests/README.md")
FENCE = re.compile(r"^(```|    )")
CODE = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*$")
UNMERGED = re.compile(r"<{7} |>{7} ")
# Text that looks like a path from the root of the tree: a known first folder, no blanks or
# wildcards.
PATH = re.compile(r"^(?:arch|boot|docs|gateway|iso|kernel|lib|mm|tests|vmm)/[\w./-]*$|^linker\.ld$|^LICENSE$")

# «`name` in `path`», where a name is an identifier.
NAMED = re.compile(r"`(\w+)`(?:,? (?:and|,) `(\w+)`)? in `([\w./-]+\.\w+)`")
DRAWN = re.compile(r"^ +\w+-+>>\w+: (\w+): ")
CLAIMS = "docs/threat-model.md"
JOURNEYS = "docs/guides/an-hour.md"
# A numbered step of a journey, and a source that it names.
STEP = re.compile(r"^\d+\. .*\n(?: {3}.*\n)*", re.MULTILINE)
SOURCE = re.compile(r"`((?:arch|boot|gateway|kernel|lib|mm|vmm)/[\w/.-]+\.[chS])`")
HELD_UP = re.compile(r"`tests/(?:unit|guest|system|fuzz|verify|hostile|lint|bench)\b[\w./-]*`")


def pages():
    for top in TOPS:
        if os.path.isfile(top):
            yield top
        for place, _, names in os.walk(top):
            yield from (os.path.join(place, name) for name in sorted(names) if name.endswith(".md"))


def prose(text):
    """Yields lines with their numbers, without code blocks."""
    in_list = False
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"^\s*(-|\d+\.) ", line):
            in_list = True
        elif line and not line.startswith(" "):
            in_list = False
        if not FENCE.match(line) or in_list:
            yield number, line


def slug(heading):
    """The anchor that GitHub makes of a heading."""
    heading = LINK.sub(lambda match: match[0][1:match[0].index("]")], heading)
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def anchors(text):
    found = set()
    for _, line in prose(text):
        match = HEADING.match(line)
        if not match:
            continue
        anchor, count = slug(match[1]), 1
        while anchor in found:
            anchor = f"{slug(match[1])}-{count}"
            count += 1
        found.add(anchor)
    return found


def check_link(path, target, known):
    if re.match(r"^[a-z]+:", target):
        return None
    file, _, anchor = target.partition("#")
    to = os.path.normpath(os.path.join(os.path.dirname(path), file)) if file else path
    if not os.path.exists(to):
        return f"{target} leads nowhere"
    if anchor and anchor not in known.get(to, set()):
        return f"{target}: no such heading"
    return None


def pairs(text):
    """
    Yields lines with their numbers, each also with the next line behind it: a link may extend
    over two.
    """
    lines = list(prose(text))
    for (number, line), (_, below) in zip(lines, lines[1:] + [(0, "")]):
        yield number, line, line + " " + below.strip()


def check(path, text, known):
    for number, line, joined in pairs(text):
        if UNMERGED.match(line):
            yield f"{path}:{number}: left by a merge"
        for match in LINK.finditer(joined):
            error = check_link(path, match[1], known) if match.start() < len(line) else None
            if error:
                yield f"{path}:{number}: {error}"
        for match in CODE.finditer(line):
            if PATH.match(match[1]) and not os.path.exists(match[1]):
                yield f"{path}:{number}: {match[1]} is not in the tree"


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def check_names(path, text):
    """A name that is said to be in a file of the tree is there."""
    for number, line, joined in pairs(text):
        for match in NAMED.finditer(joined):
            *names, file = match.groups() if match.start() < len(line) else (None, "")
            missing = [name for name in names if name and os.path.isfile(file)
                       and not re.search(rf"\b{name}\b", read(file))]
            yield from (f"{path}:{number}: {file} has no {name}" for name in missing)


def cells(row):
    """Returns how many cells a row of a table has; `\\\\|` is a character of its cell."""
    return len(re.findall(r"(?<!\\)\|", row.strip().strip("|"))) + 1


def check_tables(path, text):
    """A table begins with its head and a line of dashes; no row has more cells or fewer."""
    head = None
    lines = list(prose(text))
    for (number, line), (_, below) in zip(lines, lines[1:] + [(0, "")]):
        if not line.startswith("|"):
            head = None
        elif head is None:
            head = line
            if not re.match(r"^\|(?: *:?-+:? *\|)+$", below):
                yield f"{path}:{number}: a row without a table"
        elif cells(line) != cells(head):
            yield f"{path}:{number}: {cells(line)} cells in a table of {cells(head)}"


def check_drawings(path, text):
    """The functions that a drawing shows are those of the list below it, in the list's order."""
    for section in re.split(r"^## ", text, flags=re.MULTILINE):
        if "sequenceDiagram" not in section:
            if path == JOURNEYS and re.search(r"^1\. ", section, re.MULTILINE):
                yield f"{path}: {section.splitlines()[0]}: a journey without a drawing"
            continue
        drawing, _, below = section.partition("sequenceDiagram")[2].partition("```")
        listed = iter(name for match in NAMED.findall(" ".join(below.split()))
                      for name in match[:-1] if name)
        title = section.splitlines()[0]
        messages = [line for line in drawing.splitlines() if ">>" in line]
        drawn = [DRAWN.match(line) for line in messages]
        if not messages or not all(drawn):
            yield f"{path}: {title}: a message of the drawing names no function"
            continue
        wrong = next((match[1] for match in drawn if match[1] not in listed), None)
        if wrong:
            yield f"{path}: {title}: {wrong} is drawn, and not named in this order below"


def check_journeys(text):
    """Each row of the journeys' table has the number of files that the journey's steps name."""
    rows = re.findall(r"^\| ([^|]+?) \| (\d+) \| (\d+) \|$", text, re.MULTILINE)
    sections = {section.splitlines()[0]: section
                for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]}
    for title, files, most in rows:
        steps = "".join(STEP.findall(sections.get(title, "").rpartition("```")[2]))
        named = len(set(SOURCE.findall(steps)))
        if named != int(files) or named > int(most):
            yield f"{JOURNEYS}: {title}: the steps name {named} files, not {files}, {most} at most"
    if {title for title, _, _ in rows} != set(sections):
        yield f"{JOURNEYS}: the table has not one row for each journey"


def check_index(texts):
    """
    Checks that a reader finds each page from docs/index.md, or from there by the index of its
    folder.
    """
    found = {}
    for path, text in texts.items():
        if os.path.basename(path) == "index.md":
            folder = os.path.dirname(path)
            found[folder] = {os.path.normpath(os.path.join(folder, target.partition("#")[0]))
                             for target in LINK.findall(text)}
    for path in texts:
        folder = os.path.dirname(path)
        known = found.get("docs", set()) | found.get(folder, set())
        if path.startswith("docs/") and path != "docs/index.md" and path not in known:
            yield f"{path}: neither docs/index.md nor {folder}/index.md leads there"


def check_claims(text):
    """
    Checks that each row of the claims' table names what holds the claim up, and a test or a
    proof that shows it.
    """
    table = text[text.index("| claim | held by | shown by |"):].split("\n\n")[0]
    rows = table.splitlines()[2:]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        if len(cells) != 3 or not HELD_UP.search(cells[2]):
            yield f"{CLAIMS}: no test shows: {cells[0]}"
    if len(rows) < 10:
        yield f"{CLAIMS}: the table of claims is not found"


def main():
    texts = {}
    for path in pages():
        texts[path] = read(path)
    known = {path: anchors(text) for path, text in texts.items()}
    errors = [error for path, text in texts.items() for error in check(path, text, known)]
    errors += [error for path, text in texts.items() for error in check_names(path, text)]
    errors += [error for path, text in texts.items() for error in check_tables(path, text)]
    errors += [error for path, text in texts.items() for error in check_drawings(path, text)]
    errors += check_journeys(texts[JOURNEYS])
    errors += check_index(texts)
    errors += check_claims(texts[CLAIMS])
    print("\n".join(errors + [f"links: {len(texts)} pages, {len(errors)} errors"]))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
