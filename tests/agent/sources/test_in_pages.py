"""Evidence that is too large to be held tells what it tells when it is held."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agent.formats import paged
from agent.formats.hive_text import HiveText, text_of
from agent.formats.paged import Bytes, PagedFile
from agent.sources import artefact_sweep, in_pages
from agent.sources.artefact import Artefact
from agent.sources.artefact_source import ArtefactSource
from agent.sources.execution.srum import Srum
from agent.sources.execution.wmi_repository import WmiRepository
from agent.sources.network.browser_files import BrowserFiles
from agent.sources.registry import glance, hives
from agent.sources.registry.hives import Hives
from agent.targets.offline.identity import read_computer, read_software
from tests.agent.formats.test_mozilla_lz4 import packed
from tests.evidence.execution import OBJECTS, consumer, srum
from tests.evidence.hives import Content, Gone, Tree, dirty, hive, log
from tests.evidence.samples import sample
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import as_folder, software, system, windows

CALL = r"rundll32 C:\Users\jo\AppData\Local\cyzfc.dat, PointFunctionCall"
NTUSER = "C:\\Users\\jo\\NTUSER.DAT"
SRUDB = r"C:\Windows\System32\sru\SRUDB.dat"
PROFILE = r"C:\Users\jo\AppData\Local\Google\Chrome\User Data\Default"
FIREFOX = r"C:\Users\jo\AppData\Roaming\Mozilla\Firefox\Profiles\x"
SID = struct.pack("<BB6s4I", 1, 3, b"\0\0\0\0\0\5", 21, 7, 1001, 0)[:-4]
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"
SMALL = 4096


def keys(run: Tree, more: Content = "quiet") -> bytes:
    """A user's hive of some pages."""
    tree = run
    for name in reversed(RUN.split("\\")):
        tree = {name: tree}
    return hive({**tree, "pad": {"v": b"p" * 9000}, "more": {"m": more}})


BEFORE, AFTER = keys({"was": "cyzfc.dat"}), keys({"a": CALL})
LONG = keys({"a": "notepad"}, "x" * 8168 + "cyzfc.dat" + "y" * 9000)
JSON = packed(27, (b"https://pandorasong.com/xyz", 0, 0))
HIDDEN = b"powershell -e " + b"A" * 40


@dataclass(frozen=True)
class Case:
    """``least``: observations that there are."""

    source: type[Artefact]
    files: dict[str, bytes]
    least: int = 1


CASES = {
    "a hive": Case(Hives, {NTUSER: AFTER}),
    "a hive in use": Case(
        Hives, {NTUSER: dirty(BEFORE, 5), f"{NTUSER}.LOG1": log(BEFORE, AFTER, 5)}, 2
    ),
    "a hive without its logs": Case(Hives, {NTUSER: dirty(AFTER, 5)}),
    "an old log": Case(Hives, {NTUSER: AFTER, f"{NTUSER}.LOG2": log(AFTER, BEFORE, 3)}, 2),
    "a torn log": Case(Hives, {NTUSER: BEFORE, f"{NTUSER}.LOG1": b"torn cyzfc.dat"}, 2),
    "a long value": Case(Hives, {NTUSER: LONG}),
    "a deleted value": Case(Hives, {NTUSER: keys({"gone": Gone(CALL), "kept": "x"})}),
    "a damaged hive": Case(Hives, {NTUSER: AFTER[:SMALL] + b"x" * 99 + AFTER[SMALL + 99 :]}),
    "no hive": Case(Hives, {NTUSER: b"\0 cyzfc.dat " * 1000}),
    "a blank hive": Case(Hives, {NTUSER: bytes(9000)}, 0),
    "a hive with nothing": Case(Hives, {NTUSER: keys({"a": "notepad"})}, 0),
    "consumers": Case(
        WmiRepository,
        {OBJECTS: consumer("x" * 5000) + consumer(CALL) + bytes(4090) + consumer(CALL, "Other")},
        2,
    ),
    "SRUM": Case(Srum, {SRUDB: srum(CALL, SID, [43418.5, 43419.5])}),
    "SRUM, damaged": Case(Srum, {SRUDB: bytes(4) + srum(CALL, SID, [1.0])[4:236] + b"cyzfc.dat"}, 0),
    "a log of SRUM": Case(
        Srum, {r"C:\Windows\System32\sru\SRU00001.log": b"x" * 9000 + b" cyzfc.dat "}
    ),
    "a session": Case(
        BrowserFiles, {rf"{PROFILE}\Last Tabs": b"x" * 4090 + b"\0https://pandorasong.com/ "}
    ),
    "a compressed session": Case(BrowserFiles, {rf"{FIREFOX}\sessionstore.jsonlz4": JSON}),
    "a compressed session, damaged": Case(
        BrowserFiles, {rf"{FIREFOX}\sessionstore.jsonlz4": JSON[:-3] + b" pandorasong.com"}, 1
    ),
}  # fmt: skip


def sweep(host: Path, case: Case, monkeypatch: pytest.MonkeyPatch, *, held: bool) -> Swept:
    with monkeypatch.context() as patch:
        if not held:
            patch.setattr(artefact_sweep, "HELD", 0)
            patch.setattr(hives, "HELD", 0)
            patch.setattr(glance, "WINDOW", SMALL)
            patch.setattr(hives, "HELD_OF_A_LOG", 0)
            patch.setattr(in_pages, "WINDOW", SMALL)
            patch.setattr(paged, "BLOCK", SMALL)
        return swept(host, ArtefactSource(case.source()))


