"""What every kind of evidence that lies in files can rely on."""

from __future__ import annotations

import errno
import io
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import pytest

from agent.coverage import Part
from agent.engine.scanner import ScanFailed
from agent.formats import FormatError
from agent.matching.matcher import Matcher
from agent.matching.own_traces import Own
from agent.matching.record_rules import RecordRules, marker
from agent.model.objects import Dns
from agent.model.observation import ByteHit, Claim, Observation, Place
from agent.model.report import State, Strength
from agent.sources.artefact import Found, Reader, WholeFile
from agent.sources.artefact_source import ArtefactSource
from agent.sources.piece_scan import MAX_HELD, WINDOW
from agent.targets.evidence import EvidenceFile
from agent.targets.offline.folder import FolderTarget
from agent.targets.raw_fallback import BY_RECORD
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import FORMS, as_folder, windows

if TYPE_CHECKING:
    from agent.engine.patterns import BytePattern

LOG = "C:\\Windows\\a.log"
C2 = b"pandorasong.com"
PIECE, HEADER = 1024, 64


class Log(WholeFile):
    """A file of one name a line, of which those with a zero byte cannot be parsed."""

    name = "logs"
    kind = "log"
    where: Sequence[str] = (r"%SystemRoot%\*.log", r"%Profile%\*.log")

    def __init__(self) -> None:
        self.parsed = 0

    def records(
        self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
    ) -> Iterator[Observation]:
        self.parsed += 1
        for line in data.splitlines():
            if b"\0" in line:
                raise FormatError("zero in a line")
            yield named(file, line)


def named(file: EvidenceFile, line: bytes) -> Observation:
    text = line.decode("latin-1")
    place = Place(text=file.path, path=file.path, view=file.view, owner=file.owner)
    return Observation(
        source="logs", seen="log", claim=Claim.RESOLVED, place=place, dns=Dns(question=text)
    )


class Hidden(Log):
    """Its bytes are turned round."""

    def plain(self, data: bytes) -> bytes:
        if data.startswith(b"broken"):
            raise FormatError("cannot be turned")
        return data[::-1]


class Pieces(Log):
    """A log of pieces behind a header."""

    header, piece = HEADER, PIECE
    markers: Sequence[BytePattern] = (marker('"hidden"', 6),)

    def __init__(self) -> None:
        super().__init__()
        self.readers: list[PieceReader] = []

    def reader(self, file: EvidenceFile, part: Part) -> PieceReader:
        self.readers.append(PieceReader(file, part))
        return self.readers[-1]


class PieceReader(Reader):
    def __init__(self, file: EvidenceFile, part: Part) -> None:
        super().__init__(file, part)
        self.seen: list[tuple[int, int]] = []
        self.asked: list[int] = []

    def passes(self, window: bytes, at: int, offset: int) -> None:
        piece = window[at : at + (PIECE if offset else HEADER)]
        self.seen.append((offset, len(piece)))
        self.part.examined()

    def records(self, found: Found) -> Iterator[Observation]:
        self.asked.append(found.offset)
        if b"damaged" in found.data:
            raise FormatError("damaged")
        yield named(self.file, C2)

    def end(self, rules: RecordRules) -> Iterator[Observation]:
        yield named(self.file, b"at the end.example")


def of(
    place: Path, artefact: Log, content: bytes, *, path: str = LOG, own: Own | None = None
) -> Swept:
    folder = as_folder(place / "c", windows({path: content}))
    return swept(FolderTarget(str(folder), own=own or Own()), ArtefactSource(artefact))


def ids(sweep: Swept) -> list[tuple[str, Strength]]:
    return [(match.indicator.id, match.strength) for match in sweep.matches()]


