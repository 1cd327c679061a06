#!/usr/bin/env bash
# The JSON Schema that msgspec 0.22.0 writes for a type and its decoder of that type disagree in
# both directions: a schema published as a contract lets pass what the decoder refuses, and
# refuses what it takes. jsonschema-rs 0.61.2 and jsonschema 4.26.0 agree with
# each other on all of it.
#
# Seen on 2026-11-29:
#   type                       value                decoder   its schema
#   int                        1.0                  refuses   valid (an integer to JSON Schema)
#   Literal[1]                 1.0                  refuses   valid
#   dict[int, str]             {"x": "a"}           refuses   valid
#   set[int]                   [1, 1]               takes     not valid (uniqueItems)
#   Struct with a tag, alone   {"a": 1}             takes     not valid (the tag is required)
#   UUID                       32 digits, no dash   takes     not valid (format uuid)
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    msgspec==0.22.0 jsonschema==4.26.0 jsonschema-rs==0.61.2
"$room/venv/bin/python" - <<'PYTHON'
import json
import uuid
from typing import Literal

import jsonschema
import jsonschema_rs
import msgspec


class Tagged(msgspec.Struct, tag="tagged", forbid_unknown_fields=True):
    a: int


def taken(kind, text):
    try:
        msgspec.json.decode(text, type=kind)
    except msgspec.ValidationError:
        return False
    return True


def valid(kind, text):
    schema, value = msgspec.json.schema(kind), json.loads(text)
    by_rust = jsonschema_rs.Draft202012Validator(schema, validate_formats=True).is_valid(value)
    formats = jsonschema.Draft202012Validator.FORMAT_CHECKER
    by_python = jsonschema.Draft202012Validator(schema, format_checker=formats).is_valid(value)
    assert by_rust == by_python
    return by_rust


ALIKE = [
    (int, "1"),
    (Literal[1], "1"),
    (dict[int, str], '{"1": "a"}'),
    (set[int], "[1, 2]"),
    (Tagged, '{"type": "tagged", "a": 1}'),
    (uuid.UUID, '"550e8400-e29b-41d4-a716-446655440000"'),
]
SCHEMA_ONLY = [(int, "1.0"), (Literal[1], "1.0"), (dict[int, str], '{"x": "a"}')]
DECODER_ONLY = [
    (set[int], "[1, 1]"),
    (Tagged, '{"a": 1}'),
    (uuid.UUID, '"550e8400e29b41d4a716446655440000"'),
]
for cases, decoder, schema in (
    (ALIKE, True, True),
    (SCHEMA_ONLY, False, True),
    (DECODER_ONLY, True, False),
):
    for kind, text in cases:
        print(kind, text, "decoder", taken(kind, text), "schema", valid(kind, text))
        assert (taken(kind, text), valid(kind, text)) == (decoder, schema)
PYTHON
