"""From bytes to a checked report: what is taken, what is refused with which status, and the bounds."""

from __future__ import annotations

import copy
import gzip
import hashlib
import json
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.model.codec import encode, to_json
from agent.model.report import INTERRUPTED, Coverage, Os, Reason, State, Strength, Verdict
from collector.intake import MAX_JSON, Arrival, Refused, bounded_gunzip, check
from collector.records import NewReport, Question
from collector.store.database import storable
from collector.store.putting import report_fields
from collector.worth import MAX_INDICATORS
from tests.collector.pages.seed import NOW, a_finding, a_report

ID = "0193594a-7c1e-7000-8000-000000000421"
OTHER_ID = "0193594a-7c1e-7000-8000-000000000422"
VALID = encode(a_report(report_id=ID))
WITH_FINDING = encode(a_report("WS-0421", a_finding(), report_id=ID))

REPORT_1 = Path(__file__).parents[1] / "data" / "report-1" / "report.json"


def arrived(
    data: bytes,
    *,
    report_id: str = ID,
    encoding: str = "gzip",
    content_type: str = "application/json",
    received: int = NOW,
    pack: Callable[[bytes], bytes] = gzip.compress,
) -> Arrival:
    """These bytes as a request's body; ``data`` is packed when the encoding says so."""
    return Arrival(
        report_id=report_id,
        sweep_id="s1",
        body=pack(data) if encoding == "gzip" else data,
        encoding=encoding,
        content_type=content_type,
        source="10.4.1.21",
        received=received,
    )


def raw(body: bytes, **named: Any) -> Arrival:
    """This body as it is, said to be gzip."""
    return arrived(body, pack=bytes, **named)


def changed(**fields: Any) -> bytes:
    """The valid report's JSON with other fields."""
    return json.dumps({**json.loads(VALID), **fields}).encode()


def refused(arrival: Arrival, **named: Any) -> Refused:
    with pytest.raises(Refused) as caught:
        check(arrival, **named)
    return caught.value


class TestTaken:
    def test_a_valid_report_keeps_its_body_as_it_came(self) -> None:
        body = gzip.compress(VALID)
        row = check(raw(body))
        assert (row.report_id, row.sweep_id, row.body) == (ID, "s1", body)
        assert row.digest == hashlib.sha256(VALID).digest()
        assert row.size == len(VALID)

    def test_the_same_report_compressed_twice_is_the_same_report(self) -> None:
        hard, soft = (gzip.compress(VALID, level, mtime=level) for level in (1, 9))
        assert hard != soft
        assert check(raw(hard)).digest == check(raw(soft)).digest

    @pytest.mark.parametrize("encoding", ["", "identity"])
    def test_a_report_that_comes_without_compression_is_kept_compressed(
        self, encoding: str
    ) -> None:
        row = check(arrived(VALID, encoding=encoding))
        assert gzip.decompress(row.body) == VALID
        assert row.digest == hashlib.sha256(VALID).digest()

    @pytest.mark.parametrize(
        "content_type",
        ["application/json", "Application/JSON", "application/json; charset=utf-8"],
    )
    def test_the_content_type_is_read_as_http_says(self, content_type: str) -> None:
        assert check(arrived(VALID, content_type=content_type)).report_id == ID

    def test_json_of_exactly_the_bound_is_taken_and_one_byte_more_is_not(self) -> None:
        assert check(arrived(VALID), max_json=len(VALID)).report_id == ID
        assert refused(arrived(VALID), max_json=len(VALID) - 1).status == 413

    def test_fields_of_a_later_version_are_kept_as_they_came_and_not_refused(self) -> None:
        data = changed(remembered_by=[{"behaviour": "ran"}])
        row = check(arrived(data))
        assert gzip.decompress(row.body) == data
        assert row.digest == hashlib.sha256(data).digest()
        assert (row.base, row.hit) == (check(arrived(VALID)).base, check(arrived(VALID)).hit)

    def test_a_report_of_version_1_is_kept_as_it_came(self) -> None:
        data = REPORT_1.read_bytes()
        row = check(arrived(data, report_id=json.loads(data)["report_id"]))
        assert (row.hit, row.strong) == (True, 1)
        assert gzip.decompress(row.body) == data


