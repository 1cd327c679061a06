"""From the command line to the collector: what is received, what is left where, what is said."""

from __future__ import annotations

import gzip
import json
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from agent import cli
from agent.commands import sweep as sweeping
from agent.delivery import route as route_module
from agent.delivery.parcel import unpacked
from agent.delivery.spool import Spool, packed
from agent.model.codec import decode, encode
from agent.model.report import Verdict
from tests.agent.delivery.reports import large, report, report_id
from tests.agent.delivery.scripted import (
    Answer,
    Scripted,
    StillClock,
    connect_proxy,
    scripted,
    without_time,
)
from tests.evidence.files import dll


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> StillClock:
    monkeypatch.setenv("IOCSWEEP_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("IOCSWEEP_TOKEN", "secret-token")
    clock = StillClock()
    without_time(clock, monkeypatch)
    return clock


@pytest.fixture
def server() -> Iterator[Scripted]:
    with scripted() as server:
        yield server


class Host:
    """A host with a clean folder to sweep, and what lies where afterwards."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self.evidence = folder / "evidence"
        self.evidence.mkdir()
        (self.evidence / "harmless.txt").write_text("nothing")
        self.drop = folder / "share"
        self.drop.mkdir()
        self.capsys = capsys
        self.said = ""
        self.summary: dict[str, object] = {}

    def sweeps(self, *arguments: str) -> int:
        code = cli.main(["offline", str(self.evidence), "--quiet", *arguments])
        captured = self.capsys.readouterr()
        self.said, self.summary = captured.err, json.loads(captured.out)
        return code

    def sends(self, *arguments: str) -> int:
        code = cli.main(["send", *arguments, "--quiet"])
        captured = self.capsys.readouterr()
        self.said = captured.err
        self.summary = json.loads(captured.out) if captured.out else {}
        return code

    def spool(self) -> Spool:
        (self.folder / "home").mkdir(exist_ok=True)
        return Spool(self.folder / "home" / "spool")

    @property
    def spooled(self) -> list[str]:
        return [name for name, _ in self.spool().pending()]

    @property
    def refused(self) -> list[str]:
        return sorted(p.name for p in (self.folder / "home" / "spool").glob("refused/*"))

    @property
    def shared(self) -> list[str]:
        return sorted(path.name for path in self.drop.iterdir())

    @property
    def id(self) -> str:
        return str(self.summary["report"])


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(tmp_path, capsys)


def earlier() -> Answer:
    """A collector that does not know this schema yet."""
    return Answer(409, {}, b"a report of the schema iocsweep.report/2, not iocsweep.report/1")


def half() -> Answer:
    return Answer(0, how="half")


@pytest.mark.parametrize(
    ("script", "code", "asked", "where"),
    [
        ([201], 0, 1, "collector"),
        ([200], 0, 1, "collector"),
        ([401], 4, 1, "spool"),
        ([403, 201], 0, 2, "collector"),
        ([404], 4, 1, "spool"),
        ([408, 201], 0, 2, "collector"),
        ([409], 4, 1, "refused"),
        ([earlier()], 4, 1, "spool"),
        ([413, 201], 0, 2, "collector"),
        ([413, 413], 4, 2, "refused"),
        ([415, 201], 0, 2, "collector"),
        ([415, 415], 4, 2, "spool"),
        ([418], 4, 1, "spool"),
        ([422], 4, 1, "refused"),
        ([429, 429, 201], 0, 3, "collector"),
        ([500, 502, 503, 504, 201], 0, 5, "collector"),
        ([half(), half(), 201], 0, 3, "collector"),
        ([Answer(0, how="mute"), 200], 0, 2, "collector"),
    ],
)
def test_each_answer_of_the_table(
    host: Host,
    server: Scripted,
    script: list[int | Answer],
    code: int,
    asked: int,
    where: str,
) -> None:
    server.answers(*script)
    assert host.sweeps("--collector", server.url) == code
    assert server.asked == asked
    assert set(server.ids) <= {host.id}
    assert host.summary["delivered"] is (where == "collector")
    assert host.summary["via"] == ("collector" if where == "collector" else None)
    assert host.spooled == ([host.id] if where == "spool" else [])
    names = [f"{host.id}.json.gz", f"{host.id}.reason.txt"]
    assert host.refused == (names if where == "refused" else [])
    assert (host.id in host.said) == (where != "collector" or 413 in script)
    assert all(decode(received.json).report_id == host.id for received in server.received)
    assert "secret-token" not in host.said


def test_what_is_set_aside_holds_the_whole_report_and_is_not_sent_by_the_next_run(
    host: Host, server: Scripted
) -> None:
    server.answers(Answer(422, text=b"no such field\x1b[2J"))
    host.sweeps("--collector", server.url)
    first = host.id
    folder = host.folder / "home" / "spool" / "refused"
    assert decode(unpacked((folder / f"{first}.json.gz").read_bytes())).report_id == first
    assert (folder / f"{first}.reason.txt").read_text() == (
        "HTTP 422, invalid: no such field\\x1b[2J\n"
    )
    assert host.sweeps("--collector", server.url) == 0
    assert server.ids == [first, host.id]
    assert len(host.refused) == 2


def test_a_hit_wins_over_what_becomes_of_its_report(host: Host, server: Scripted) -> None:
    (host.evidence / "cyzfc.dat").write_bytes(dll())
    server.answers(422)
    assert host.sweeps("--collector", server.url) == 1
    assert host.summary["delivered"] is False


def test_a_large_report_refused_before_it_was_read_arrives_in_a_smaller_form(
    host: Host, server: Scripted
) -> None:
    """As nginx and the collector do it: 413 by Content-Length, and hang up."""
    whole = packed(encode(large(5, count=300)))
    assert len(whole) > 4 << 20
    server.max_body = 4 << 20
    host.spool().put(report_id(5), encode(large(5, count=300)))
    assert host.sends("--collector", server.url) == 0
    assert server.ids == [report_id(5)]
    assert len(server.received[0].body) < len(whole) // 2
    assert any("for the collector" in t.what for t in decode(server.received[0].json).truncated)
    assert host.spooled == []


def test_the_whole_report_stays_on_the_host_when_a_smaller_one_was_sent(
    host: Host, server: Scripted
) -> None:
    (host.evidence / "cyzfc.dat").write_bytes(dll())
    for number in range(50):
        (host.evidence / f"{number}.ps1").write_text("Get-Item cyzfc.dat " * 20)
    server.answers(413)
    assert host.sweeps("--collector", server.url) == 1
    whole, small = (decode(received.json) for received in server.received)
    (kept,) = (host.folder / "home" / "reports").glob("*.json")
    assert decode(kept.read_bytes()) == whole
    assert small.report_id == whole.report_id
    assert small.verdict is whole.verdict is Verdict.HIT
    assert [t.what for t in small.truncated] != [t.what for t in whole.truncated]


def test_retry_after_is_honoured_within_the_window(
    host: Host, server: Scripted, still: StillClock
) -> None:
    server.answers(Answer(503, {"Retry-After": "40"}), 429, Answer(503, {"Retry-After": "50"}))
    assert host.sweeps("--collector", server.url, "--send-window", "3m") == 0
    assert still.slept == [44.0, 4.0, 55.0]


def test_an_unreachable_collector_is_tried_until_the_window_ends(
    host: Host, still: StillClock
) -> None:
    """With --quiet that is a quarter of an hour; here no second of it passes."""
    assert host.sweeps("--collector", "http://127.0.0.1:9") == 4
    assert 800 < still.time <= 900
    assert host.spooled == [host.id]
    assert "stays in the spool: no answer" in host.said


# ---- TLS and proxies


def certificates(folder: Path, name: str) -> tuple[ssl.SSLContext, Path]:
    authority = trustme.CA()
    path = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context, path


def test_tls_by_a_certificate_of_ones_own(host: Host) -> None:
    context, ca = certificates(host.folder, "127.0.0.1")
    with scripted(context) as server:
        assert host.sweeps("--collector", server.url, "--ca", str(ca)) == 0
    assert server.ids == [host.id]


def test_a_wrong_certificate_is_asked_once_and_gets_neither_token_nor_report(
    host: Host, still: StillClock
) -> None:
    context, _ = certificates(host.folder, "127.0.0.1")
    _, other = certificates(host.folder, "127.0.0.1")
    with scripted(context) as server:
        assert host.sweeps("--collector", server.url, "--ca", str(other)) == 4
    assert server.asked == 0
    assert still.slept == []
    assert host.spooled == [host.id]
    assert "--ca FILE trusts a certificate of your own" in host.said


def test_a_collector_behind_a_proxy(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IOCSWEEP_PROXY_CREDENTIALS", "jo:hunter22")
    context, ca = certificates(host.folder, "collector.example")
    with scripted(context, "collector.example") as server:
        port = int(server.url.rpartition(":")[2])
        with connect_proxy(port) as (proxy, seen):
            arguments = ["--collector", server.url, "--ca", str(ca), "--proxy", proxy]
            assert host.sweeps(*arguments) == 0
    assert server.ids == [host.id]
    assert b"Proxy-Authorization" in seen[0]
    recorded = decode(server.received[0].json).options
    assert recorded["proxy"] == proxy
    assert not any("hunter22" in str(v) or "secret" in str(v) for v in recorded.values())


def test_a_proxy_that_drips_holds_nobody_beyond_the_window(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeping, "route_of", route_module.route_of)  # real time
    _, ca = certificates(host.folder, "collector.example")
    with connect_proxy(9, drip=True) as (proxy, seen):
        arguments = ["--collector", "https://collector.example", "--ca", str(ca), "--proxy", proxy]
        assert host.sweeps(*arguments, "--send-window", "1s") == 4
    assert len(seen) >= 1
    assert host.spooled == [host.id]
    assert "no whole answer within" in host.said


# ---- share


@pytest.mark.parametrize("answer", [401, 403, 418, 500])
def test_the_share_gets_what_the_collector_did_not_take(
    host: Host, server: Scripted, answer: int
) -> None:
    server.answers(*[answer] * 200)
    assert host.sweeps("--collector", server.url, "--share", str(host.drop)) == 0
    assert (host.summary["delivered"], host.summary["via"]) == (True, "share")
    assert host.shared == [f"{host.id}.json.gz"]
    assert decode(unpacked((host.drop / host.shared[0]).read_bytes())).report_id == host.id
    assert host.spooled == []
    assert f"is on the share, not at the collector: HTTP {answer}" in host.said


def test_a_report_that_an_earlier_collector_refused_is_offered_again_by_the_next_run(
    host: Host, server: Scripted
) -> None:
    server.answers(earlier())
    assert host.sweeps("--collector", server.url) == 4
    assert "update it" in host.said
    first = host.id
    assert host.spooled == [first]
    assert host.sweeps("--collector", server.url) == 0
    assert server.ids == [first, host.id, first]
    assert host.spooled == []


def test_what_was_refused_goes_to_the_share_and_stays_set_aside(
    host: Host, server: Scripted
) -> None:
    server.answers(409)
    assert host.sweeps("--collector", server.url, "--share", str(host.drop)) == 0
    assert host.shared == [f"{host.id}.json.gz"]
    assert host.refused == [f"{host.id}.json.gz", f"{host.id}.reason.txt"]


def test_a_share_alone_needs_no_token_and_takes_the_backlog(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("IOCSWEEP_TOKEN")
    host.spool().put(report_id(5), encode(report(5)))
    assert host.sweeps("--share", str(host.drop)) == 0
    assert host.shared == sorted([f"{report_id(5)}.json.gz", f"{host.id}.json.gz"])
    assert host.spooled == []
    assert host.said == ""


def test_a_share_that_cannot_be_written_is_said_and_the_report_stays_spooled(host: Host) -> None:
    assert host.sweeps("--share", str(host.folder / "gone")) == 4
    assert (host.summary["delivered"], host.summary["via"]) == (False, None)
    assert host.spooled == [host.id]
    assert "gone: No such file" in host.said


def test_a_collector_that_has_it_leaves_the_share_alone(host: Host, server: Scripted) -> None:
    assert host.sweeps("--collector", server.url, "--share", str(host.drop)) == 0
    assert host.shared == []


# ---- backlog


def test_this_runs_report_goes_first_then_the_backlog_oldest_first_and_bounded(
    host: Host, server: Scripted
) -> None:
    spool = host.spool()
    for number in range(30):
        spool.put(report_id(number), encode(report(number)))
    assert host.sweeps("--collector", server.url) == 0
    assert server.ids == [host.id, *[report_id(n) for n in range(25)]]
    assert host.spooled == [report_id(n) for n in range(25, 30)]
    assert "5 older reports wait for the next run" in host.said


def test_one_bad_file_keeps_none_of_the_others_waiting(host: Host, server: Scripted) -> None:
    spool = host.spool()
    spool.put(report_id(0), b"")
    (spool.folder / f"{report_id(0)}.json.gz").write_bytes(b"torn")
    for number in (1, 2):
        spool.put(report_id(number), encode(report(number)))
    server.answers(201, 422)
    assert host.sweeps("--collector", server.url) == 0
    assert host.spooled == []
    assert host.refused == [f"{report_id(0)}.json.gz", f"{report_id(0)}.reason.txt"]


def test_two_senders_never_send_from_one_spool(
    host: Host, server: Scripted, still: StillClock
) -> None:
    with host.spool().sending() as free:
        assert free
        assert host.sweeps("--collector", server.url, "--send-window", "30s") == 4
    assert server.asked == 0
    assert still.time < 30
    assert host.spooled == [host.id]
    assert "another iocsweep is sending from this spool" in host.said


def test_a_sender_waits_for_another_and_then_sends(
    host: Host, server: Scripted, still: StillClock
) -> None:
    other = host.spool().sending()
    other.__enter__()
    sleep = still.sleep

    def until_the_other_is_done(seconds: float) -> None:
        sleep(seconds)
        if len(still.slept) == 3:
            other.__exit__(None, None, None)

    still.sleep = until_the_other_is_done  # type: ignore[method-assign]
    assert host.sweeps("--collector", server.url) == 0
    assert still.slept == [1.0] * 3
    assert server.ids == [host.id]


@pytest.mark.parametrize("text", [b"200 ok", b'{"status": "ok"}', b"<html>log in</html>"])
def test_who_answers_ok_to_everything_takes_no_report_out_of_the_spool(
    host: Host, server: Scripted, text: bytes
) -> None:
    server.answers(*[Answer(200, {}, text)] * 50)
    assert host.sweeps("--collector", server.url) == 4
    assert host.spooled == [host.id]
    assert host.summary["delivered"] is False
    assert "no collector's answer" in host.said
    server.answers()
    assert host.sends("--collector", server.url) == 0
    assert host.spooled == []


def test_reports_that_an_earlier_collector_does_not_name_stay_and_the_others_are_tried(
    host: Host, server: Scripted
) -> None:
    for number in range(3):
        host.spool().put(report_id(number), encode(report(number)))
    server.answers(*[Answer(201, {}, b'{"result":"new"}')] * 3)
    assert host.sends("--collector", server.url) == 4
    assert server.ids == host.spooled == [report_id(n) for n in range(3)]
    assert "update it" in host.said


# ---- iocsweep send


def test_send_delivers_the_spool_of_this_host(host: Host, server: Scripted) -> None:
    for number in range(40):
        host.spool().put(report_id(number), encode(report(number)))
    assert host.sends("--collector", server.url) == 0
    assert server.ids == [report_id(n) for n in range(40)]
    assert host.spooled == []
    assert host.summary == {"v": 1, "collector": 40, "share": 0, "left": 0}
    assert host.sends("--collector", server.url) == 0
    assert "nothing to send" in host.said


def test_send_takes_a_spool_brought_from_another_host(host: Host, server: Scripted) -> None:
    brought = host.folder / "usb"
    brought.mkdir(mode=0o755)
    (brought / f"{report_id(1)}.json.gz").write_bytes(packed(encode(report(1))))
    (brought / f"{report_id(2)}.json.gz").write_bytes(packed(encode(report(1))))
    (brought / f"{report_id(3)}.json.gz").write_bytes(b"torn")
    (brought / "readme.txt").write_text("x")
    assert host.sends(str(brought), "--collector", server.url) == 4
    assert server.ids == [report_id(1)]
    assert host.summary == {"v": 1, "collector": 1, "share": 0, "left": 2}
    assert not (brought / f"{report_id(1)}.json.gz").exists()
    assert (brought / f"{report_id(3)}.json.gz").exists()
    assert f"holds the report {report_id(1)}" in host.said
    assert "broken gzip" in host.said
    assert brought.stat().st_mode & 0o777 == 0o755


def test_send_takes_reports_of_offline_sweeps_and_leaves_them_where_they_are(
    host: Host, server: Scripted
) -> None:
    out = host.folder / "out"
    host.sweeps("--out", str(out))
    (file,) = out.glob("*.json")
    packed_file = host.folder / "mine.json.gz"
    packed_file.write_bytes(gzip.compress(encode(report(9))))
    arguments = [str(file), str(packed_file), "--collector", server.url]
    assert host.sends(*arguments) == 0
    assert server.ids == [decode(file.read_bytes()).report_id, report_id(9)]
    assert host.sends(str(out), "--collector", server.url) == 0
    assert file.exists()
    assert packed_file.exists()


def test_send_of_what_is_no_report_sends_nothing(host: Host, server: Scripted) -> None:
    bad = host.folder / "bad.json"
    bad.write_text('{"schema": "iocsweep.report/1"}')
    empty = host.folder / "empty"
    empty.mkdir()
    assert host.sends(str(bad), "--collector", server.url) == 4
    assert host.sends(str(host.folder / "none"), "--collector", server.url) == 4
    assert "none: not found" in host.said
    assert host.sends(str(empty), "--collector", server.url) == 0
    assert server.asked == 0


def test_send_with_exit_zero_is_0_where_4_would_be(host: Host, server: Scripted) -> None:
    host.spool().put(report_id(1), encode(report(1)))
    server.answers(401)
    assert host.sends("--collector", server.url, "--exit-zero") == 0
    assert host.spooled == [report_id(1)]


def test_send_says_for_a_person_how_many_arrived(
    host: Host, server: Scripted, capsys: pytest.CaptureFixture[str]
) -> None:
    host.spool().put(report_id(1), encode(report(1)))
    server.answers(401)
    assert cli.main(["send", "--collector", server.url, "--share", str(host.drop)]) == 0
    assert capsys.readouterr().out == "1 of 1 reports delivered, 1 of them on the share\n"


def test_reports_are_never_moved_onto_themselves(host: Host) -> None:
    (host.drop / f"{report_id(1)}.json.gz").write_bytes(packed(encode(report(1))))
    assert host.sends(str(host.drop), "--share", str(host.drop / ".")) == 2
    assert host.shared == [f"{report_id(1)}.json.gz"]


def test_a_share_is_emptied_into_the_collector(host: Host, server: Scripted) -> None:
    assert host.sweeps("--share", str(host.drop)) == 0
    assert host.sends(str(host.drop), "--collector", server.url) == 0
    assert server.ids == [decode(server.received[0].json).report_id]
    assert [name for name in host.shared if name.endswith(".gz")] == []


# ---- splay


def test_the_splay_is_waited_out_said_and_recorded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    waited: list[float] = []
    monkeypatch.setattr(time, "sleep", waited.append)
    (tmp_path / "x").mkdir()
    out = tmp_path / "out"
    arguments = ["--only", "files", str(tmp_path / "x"), "--splay", "10m-20m", "--out", str(out)]
    cli.main(arguments)
    (wait,) = waited
    assert 600 <= wait < 1200
    assert f"waiting {wait:,.0f} s before the sweep" in capsys.readouterr().err
    (path,) = out.glob("*.json")
    options = decode(path.read_bytes()).options
    assert options["splay"] == [600.0, 1200.0]
    assert options["splay_s"] == round(wait, 1)
    cli.main([*arguments, "--quiet"])
    assert "waiting" not in capsys.readouterr().err
    assert waited == [wait, wait]


def test_ctrl_c_in_the_splay_ends_before_anything_was_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(time, "sleep", interrupted)
    assert cli.main(["--splay", "60m", "--out", str(tmp_path / "out")]) == 2
    assert "nothing was looked at" in capsys.readouterr().err
    assert list((tmp_path / "out").iterdir()) == []


def test_one_host_sweeps_once_while_it_waits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A task that a policy starts every 90 minutes must not pile up behind its own splay."""
    codes: list[int] = []
    monkeypatch.setattr(time, "sleep", lambda _: codes.append(cli.main([str(tmp_path)])))
    cli.main(["--only", "files", str(tmp_path), "--splay", "60m", "--quiet"])
    assert codes == [5]
