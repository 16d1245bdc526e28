#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""
Compares two OpenAPI files: whether a client that was made for the older one works at a server of the newer one.
Below /v1 only additions are allowed. Prints a line for each change that is no addition, and ends with 1 if there is one.

A request that a client may send stays allowed, and an answer stays one that the client knows: no field may go, no type
and no list of words may grow in an answer or shrink in a request. New paths, methods, statuses, fields of answers and
optional fields of requests are additions.

    gateway/api/compare.py OLDER NEWER
"""
import json
import sys

PROMISED = "/v1"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
TYPES = frozenset(("null", "boolean", "integer", "number", "string", "array", "object"))
# Bounds of a schema: a larger value of the first ones allows less, of the others more.
LEAST = ("minLength", "minimum", "exclusiveMinimum", "minItems", "minProperties")
MOST = ("maxLength", "maximum", "exclusiveMaximum", "maxItems", "maxProperties")
# What allows no more and no less.
REMARKS = frozenset(("title", "description", "summary", "default", "example", "examples", "deprecated", "readOnly", "writeOnly", "$comment", "externalDocs"))
CHOICES = ("oneOf", "anyOf")
# What is compared here; all else is compared word by word, as nothing shows which of two allows more.
COMPARED = REMARKS | {"type", "enum", "const", "properties", "required", "additionalProperties", "items", *CHOICES, *LEAST, *MOST}
# Roles that have what another role has (gateway/core/identity/role.c).
IMPLIED_BY = {"viewer": {"operator", "admin"}, "operator": {"admin"}, "console-read": {"console-write"}}
DEPTH_MOST = 60


class Unusable(Exception):
    """Why a file cannot be compared, in a sentence."""


def read(path):
    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
    except (OSError, ValueError, RecursionError) as why:
        raise Unusable(f"{path} cannot be read as JSON: {why}") from why
    if not isinstance(document, dict) or not isinstance(document.get("paths"), dict) or "openapi" not in document:
        raise Unusable(f"{path} is no description of an API by OpenAPI")
    return document


def followed(document, value):
    """What a reference leads to; anything else stays as it is."""
    for _ in range(DEPTH_MOST):
        if not isinstance(value, dict) or "$ref" not in value:
            return value
        place, target = value["$ref"], document
        if value.keys() - REMARKS - {"$ref"}:
            raise Unusable(f'the reference "{place}" has bounds beside it, which cannot be compared')
        for part in place.split("/")[1:] if str(place).startswith("#/") else [""]:
            target = target.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(target, dict) else None
        if target is None:
            raise Unusable(f'the reference "{place}" leads to nothing in its file')
        value = target
    raise Unusable("a reference leads to itself")


def types_of(schema):
    """The types that a schema allows; a whole number is a number, too."""
    if "enum" in schema and "type" not in schema:
        names = {bool: "boolean", int: "integer", float: "number", str: "string", type(None): "null", list: "array", dict: "object"}
        types = {names[type(each)] for each in schema["enum"]}
    else:
        given = schema.get("type", TYPES)
        types = {given} if isinstance(given, str) else set(given)
    return types | {"integer"} if "number" in types else types


def words(values):
    return ", ".join(sorted(json.dumps(each) if not isinstance(each, str) else each for each in values))


class Comparison:
    """Compares what is at a place in both files; `found` has what is no addition."""

    def __init__(self, older, newer):
        self.older, self.newer, self.found, self.under_way = older, newer, [], set()

    def say(self, place, what):
        if f"{place}: {what}" not in self.found:
            self.found.append(f"{place}: {what}")

    # --- schemas ---

    def alternatives(self, document, schema):
        """The schemas of which a value has to fit one."""
        schema = followed(document, schema)
        if not isinstance(schema, dict):
            return [{} if schema in (None, True) else {"type": []}]
        several = schema.get("oneOf", schema.get("anyOf"))
        if several and len(schema.keys() - REMARKS) > 1:
            raise Unusable("a schema has bounds beside its alternatives, which cannot be compared")
        return [each for part in several for each in self.alternatives(document, part)] if several else [schema]

    def schemas(self, place, older, newer, answer):
        """Compares two schemas of a request, or of an answer."""
        pair = (json.dumps(older, sort_keys=True), json.dumps(newer, sort_keys=True), answer)
        if pair in self.under_way:
            return      # a schema that has itself inside
        if len(self.under_way) > DEPTH_MOST:
            raise Unusable(f"{place} goes too deep to be compared")
        self.under_way.add(pair)
        olds, news = self.alternatives(self.older, older), self.alternatives(self.newer, newer)
        if len(olds) == len(news) == 1:
            self.schema(place, olds[0], news[0], answer)
        else:
            self.each_has_one(place, olds, news, answer)
        self.under_way.remove(pair)

    def each_has_one(self, place, olds, news, answer):
        """Each alternative that may be sent still fits one; each that may be answered is among those known."""
        for one in news if answer else olds:
            for other in olds if answer else news:
                trial = Comparison(self.older, self.newer)
                trial.under_way = set(self.under_way)
                trial.schema(place, *((other, one) if answer else (one, other)), answer)
                if not trial.found:
                    break
            else:
                shown = one.get("enum") or one.get("type") or "any"
                self.say(place, f"the alternative {words(shown) if isinstance(shown, list) else shown} " +
                         ("is new in an answer, or differs from the one that there was" if answer else "is gone from what may be sent, or allows less"))

    def schema(self, place, older, newer, answer):
        self.types(place, older, newer, answer)
        self.values(place, older, newer, answer)
        self.bounds(place, older, newer, answer)
        self.fields(place, older, newer, answer)
        if "items" in older or "items" in newer:
            self.schemas(f"{place}[]", older.get("items", {}), newer.get("items", {}), answer)

    def types(self, place, older, newer, answer):
        olds, news = types_of(older), types_of(newer)
        if answer and not news <= olds:
            self.say(place, f"it may now be {words(news - olds)} in an answer, and was {words(olds)}")
        if not answer and not olds <= news:
            self.say(place, f"it may no longer be {words(olds - news)} in a request")

    def values(self, place, older, newer, answer):
        old, new = ([each["const"]] if "const" in each else each.get("enum") for each in (older, newer))
        if answer and old is not None:
            more = [each for each in new if each not in old] if new is not None else None
            if more or more is None:
                self.say(place, f"an answer may now have {words(more) if more else 'any value'} beside {words(old)}")
        if not answer and new is not None:
            less = [each for each in old if each not in new] if old is not None else None
            if less or less is None:
                self.say(place, f"a request may no longer have {words(less) if less else 'any other value than ' + words(new)}")

    def bounds(self, place, older, newer, answer):
        for name in (*LEAST, *MOST):
            # the file that has to allow no less, and the one that it is compared with
            outer, inner = (older.get(name), newer.get(name)) if answer else (newer.get(name), older.get(name))
            if outer is not None and (inner is None or (inner < outer if name in LEAST else inner > outer)):
                self.say(place, f"{name} was {older.get(name, 'none')} and is {newer.get(name, 'none')}, which {'an answer' if answer else 'a request'} cannot take")
        for name in sorted((older.keys() | newer.keys()) - COMPARED):
            if older.get(name) != newer.get(name) and (older if answer else newer).get(name) is not None:
                self.say(place, f"{name} was {older.get(name, 'none')} and is {newer.get(name, 'none')}")

    def fields(self, place, older, newer, answer):
        olds, news = older.get("properties", {}), newer.get("properties", {})
        for name in olds:
            if name in news:
                self.schemas(f"{place}.{name}", olds[name], news[name], answer)
            else:
                self.say(f"{place}.{name}", f"the field is gone from {'an answer' if answer else 'a request'}")
        needed, before = set(newer.get("required", ())), set(older.get("required", ()))
        if not answer and needed - before:
            self.say(place, f"a request now needs {words(needed - before)}")
        if answer and before - needed:
            self.say(place, f"an answer may now lack {words(before - needed)}")
        others = older.get("additionalProperties", True), newer.get("additionalProperties", True)
        if answer and others[0] is False and others[1] is not False:
            self.say(place, "an answer may now have fields of any name")
        elif not answer and others[1] is False and others[0] is not False:
            self.say(place, "a request may no longer have fields of any name")
        elif isinstance(others[0], dict) or (isinstance(others[1], dict) and not answer):
            self.schemas(f"{place}.*", others[0], others[1], answer)

    # --- operations ---

    def contents(self, place, older, newer, answer):
        for media, content in older.items():
            if media in newer:
                self.schemas(place, content.get("schema", {}), newer[media].get("schema", {}), answer)
            else:
                self.say(place, f"{media} is gone")

    def parameters(self, place, older, newer):
        def named(document, operation):
            listed = (followed(document, each) for each in operation.get("parameters", ()))
            return {(each["in"], each["name"]): each for each in listed}
        olds, news = named(self.older, older), named(self.newer, newer)
        for key, one in olds.items():
            at = f"{place} {key[0]} {key[1]}"
            if key not in news:
                self.say(at, "the parameter is gone")
                continue
            if news[key].get("required") and not one.get("required"):
                self.say(at, "the parameter is now needed")
            self.schemas(at, one.get("schema", {}), news[key].get("schema", {}), False)
        for key in news:
            if key not in olds and news[key].get("required"):
                self.say(f"{place} {key[0]} {key[1]}", "the parameter is new, and needed")

    def body(self, place, older, newer):
        old, new = followed(self.older, older.get("requestBody")), followed(self.newer, newer.get("requestBody"))
        if old and not new:
            self.say(f"{place} body", "the request has no body any more")
        elif new and new.get("required") and not (old and old.get("required")):
            self.say(f"{place} body", "the request now needs a body")
        if old and new:
            self.contents(f"{place} body", old.get("content", {}), new.get("content", {}), False)

    def roles(self, place, older, newer):
        """A role that was allowed stays so; a route with an empty list is open to all."""
        old, new = older.get("x-skerry-roles"), newer.get("x-skerry-roles")
        if new and old is not None:
            gone = set(old) - set(new) - {each for role in new for each in IMPLIED_BY.get(role, ())}
            if gone or not old:
                self.say(place, f"it is refused to {words(gone) if old else 'those without a credential'}")

    def operation(self, place, older, newer):
        self.parameters(place, older, newer)
        self.body(place, older, newer)
        self.roles(place, older, newer)
        news = newer.get("responses", {})
        for status, answer in older.get("responses", {}).items():
            if status not in news:
                self.say(f"{place} {status}", "the answer is gone")
                continue
            old, new = followed(self.older, answer), followed(self.newer, news[status])
            self.contents(f"{place} {status}", old.get("content", {}), new.get("content", {}), True)

    def run(self):
        """Returns what is no addition, and counts: of operations of the older file, and of those that are new."""
        operations = [{(path, method): with_common(paths[path], method) for path in paths for method in METHODS
                       if (path == PROMISED or path.startswith(PROMISED + "/")) and method in paths[path]}
                      for paths in (self.older["paths"], self.newer["paths"])]
        for (path, method), older in operations[0].items():
            newer = operations[1].get((path, method))
            if newer is None:
                self.say(f"{method.upper()} {path}", "the operation is gone")
            else:
                self.operation(f"{method.upper()} {path}", older, newer)
        return self.found, len(operations[0]), len(operations[1].keys() - operations[0].keys())


def with_common(item, method):
    """An operation with the parameters that all of its path's have."""
    operation = item[method]
    return {**operation, "parameters": [*item.get("parameters", ()), *operation.get("parameters", ())]}


def compare(older, newer):
    """Compares two documents; see Comparison.run."""
    try:
        return Comparison(older, newer).run()
    except (AttributeError, KeyError, TypeError) as why:
        raise Unusable(f"one of the files is not as OpenAPI has it: {why!r}") from why


def main(arguments):
    if len(arguments) != 2:
        print("use: compare.py OLDER NEWER, two OpenAPI files in JSON", file=sys.stderr)
        return 2
    try:
        found, count, more = compare(read(arguments[0]), read(arguments[1]))
    except Unusable as why:
        print(f"compare: {why}", file=sys.stderr)
        return 2
    print("".join(f"{line}\n" for line in found), end="")
    print(f"compare: {count} operations, {more} more, {len(found)} changes that are no additions")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