class TestRefused:
    @pytest.mark.parametrize(
        "report_id",
        [
            "",
            "x",
            ID.upper(),
            ID.replace("-", ""),
            f"{{{ID}}}",
            f"urn:uuid:{ID}",
            f" {ID}",
            f"{ID}\n",
            f"{ID}/",
            f"../{ID}",
            ID[:-1] + "\N{FULLWIDTH DIGIT ONE}",
            "\N{ARABIC-INDIC DIGIT ONE}" * 32,
            ID + "\0",
        ],
    )
    def test_an_id_in_another_form_than_a_lower_case_uuid(self, report_id: str) -> None:
        assert refused(arrived(VALID, report_id=report_id)).status == 422

    def test_an_id_that_is_not_the_reports_own(self) -> None:
        why = refused(arrived(VALID, report_id=OTHER_ID))
        assert why.status == 422
        assert "own id" in str(why)

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"", "too early"),
            (b"not gzip at all", "broken gzip"),
            (VALID, "broken gzip"),
            (gzip.compress(VALID)[:-1], "too early"),
            (gzip.compress(VALID)[:30], "too early"),
            (gzip.compress(VALID)[:-8] + b"\0" * 8, "broken gzip"),
            (zlib.compress(VALID), "broken gzip"),
            (gzip.compress(VALID) + b"x", "something follows"),
            (gzip.compress(VALID) + gzip.compress(b""), "something follows"),
        ],
        ids=[
            "nothing", "no gzip", "not compressed", "less its last byte", "its first bytes",
            "another checksum", "zlib", "a byte follows", "a member follows",
        ],
    )  # fmt: skip
    def test_gzip_that_is_broken_short_or_followed_by_something(
        self, body: bytes, words: str
    ) -> None:
        why = refused(raw(body))
        assert why.status == 422
        assert words in str(why)

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"null",
            b"[]",
            b"{}",
            b"hello",
            b"\xff\xfe{}",
            VALID[:-20],
            VALID.rstrip() + b"{}",
            VALID.replace(b'"WS-0421"', b'"\xff"'),
            changed(host=None),
            changed(report_id=7),
            changed(started="yesterday"),
            changed(options=[]),
            changed(resources={"cpu_s": float("nan")}),
            changed(options={"x": float("nan")}),
            changed(options={"x": float("inf")}),
            changed(options={"x": [float("nan"), "\ud800"]}),
            changed(options={"\udfff": 0}).replace(b": 0}", b": 1e999}"),
        ],
    )
    def test_what_is_no_report(self, data: bytes) -> None:
        why = refused(arrived(data))
        assert why.status == 422
        assert "not an iocsweep report" in str(why)

    @pytest.mark.parametrize("verdict", ["hit", "incomplete"])
    def test_a_verdict_that_does_not_follow_from_the_rest(self, verdict: str) -> None:
        why = refused(arrived(changed(verdict=verdict)))
        assert why.status == 422
        assert "does not follow" in str(why)

    def test_clean_with_a_gap_in_the_coverage(self) -> None:
        gap = json.loads(encode(a_report(gap="access denied", report_id=ID)))
        why = refused(arrived(json.dumps({**gap, "verdict": "clean"}).encode()))
        assert (why.status, "must be incomplete" in str(why)) == (422, True)

    @pytest.mark.parametrize("kind", ["", "text/plain", "application/jsonp", "text/json", ";"])
    def test_another_content_type(self, kind: str) -> None:
        assert refused(arrived(VALID, content_type=kind)).status == 415

    @pytest.mark.parametrize("encoding", ["br", "zstd", "deflate", "gzip, gzip", "x-gzip"])
    def test_another_content_encoding(self, encoding: str) -> None:
        assert refused(arrived(VALID, encoding=encoding)).status == 415

    def test_a_report_of_a_later_schema_is_told_apart_from_a_broken_one(self) -> None:
        why = refused(arrived(changed(schema="iocsweep.report/3")))
        assert why.status == 409
        assert "schema" in str(why)

    def test_a_later_schema_is_known_by_its_name_whatever_else_is_new_in_it(self) -> None:
        # A report of tomorrow has fields of tomorrow, and JSON has no order.
        fields = json.loads(changed(schema="iocsweep.report/3", tomorrow=1))
        backwards = dict(reversed(fields.items()))
        assert refused(arrived(json.dumps(backwards).encode())).status == 409

    def test_a_field_that_is_called_like_a_place_is_not_taken_for_another_schema(self) -> None:
        assert refused(arrived(changed(verdict="x", **{"$.schema": 1}))).status == 422
        assert refused(arrived(changed(verdict="x", **{"x - at `$.schema`": 1}))).status == 422

    def test_a_reason_is_printable_and_short_whatever_the_report_says(self) -> None:
        why = str(refused(arrived(changed(**{"\x1b[31m\u202e\ud800" + "x" * 5000: 1}))))
        assert why.isprintable()
        assert len(why) < 400


