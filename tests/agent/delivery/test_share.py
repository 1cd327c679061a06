"""A file share takes a whole report or none, and never loses another."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from agent.delivery import share as share_module
from agent.delivery.share import Share, ShareError
from tests.agent.delivery.reports import report_id

ID = report_id(7)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_report_lies_there_whole_under_its_id_and_nothing_beside_it(tmp_path: Path) -> None:
    Share(tmp_path).put(ID, b"body")
    assert names(tmp_path) == [f"{ID}.json.gz"]
    assert (tmp_path / f"{ID}.json.gz").read_bytes() == b"body"


def test_the_same_report_twice_is_one(tmp_path: Path) -> None:
    for _ in range(2):
        Share(tmp_path).put(ID, b"body")
    assert names(tmp_path) == [f"{ID}.json.gz"]


@pytest.mark.parametrize("links", [True, False])
def test_another_report_under_the_id_is_never_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    def refused(*_: object) -> None:
        raise OSError(errno.EPERM, "no links on this file system")

    if not links:
        monkeypatch.setattr(os, "link", refused)
    Share(tmp_path).put(ID, b"first")
    with pytest.raises(ShareError, match="another report is there"):
        Share(tmp_path).put(ID, b"second")
    assert names(tmp_path) == [f"{ID}.json.gz"]
    assert (tmp_path / f"{ID}.json.gz").read_bytes() == b"first"


def test_a_share_that_is_not_there_or_full_says_so_and_keeps_no_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(ShareError, match="none: No such file"):
        Share(tmp_path / "none").put(ID, b"x")
    assert names(tmp_path) == []
    monkeypatch.setattr(share_module, "write_all", full)
    with pytest.raises(ShareError, match="No space left"):
        Share(tmp_path).put(ID, b"x")
    assert names(tmp_path) == []


def test_a_share_that_hangs_is_given_up_once_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = threading.Event()
    monkeypatch.setattr(share_module, "write_all", lambda *_: ended.wait(10))
    share = Share(tmp_path, deadline=0.1)
    with pytest.raises(ShareError, match=r"no answer within 0\.1 s"):
        share.put(ID, b"x")
    with pytest.raises(ShareError, match="does not answer"):
        share.put(ID, b"x")
    ended.set()


def test_an_id_that_is_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ShareError, match="is no report id"):
        Share(tmp_path).put("../x", b"")
