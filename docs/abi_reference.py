#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the ABI's reference: names, values, offsets and comments of kernel/abi/*.h.

Values and offsets come from the compiler: a small program generated from the names prints them.
"""
import glob
import os
import re
import subprocess
import sys
import tempfile

HEAD = """# ABI reference

The contract between ring 0 and ring 3, header by header. Generated from `kernel/abi/` by
`docs/abi_reference.py`; `make docs` checks that it is up to date, `make docs-update` writes it anew. How
the calls are used, and their errors, stand in [the ABI](../abi.md).
"""
BODY = re.compile(r"^enum (\w+) \{([^\n]*)\};|^(enum|struct) (\w+) \{(.*?)\n\}|^#define (\w+)[ \t]+([^\n]*)$",
                  re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"/\*(.*?)\*/", re.DOTALL)
NAME = re.compile(r"^\s*([A-Z]\w*)\s*(?:=[^,]*)?(?:,|$)")
NESTED = re.compile(r"(?:struct|union)(?: \w+)? \{([^{}]*)\}(?= \w)", re.DOTALL)
FIELD = re.compile(r"^\s*(?:const )?((?:struct |enum )?\w+)\s+(\w+)((?:\[[^\]]*\])*)[^;/]*;")


def clean(comment):
    return " ".join(re.sub(r"^\s*\*", "", line).strip() for line in comment.split("\n")).strip()


def pieces(body):
    """(code, comment) of each line with code; the comment before it counts if none follows it."""
    before = ""
    lines = iter(body.split("\n"))
    for line in lines:
        while line.count("/*") > line.count("*/"):
            line += "\n" + next(lines)
        comments = [clean(text) for text in COMMENT.findall(line)]
        code = COMMENT.sub("", line).strip()
        if not code:
            before = " ".join(comments) if comments else ""
            continue
        yield code, " ".join(comments) or before
        before = ""


def before_of(text, start):
    """The comment that ends right above a declaration, and begins its line."""
    match = re.search(r"^/\*((?:(?!\*/).)*)\*/\n\Z", text[:start], re.DOTALL | re.MULTILINE)
    return clean(match[1]) if match and "SPDX" not in match[1] else ""


class Header:
    def __init__(self, path):
        self.path = path
        with open(path, encoding="utf-8") as file:
            # A table that is laid out by hand says so to the formatter.
            self.text = re.sub(r"\s*/\* clang-format o\w+ \*/", "", file.read())
        self.items = []
        for match in BODY.finditer(self.text):
            above = before_of(self.text, match.start())
            if match[6]:
                behind = COMMENT.search(match[7])
                if all(match[6] != item[1] for item in self.items):
                    self.items.append(("define", match[6], clean(behind[1]) if behind else above,
                                       match[7].strip()))
                continue
            kind, name, body = match[3] or "enum", match[1] or match[4], match[2] or match[5]
            rows = self.enum_rows(body) if kind == "enum" else self.struct_rows(body)
            self.items.append((kind, name, above, rows))

    @staticmethod
    def enum_rows(body):
        rows = []
        for code, comment in pieces(body):
            for part in code.split(","):
                match = NAME.match(part.strip())
                if match:
                    rows.append([match[1], comment])
        return rows

    @staticmethod
    def struct_rows(body):
        rows = []
        # A nested struct shows as one field, with the names of its own fields.
        body = NESTED.sub(lambda match: "nested_" + "_".join(
            re.findall(r"(\w+)(?:\[[^\]]*\])?;", match[1])), body)
        for code, comment in pieces(body):
            match = FIELD.match(code)
            if match and "(" not in code.split(";")[0].replace("ALIGNED(", ""):
                kind = match[1]
                if kind.startswith("nested_"):
                    kind = "{" + ", ".join(kind.split("_")[1:]) + "}"
                rows.append([match[2], kind + match[3], comment])
        return rows

    def questions(self):
        """C expressions whose values the tables show."""
        for kind, name, _, rows in self.items:
            if kind == "enum":
                yield from (row[0] for row in rows)
            elif kind == "struct":
                yield f"sizeof(struct {name})"
                yield from (f"__builtin_offsetof(struct {name}, {row[0]})" for row in rows)


def answers(headers):
    asked = [(header.path, question) for header in headers for question in header.questions()]
    source = "#include <stdio.h>\n" + "".join(f'#include "{header.path}"\n' for header in headers)
    source += "int main(void)\n{\n" + "".join(
        f'\tprintf("%llu\\n", (unsigned long long)({question}));\n' for _, question in asked)
    source += "}\n"
    with tempfile.TemporaryDirectory() as folder:
        program = os.path.join(folder, "values")
        subprocess.run(["cc", "-std=gnu17", "-I.", "-x", "c", "-o", program, "-"], input=source,
                       text=True, check=True)
        out = subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
    return {question: int(value) for (_, question), value in zip(asked, out)}


def cell(text):
    return text.replace("|", "\\|").replace("<", "&lt;")


def number(value):
    if value >= 1 << 63:
        value -= 1 << 64
    return str(value) if abs(value) < 1024 else f"{value:#x}"


def table(header, values):
    yield f"## {header.path}\n"
    for kind, name, above, rows in header.items:
        if kind == "define":
            if above or rows:
                yield f"`{name}` = `{cell(COMMENT.sub('', rows).strip())}`" + \
                    (f": {cell(above)}" if above else "") + "\n"
            continue
        size = "" if kind == "enum" else f" ({values[f'sizeof(struct {name})']} bytes)"
        yield f"### {kind} {name}\n"
        if above or size:
            yield f"{cell(above)}{size}".strip() + "\n"
        if not rows:
            continue
        if kind == "enum":
            yield "| value | name | |\n|---|---|---|"
            yield from (f"| {number(values[row[0]])} | `{row[0]}` | {cell(row[1])} |" for row in rows)
        else:
            yield "| offset | field | type | |\n|---|---|---|---|"
            yield from (f"| {values[f'__builtin_offsetof(struct {name}, {row[0]})']} | `{row[0]}` | "
                        f"`{row[1]}` | {cell(row[2])} |" for row in rows)
        yield ""


def main():
    headers = [Header(path) for path in sorted(glob.glob("kernel/abi/*.h"))]
    assert headers and all(header.items for header in headers), "a header says nothing"
    values = answers(headers)
    lines = [HEAD]
    for header in headers:
        lines += table(header, values)
    sys.stdout.write(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).rstrip() + "\n")


if __name__ == "__main__":
    main()
