"""A report's signature as the collector judges it: what counts, what is marked, what is limited."""

from __future__ import annotations

import gzip
import json

import pytest
from msgspec import structs

from agent.model.codec import encode
from agent.model.report import Report
from agent.signing.attesting import attested
from agent.signing.keys import KeyFileError, PrivateKey, public_keys, signing_key
from collector.folding import Kept, read_again
from collector.intake import Arrival, check
from collector.judging import limits_of, limits_text, packed, unpacked_limits
from collector.records import Demand, Limit, NewReport
from collector.signatures import Verdict, kept, new_key, public_pem, verdict_kept
from tests.collector.pages.seed import NOW, a_finding, a_report
from tests.evidence.signing import KEY, OTHER

PUBLIC = KEY.public.raw
CLEAN = attested(a_report("WS-0007"), KEY)


def came(data: bytes, *keys: bytes, report_id: str = CLEAN.report_id) -> NewReport:
    return check(
        Arrival(
            report_id=report_id, sweep_id="s", body=gzip.compress(data, mtime=0), encoding="gzip",
            content_type="application/json", source="10.4.1.21", received=NOW, keys=keys,
        )
    )  # fmt: skip


def told(report: NewReport) -> Verdict:
    return verdict_kept(report.signature)


def test_one_by_a_key_of_the_sweep_is_verified_and_counts() -> None:
    made = came(encode(CLEAN), OTHER.public.raw, PUBLIC)
    assert told(made) == Verdict("signed", KEY.public.id)
    assert (made.base, made.reasons) == ("clean", "")


def test_an_unsigned_one_counts_and_says_so() -> None:
    for keys in ((), (PUBLIC,)):
        made = came(encode(structs.replace(CLEAN, attestation=None)), *keys)
        assert told(made) == Verdict("unsigned", "")
        assert (made.base, made.reasons) == ("clean", "")


def test_where_the_sweep_has_no_key_nobody_can_tell_but_whether_it_is_whole() -> None:
    assert told(came(encode(CLEAN))) == Verdict("unknown", KEY.public.id)
    changed = came(encode(CLEAN).replace(b"WS-0007", b"WS-0008"))
    assert told(changed).state == "wrong"
    assert "line 6 was changed" in told(changed).detail


LINES = encode(CLEAN).splitlines(keepends=True)
SINCE = next(n for n, line in enumerate(LINES) if line.startswith(b'"since"'))
PLAIN = json.dumps(json.loads(encode(CLEAN))).encode()


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (encode(CLEAN).replace(b"WS-0007", b"WS-0008"), "line 6 was changed"),
        (b"".join(LINES[:SINCE] + LINES[SINCE + 1 :]), f"line {SINCE + 1} was removed"),
        (
            b"".join([*LINES[:SINCE], LINES[SINCE + 1], LINES[SINCE], *LINES[SINCE + 2 :]]),
            f"lines {SINCE + 1} and {SINCE + 2} were swapped",
        ),
        (encode(attested(CLEAN, OTHER)), f"signed by another key, {OTHER.public.id}"),
        (PLAIN, "line 1: the attestation is not where it was written"),
        (
            encode(CLEAN).replace(b'"attestation":{', b'"attestation":null,\n"attestation":{'),
            f"line {len(LINES)} was added",
        ),
    ],
)
def test_a_wrong_one_is_kept_and_what_it_did_not_find_proves_nothing(data: bytes, why: str) -> None:
    made = came(data, PUBLIC)
    assert told(made).state == "wrong"
    assert why in told(made).detail
    assert made.base == "incomplete"
    assert made.reasons.startswith(f"signature: {told(made).detail}")


def test_what_a_wrong_one_found_counts() -> None:
    found = attested(a_report("WS-0007", a_finding()), OTHER)
    made = came(encode(found), PUBLIC, report_id=found.report_id)
    assert told(made).state == "wrong"
    assert made.hit
    assert made.strong == 1


def test_read_again_it_is_what_it_was_when_it_came_whatever_keys_there_are_now() -> None:
    for data in (encode(CLEAN), encode(attested(CLEAN, OTHER))):
        first = came(data, PUBLIC)
        row = Kept(
            report_id=first.report_id, sweep_id="s", host_key=first.host_key, source=first.source,
            received=first.received, body=first.body, signature=first.signature,
        )  # fmt: skip
        again, _ = read_again(row)
        assert again == first


def test_an_earlier_collectors_report_is_not_judged_now() -> None:
    first = came(encode(attested(CLEAN, OTHER)), PUBLIC)
    row = Kept(
        report_id=first.report_id, sweep_id="s", host_key=first.host_key, source="", received=NOW,
        body=first.body, signature="",
    )  # fmt: skip
    assert read_again(row)[0].base == "clean"


SIGNED = Demand(any_pack=True, indicators=0, signed=True)


@pytest.mark.parametrize(
    ("report", "keys", "seen"),
    [
        (CLEAN, (PUBLIC,), None),
        (structs.replace(CLEAN, attestation=None), (PUBLIC,), "not signed"),
        (CLEAN, (), "this sweep has no key to verify it by"),
        (attested(CLEAN, OTHER), (PUBLIC,), "not as this sweep's key signed it"),
    ],
)
def test_where_a_sweep_asks_for_signatures_all_others_are_limited(
    report: Report, keys: tuple[bytes, ...], seen: str | None
) -> None:
    made = came(encode(report), *keys)
    limits = limits_of(made, SIGNED)
    assert limits_text(made, SIGNED) == packed(limits)
    assert unpacked_limits(packed(limits)) == limits
    wrong = told(made).state == "wrong"
    assert bool(limits_of(made, structs.replace(SIGNED, signed=False))) == wrong
    if seen is None:
        assert limits == ()
    else:
        (limit,) = limits
        assert seen in limit.seen
        assert limit == Limit("signature", limit.seen, "one by a key of this sweep")


def test_what_is_kept_comes_back() -> None:
    for verdict in (Verdict("unsigned", ""), Verdict("signed", "ab"), Verdict("wrong", "line 1 x")):
        assert verdict_kept(kept(verdict)) == verdict
        assert verdict.words
    for text in ("", "x", "signedx", "SIGNED ab"):
        assert verdict_kept(text) == Verdict("", "")
        assert verdict_kept(text).words == ""


def test_an_issued_key_is_one_that_agents_read() -> None:
    line, public = new_key()
    key = signing_key(None, {"IOCSWEEP_SIGNING_KEY": line})
    assert isinstance(key, PrivateKey)
    assert key.public.raw == public
    (read,) = public_keys(public_pem(public), "x")
    assert read.raw == public
    with pytest.raises(KeyFileError):
        public_keys(line, "x")
