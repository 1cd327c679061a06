#!/usr/bin/env bash
# The JSON Schema of events that PyMISP ships as data/schema.json allows an attribute no "Sighting",
# though the core format has it (draft-dulaunoy-misp-core-format-20, "Sighting") and PyMISP's own
# MISPEvent reads it. The lax schema beside it allows it. MISPEvent.load(validate=True) asks neither:
# it only warns that the parameter is deprecated.
#
# Seen on 2026-11-30, PyMISP 2.5.34.4, of an event whose attribute has one sighting:
#   schema.json       1 error: Additional properties are not allowed ('Sighting' was unexpected)
#   schema-lax.json   none
#   MISPEvent         1 sighting
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check pymisp==2.5.34.4 jsonschema==4.26.0
"$room/venv/bin/python" - <<'PYTHON'
import json
from pathlib import Path

import jsonschema
import pymisp

EVENT = {
    "Event": {
        "uuid": "cc08d78d-97ed-575a-aa53-749a2adc92c2", "info": "an event", "date": "2026-11-24",
        "threat_level_id": "4", "analysis": "0", "distribution": "0", "published": False,
        "Attribute": [
            {
                "uuid": "bed3061a-2578-549f-8184-931a16364a55", "category": "Network activity",
                "type": "domain", "value": "a.example", "to_ids": False, "distribution": "0",
                "Sighting": [{"type": "0", "date_sighting": "1795528920", "source": "a host"}],
            }
        ],
    }
}
data = Path(pymisp.__file__).parent / "data"


def errors(name):
    schema = json.loads((data / name).read_text())
    found = [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(EVENT)]
    print(name, found)
    return found


assert errors("schema.json") == [
    "Additional properties are not allowed ('Sighting' was unexpected)"
]
assert errors("schema-lax.json") == []
event = pymisp.MISPEvent()
event.load(json.dumps(EVENT))
print("MISPEvent", [len(one.sightings) for one in event.attributes])
assert [len(one.sightings) for one in event.attributes] == [1]
PYTHON
