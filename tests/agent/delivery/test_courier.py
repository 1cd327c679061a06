"""The table of answers at work, without a network and without time."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from agent.delivery.backoff import Backoff
from agent.delivery.courier import LARGE, Courier, Fate
from agent.delivery.outcome import Kind, Outcome, meaning
from agent.delivery.parcel import Held, unpacked
from agent.delivery.smaller import GZIP_BYTES, smaller
from agent.delivery.spool import SpoolError, packed
from agent.model.codec import ReportError, decode, encode
from agent.model.report import Strength
from tests.agent.delivery.reports import large, report, report_id
from tests.agent.delivery.scripted import StillClock, acknowledgement


class Parcel(Held):
    """Remembers what was told about it."""

    def __init__(self, number: int, body: bytes = b"") -> None:
        super().__init__(report_id(number), body or packed(encode(report(number))), "there")
        self.told: list[str] = []

    def delivered(self) -> None:
        self.told.append("delivered")

    def refused(self, reason: str) -> str:
        self.told.append(reason)
        return "aside"


class Answers:
    """Stands for the collector: one status or outcome after the other, then 201."""

    def __init__(self, *script: int | Outcome, each_takes: float = 0.0) -> None:
        self.script = list(script)
        self.sent: list[tuple[str, bytes, bool]] = []
        self.deadlines: list[float] = []
        self.each_takes = each_takes
        self.clock: StillClock | None = None

    def __call__(self, report_id: str, body: bytes, *, gzipped: bool, deadline: float) -> Outcome:
        self.sent.append((report_id, body, gzipped))
        self.deadlines.append(deadline)
        if self.clock is not None:
            self.clock.time += self.each_takes
        answer = self.script.pop(0) if self.script else 201
        if isinstance(answer, Outcome):
            return answer
        text = acknowledgement(answer, report_id).decode() if answer in (200, 201) else ""
        return meaning(answer, {}, text, report_id)


def sending(
    post: Answers, *parcels: Parcel, window: float = 120.0, clock: StillClock | None = None
) -> tuple[list[Fate], StillClock, list[str]]:
    clock = clock or StillClock()
    post.clock = clock
    said: list[str] = []
    courier = Courier(post, end=clock.time + window, say=said.append, clock=clock.clock)
    return courier.send(parcels), clock, said


def test_what_is_acknowledged_is_told_at_once() -> None:
    parcels = [Parcel(1), Parcel(2)]
    fates, clock, _ = sending(Answers(201, 200), *parcels)
    assert [(fate.report_id, fate.via) for fate in fates] == [
        (report_id(1), "collector"),
        (report_id(2), "collector"),
    ]
    assert [parcel.told for parcel in parcels] == [["delivered"], ["delivered"]]
    assert clock.slept == []


@pytest.mark.parametrize("answer", [403, 426, 429, 503, 408])
def test_a_collector_that_cannot_be_had_is_asked_again_with_the_same_report(answer: int) -> None:
    post = Answers(answer, answer)
    fates, clock, _ = sending(post, Parcel(1), Parcel(2))
    assert [sent[0] for sent in post.sent] == [report_id(n) for n in (1, 1, 1, 2)]
    assert clock.slept == [2.0, 4.0]
    assert {fate.via for fate in fates} == {"collector"}


def test_the_pauses_are_full_jitter_with_a_cap() -> None:
    for chance in (0.0, 0.5, 1.0):
        backoff = Backoff(partial(float, chance))
        pauses = [backoff.next() for _ in range(8)]
        assert pauses == [chance * bound for bound in (2, 4, 8, 16, 32, 60, 60, 60)]
    for _ in range(10_000):
        assert backoff.next() == 60


def test_what_the_collector_asks_for_is_never_undercut_and_hosts_come_back_apart() -> None:
    assert Backoff(lambda: 0.0).next(300) == 300
    assert Backoff(lambda: 1.0).next(300) == 330
    assert Backoff(lambda: 1.0).next(0) == 1


def test_a_wait_longer_than_the_window_is_not_begun() -> None:
    busy = Outcome(Kind.BUSY, "HTTP 503, busy", 503, 600)
    fates, clock, _ = sending(Answers(busy), Parcel(1), Parcel(2))
    assert clock.slept == []
    assert [(fate.via, fate.reason) for fate in fates] == [("", "HTTP 503, busy")] * 2


def test_the_window_bounds_everything() -> None:
    post = Answers(*[500] * 1000)
    _, clock, _ = sending(post, Parcel(1), window=900)
    assert clock.time <= 900
    assert len(post.sent) > 10
    assert all(deadline <= 180 for deadline in post.deadlines)
    slow = Answers(each_takes=50)
    fates, clock, _ = sending(slow, *[Parcel(n) for n in range(9)], window=120)
    assert slow.deadlines == [120, 70, 20]
    assert [bool(fate.via) for fate in fates] == [True] * 3 + [False] * 6
    assert fates[-1].reason == "the send window was over"


@pytest.mark.parametrize("answer", [401, 404, 301, Outcome(Kind.TLS, "TLS: no")])
def test_what_would_be_the_same_for_the_next_ends_it(answer: int | Outcome) -> None:
    post = Answers(answer)
    parcels = [Parcel(1), Parcel(2)]
    fates, clock, _ = sending(post, *parcels)
    assert len(post.sent) == 1
    assert clock.slept == []
    assert all(fate.reason and not fate.via and not fate.aside for fate in fates)
    assert [parcel.told for parcel in parcels] == [[], []]


def test_a_token_that_is_wrong_is_said_with_what_to_do() -> None:
    fates, _, _ = sending(Answers(401), Parcel(1))
    assert "--token-file FILE or IOCSWEEP_TOKEN" in fates[0].reason


@pytest.mark.parametrize("answer", [409, 422])
def test_what_is_refused_for_good_is_set_aside_and_the_rest_goes_on(answer: int) -> None:
    parcels = [Parcel(1), Parcel(2)]
    fates, clock, _ = sending(Answers(answer), *parcels)
    assert [(fate.via, fate.aside) for fate in fates] == [("", "aside"), ("collector", "")]
    assert parcels[0].told[0].startswith(f"HTTP {answer}")
    assert clock.slept == []


@pytest.mark.parametrize("answer", [400, 418])
def test_other_refusals_leave_the_report_and_the_rest_goes_on(answer: int) -> None:
    parcels = [Parcel(1), Parcel(2)]
    fates, _, _ = sending(Answers(answer), *parcels)
    assert [(fate.via, fate.aside) for fate in fates] == [("", ""), ("collector", "")]
    assert parcels[0].told == []


def test_a_report_that_breaks_the_collector_keeps_none_of_the_others_waiting() -> None:
    class Poisoned(Answers):
        def __call__(self, report_id: str, *arguments: Any, **named: Any) -> Outcome:
            self.script = [500 if report_id.endswith("1") else 201]
            return super().__call__(report_id, *arguments, **named)

    fates, clock, _ = sending(Poisoned(), Parcel(1), Parcel(2), Parcel(3))
    assert {fate.report_id: fate.via for fate in fates} == {
        report_id(1): "",
        report_id(2): "collector",
        report_id(3): "collector",
    }
    assert fates[-1].reason == "HTTP 500, server error"
    assert clock.time <= 120


def test_415_is_sent_once_more_uncompressed_and_then_left() -> None:
    post = Answers(415)
    fates, _, _ = sending(post, Parcel(1))
    assert [gzipped for _, _, gzipped in post.sent] == [True, False]
    assert decode(post.sent[1][1]) == report(1)
    assert fates[0].via == "collector"
    post = Answers(415, 415)
    fates, _, _ = sending(post, Parcel(1))
    assert (len(post.sent), fates[0].via, fates[0].aside) == (2, "", "")


def test_413_is_sent_once_more_in_a_smaller_form_and_then_set_aside() -> None:
    whole = packed(encode(large(1)))
    post = Answers(413)
    fates, _, said = sending(post, Parcel(1, whole))
    assert post.sent[0][1] == whole
    assert len(post.sent[1][1]) <= len(whole) // 2
    assert decode(unpacked(post.sent[1][1])).report_id == report_id(1)
    assert fates[0].via == "collector"
    assert "the whole one stays on this host" in said[0]
    parcel = Parcel(1, whole)
    post = Answers(413, 413)
    fates, _, _ = sending(post, parcel)
    assert (len(post.sent), fates[0].aside) == (2, "aside")
    assert "even in its smaller form" in parcel.told[0]


def test_the_smaller_form_is_kept_over_a_pause_and_over_415() -> None:
    post = Answers(413, 503, 415, 500)
    fates, _, _ = sending(post, Parcel(1, packed(encode(large(1)))))
    sizes = [(len(body) < 100_000, gzipped) for _, body, gzipped in post.sent]
    assert [gzipped for _, gzipped in sizes] == [True, True, True, False, False]
    assert post.sent[1][1] == post.sent[2][1]
    assert post.sent[3][1] == post.sent[4][1] == unpacked(post.sent[1][1])
    assert fates[0].via == "collector"


def test_a_large_report_that_is_cut_off_twice_is_taken_for_too_large() -> None:
    cut = Outcome(Kind.CUT, "cut off while sending")
    whole = packed(encode(large(1, count=200)))
    assert len(whole) > LARGE
    post = Answers(cut, cut)
    fates, _, _ = sending(post, Parcel(1, whole))
    assert [len(body) > LARGE for _, body, _ in post.sent] == [True, True, False]
    assert fates[0].via == "collector"
    post = Answers(cut, cut, cut)
    sending(post, Parcel(1))
    assert len({body for _, body, _ in post.sent}) == 1


def test_a_report_that_cannot_be_read_or_made_smaller_keeps_none_waiting() -> None:
    class Unreadable(Parcel):
        def body(self) -> bytes:
            raise SpoolError("gone")

    garbage = Parcel(2, b"no gzip")
    fates, _, _ = sending(Answers(413), Unreadable(1), garbage, Parcel(3))
    assert [(fate.via, fate.aside) for fate in fates] == [
        ("", ""),
        ("", "aside"),
        ("collector", ""),
    ]
    assert fates[0].reason == "gone"
    assert "no smaller form" in garbage.told[0]


def test_what_cannot_be_moved_is_said_and_is_delivered_all_the_same() -> None:
    class Stuck(Parcel):
        def delivered(self) -> None:
            raise PermissionError(13, "in use")

    fates, _, said = sending(Answers(), Stuck(1), Parcel(2))
    assert [fate.via for fate in fates] == ["collector", "collector"]
    assert "in use" in said[0]


@pytest.mark.parametrize("when", ["sleeping", "sending"])
def test_ctrl_c_ends_the_sending_and_what_was_done_is_known(when: str) -> None:
    def interrupted(*_: object, **__: object) -> Outcome:
        raise KeyboardInterrupt

    clock = StillClock()
    post = Answers(201, 503)
    send: Callable[..., Outcome] = post
    if when == "sleeping":
        clock.sleep = interrupted  # type: ignore[method-assign,assignment]
    else:
        send = lambda *a, **n: interrupted() if len(post.sent) == 1 else post(*a, **n)  # noqa: E731
    said: list[str] = []
    courier = Courier(send, end=100, say=said.append, clock=clock.clock)
    fates = courier.send([Parcel(1), Parcel(2)])
    assert [fate.via for fate in fates] == ["collector", ""]
    assert said == ["sending stopped by the operator"]


def test_a_smaller_report_keeps_what_proves_most_and_says_what_went() -> None:
    whole = report(7, findings=[f for n, f in enumerate(large(7).findings) if not 4 < n < 80])
    body = packed(encode(whole))
    small = smaller(body)
    assert small == smaller(body)
    cut = decode(unpacked(small))
    assert len(small) <= min(GZIP_BYTES, len(body) // 2)
    assert (cut.verdict, cut.coverage, cut.report_id) == (
        whole.verdict,
        whole.coverage,
        whole.report_id,
    )
    strong = [f for f in cut.findings if f.strength.rank >= Strength.STRONG.rank]
    assert strong == [f for f in whole.findings if f.strength.rank >= Strength.STRONG.rank]
    weak = [f for f in cut.findings if f.strength is Strength.WEAK]
    assert len(weak) == 40
    assert all(item.detail == "" for f in weak for item in f.evidence)
    told = {t.what: (t.kept, t.total) for t in cut.truncated}
    assert told["evidence details, for the collector"] == (100, 1700)


def test_a_huge_report_is_cut_down_to_its_strongest_findings() -> None:
    body = packed(encode(large(7, count=3000, evidence=1)))
    cut = decode(unpacked(smaller(body)))
    assert len(packed(encode(cut))) <= GZIP_BYTES
    kept = [f.strength for f in cut.findings]
    assert kept.count(Strength.CONFIRMED) == 1000
    assert {t.what for t in cut.truncated} >= {"findings, for the collector"}


def test_what_is_no_report_has_no_smaller_form() -> None:
    for body in (b"", b"x", packed(b"{}"), packed(b"x" * 100)[:-4]):
        with pytest.raises(ReportError):
            smaller(body)
