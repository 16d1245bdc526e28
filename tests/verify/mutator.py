# SPDX-License-Identifier: MIT
"""
Makes every mutant of a C function that some kinds of mistakes give: an operator for another one, a
condition turned round or left out, a constant that is one more, a statement dropped.
"""
import re

import mutate

OPERATORS = {"<": ("<=", ">="), "<=": ("<", ">"), ">": (">=", "<="), ">=": (">", "<"), "==": ("!=",), "!=": ("==",),
             "&&": ("||",), "||": ("&&",), "+=": ("-=",), "-=": ("+=",), "++": ("--",), "--": ("++",),
             "|=": ("&=",), "^=": ("|=",), "<<": (">>",), ">>": ("<<",)}
# These are signs too, so they count only between two operands.
BINARY = {"+": ("-",), "-": ("+",), "|": ("&",), "&": ("|",), "%": ("/",), "/": ("%",), "^": ("|",)}
OPERAND_ENDS = re.compile(r"\w$|[)\]]$")
STATEMENT = re.compile(r"(?<=[;{})])(\s*)((?:[A-Za-z_*(+-][^;{}]*?);)", re.DOTALL)
DECLARES = re.compile(r"^(?:static |const |struct |enum |unsigned |[us](?:8|16|32|64) |bool |hpa_t |void |size_t )")
# A lock is free and no other CPU is there while a proof follows a function: it cannot miss the lock.
LEFT_OUT = re.compile(r"(?:return|case|for|while|goto|lock_acquire|lock_release)\b")
CONDITION = re.compile(r"\b(if|while) \(")


def closing(text, at):
    """Where the bracket that opens at this place is closed."""
    depth = 0
    for place in range(at, len(text)):
        depth += {"(": 1, ")": -1}.get(text[place], 0)
        if depth == 0:
            return place
    raise mutate.Lost("a bracket is not closed")


def operators(bare, first, last):
    before = ""
    for token, begin, end in mutate.tokens(bare, first, last):
        binary = OPERAND_ENDS.search(before) and before != "return"
        for instead in OPERATORS.get(token, BINARY.get(token, ()) if binary else ()):
            yield begin, end, instead
        if re.fullmatch(r"\d+(?:u|ul|ull)?", token):
            yield begin, end, f"({token} + 1)"
        before = token


def conditions(bare, first, last):
    for found in CONDITION.finditer(bare, first, last):
        begin = found.end() - 1
        end = closing(bare, begin) + 1
        if found[1] == "if":
            for instead in (f"(!{bare[begin:end]})", "(0)", "(1)"):
                yield begin, end, instead


def dropped(bare, first, last):
    for found in STATEMENT.finditer(bare, bare.index("{", first), last):
        statement = found[2].strip()
        if not DECLARES.match(statement) and not LEFT_OUT.match(statement):
            begin = found.end() - len(found[2])
            yield begin, found.end(), "(void)0;"


def mutants(text, function):
    """(the mutant's text, the line, what was there, what is there instead) of each mutant of the function."""
    bare = mutate.blanked(text)
    first, last = mutate.body_of(bare, function)
    first = bare.index("\n{\n", first) + 1
    for kind in (operators, conditions, dropped):
        for begin, end, instead in kind(bare, first, last):
            what = " ".join(text[begin:end].split())
            yield (text[:begin] + instead + text[end:], bare.count("\n", 0, begin) + 1, what, instead)
