"""Hives in which nothing is, and those that one look tells to be worth another one."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.formats.hive_logs import BASE_BLOCK
from agent.formats.hive_text import text_of
from agent.formats.paged import Overlay
from agent.model.report import State
from agent.sources.artefact_source import ArtefactSource
from agent.sources.registry import glance, hives
from agent.sources.registry.glance import Glance
from agent.sources.registry.hives import Hives
from tests.evidence.hive_files import RUN, nested
from tests.evidence.hives import (
    Gone,
    Tree,
    dirty,
    entry_between,
    hive,
    log,
    new_log,
)
from tests.evidence.packs import campaign
from tests.evidence.sweeping import Swept, swept
from tests.evidence.windows_folder import as_folder, windows

NTUSER = r"C:\Users\jo\NTUSER.DAT"
WORD = "cyzfc.dat".encode("utf-16-le")
RULES = campaign().records(Hives.markers, turned=True)
LONG = "x" * 8168 + "{}" + "y" * 9000
"""What is put there lies over the edge of two pieces."""
TRUSTED = r"Software\Microsoft\Office\16.0\Word\Security\Trusted Documents\TrustRecords"


def worth_a_look(data: bytes, *logs: bytes) -> bool:
    return Glance(data, logs, RULES).anything()


def sweep(tmp_path: Path, data: bytes, logs: Mapping[str, bytes] | None = None) -> Swept:
    files = {NTUSER: data, **{NTUSER + suffix: held for suffix, held in (logs or {}).items()}}
    return swept(as_folder(tmp_path / "c", windows(files)), ArtefactSource(Hives()))


QUIET: Tree = {
    **nested(RUN, {"a": "cmd /c no^te^pad.exe", "b": "powershell -enc " + "QQBBAEEA" * 8}),
    **nested(TRUSTED, {"%USERPROFILE%/a%20letter.docx": b"x" * 24, "b": 1}),
    "long": {"v": LONG.format("nothing"), "gone": Gone(LONG.format("more"))},
    "names": {"w`o`rd": "Algorithm`PZPWSTR`RSA`msPKI", "c": 'x"""y'},
}


@pytest.mark.parametrize("in_use", [False, True])
def test_a_hive_in_which_nothing_is_costs_one_look_at_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, in_use: bool
) -> None:
    monkeypatch.delattr(hives, "text_of")
    data = hive(QUIET)
    changed = hive({**QUIET, "pad": {"v": "x" * 300, "w": LONG.format("else")}})
    logs = {".LOG1": log(data, changed, 5)} if in_use else {}
    found = sweep(tmp_path, dirty(data, 5) if in_use else data, logs)

    assert found.seen == []
    assert (found.coverage.state, found.reasons) == (State.COMPLETE, {})


def encoded(command: str) -> str:
    return base64.b64encode(command.encode("utf-16-le")).decode()


HIDDEN = {
    "a caret": nested(RUN, {"a": "rundll32 cyz^fc.dat,Point^FunctionCall"}),
    "base64": nested(RUN, {"a": f"powershell -enc {encoded('start cyzfc.dat')}"}),
    "base64 in itself": nested(
        RUN, {"a": f"powershell -e {encoded('powershell -e ' + encoded('start cyzfc.dat'))}"}
    ),
    "base64 with carets": nested(RUN, {"a": f"powershell -e^n^c {encoded('start cy^zfc.dat')}"}),
    "a call that decodes": nested(
        RUN, {"a": f"powershell FromBase64String('{encoded('start cyzfc.dat')}')"}
    ),
    "a trusted document": nested(TRUSTED, {"%USERPROFILE%/ds7002%20(1).pdf": b"x" * 24}),
    "ROT13": {"k": {"v": "cyzfc.dat".translate(str.maketrans("cyzfdat", "plmsqng"))}},
    "a numbered copy": {"k": {"v": "ds7002 (2).zip"}},
    "beside letters": {"k": {"v": "xcyzfc.datx"}},
}


@pytest.mark.parametrize("what", HIDDEN)
def test_what_is_hidden_is_worth_another_look(what: str) -> None:
    data = hive(HIDDEN[what])
    quiet = hive({"pad": {"v": b"p" * (len(data) - 4096)}})

    assert worth_a_look(data)
    assert worth_a_look(dirty(quiet, 5), log(quiet, data, 5))
    assert not worth_a_look(dirty(quiet, 5), log(data, quiet, 5))