class TestBounds:
    def test_a_gzip_bomb_is_refused_without_being_held_in_memory(self) -> None:
        bomb = _bomb(1 << 30)
        assert len(bomb) < 2 << 20
        tracemalloc.start()
        try:
            why = refused(raw(bomb))
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert why.status == 413
        assert peak < 3 * MAX_JSON  # the bound itself, and a moment's copy of it

    def test_what_is_unpacked_never_grows_beyond_the_bound(self) -> None:
        with pytest.raises(Refused) as caught:
            bounded_gunzip(gzip.compress(bytes(1001)), 1000)
        assert caught.value.status == 413
        assert bounded_gunzip(gzip.compress(bytes(1000)), 1000) == bytes(1000)

    @pytest.mark.parametrize("bracket", [b"[", b'{"a":', b"[[{}],"])
    @pytest.mark.parametrize("where", [b'"options":', b'"findings":', b'"host":', b""])
    @pytest.mark.parametrize("surrogate", [b"", b'"agent":"\\ud800",'])
    def test_ten_megabytes_of_brackets_are_refused_as_any_other_nonsense(
        self, bracket: bytes, where: bytes, surrogate: bytes
    ) -> None:
        depth = 10_000_000 // len(bracket)
        data = (b"{" + surrogate + where if where else surrogate) + bracket * depth
        why = refused(arrived(data, encoding=""))
        assert why.status == 422

    @pytest.mark.parametrize("number", [1 << 64, 10**4000])
    def test_a_pack_has_no_more_indicators_than_a_number_of_ours_holds(self, number: int) -> None:
        report = a_report(report_id=ID)
        report.packs[0].indicators = number
        row = check(arrived(encode(report)))
        msgspec.msgpack.encode(row)
        (told,) = msgspec.msgpack.decode(row.question, type=Question).packs
        assert told[3] == MAX_INDICATORS
        assert len(row.worth) < 300

    def test_options_may_be_free_but_not_deep(self) -> None:
        deep: Any = "x"
        for _ in range(100):
            deep = [deep]
        assert "deeper" in str(refused(arrived(changed(options={"x": deep}))))


class TestStates:
    def test_every_required_source_complete_is_clean(self) -> None:
        row = check(arrived(VALID))
        assert (row.base, row.hit, row.reasons) == ("clean", False, "")

    def test_a_gap_is_incomplete_and_says_where_and_why(self) -> None:
        data = encode(a_report(gap="protected by Windows (PPL)", report_id=ID))
        row = check(arrived(data))
        assert (row.base, row.hit) == ("incomplete", False)
        assert row.reasons == "processes partial (3 protected by Windows (PPL))"

    def test_no_required_source_at_all_is_incomplete(self) -> None:
        report = a_report(report_id=ID)
        report.coverage = [c for c in report.coverage if not c.required]
        report.verdict = Verdict.INCOMPLETE
        assert check(arrived(encode(report))).base == "incomplete"

    def test_a_sweep_that_was_cut_off_has_failed(self) -> None:
        row = check(arrived(encode(a_report(gap=INTERRUPTED, report_id=ID))))
        assert (row.base, row.hit) == ("failed", False)

    def test_an_interrupted_source_that_nobody_required_fails_nothing(self) -> None:
        report = a_report(report_id=ID)
        report.coverage.append(
            Coverage(source="memory", required=False, state=State.PARTIAL,
                     reasons=[Reason(reason=INTERRUPTED)])
        )  # fmt: skip
        assert check(arrived(encode(report))).base == "clean"

    @pytest.mark.parametrize("gap", ["", "access denied", INTERRUPTED])
    def test_a_hit_is_a_hit_and_what_the_rest_says_is_kept_beside_it(self, gap: str) -> None:
        row = check(arrived(encode(a_report("WS", a_finding(), gap=gap, report_id=ID))))
        base = {"": "clean", INTERRUPTED: "failed"}.get(gap, "incomplete")
        assert (row.hit, row.strong, row.base) == (True, 1, base)

    def test_findings_are_counted_by_their_strength(self) -> None:
        found = [a_finding(strength=one, path=f"{n}") for n, one in enumerate(
            [Strength.CONFIRMED, Strength.STRONG, *[Strength.WEAK] * 3, *[Strength.EXCLUDED] * 4]
        )]  # fmt: skip
        row = check(arrived(encode(a_report("WS", *found, report_id=ID))))
        assert (row.hit, row.strong, row.weak, row.excluded) == (True, 2, 3, 4)

    def test_weak_and_excluded_findings_make_no_hit(self) -> None:
        found = [a_finding(strength=Strength.WEAK), a_finding(strength=Strength.EXCLUDED)]
        row = check(arrived(encode(a_report("WS", *found, report_id=ID))))
        assert (row.hit, row.base) == (False, "clean")