@pytest.mark.parametrize("form", FORMS)
def test_a_record_is_found_wherever_its_file_lies(form: str, tmp_path: Path) -> None:
    files = windows({LOG: C2, "C:\\Users\\jo\\b.log": b"cdn." + C2})
    sweep = swept(FORMS[form](tmp_path / "c", files), ArtefactSource(Log()))
    assert {(one.place.path, one.place.owner) for one in sweep.seen} == {
        (LOG, ""),
        ("C:\\Users\\jo\\b.log", "jo"),
    }
    assert [name for name, _ in ids(sweep)] == ["c2-domain", "c2-domain"]
    assert {part.name for part in sweep.coverage.parts} == {LOG, "C:\\Users\\jo\\b.log"}
    assert (sweep.coverage.state, sweep.coverage.examined) == (State.COMPLETE, 2)


def test_what_holds_nothing_is_not_parsed(tmp_path: Path) -> None:
    artefact = Log()
    sweep = of(tmp_path, artefact, b"other.example\n" * 1000)
    assert (artefact.parsed, sweep.seen) == (0, [])
    assert (sweep.coverage.state, sweep.coverage.bytes) == (State.COMPLETE, 14_000)


def test_what_cannot_be_parsed_is_a_mention_and_a_gap(tmp_path: Path) -> None:
    sweep = of(tmp_path, Log(), b"one.example\n\0 " + C2)
    assert sweep.reasons == {"log: zero in a line": 1}
    _, raw = sweep.seen
    assert raw.mention
    assert raw.place == Place(text=f"{LOG} (byte 14)", path=LOG, record="byte 14")
    assert ids(sweep) == [("c2-domain", Strength.WEAK)]


def test_what_a_parser_would_refuse_is_no_gap_where_nothing_occurs(tmp_path: Path) -> None:
    assert of(tmp_path, Log(), b"\0 other.example").coverage.state is State.COMPLETE


def test_text_that_the_bytes_hide_is_found_in_the_clear(tmp_path: Path) -> None:
    assert ids(of(tmp_path, Hidden(), C2[::-1])) == [("c2-domain", Strength.STRONG)]


def test_what_cannot_be_had_in_the_clear_is_a_gap_and_scanned_as_it_is(tmp_path: Path) -> None:
    sweep = of(tmp_path, Hidden(), b"broken\n" + C2)
    assert sweep.reasons == {"log: cannot be turned": 1}
    assert ids(sweep) == [("c2-domain", Strength.STRONG)]


def test_a_file_that_is_too_large_is_read_to_its_bound_and_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Log, "max_bytes", 1 << 20)
    sweep = of(tmp_path, Log(), C2 + b"\n" + b"x" * (1 << 20))
    assert sweep.reasons == {"log: read up to 1 MiB only": 1}
    assert [name for name, _ in ids(sweep)] == ["c2-domain"]
    (part,) = sweep.coverage.parts
    assert (part.name, part.state) == (LOG, State.PARTIAL)


@pytest.mark.parametrize("threads", [1, 2])
def test_every_piece_is_shown_and_only_those_that_hold_something_are_parsed(
    tmp_path: Path, threads: int
) -> None:
    count = 3 * WINDOW // PIECE + 1
    pieces = [b"x".ljust(PIECE, b"\0")] * count
    for number, text in ((1, C2), (300, b"hidden"), (count - 1, b"damaged " + C2)):
        pieces[number] = text.ljust(PIECE, b"\0")
    artefact = Pieces()
    folder = as_folder(tmp_path / "c", windows({LOG: bytes(HEADER) + b"".join(pieces) + b"end"}))
    source = ArtefactSource(artefact, threads=threads)
    sweep = swept(FolderTarget(str(folder), own=Own()), source)
    (reader,) = artefact.readers
    places = [HEADER + number * PIECE for number in range(count)]
    assert reader.seen == [
        (0, HEADER),
        *((at, PIECE) for at in places),
        (HEADER + count * PIECE, 3),
    ]
    assert reader.asked == [places[1], places[300], places[-1]]
    assert [one.claim for one in sweep.seen] == [
        Claim.RESOLVED, Claim.RESOLVED, Claim.MENTIONED, Claim.RESOLVED,
    ]  # fmt: skip
    assert sweep.seen[2].place.record == f"byte {places[-1] + 8}"
    assert sweep.seen[3].dns == Dns(question="at the end.example")
    assert sweep.reasons == {"log: damaged": 1}
    assert sweep.coverage.bytes == HEADER + count * PIECE + 3


