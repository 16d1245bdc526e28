# SPDX-License-Identifier: MIT
"""A version's promise: below /v1 there are additions only, which gateway/api/compare.py finds out of two OpenAPI files."""
import copy
import json
import sys
from pathlib import Path

import pytest

API = Path(__file__).resolve().parents[2] / "api"
sys.path.insert(0, str(API))
import compare  # noqa: E402

PROMISED = API / "promised.json"


def answer(schema):
    return {"200": {"content": {"application/json": {"schema": schema}}}}


THING = {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}, "kind": {"enum": ["a", "b"]},
                                          "when": {"type": ["string", "null"]}, "parts": {"type": "array", "items": {"$ref": "#/components/schemas/Part"}}}}
NEW = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string", "maxLength": 31}, "size": {"type": ["integer", "string"]},
                                                              "kind": {"enum": ["a", "b", "c"]}, "note": {"oneOf": [{"type": "string"}, {"type": "null"}]}}}
BASE = {"openapi": "3.1.0", "components": {"schemas": {
    "Part": {"type": "object", "properties": {"of": {"$ref": "#/components/schemas/Thing"}, "free": {"type": "boolean"}}, "additionalProperties": False}, "Thing": THING, "New": NEW}},
    "paths": {"/v1/things": {
        "get": {"parameters": [{"name": "limit", "in": "query", "schema": {"type": "string"}}], "x-skerry-roles": ["viewer"],
                "responses": answer({"$ref": "#/components/schemas/Thing"})},
        "post": {"requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/New"}}}}, "x-skerry-roles": ["operator"],
                 "responses": {"201": {"description": "made"}}}},
        "/v1/open": {"get": {"x-skerry-roles": [], "responses": answer({})}},
        "/metrics": {"get": {"responses": answer({"type": "string"})}}}}


def at(document, *path):
    for part in path:
        document = document[part]
    return document


FIELDS = ("components", "schemas", "Thing", "properties")
PARTS = ("components", "schemas", "Part", "properties")
SENT = ("components", "schemas", "New")
GET, POST = ("paths", "/v1/things", "get"), ("paths", "/v1/things", "post")

BROKEN = {
    "a path": (lambda new: at(new, "paths").pop("/v1/things"), "GET /v1/things: the operation is gone"),
    "a method": (lambda new: at(new, "paths", "/v1/things").pop("post"), "POST /v1/things: the operation is gone"),
    "a field of an answer": (lambda new: at(new, *FIELDS).pop("size"), "GET /v1/things 200.size: the field is gone from an answer"),
    "a field below": (lambda new: at(new, *PARTS).pop("free"), "GET /v1/things 200.parts[].free: the field is gone from an answer"),
    "an answer's type": (lambda new: at(new, *FIELDS, "size").update(type="string"), "it may now be string in an answer, and was integer"),
    "an answer's null": (lambda new: at(new, *FIELDS, "name").update(type=["string", "null"]), "it may now be null in an answer"),
    "an answer's words": (lambda new: at(new, *FIELDS, "kind")["enum"].append("c"), "an answer may now have c beside a, b"),
    "an answer without words": (lambda new: at(new, *FIELDS).update(kind={"type": "string"}), "an answer may now have any value beside a, b"),
    "an answer's items": (lambda new: at(new, *FIELDS, "parts").update(items={"type": "string"}), "200.parts[]: it may now be string in an answer"),
    "a status": (lambda new: at(new, *POST).update(responses={"200": {}}), "POST /v1/things 201: the answer is gone"),
    "a media type": (lambda new: at(new, *GET).update(responses={"200": {"content": {"text/plain": {}}}}), "application/json is gone"),
    "a field of a request": (lambda new: at(new, *SENT, "properties").pop("note"), "body.note: the field is gone from a request"),
    "a needed field": (lambda new: at(new, *SENT)["required"].append("size"), "POST /v1/things body: a request now needs size"),
    "a new needed field": (lambda new: at(new, *SENT).update(required=["name", "owner"]), "a request now needs owner"),
    "a request's words": (lambda new: at(new, *SENT, "properties", "kind")["enum"].remove("c"), "a request may no longer have c"),
    "words for what was free": (lambda new: at(new, *SENT, "properties", "name").update(enum=["x"]), "any other value than x"),
    "a request's type": (lambda new: at(new, *SENT, "properties", "size").update(type="integer"), "it may no longer be string in a request"),
    "a request's alternative": (lambda new: at(new, *SENT, "properties", "note")["oneOf"].pop(), "the alternative null is gone from what may be sent"),
    "a bound": (lambda new: at(new, *SENT, "properties", "name").update(maxLength=30), "maxLength was 31 and is 30, which a request cannot take"),
    "a new bound": (lambda new: at(new, *SENT, "properties", "name").update(minLength=1), "minLength was none and is 1"),
    "a pattern": (lambda new: at(new, *SENT, "properties", "name").update(pattern="^a"), "pattern was none and is ^a"),
    "a bound of a kind that is not compared": (lambda new: at(new, *SENT).update(dependentRequired={"name": ["size"]}), "dependentRequired was none"),
    "one word of several": (lambda new: at(new, *SENT, "properties", "kind").update(const="a"), "a request may no longer have b, c"),
    "any field beside a new one": (lambda new: (at(new, *PARTS).update(more={}), at(new, *PARTS[:-1]).pop("additionalProperties")), "may now have fields of any name"),
    "no other fields": (lambda new: at(new, *SENT).update(additionalProperties=False), "a request may no longer have fields of any name"),
    "the body": (lambda new: at(new, *POST).pop("requestBody"), "the request has no body any more"),
    "a needed body": (lambda new: at(new, *POST, "requestBody").update(required=True), "the request now needs a body"),
    "a parameter": (lambda new: at(new, *GET).update(parameters=[]), "GET /v1/things query limit: the parameter is gone"),
    "a needed parameter": (lambda new: at(new, *GET)["parameters"][0].update(required=True), "the parameter is now needed"),
    "a new needed parameter": (lambda new: at(new, *GET)["parameters"].append({"name": "x", "in": "query", "required": True}), "query x: the parameter is new, and needed"),
    "a parameter of the path": (lambda new: at(new, "paths", "/v1/things").update(parameters=[{"name": "x", "in": "query", "required": True}]), "is new, and needed"),
    "a role": (lambda new: at(new, *GET).update({"x-skerry-roles": ["operator"]}), "GET /v1/things: it is refused to viewer"),
    "an open route": (lambda new: at(new, "paths", "/v1/open", "get").update({"x-skerry-roles": ["viewer"]}), "refused to those without a credential"),
}

