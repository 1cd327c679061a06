"""Dead letters: none is thrown away, and two processes may work on them at once."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from collector.outputs.dead_letter import MAX_DOCUMENT, DeadLetters, Unkept, letters_in, rest_of
from tests.collector.outputs.reporting import items


@pytest.fixture
def letters(tmp_path: Path) -> DeadLetters:
    return DeadLetters(tmp_path / "d" / "a.ndjson", "a", max_bytes=20_000)


def test_each_is_kept_with_what_finds_it_again(letters: DeadLetters) -> None:
    (item,) = items(1)
    letters.bury(item, "why", {"x": "y"})
    (letter,) = letters.letters()
    assert (letter.seq, letter.report_id, letter.document_id) == (1, "report-0", item.id)
    assert (letter.output, letter.reason, letter.document) == ("a", "why", {"x": "y"})


def test_only_their_owner_can_read_them(letters: DeadLetters) -> None:
    letters.bury(items(1)[0], "why", {})
    assert letters.path is not None
    files = list(letters.path.parent.iterdir())
    assert all(file.stat().st_mode & 0o077 == 0 for file in (*files, letters.path.parent))


def test_without_room_what_was_sent_is_left_out_and_no_letter_is_lost(letters: DeadLetters) -> None:
    sent = items(60)
    for item in sent:
        letters.bury(item, "why", {"x": "y" * 1000})
    assert [letter.document_id for letter in letters.letters()] == [item.id for item in sent]
    assert letters.full
    documents = [letter.document for letter in letters.letters()]
    assert documents[0]
    assert not documents[-1]
    assert letters.path is not None
    assert letters.path.stat().st_size < 40_000


def test_a_document_as_large_as_a_report_is_left_out(letters: DeadLetters) -> None:
    letters.bury(items(1)[0], "why", "x" * MAX_DOCUMENT)
    assert [letter.document for letter in letters.letters()] == [None]
    assert not letters.full


def test_what_waits_is_counted_whoever_wrote_it(letters: DeadLetters) -> None:
    assert (letters.waiting(), letters.full) == (0, False)
    for item in items(3):
        letters.bury(item, "why", {})
    beside = DeadLetters(letters.path, "a")
    beside.bury(items(1)[0], "why", {})
    assert (letters.waiting(), letters.count) == (4, 3)
    assert (beside.waiting(), beside.count) == (4, 1)


def test_those_that_were_put_aside_wait_until_they_are_worked_off(letters: DeadLetters) -> None:
    for item in items(2):
        letters.bury(item, "why", {})
    aside = letters.take()
    assert aside is not None
    letters.bury(items(3)[2], "why", {})
    assert (letters.waiting(), letters.files()) == (3, 2)
    assert letters.take() == aside  # as whoever was killed left it
    kept = [*letters_in(aside)][1:]
    rest_of(aside, kept)
    assert [letter.document_id for letter in letters.letters()] == [i.id for i in items(3)[1:]]
    rest_of(aside, [])
    assert (letters.waiting(), letters.files()) == (1, 1)


def test_there_may_be_none(letters: DeadLetters) -> None:
    assert (letters.take(), letters.files(), [*letters.letters()]) == (None, 0, [])


def test_a_file_of_an_earlier_version_is_read_with_its_older_half(letters: DeadLetters) -> None:
    assert letters.path is not None
    letters.path.parent.mkdir()
    line = (
        '{"time": "2026-11-24T14:05:00Z", "output": "a", "seq": 3, "document_id": "%s",'
        ' "reason": "r", "document": {}}\n'
    )
    letters.path.write_text(line % "new" + '{"time": "2026-11-2')  # torn by a crash
    letters.path.with_name("a.ndjson.old").write_text(line % "old")
    assert [letter.document_id for letter in letters.letters()] == ["old", "new"]
    taken = [letters.take()]
    assert taken[0] is not None
    assert [letter.document_id for letter in letters_in(taken[0])] == ["old"]


def test_a_file_that_cannot_be_written_passes_nothing_over(tmp_path: Path) -> None:
    (tmp_path / "d").write_text("no folder")
    letters = DeadLetters(tmp_path / "d" / "a.ndjson", "a")
    with pytest.raises(Unkept, match=re.escape(str(letters.path))):
        letters.bury(items(1)[0], "why", {})
    assert letters.count == 0


def test_what_was_written_is_on_the_disk_when_it_is_asked_for(
    letters: DeadLetters, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(
        os, "fsync", lambda handle: synced.append(Path(os.readlink(f"/proc/self/fd/{handle}")))
    )
    letters.sync()
    assert synced == []
    letters.bury(items(1)[0], "why", {})
    letters.bury(items(1)[0], "why", {})
    letters.sync()
    letters.sync()
    assert letters.path is not None
    assert synced == [letters.path, letters.path.parent]
    letters.bury(items(1)[0], "why", {})
    letters.take()
    letters.sync()  # it is elsewhere, and so is whoever answers for it


def test_with_no_file_they_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    letters = DeadLetters(None, "a")
    letters.bury(items(1)[0], "why", {})
    assert (letters.waiting(), letters.full, letters.take(), letters.files()) == (1, False, None, 0)
    assert "refused: why" in caplog.text