@pytest.mark.parametrize("name", CASES)
def test_a_file_by_its_pages_tells_what_it_tells_as_a_whole(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    host = as_folder(tmp_path / "c", windows(case.files))
    held, in_pages = (sweep(host, case, monkeypatch, held=is_held) for is_held in (True, False))

    def account(one: Swept) -> tuple[object, ...]:
        told = one.coverage
        return (
            told.state,
            told.examined,
            told.unread,
            told.bytes,
            one.reasons,
            one.notes,
            told.reach,
        )

    assert in_pages.seen == held.seen
    assert len(held.seen) >= case.least
    assert account(in_pages) == account(held)


@pytest.mark.parametrize("at", [SMALL - 20, SMALL - 5, SMALL - 1, SMALL, SMALL + 1, 3 * SMALL - 9])
def test_a_word_on_the_edge_of_two_windows_is_told_once(
    at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = Case(
        BrowserFiles, {rf"{PROFILE}\Last Tabs": b" " * at + b"pandorasong.com" + b" " * 9000}
    )
    found = sweep(as_folder(tmp_path / "c", windows(case.files)), case, monkeypatch, held=False)

    assert [one.place.record for one in found.seen] == [f"byte {at}"]


def test_a_letter_before_a_window_makes_it_another_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"x" * SMALL + b"pandorasong.com" + b" " * 9000
    case = Case(BrowserFiles, {rf"{PROFILE}\Last Tabs": data})

    host = as_folder(tmp_path / "c", windows(case.files))

    assert not sweep(host, case, monkeypatch, held=False).seen


def test_who_a_host_is_is_read_by_pages_too(tmp_path: Path) -> None:
    (tmp_path / "software").write_bytes(software())
    (tmp_path / "system").write_bytes(system())
    with (tmp_path / "software").open("rb") as one, (tmp_path / "system").open("rb") as other:
        assert read_software(PagedFile(one, len(software()))) == read_software(software())
        assert read_computer(PagedFile(other, len(system()))) == read_computer(system())


def test_a_real_hive_in_use_is_the_same_by_pages(tmp_path: Path) -> None:
    names = [f"registry/SYSTEM_B{suffix}.xz" for suffix in ("", ".LOG1", ".LOG2")]
    data, *logs = map(sample, names)
    path = tmp_path / "hive"
    path.write_bytes(data)
    with path.open("rb") as file:
        made = text_of(PagedFile(file, len(data)), logs)
        held = text_of(data, logs)

        assert made.data == held.data
        assert made.stretches == held.stretches
        assert made.entries == held.entries


LARGE = 40 << 20
HEAD = (
    b"\0" * 4 + bytes.fromhex("efcdab89") + b"\0" * 44 + b"\3\0\0\0" + b"\0" * 180 + b"\0\x10\0\0"
)


@pytest.mark.parametrize(
    ("source", "path", "head"),
    [
        (Hives, NTUSER, BEFORE),
        (Hives, NTUSER, dirty(BEFORE, 5)),
        (WmiRepository, OBJECTS, b""),
        (Srum, SRUDB, HEAD),
        (BrowserFiles, rf"{PROFILE}\Last Tabs", b""),
    ],
    ids=["hive", "hive in use", "WMI", "SRUM", "session"],
)
def test_a_large_file_is_not_held(
    source: type[Artefact], path: str, head: bytes, tmp_path: Path
) -> None:
    host = as_folder(tmp_path / "c", windows({path: head, f"{path}.LOG1": log(BEFORE, AFTER, 5)}))
    large = host.joinpath(*path.split("\\")[1:])
    with large.open("r+b") as file:
        file.truncate(LARGE)
        file.seek(LARGE - 100)
        file.write(b" cyzfc.dat pandorasong.com ")
    tracemalloc.start()
    try:
        found = swept(host, ArtefactSource(source()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found.matches()
    assert peak < LARGE // 2


def test_a_hive_with_large_logs_is_never_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES["a hive in use"]
    host = as_folder(tmp_path / "c", windows(case.files))
    held: list[bool] = []
    monkeypatch.setattr(hives, "HELD", len(case.files[NTUSER]))

    def noted(hive: Bytes, logs: Sequence[Bytes]) -> HiveText:
        held.append(isinstance(hive, bytes))
        return text_of(hive, logs)

    monkeypatch.setattr(hives, "text_of", noted)
    assert swept(host, ArtefactSource(Hives())).matches()
    (host / "Users/jo/NTUSER.DAT.LOG1").unlink()

    assert swept(host, ArtefactSource(Hives())).matches()
    assert held == [False, True]


def of_one(host: Path, monkeypatch: pytest.MonkeyPatch) -> Swept:
    return sweep(host, Case(BrowserFiles, {}), monkeypatch, held=False)


def test_what_is_beyond_the_bound_is_a_gap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BrowserFiles, "max_bytes", 1 << 20)
    data = b"pandorasong.com".rjust(1 << 20) + b" pandorasong.com"
    found = of_one(as_folder(tmp_path / "c", windows({rf"{PROFILE}\Last Tabs": data})), monkeypatch)

    assert found.reasons == {"file of a browser: read up to 1 MiB only": 1}
    assert [one.place.record for one in found.seen] == [f"byte {(1 << 20) - 15}"]
    assert found.coverage.bytes == 1 << 20


def test_a_file_that_becomes_shorter_while_it_is_read_is_a_gap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PagedFile, "fill", shorter)
    data = b"pandorasong.com" * 1000
    found = of_one(as_folder(tmp_path / "c", windows({rf"{PROFILE}\Last Tabs": data})), monkeypatch)

    assert found.reasons == {"file of a browser: became shorter while it was read": 1}
    assert not found.seen


def shorter(file: PagedFile, start: int, end: int) -> bytes:
    """The file was cut to a byte."""
    file._file = io.BytesIO(b"x")
    return REAL(file, start, end)


REAL = PagedFile.fill
