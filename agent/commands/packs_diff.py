"""``iocsweep packs diff OLD NEW``: what was added, removed and changed; 1 if there is anything."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from ..exit_codes import CLEAN, FAILED, HIT
from ..indicators import PackFile
from ..options import Options
from ..output.escape import shown
from ..output.say import say, tell
from ..packs.built_in import load_packs
from ..packs.difference import Change, difference
from ..packs.document import PackError
from ..packs.loading import load_pack
from ..sources.catalog import NAMES

_MOST_SHOWN = 200


def diff_packs(options: Options) -> int:
    """As ``diff`` has it: 0 nothing, 1 something, 2 one of them cannot be read."""
    try:
        built_in = {pack.file.id: pack.file for pack in load_packs()}
        old, new = (
            built_in.get(name) or load_pack(Path(name), NAMES).file for name in options.paths
        )
    except PackError as error:
        say(str(error))
        return FAILED
    changes = difference(old, new)
    for line in _lines(old, new, changes):
        tell(line)
    return HIT if changes or _head(old) != _head(new) else CLEAN


def _head(pack: PackFile) -> tuple[str, str, str]:
    return pack.id, pack.version, pack.title


def _lines(old: PackFile, new: PackFile, changes: list[Change]) -> Iterator[str]:
    for name, before, after in zip(("id", "version", "title"), _head(old), _head(new), strict=True):
        if before != after:
            yield f"{name}: {shown(before)} -> {shown(after)}"
    for change in changes:
        yield f"{change.sign} {shown(change.id)}  {shown(change.what[:_MOST_SHOWN])}"
        for name, before, after in change.fields:
            yield f"    {name}: {shown(before[:_MOST_SHOWN])} -> {shown(after[:_MOST_SHOWN])}"
    counts = Counter(change.sign for change in changes)
    yield f"{counts['+']:,} added, {counts['-']:,} removed, {counts['~']:,} changed"
