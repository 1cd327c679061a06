"""Each output says how the report of a finding is signed, and whether it is a drill."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from agent.model.report import DRILL, Strength
from agent.output.mapping import cef, defender, ecs, sentinel, splunk, webhook
from agent.output.mapping.document import NOT_JUDGED, Signed
from collector.outputs.dead_letter import DeadLetters
from collector.outputs.index_template import properties
from collector.outputs.output import Item
from collector.outputs.resending import resend
from collector.store.store import Store
from tests.collector.outputs.recording import Recorder, quick, until
from tests.collector.outputs.reporting import items, put, report
from tests.evidence.signing import OTHER

pytestmark = pytest.mark.anyio
ONE = items(1)[0]
WHERE = f"line 34: signed by another key, {OTHER.public.id}"
WRONG = Item(1, ONE.report, ONE.finding, (), f"wrong {WHERE}")
CANARY = structs.replace(
    ONE.finding, strength=Strength.WEAK,
    indicator=structs.replace(ONE.finding.indicator, pack=DRILL),
)  # fmt: skip


def documents(item: Item) -> dict[str, dict[str, Any]]:
    """Where each output has it, by the output."""
    whole, signed = (item.report, item.finding), item.signed
    first = json.loads(defender.lines(*whole, signed=signed).splitlines()[0])
    return {
        "ecs": ecs.document(*whole, signed=signed)["iocsweep"],
        "splunk": splunk.event(*whole, signed=signed)["event"],
        "sentinel": sentinel.finding_row(*whole, signed=signed),
        "asim": sentinel.asim_alert_row(*whole, signed=signed)["AdditionalFields"],
        "file": first["AdditionalFields"],
        "webhook": webhook.payload(item.report, signed=signed),
    }


@pytest.mark.parametrize("output", ["ecs", "splunk", "webhook"])
def test_documents_have_status_and_where_it_fails(output: str) -> None:
    told = documents(WRONG)[output]
    assert told["signature_status"] == "unknown_key"
    assert told["signature_detail"] == WHERE


@pytest.mark.parametrize("output", ["sentinel", "asim", "file"])
def test_columns_have_the_same_under_the_same_name(output: str) -> None:
    told = documents(WRONG)[output]
    assert told["SignatureStatus"] == "unknown_key"
    assert told["SignatureDetail"] == WHERE


def test_splunk_s_own_signature_stays_what_it_is_there() -> None:
    """The Common Information Model calls the rule so."""
    assert documents(WRONG)["splunk"]["signature"] == ONE.finding.title


def test_a_line_of_syslog_has_it_in_both_parts() -> None:
    line = cef.syslog_message(WRONG.report, WRONG.finding, signed=WRONG.signed)
    head, _, rest = line.partition("CEF:0|")
    assert ' signatureStatus="unknown_key"' in head
    assert " iocsweepSignatureStatus=unknown_key " in rest
    assert f" iocsweepSignatureDetail={WHERE} " in rest


@pytest.mark.parametrize(
    ("kept", "status", "words"),
    [
        (f"signed {OTHER.public.id}", "verified", ""),
        ("unsigned", "unsigned", ""),
        (f"unknown {OTHER.public.id}", "unverified", ""),
        ("wrong line 6 was changed", "altered", "; the report is not as it was signed"),
        (f"wrong {WHERE}", "unknown_key", "; the report is signed by a key that is none of this"),
        ("wrong line 9: signed by the revoked key ab", "revoked_key", "; the report is signed by"),
        ("", "unchecked", ""),
    ],
)
def test_every_status_and_a_word_to_people_where_it_is_wrong(
    kept: str, status: str, words: str
) -> None:
    item = Item(1, ONE.report, ONE.finding, (), kept)
    assert item.signed.status == status
    assert {name: one.get("signature_status") or one["SignatureStatus"]
            for name, one in documents(item).items()} == dict.fromkeys(
        ("ecs", "splunk", "sentinel", "asim", "file", "webhook"), status
    )  # fmt: skip
    text = webhook.payload(item.report, signed=item.signed)["text"]
    assert ("; the report is" in text) == bool(words)
    assert words in text


def test_what_nobody_judged_says_nothing_of_it() -> None:
    """As the agent's own outputs, which have no collector."""
    assert Signed() == NOT_JUDGED
    for one in (
        ecs.document(ONE.report, ONE.finding), splunk.event(ONE.report, ONE.finding),
        sentinel.finding_row(ONE.report, ONE.finding), defender.rows(ONE.report, ONE.finding)[0],
        webhook.payload(ONE.report),
    ):  # fmt: skip
        assert "ignature_status" not in json.dumps(one)
        assert "SignatureStatus" not in json.dumps(one)
    assert "ignatureStatus" not in cef.syslog_message(ONE.report, ONE.finding)


@pytest.mark.parametrize(("finding", "drill"), [(CANARY, True), (ONE.finding, None)])
def test_a_drill_is_marked_and_nothing_else(finding: Any, drill: bool | None) -> None:
    told = documents(Item(1, ONE.report, finding))
    for output in ("ecs", "splunk"):
        assert told[output].get("drill") == drill
    for output in ("sentinel", "asim", "file"):
        assert told[output].get("Drill") == drill
    line = cef.syslog_message(ONE.report, finding)
    assert (' drill="true"' in line) == bool(drill)
    assert (" iocsweepDrill=true" in line) == bool(drill)


def test_the_index_template_knows_them() -> None:
    own = properties()["iocsweep"]["properties"]
    assert own["signature_status"]["type"] == own["signature_detail"]["type"] == "keyword"
    assert own["drill"]["type"] == "boolean"


async def test_the_runner_and_a_letter_that_is_sent_again_tell_what_is_kept(
    store: Store, tmp_path: Path
) -> None:
    await put(store, report("r1"))
    kept = [("UPDATE report SET signature = ?, limits = ?", (f"wrong {WHERE}", LIMITS))]
    await store.database.transact(kept)
    output = Recorder(letters=DeadLetters(tmp_path / "recorder.ndjson", "recorder"))
    runner = quick(store, output)
    runner.start()
    await until(lambda: len(output.taken) == 1)
    await runner.stop()
    (taken,) = output.taken
    assert taken.signed == Signed("unknown_key", WHERE)
    assert [one["what"] for one in taken.limits] == ["signature"]
    output.taken.clear()
    output.dead_letters.bury(taken, "refused", {})
    await resend(store, output)
    assert [(one.signed, one.limits) for one in output.taken] == [(taken.signed, taken.limits)]


LIMITS = '[["signature","not as this sweep\'s key signed it","as its agent wrote it"]]'
