"""The command ``clean``: a responder leaves nothing behind.

The home folder goes, with what sweeps have put there. What is ours is known by its place and its
name; anything else stays, and is named. No link is followed, neither a folder's nor a file's.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from ..delivery.spool import REFUSED, Spool, SpoolError
from ..exit_codes import CLEAN, INCOMPLETE, UNDELIVERED, AnotherSweep, CannotRun
from ..home import DEEP, HASHES, LOCK, LOG, REPORTS, SPOOL, OneSweep, home, make_home
from ..model.journal_record import SUFFIX
from ..options import Options
from ..output.escape import shown
from ..output.plain import plain
from ..output.say import say, tell
from ..packs.drill import CANARY
from ..selftest.leftover import is_leftover, is_self_test
from ..sweep import finished_mark
from ..sweep.publish import report_at
from ..sweep.recovery import find_interrupted
from ..windows.files import is_reparse
from .unsent import UNSENT, is_for_somebody, note_of

_UUID = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_REPORT = rf"(?:[A-Za-z0-9._-]+[-.])?(?:{_UUID}|[0-9a-f]{{32}})\.json"
_SPOOLED = rf"{_UUID}(?:\.[0-9]+)?"
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{32}\.tmp")
_MOST_SHOWN = 20
"""Paths of one kind; more are counted."""


class _Has(Enum):
    """Who has a file besides this host."""

    NOBODY = "nobody"
    SOMEBODY = "somebody, or it is worth nothing"
    THE_REPORT_SAYS = "the report says"


class _Kind(NamedTuple):
    what: str
    pattern: str
    has: _Has = _Has.SOMEBODY


MARK = "mark of a finished sweep"
_HERE = (
    _Kind("the cache of hashes", rf"{re.escape(HASHES)}(?:-journal|-wal|-shm)?"),
    _Kind("locks", re.escape(LOCK)),
    _Kind("log of a detached sweep", re.escape(LOG)),
    _Kind(MARK, re.escape(finished_mark.FILE)),
    _Kind("canaries of drills", re.escape(CANARY)),
)
_FOLDERS = {
    REPORTS: (
        _Kind("reports", _REPORT, _Has.THE_REPORT_SAYS),
        _Kind("notes on reports", rf"{_REPORT}{re.escape(UNSENT)}"),
        _Kind(
            "journals of interrupted sweeps",
            rf"{_REPORT}(?:\.[0-9]+)?{re.escape(SUFFIX)}",
            _Has.NOBODY,
        ),
    ),
    DEEP: (_Kind("how far --deep came", r"[0-9a-f]{32}\.(?:json|new)"),),
    SPOOL: (
        _Kind("reports in the spool", rf"{_SPOOLED}\.json\.gz", _Has.NOBODY),
        _Kind("locks", r"spool\.lock"),
    ),
    f"{SPOOL}/{REFUSED}": (
        _Kind("reports that a collector refused", rf"{_SPOOLED}\.json\.gz", _Has.NOBODY),
        _Kind("why it refused them", rf"{_SPOOLED}\.reason\.txt"),
    ),
}
"""What is ours in each folder of the home. Inner folders stand behind outer ones."""


class _Found:
    """All that lies in the home."""

    def __init__(self, folder: Path) -> None:
        self.ours: list[tuple[str, Path]] = []
        """What each is, and where."""
        self.others: list[Path] = []
        self.running: list[Path] = []
        """Folders of self-tests that may not be over."""
        self.undelivered: list[tuple[str, Path]] = []
        """Of ours, what nobody else has as far as can be told."""
        self.folders = [folder]
        inner = {name for name in _FOLDERS if "/" not in name}
        self._look(folder, _HERE, inner)
        for name, kinds in _FOLDERS.items():
            place = folder / name
            if place.parent in self.folders and _is_folder(place):
                self.folders.append(place)
                self._look(place, kinds, {REFUSED} if name == SPOOL else set())

    def _look(self, folder: Path, kinds: tuple[_Kind, ...], inner: set[str]) -> None:
        for path in _entries(folder):
            kind = next((one for one in kinds if re.fullmatch(one.pattern, path.name)), None)
            if path.name in inner and _is_folder(path):
                continue
            if folder == self.folders[0] and is_self_test(path) and _is_folder(path):
                self._look_at_self_test(path)
                continue
            if not _is_file(path) or not (kind or _TEMPORARY.fullmatch(path.name)):
                self.others.append(path)
                continue
            what = kind.what if kind else "unfinished files"
            self.ours.append((what, path))
            if kind and _is_only_here(kind, path):
                self.undelivered.append((what, path))

    def _look_at_self_test(self, folder: Path) -> None:
        if is_leftover(folder):
            self.ours.append(("folders of killed self-tests", folder))
        else:
            say(f"{folder}: a self-test is running, or was killed within the hour")
            self.running.append(folder)


def clean(options: Options) -> int:
    """0: nothing of ours is left; 3: something is; 4: nothing was removed, since there are reports
    that nobody else has.

    Raises CannotRun, also while a sweep runs (AnotherSweep) or another process sends.
    """
    folder = home()
    if not os.path.lexists(folder):
        gone: Counter[str] = Counter()
        left = _remove_mark(folder, gone)
        return _told(options, folder, gone, left, ours=bool(left))
    if not _is_folder(folder):
        raise CannotRun(f"{folder}: a link or no folder; nothing was removed")
    try:
        make_home(folder)  # which is there: on Windows only one that is closed to others is ours
        with OneSweep(folder) as lock:
            if not lock.acquire():
                raise AnotherSweep("a sweep is running on this host; nothing was removed")
            _refuse_while_sending(folder)
            found = _Found(folder)
            _refuse_while_writing(folder, found)
    except (OSError, SpoolError) as error:
        raise CannotRun(f"{folder}: {plain(error)}; nothing was removed") from error
    if found.undelivered and not options.yes:
        return _refused(options, found)
    if found.undelivered:
        say(f"removing what nobody else has: {_counted(found.undelivered)}")
    left = [*found.running, *_removed(found)]
    gone = Counter(what for what, path in found.ours if path not in left)
    left += _remove_mark(folder, gone)
    _remove_folders(found.folders)
    return _told(options, folder, gone, [*left, *found.others], ours=bool(left))


def _refuse_while_sending(folder: Path) -> None:
    if not _is_folder(folder / SPOOL):
        return
    with Spool(folder / SPOOL, private=False).sending() as free:
        if not free:
            raise CannotRun(f"{folder / SPOOL}: reports are being sent; nothing was removed")


def _refuse_while_writing(folder: Path, found: _Found) -> None:
    """A sweep of evidence at rest takes no lock but that of its journal."""
    ended = set(find_interrupted(folder / REPORTS)) if folder / REPORTS in found.folders else set()
    for _, path in found.ours:
        if path.name.endswith(SUFFIX) and path not in ended:
            raise AnotherSweep(f"{path}: a sweep is running; nothing was removed")


def _refused(options: Options, found: _Found) -> int:
    what = _counted(found.undelivered)
    say(
        f"nothing was removed: nobody but this host has {what}. `iocsweep send` delivers what"
        " was to be, or copy them; --yes removes them"
    )
    for _, path in found.undelivered[:_MOST_SHOWN]:
        say(f"  {path}")
    if options.quiet:
        tell(json.dumps({"v": 1, "removed": 0, "undelivered": len(found.undelivered)}))
    return UNDELIVERED


def _removed(found: _Found) -> list[Path]:
    """What could not be, and is said."""
    left = []
    for _, path in found.ours:
        try:
            if _is_folder(path):
                shutil.rmtree(path)  # follows no link
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            say(f"{path}: could not be removed: {plain(error)}")
            left.append(path)
    return left


def _remove_mark(folder: Path, gone: Counter[str]) -> list[Path]:
    """That of ``--once``, also where it is no file of the folder; what could not be is said."""
    try:
        if finished_mark.remove(folder):
            gone[MARK] += 1
    except OSError as error:
        say(f"{finished_mark.where(folder)}: could not be removed: {plain(error)}")
        return [Path(finished_mark.where(folder))]
    return []


def _remove_folders(folders: list[Path]) -> None:
    """Those that are empty now, the inner ones first."""
    for folder in reversed(folders):
        try:
            folder.rmdir()
        except OSError:
            continue  # what lies in it is named


def _told(
    options: Options, folder: Path, gone: Counter[str], left: list[Path], *, ours: bool = False
) -> int:
    there = os.path.lexists(folder)
    if options.quiet:
        line = {"v": 1, "removed": sum(gone.values()), "left": len(left), "home": there}
        tell(json.dumps(line))
    elif not gone and not left and not there:
        tell(f"{folder}: nothing of iocsweep is left on this host")
    else:
        words = ", ".join(f"{count:,} {what}" for what, count in sorted(gone.items()))
        tell(f"{folder}: removed {words or 'nothing'}; the folder is {'left' if there else 'gone'}")
        for path in left[:_MOST_SHOWN]:
            tell(f"  left: {shown(str(path))}")
        if len(left) > _MOST_SHOWN:
            tell(f"  … and {len(left) - _MOST_SHOWN:,} more")
    return INCOMPLETE if ours else CLEAN


def _counted(things: list[tuple[str, Path]]) -> str:
    counts = Counter(what for what, _ in things)
    return ", ".join(f"{count:,} {what}" for what, count in sorted(counts.items()))


def _is_only_here(kind: _Kind, path: Path) -> bool:
    """Of a report: whether no delivery was asked for when it was made, also where it cannot be
    read, or whether that failed and no spool had room. Else, when it is no longer in the spool, it
    has arrived.
    """
    if kind.has is not _Has.THE_REPORT_SAYS:
        return kind.has is _Has.NOBODY
    report = report_at(path)
    return report is None or note_of(path).exists() or not is_for_somebody(report)


def _entries(folder: Path) -> Iterator[Path]:
    """By name. Raises OSError."""
    yield from sorted(folder.iterdir())


def _is_folder(path: Path) -> bool:
    """No link, no mount point."""
    return path.is_dir() and not _is_link(path)


def _is_file(path: Path) -> bool:
    return path.is_file() and not _is_link(path)


def _is_link(path: Path) -> bool:
    state = path.lstat()
    return path.is_symlink() or is_reparse(getattr(state, "st_file_attributes", 0))


__all__ = ["clean"]
