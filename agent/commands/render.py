"""The command ``render``: reports that are there already, as text, as one page for people, or in
the words of another system."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..delivery.parcel import unpacked
from ..delivery.spool import ENDING
from ..exit_codes import CLEAN, FAILED, HIT, INCOMPLETE, UsageError
from ..model.codec import MAX_BYTES, ReportError, decode
from ..model.report import Report, Verdict
from ..options import Options
from ..output.console import render as as_text
from ..output.escape import in_ascii, shown
from ..output.plain import plain
from ..output.say import say, tell
from ..reading.opening import reason_of
from .exports import Export, refuse_to_lose, write_exports
from .given_paths import files_below, refuse_missing

if TYPE_CHECKING:
    from ..output.page.told import Told


_MOST_NAMED = 100
_GZIP = b"\x1f\x8b"
_ENDINGS: Final = (".json", ENDING)
"""Of a folder and those below it: as a sweep writes them, and as they lie on a share."""


class _Reports:
    """What is there to be shown."""

    def __init__(self) -> None:
        self.read: dict[str, tuple[Report, bytes, Path]] = {}
        """By their ids, each once."""
        self.lost: list[str] = []
        """What is not shown, and why: one line each."""

    def add(self, path: Path) -> None:
        """What is none is said, and counted."""
        try:
            data = _bytes_of(path)
            report = decode(data)
        except (OSError, ReportError) as error:
            self.lose(path, f"is no report that can be read: {plain(error)}")
            return
        other = self.read.setdefault(report.report_id, (report, data, path))
        if other[1] != data:
            self.lose(path, f"has the id of {shown(str(other[2]))} and another content")

    def lose(self, path: Path, why: str) -> None:
        """It is said, and kept for who reads the page alone."""
        line = f"{shown(str(path))}: {why}"
        say(line)
        self.lost.append(line)


def _bytes_of(path: Path) -> bytes:
    """Those of a report in a spool or on a share are compressed. Raises OSError; ReportError where
    there is more than a report has, or less than it should be."""
    with path.open("rb") as file:
        data = file.read(MAX_BYTES + 1)
    if path.name.endswith(ENDING) and data.startswith(_GZIP):
        data = unpacked(data)
    if len(data) > MAX_BYTES:
        raise ReportError(f"it is larger than {MAX_BYTES:,} bytes")
    return data


def render(options: Options) -> int:
    """1 if one of them is a hit, else 2 if one could not be read, else 3, 0.

    Raises UsageError.
    """
    refuse_missing([path for path in options.paths if not _pattern(path)])
    export = _asked(options)
    if export is not None:
        refuse_to_lose(export)
    reports = _Reports()
    for place in options.paths:
        for path in _files(place, reports.lose):
            reports.add(path)
    found = [report for report, _, _ in reports.read.values()]
    kept = True
    if not found:
        say("no report was read; there is nothing to show")
    elif options.export_to:
        kept = _export(found, options.export_to, export)
    elif export is None:
        for report, _, path in reports.read.values():
            tell(as_text(report, report_path=str(path)) + "\n")
    else:
        kept = _write(reports, export)
    return _code(found, lost=bool(reports.lost) or not found or not kept, options=options)


def _asked(options: Options) -> Export | None:
    """The file that is to be written. Raises UsageError."""
    if options.export_to:
        if options.html is not None:
            raise UsageError("--html and --to: give one of them")
        if options.out is None:
            return None
        from ..output.exports.formats import BY_NAME

        is_one = BY_NAME[options.export_to].is_one
        return Export("--out", options.out, lambda _: b"", is_one, options.force)
    if options.out is not None:
        raise UsageError("--out: of which form? give --to, too")
    if options.html is None:
        return None
    from ..output.page import is_page

    return Export("--html", options.html, lambda _: b"", is_page, options.force)


def _export(found: Sequence[Report], name: str, export: Export | None) -> bool:
    """Whether it could be written; to stdout as ASCII, whatever the console can show."""
    from ..output.exports.formats import BY_NAME

    data = BY_NAME[name].make(found)
    if export is None:
        tell(in_ascii(data))
        return True
    return write_exports(found[0], [export._replace(make=lambda _: data)])


def _pattern(path: str) -> bool:
    """Windows' own shell leaves ``*.json`` to the program."""
    return any(char in Path(path).name for char in "*?")


def _files(path: str, lose: Callable[[Path, str], object]) -> list[Path]:
    """The file; of a folder, or by a pattern, those that are there. ``lose``: is told where there
    is none."""
    place = Path(path)
    if place.is_dir():
        found = files_below(place, _ENDINGS, lambda error: lose(*_unlisted(error)))
        folder, sought = place, [f"*{one}" for one in _ENDINGS]
    elif not _pattern(path) or place.exists():
        return [place]
    else:
        folder, sought = place.parent, [place.name]
        found = sorted(one for one in folder.glob(place.name) if one.is_file())
    if not found:
        lose(folder, f"there is no {shown(' and no '.join(sought))}")
    return found


def _unlisted(error: OSError) -> tuple[Path, str]:
    return Path(error.filename), f"cannot be listed: {reason_of(error)}"


def _write(reports: _Reports, export: Export) -> bool:
    from ..output.page import page_of

    told = [*_told(reports)]
    lost = reports.lost[:_MOST_NAMED]
    if more := len(reports.lost) - len(lost):
        lost.append(f"… and {more:,} more")
    made = export._replace(make=lambda _: page_of(told, lost))
    done = write_exports(told[0].report, [made])
    if done:
        what = "1 report" if len(told) == 1 else f"a case of {len(told):,} reports"
        tell(f"{what}: {shown(str(export.path))}")
    return done


def _told(reports: _Reports) -> Iterator[Told]:
    from ..output.page.told import Told

    for report, data, path in reports.read.values():
        yield Told(report, data, path.name)


def _code(found: Sequence[Report], *, lost: bool, options: Options) -> int:
    verdicts = {report.verdict for report in found}
    if Verdict.HIT in verdicts and not options.exit_zero:
        return HIT
    if lost:
        return FAILED
    if Verdict.INCOMPLETE in verdicts and not options.exit_zero:
        return INCOMPLETE
    return CLEAN
