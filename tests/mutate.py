# SPDX-License-Identifier: MIT
"""
Finds the place in a C source that a mutant changes: an expression in a function. Blanks, line breaks
and comments do not count, so that a mutant outlives a change of the layout, and one whose function or
expression is gone, or is there more than once, says so.
"""
import re

COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
TOKEN = re.compile(r'"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'|\w+|->|\+\+|--|<<=?|>>=?|[-+*/%&|^=!<>]='
                   r'|&&|\|\||\S')
# A function: it begins in the first column and has a body, unlike an initialiser.
BODY = re.compile(r"^(?:[A-Za-z_][^;{}=\n]*(?:\n[ \t]+[^;{}=\n]*)*)\n\{\n.*?^\}", re.DOTALL | re.MULTILINE)


class Lost(Exception):
    """The mutant does not fit the source any more; the text says why."""


def blanked(text):
    """The text with blanks in place of its comments: each character keeps its place."""
    return COMMENT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)


def tokens(text, first=0, last=None):
    """
    Returns (the token, where it begins, where it ends) for each token in that part of the text.
    """
    return [(found[0], found.start(), found.end())
            for found in TOKEN.finditer(text, first, len(text) if last is None else last)]


def body_of(text, function):
    """Returns where a function begins and ends in a text without comments."""
    bodies = [found.span() for found in BODY.finditer(text)
              if re.search(rf"\b{function}\(", found[0].split("\n{\n")[0])]
    if len(bodies) != 1:
        raise Lost(f"{len(bodies)} functions are named {function}")
    return bodies[0]


def places(text, function, expression):
    """
    Returns where the expression begins and ends, each time, in the function; in all of the
    file: None.
    """
    bare = blanked(text)
    first, last = body_of(bare, function) if function else (0, len(bare))
    wanted = [token for token, _, _ in tokens(blanked(expression))]
    there = tokens(bare, first, last)
    words = [token for token, _, _ in there]
    return [(there[i][1], there[i + len(wanted) - 1][2]) for i in range(len(words) - len(wanted) + 1)
            if words[i:i + len(wanted)] == wanted]


def mutated(text, function, expression, instead):
    """The source with `instead` in the place of the expression, which is in the function once."""
    found = places(text, function, expression)
    if len(found) != 1:
        raise Lost(f"`{expression}` is {len(found)} times in {function or 'the file'}")
    first, last = found[0]
    return text[:first] + instead + text[last:]
