"""What a later version adds is passed over and named; what it changes is refused."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from agent.model.codec import decode, encode, unknown_fields
from tests.evidence.reports import finding, report


def of_the_future() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(encode(report(finding())))
    made["remembered_by"] = [{"behaviour": "ran"}]
    made["host"]["tpm"] = "2.0"
    made["findings"][0]["file"]["quarantined"] = 7
    made["findings"][0]["evidence"][0]["place"]["volume"] = "C:"
    made["coverage"][1]["reasons"][0]["since"] = "2026"
    return made


def test_fields_that_a_later_version_added_are_passed_over() -> None:
    assert decode(json.dumps(of_the_future()).encode()) == report(finding())


def test_they_can_be_named() -> None:
    data = json.dumps(of_the_future()).encode()
    assert set(unknown_fields(data, decode(data))) == {
        "host.tpm",
        "coverage[1].reasons[0].since",
        "findings[0].evidence[0].place.volume",
        "findings[0].file.quarantined",
        "remembered_by",
    }


def test_what_this_version_writes_holds_nothing_unknown() -> None:
    data = encode(report(finding()))
    assert unknown_fields(data, decode(data)) == []


@pytest.mark.parametrize("field", ["verdict", "scope", "target"])
def test_a_field_that_is_missing_is_not_made_up(field: str) -> None:
    made = of_the_future()
    del made[field]
    with pytest.raises(ValueError, match=field):
        decode(json.dumps(made).encode())


AT_ONCE = """
import sys, threading
from agent.model.codec import decode

data, start = sys.stdin.buffer.read(), threading.Barrier(4)
sys.setswitchinterval(1e-6)

def one():
    start.wait()
    decode(data)

threads = [threading.Thread(target=one) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_the_first_reports_may_be_read_by_several_threads_at_once() -> None:
    """Each process ended by a segmentation fault one time in four."""
    data = encode(report(finding()))
    codes = [
        subprocess.run([sys.executable, "-c", AT_ONCE], check=False, input=data).returncode
        for _ in "1234567890"
    ]
    assert codes == [0] * 10