class TestTimes:
    def test_a_clock_that_runs_ahead_is_not_the_last_word_for_ever(self) -> None:
        report = a_report(report_id=ID)
        report.started = report.finished = datetime(2099, 1, 1, tzinfo=timezone.utc)
        row = check(arrived(encode(report)))
        assert (row.started, row.finished) == (NOW, NOW)

    def test_a_clock_that_runs_late_is_kept_as_it_says(self) -> None:
        report = a_report(report_id=ID)
        report.started = datetime(1601, 1, 1, tzinfo=timezone.utc)
        report.finished = datetime(1970, 1, 1, tzinfo=timezone.utc)
        row = check(arrived(encode(report)))
        assert (row.started, row.finished) == (-11_644_473_600_000, 0)

    @pytest.mark.parametrize(
        "when",
        [
            datetime(1, 1, 1, tzinfo=timezone.utc),
            datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone.utc),
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
            datetime(9999, 12, 31, 23, 59, 59, tzinfo=timezone(-timedelta(hours=12))),
        ],
    )
    def test_no_time_is_too_odd_to_be_kept(self, when: datetime) -> None:
        row = check(arrived(changed(started=when.isoformat(), finished=when.isoformat())))
        storable(report_fields(row))
        assert row.started <= row.finished <= NOW

    def test_a_time_without_a_zone_is_utc(self) -> None:
        row = check(arrived(changed(started="1970-01-01T00:00:01", finished="1970-01-01T00:00:02")))
        assert (row.started, row.finished) == (1000, 2000)


HOSTILE = "WS\0\x1b[31m\r\n\u202e\u2028\ud800\udc80|'\"<script>"


class TestCells:
    def test_hostile_strings_become_printable_and_a_line_stays_a_line(self) -> None:
        report = a_report(report_id=ID, gap=HOSTILE)
        host = report.host
        host.id = host.name = host.fqdn = host.domain = HOSTILE
        host.ip, host.os = [HOSTILE], Os(name=HOSTILE, version=HOSTILE)
        report.agent.version = HOSTILE
        row = check(arrived(encode(report)))
        cells = (row.host_id, row.name, row.fqdn, row.domain, row.os, row.ip, row.agent)
        assert all(cell.isprintable() and "<script>" in cell for cell in (*cells, row.reasons))
        storable(report_fields(row))
        # the body, which is evidence, says what the host said
        assert msgspec.to_builtins(host)["name"].encode("utf-8", "surrogatepass")
        assert b"\\u0000\\u001b[31m\\r\\n\\u202e\\u2028\\ud800" in gzip.decompress(row.body)

    def test_long_strings_are_cut(self) -> None:
        report = a_report(report_id=ID)
        host = report.host
        host.id = host.name = host.fqdn = host.domain = "x" * 100_000
        host.ip = ["10.0.0.1"] * 1000
        report.agent.version = "9" * 100_000
        row = check(arrived(encode(report)))
        for cell in (row.host_id, row.name, row.fqdn, row.domain, row.ip, row.agent):
            assert len(cell) == 300

    def test_the_schema_that_a_report_says_it_was_made_as_is_a_cell_like_the_others(self) -> None:
        report = a_report(report_id=ID)
        report.made_as = "\x1f[31m" + "x" * 1000
        schema = check(arrived(encode(report))).schema
        assert schema.isprintable()
        assert len(schema) == 300

    def test_a_host_without_a_name_is_called_unnamed(self) -> None:
        report = a_report(report_id=ID)
        report.host.name = ""
        assert check(arrived(encode(report))).name == "unnamed"

    def test_a_host_without_an_operating_system_has_an_empty_cell(self) -> None:
        report = a_report(report_id=ID)
        report.host.os = None
        assert check(arrived(encode(report))).os == ""

    def test_no_id_and_name_can_be_put_together_to_be_another_host(self) -> None:
        one, two = a_report(report_id=ID), a_report(report_id=ID)
        one.host.id, one.host.name = "a|b", "c"
        two.host.id, two.host.name = "a", "b|c"
        keys = {check(arrived(encode(report))).host_key for report in (one, two)}
        assert len(keys) == 2

    def test_the_case_of_a_name_makes_no_other_host(self) -> None:
        keys = set()
        for name in ("WS-0421", "ws-0421"):
            report = a_report(report_id=ID)
            report.host.id, report.host.name = name, name
            keys.add(check(arrived(encode(report))).host_key)
        assert len(keys) == 1


