"""The examiner's notes, from their file into the report."""

from __future__ import annotations

from pathlib import Path

from ..exit_codes import UsageError
from ..model.custody import MAX_NOTES
from ..output.plain import plain


def notes_from(path: Path | None) -> str:
    """Their text; empty without a file. Raises UsageError."""
    if path is None:
        return ""
    try:
        with path.open("rb") as file:
            data = file.read(4 * MAX_NOTES + 1)
    except OSError as error:
        raise UsageError(f"--notes {path}: {plain(error)}") from error
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        why = "not UTF-8" if len(data) <= 4 * MAX_NOTES else _TOO_LONG
        raise UsageError(f"--notes {path}: {why}") from error
    if len(text) > MAX_NOTES:
        raise UsageError(f"--notes {path}: {_TOO_LONG}")
    return text


_TOO_LONG = f"longer than {MAX_NOTES:,} characters"