@pytest.mark.parametrize("window", [4096, 8192, 512 << 10])
def test_a_word_anywhere_is_worth_another_look(
    window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(glance, "WINDOW", window)
    data = hive({"v": b"\1" * 15_000})
    begin = data.index(b"\1" * 8)
    for at in (begin, *(edge - cut for edge in (12288, 16384) for cut in (17, 9, 1, 0))):
        paged = not_held(data[:at] + WORD + data[at + len(WORD) :])
        assert Glance(paged, (), RULES).anything()
    assert not Glance(not_held(data), (), RULES).anything()


def not_held(data: bytes) -> Overlay:
    """As a file that is not held."""
    return Overlay(data)


BASE = hive({"pad": {"v": b"\1" * 9000}, "long": {"v": LONG.format("quiet")}, "more": {"w": "x"}})


@settings(max_examples=30)
@given(st.lists(st.integers(BASE_BLOCK + 32, len(BASE) - 40), min_size=1, max_size=3), st.data())
def test_whatever_its_text_holds_is_worth_another_look(
    places: list[int], draw: st.DataObject
) -> None:
    """Words, and parts of words, that several entries of a log write, one behind the other."""
    states = [BASE]
    for at in places:
        cut = draw.draw(st.integers(0, len(WORD)))
        begin, end = draw.draw(st.sampled_from([(0, len(WORD)), (0, cut), (cut, len(WORD))]))
        states.append(states[-1][: at + begin] + WORD[begin:end] + states[-1][at + end :])
    entries = [entry_between(*pair, 5 + n) for n, pair in enumerate(pairwise(states))]
    data, logged = dirty(BASE, 5), new_log(5, entries, BASE)

    if WORD in text_of(data, [logged]).data:
        assert worth_a_look(data, logged)


def test_a_value_that_a_log_wrote_in_pieces_is_joined_in_either_state() -> None:
    quiet, wanted = hive({"v": LONG.format("quiet")}), hive({"v": LONG.format("cyzfc.dat")})

    assert not worth_a_look(dirty(quiet, 5), log(quiet, quiet[:-512] + bytes(512), 5))
    assert worth_a_look(dirty(quiet, 5), log(quiet, wanted, 5))
    assert worth_a_look(dirty(wanted, 5), log(wanted, quiet, 5))
    plain = hive({"v": b"\1" * 40_000})
    assert worth_a_look(dirty(plain, 5), log(plain, wanted, 5))


def test_more_lines_than_are_read_are_worth_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    data = hive({"a": "no^te one", "b": "no^te two", "c": "no^te three"})
    assert not worth_a_look(data)

    monkeypatch.setattr(glance, "MAX_LINES", 2)
    assert worth_a_look(data)


def test_more_edges_than_are_held_are_worth_another_look(monkeypatch: pytest.MonkeyPatch) -> None:
    quiet, other = hive({"v": b"\1" * 9000}), hive({"v": b"\2" * 9000})
    assert not worth_a_look(dirty(quiet, 5), log(quiet, other, 5))

    monkeypatch.setattr(glance, "MOST_OF_EDGES", 100)
    assert worth_a_look(dirty(quiet, 5), log(quiet, other, 5))


def test_pieces_that_overlap_are_worth_another_look() -> None:
    data = bytearray(hive({f"v{number}": "x" * 9000 for number in range(4)}))
    heads = [at for at in range(len(data)) if data.startswith(b"db\2\0", at)]
    assert not worth_a_look(bytes(data))
    for head in range(heads[0] + 24, heads[0] + 24 + 16 * 4096, 16):
        data[head - 5 : head + 8] = b"\xf0\xff\xff\xff"[-1:] + data[heads[0] - 4 : heads[0] + 8]
    assert worth_a_look(bytes(data))


# ---- what is not there, though nothing occurs


def test_a_log_that_was_cut_is_a_gap_of_a_hive_in_which_nothing_is(tmp_path: Path) -> None:
    data, changed = hive(QUIET), hive({**QUIET, "more": {"a": "b"}})
    logged = log(data, changed, 5)
    found = sweep(tmp_path, dirty(data, 5), {".LOG1": logged[:1000] + bytes(len(logged) - 1000)})

    assert found.reasons == {"registry hive: dirty, and entry 5 of its log is damaged": 1}


@pytest.mark.parametrize("is_hit", [False, True])
def test_a_damaged_entry_that_its_successor_follows_is_told_where_something_is(
    tmp_path: Path, *, is_hit: bool
) -> None:
    """All bytes are searched, whichever entries Windows would take."""
    data = hive({"pad": {"v": b"p" * 9000}})
    states = [data, *(data.replace(b"p" * 9000, bytes([n]) * 9000) for n in (1, 2))]
    last = states[2][:-100] + (WORD if is_hit else b"quiet").ljust(100, b"\0")
    entries = [entry_between(states[0], states[1], 5), entry_between(states[1], last, 6)]
    damaged = entries[0][:1000] + b"x" + entries[0][1001:]
    found = sweep(tmp_path, dirty(data, 5), {".LOG1": new_log(5, [damaged, entries[1]], data)})

    gap = "registry hive: dirty, and entry 5 of its log is damaged"
    assert found.reasons == ({gap: 1} if is_hit else {})
    assert bool(found.matches()) is is_hit


def test_pages_that_were_not_written_are_a_gap_unless_a_log_has_them(tmp_path: Path) -> None:
    whole = hive({"pad": {"v": b"p" * 300}, "more": {"v": b"q" * 9000, "w": b"r" * 300}})
    at = whole.rindex(b"hbin")
    torn = whole[:at] + bytes(len(whole) - at)
    gap = {"registry hive: parts of it are not there": 1}

    assert sweep(tmp_path / "1", torn).reasons == gap
    assert sweep(tmp_path / "2", dirty(torn, 5), {".LOG1": log(torn, whole, 5)}).reasons == {}
    other = torn[:4196] + b"x" + torn[4197:]
    assert sweep(tmp_path / "3", dirty(torn, 5), {".LOG1": log(torn, other, 5)}).reasons == gap
    cut = {"registry hive: cut short": 1}
    assert sweep(tmp_path / "4", whole[:-100]).reasons == cut