def pieces_of(place: Path, *contents: bytes, threads: int = 2) -> tuple[Pieces, Swept]:
    """A sweep of logs with these pieces, each log's behind its header."""
    artefact = Pieces()
    files = {f"C:\\Windows\\{n:03}.log": bytes(HEADER) + data for n, data in enumerate(contents)}
    folder = as_folder(place / "c", windows(files))
    source = ArtefactSource(artefact, threads=threads)
    return artefact, swept(FolderTarget(str(folder), own=Own()), source)


def test_pieces_that_were_never_written_are_left_out_and_counted_as_read(tmp_path: Path) -> None:
    written, never = b"x".ljust(PIECE, b"\0"), bytes(PIECE)
    artefact, sweep = pieces_of(tmp_path, written + never + written + 3 * never, never[:-1])
    first, second = artefact.readers
    assert first.seen == [(0, HEADER), *((HEADER + n * PIECE, PIECE) for n in range(3))]
    assert second.seen == [(0, HEADER), (HEADER, PIECE - 1)]
    assert sweep.coverage.bytes == 2 * HEADER + 7 * PIECE - 1


@pytest.mark.parametrize("blank", [8 << 10, 16 << 10, 32 << 10, 56 << 10, 63 << 10])
def test_what_stands_before_blank_space_is_found_wherever_that_begins(
    blank: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size, wide = 64 << 10, "pandorasong.com".encode("utf-16-le")
    monkeypatch.setattr(Pieces, "piece", size)
    logs = [
        wide.rjust(size - blank + beyond, b"x").ljust(size, b"\0") for beyond in (-3, 0, 1, 15, 40)
    ]
    artefact, _ = pieces_of(tmp_path, *logs)
    assert [reader.asked for reader in artefact.readers] == [[HEADER]] * len(logs)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("threads", [1, 2])
def test_however_much_is_found_it_comes_in_the_order_of_the_files(
    form: str, threads: int, tmp_path: Path
) -> None:
    many = C2.ljust(PIECE, b"\0") * (3 * WINDOW // PIECE)
    few = C2.ljust(PIECE, b"\0") * 3
    assert len(many) // PIECE > 10 * MAX_HELD
    logs = {f"C:\\Windows\\{n}.log": data for n, data in enumerate((few, many, few, many))}
    files = windows({path: bytes(HEADER) + data for path, data in logs.items()})
    artefact = Pieces()
    sweep = swept(FORMS[form](tmp_path / "c", files), ArtefactSource(artefact, threads=threads))
    for reader, log in zip(artefact.readers, logs.values(), strict=True):
        assert reader.asked == [HEADER + at for at in range(0, len(log), PIECE)]
    paths = [one.place.path for one in sweep.seen]
    assert paths == sorted(paths)
    assert set(paths) == set(logs)
    assert sweep.coverage.state is State.COMPLETE


@pytest.mark.parametrize("threads", [1, 2])
def test_an_error_in_the_middle_of_a_file_is_a_gap_and_what_came_before_it_is_told(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > WINDOW:
                raise OSError(errno.EIO, "bad sector")
            return super().read(size)

    whole = C2.ljust(2 * WINDOW, b"x")
    monkeypatch.setattr(EvidenceFile, "open", lambda _: Broken(bytes(HEADER) + whole))
    _, sweep = pieces_of(tmp_path, whole, threads=threads)
    assert [name for name, _ in ids(sweep)] == ["c2-domain"]
    assert sweep.reasons == {"log: read error on the disk": 1}
    assert sweep.coverage.bytes == HEADER + WINDOW


@pytest.mark.parametrize("threads", [1, 2])
def test_a_sweep_that_is_ended_lets_go_of_every_file(
    tmp_path: Path, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Ended(Exception):
        """Time is up."""

    told: list[str] = []
    opened: list[BinaryIO] = []

    def progress(path: str) -> None:
        told.append(path)
        if len(told) == 5:
            raise Ended

    def opens(_: EvidenceFile) -> BinaryIO:
        opened.append(io.BytesIO(bytes(HEADER) + b"x" * 2 * WINDOW))
        return opened[-1]

    monkeypatch.setattr(EvidenceFile, "open", opens)
    folder = as_folder(tmp_path / "c", windows({f"C:\\Windows\\{n}.log": C2 for n in range(9)}))
    source = ArtefactSource(Pieces(), threads=threads, progress=progress)
    with pytest.raises(Ended):
        swept(FolderTarget(str(folder), own=Own()), source)
    assert opened
    assert all(file.closed for file in opened)


def test_a_scan_that_fails_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(self: RecordRules, data: bytes) -> bool:
        raise ScanFailed("no answer within 60 s")

    monkeypatch.setattr(RecordRules, "occurs", fails)
    whole = of(tmp_path / "1", Log(), C2)
    assert whole.reasons == {"scan of the bytes: no answer within 60 s": 1}
    pieces = of(tmp_path / "2", Pieces(), b"x" * (HEADER + 2 * PIECE))
    assert pieces.reasons == {"scan of the bytes: no answer within 60 s": 2}


def test_what_the_agent_left_there_itself_is_counted_and_left_out(tmp_path: Path) -> None:
    class Talk(Log):
        def records(
            self, file: EvidenceFile, data: bytes, hits: Sequence[ByteHit]
        ) -> Iterator[Observation]:
            for line in data.splitlines():
                yield Observation(
                    source="logs", seen="log", claim=Claim.LOGGED, place=Place(text=file.path),
                    hits=tuple(ByteHit(hit.indicator, 0, line.decode()) for hit in hits),
                )  # fmt: skip

    sweep = of(tmp_path, Talk(), b"iocsweep looks for " + C2 + b"\nping " + C2)
    assert sweep.coverage.own == 1
    assert [one.hits[0].excerpt for one in sweep.seen] == ["ping pandorasong.com"]


def test_a_locked_file_is_a_gap_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(self: EvidenceFile) -> None:
        raise PermissionError(13, "denied", self.path)

    monkeypatch.setattr(EvidenceFile, "open", refused)
    sweep = of(tmp_path, Log(), C2)
    assert sweep.reasons == {"log: access denied": 1}
    assert sweep.coverage.reasons[0].samples == [LOG]
    (part,) = sweep.coverage.parts
    assert part.state is State.PARTIAL


@pytest.mark.parametrize(("form", "noted"), [("running", True), ("image", False)])
def test_a_file_in_use_that_was_read_by_its_record_may_lack_the_latest(
    form: str, noted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = EvidenceFile.open

    def by_record(self: EvidenceFile) -> BinaryIO:
        file = whole(self)
        self.how = "by record"
        return file

    monkeypatch.setattr(EvidenceFile, "open", by_record)
    sweep = swept(FORMS[form](tmp_path / "c", windows({LOG: C2})), ArtefactSource(Log()))
    assert ids(sweep) == [("c2-domain", Strength.STRONG)]
    assert (BY_RECORD in sweep.notes) is noted


class ListedWrong(Log):
    """What its folder says of a file's size is out of date."""

    def reader(self, file: EvidenceFile, part: Part) -> Reader:
        file.size = self.size
        return super().reader(file, part)

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size


@pytest.mark.parametrize("size", [0, 1, len(C2) - 1, len(C2), 1_000_000])
def test_a_file_is_read_to_its_end_whatever_size_was_listed(size: int, tmp_path: Path) -> None:
    found = of(tmp_path, ListedWrong(size), C2)

    assert [one.dns and one.dns.question for one in found.seen] == [C2.decode()]
    assert found.coverage.bytes == len(C2)


def test_nothing_is_compiled_where_there_is_nothing_to_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(Matcher, "records")
    found = of(tmp_path, Log(), b"", path="C:\\Windows\\other.txt")

    assert found.coverage.examined == 0
    assert found.notes == {"none on this host": 1}