# ---- Any bytes at all


def ends_well(arrival: Arrival) -> NewReport | None:
    """It is refused with a documented status, or is ready for the database."""
    try:
        row = check(arrival, max_json=1 << 20)
    except Refused as why:
        assert why.status in (409, 413, 415, 422)
        assert str(why).isprintable()
        return None
    storable(report_fields(row))
    cells = [cell for cell in report_fields(row) if isinstance(cell, str)]
    assert all(cell.isprintable() for cell in cells)
    assert bounded_gunzip(row.body, 1 << 20)
    return row


@given(st.binary(max_size=2000), st.sampled_from(["gzip", "", "identity", "br"]))
def test_any_bytes_end_in_a_report_or_a_refusal(body: bytes, encoding: str) -> None:
    assert ends_well(arrived(body, encoding=encoding, pack=bytes)) is None
    assert ends_well(arrived(body, encoding=encoding)) is None


@given(st.data())
def test_a_valid_report_with_bytes_changed_ends_in_a_report_or_a_refusal(
    data: st.DataObject,
) -> None:
    body = bytearray(WITH_FINDING)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(body) - 1))
        body[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    ends_well(arrived(bytes(body)))
    packed = bytearray(gzip.compress(WITH_FINDING, mtime=0))
    packed[data.draw(st.integers(0, len(packed) - 1))] ^= data.draw(st.integers(1, 255))
    row = ends_well(raw(bytes(packed)))
    assert row is None or row.digest == hashlib.sha256(WITH_FINDING).digest()


_TEXT = st.text(st.characters(), max_size=8) | st.sampled_from(
    [HOSTILE, "0001-01-01T00:00:00", "9999-12-31T23:59:59.999999Z", "clean", "hit", "x" * 1000]
)
_ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | _TEXT
    | st.sampled_from([1 << 63, -(1 << 63) - 1, 10**400, 1e308]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def _places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inside = value.items() if isinstance(value, dict) else (
        enumerate(value) if isinstance(value, list) else ()
    )  # fmt: skip
    found = [path] if path else []
    for key, item in inside:
        found += _places(item, (*path, key))
    return found


@given(st.data())
def test_a_valid_report_with_values_changed_ends_in_a_report_or_a_refusal(
    data: st.DataObject,
) -> None:
    value = copy.deepcopy(_MODEL)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(_places(value)))
        parent = value
        for key in path:
            parent = parent[key]
        if data.draw(st.booleans()):
            parent[last] = data.draw(_ANY_JSON)
        else:
            del parent[last]
    ends_well(arrived(json.dumps(value).encode(), encoding=""))


_MODEL: Any = json.loads(WITH_FINDING)


@given(name=_TEXT, host_id=_TEXT, domain=_TEXT, reason=_TEXT, title=_TEXT, address=_TEXT)
def test_whatever_a_host_says_of_itself_its_report_is_taken(
    name: str, host_id: str, domain: str, reason: str, title: str, address: str
) -> None:
    report = a_report("x", a_finding(title=title), gap=reason, report_id=ID)
    host = report.host
    host.id, host.name, host.fqdn, host.domain, host.ip = host_id, name, domain, domain, [address]
    row = ends_well(arrived(to_json(report), encoding=""))
    assert row is not None
    assert row.hit


def _bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    piece = bytes(1 << 20)
    parts = [packer.compress(piece) for _ in range(size >> 20)]
    return b"".join(parts) + packer.flush()
