#!/usr/bin/env bash
# misp-stix 2026.10.12 imports an indicator of STIX 2.1 that was revoked, or says what is benign, as
# an attribute that is meant for detection (to_ids true), with nothing about it in the event, in its
# errors or its warnings. One whose time is over comes in alike, its valid_until as last_seen, though
# nobody saw it then. STIX 2.1, 3.2: what is revoked is no longer considered valid by who made it;
# 4.7: so is an indicator from its valid_until on; indicator-type-ov has "benign" for what is not
# suspicious. Of the confidence beside them (3.2) misp-stix does make a tag.
#
# Seen on 2026-11-30, of [domain-name:value = 'a.example'] with each:
#   (nothing more)              domain a.example, to_ids true
#   revoked true                the same, and no word
#   indicator_types benign      the same, and no word
#   valid_until 2026-01-02      the same, last_seen 2026-01-02
#   confidence 5                the same, tagged misp:confidence-level="unconfident"
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    misp-stix==2026.10.12 pymisp==2.5.34.4 stix2==3.0.2
"$room/venv/bin/python" -W ignore - <<'PYTHON'
import json

import stix2
from misp_stix_converter import ExternalSTIX2toMISPParser

BUNDLE = "bundle--00000000-0000-4000-8000-000000000000"
INDICATOR = {
    "type": "indicator", "spec_version": "2.1",
    "id": "indicator--00000001-0000-4000-8000-000000000000",
    "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
    "indicator_types": ["malicious-activity"],
    "pattern": "[domain-name:value = 'a.example']", "pattern_type": "stix",
    "valid_from": "2026-01-01T00:00:00Z",
}


def imported(**more):
    """The event's one attribute, and what is said beside it."""
    bundle = {"type": "bundle", "id": BUNDLE, "objects": [{**INDICATOR, **more}]}
    parser = ExternalSTIX2toMISPParser()
    parser.load_stix_bundle(stix2.parse(bundle))
    parser.parse_stix_bundle()
    event = json.loads(parser.misp_event.to_json())
    (attribute,) = event.pop("Attribute")
    said = [dict(parser.errors), dict(parser.warnings)]
    print(more, {key: attribute.get(key) for key in ("type", "value", "to_ids", "last_seen", "Tag")})
    return attribute, event, said


plain = imported()
attribute, _, said = plain
assert (attribute["type"], attribute["value"]) == ("domain", "a.example")
assert attribute["to_ids"] is True and "last_seen" not in attribute
assert said == [{}, {}]
assert imported(revoked=True) == plain
assert imported(indicator_types=["benign"]) == plain
assert imported(indicator_types=["benign"], revoked=True) == plain
until, _, said = imported(valid_until="2026-01-02T00:00:00Z")
seen = {"first_seen": "2026-01-01T00:00:00+00:00", "last_seen": "2026-01-02T00:00:00+00:00"}
assert until == {**attribute, **seen} and said == [{}, {}]
(tag,) = imported(confidence=5)[0]["Tag"]
assert tag["name"] == 'misp:confidence-level="unconfident"'
PYTHON