ADDED = {
    "nothing": lambda new: None,
    "paths": lambda new: new["paths"].update({"/v1/more": {"get": {"responses": answer({})}}}),
    "a method": lambda new: at(new, "paths", "/v1/things").update(delete={"responses": {"204": {}}}),
    "fields": lambda new: (at(new, *FIELDS).update(more={"type": "string"}), at(new, *SENT, "properties").update(more={"type": "string"})),
    "words of a request": lambda new: at(new, *SENT, "properties", "kind")["enum"].append("d"),
    "types of a request": lambda new: at(new, *SENT, "properties", "size").update(type=["integer", "string", "null"]),
    "an answer that says more": lambda new: (at(new, *FIELDS, "when").update(type="string"), at(new, *FIELDS, "kind").update(enum=["a"])),
    "looser bounds": lambda new: at(new, *SENT, "properties", "name").pop("maxLength"),
    "a field that is not needed": lambda new: at(new, *SENT).update(required=[]),
    "a parameter": lambda new: at(new, *GET)["parameters"].append({"name": "x", "in": "query"}),
    "a status": lambda new: at(new, *GET, "responses").update({"202": {}}),
    "text": lambda new: at(new, *GET).update(summary="other words"),
    "roles": lambda new: at(new, *GET).update({"x-skerry-roles": ["viewer", "auditor"]}),
    "a role that others have": lambda new: at(new, *POST).update({"x-skerry-roles": ["viewer"]}),
    "what is below /v1 alone": lambda new: new["paths"].pop("/metrics"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_breaks_clients_is_refused(name):
    change, said = BROKEN[name]
    new = copy.deepcopy(BASE)
    change(new)
    found = compare.compare(BASE, new)[0]
    assert any(said in line for line in found), found


@pytest.mark.parametrize("name", ADDED)
def test_additions_are_allowed(name):
    new = copy.deepcopy(BASE)
    ADDED[name](new)
    assert compare.compare(BASE, new)[0] == []


def test_the_promise_is_kept(capsys):
    """What clients were promised is there further on; `make -C gateway promise` promises what there is now as well."""
    assert compare.main([str(PROMISED), str(API / "openapi.json")]) == 0, capsys.readouterr().out
    assert " 0 changes that are no additions" in capsys.readouterr().out
    # and the other way round it is seen that much was added
    assert compare.main([str(API / "openapi.json"), str(PROMISED)]) == 1


@pytest.mark.parametrize("more", [{"$ref": "#/components/schemas/New", "maxProperties": 3}, {"oneOf": [NEW], "maxProperties": 3}, {"oneOf": [NEW], "anyOf": [NEW]}])
def test_bounds_beside_others_are_not_passed_over(more):
    new = copy.deepcopy(BASE)
    at(new, *POST, "requestBody", "content", "application/json").update(schema=more)
    with pytest.raises(compare.Unusable, match="beside"):
        compare.compare(BASE, new)


@pytest.mark.parametrize("text, said", [("", "cannot be read as JSON"), ("[" * 100000, "cannot be read as JSON"), ("{}", "is no description of an API"),
                                        ('{"openapi": "3.1.0", "paths": {"/v1": {"get": 7}}}', "not as OpenAPI has it"),
                                        ('{"openapi": "3.1.0", "paths": {"/v1": {"get": {"parameters": [{"$ref": "#/x"}]}}}}', "leads to nothing"),
                                        ('{"openapi": "3.1.0", "x": {"$ref": "#/x"}, "paths": {"/v1": {"get": {"parameters": [{"$ref": "#/x"}]}}}}', "leads to itself")])
def test_what_cannot_be_compared(tmp_path, capsys, text, said):
    path = tmp_path / "api.json"
    path.write_text(text, encoding="utf-8")
    assert compare.main([str(path), str(path)]) == 2 and said in capsys.readouterr().err
    assert compare.main([str(path)]) == 2 and compare.main([str(tmp_path / "none"), str(path)]) == 2
