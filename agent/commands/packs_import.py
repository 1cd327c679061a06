"""``iocsweep packs import``: lists, events and rules of other forms become a pack."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

from ..exit_codes import CLEAN, FAILED
from ..indicators import FileHash, Gate, PackFile
from ..options import Options
from ..output.say import say, tell
from ..packs.document import PackError, is_pack
from ..packs.importing.collected import MOST_IN_YAML, NO_ROOM, Collected, encoded
from ..packs.importing.reading import FORMS, Origin, read_origin
from ..packs.importing.table import as_csv, is_csv, summary
from ..packs.loading import parse_pack
from ..reading.opening import reason_of
from ..sources.catalog import NAMES
from .replacing import IsOne, why_not, write_or_replace

_MOST_ID = 64
_UNGATED = (
    "hashes of files of no known size: a sweep asks them of programs where users can write, and of"
    " files that are opened anyway; --thorough of every file"
)


def import_packs(options: Options) -> int:
    """Reads all files, tells what became of each value, and writes the pack; the exit code."""
    out = options.out
    assert out is not None
    try:
        pack_id = options.pack_id or _id_of(out)
        origins = [read_origin(Path(path)) for path in options.paths]
        collected = Collected(pack_id)
        for origin in origins:
            collected.add(origin.name, origin.citation, origin.offers())
        pack = collected.pack(
            f"Imported from {', '.join(origin.name for origin in origins)}"[:4096],
            f"{datetime.now(UTC):%Y.%m.%d}",
            _described(origins),
        )
        tell(summary(collected.rows))
        if more := sum(row.why == NO_ROOM for row in collected.rows):
            say(f"NOT in the pack: {more:,} values, as {NO_ROOM}; import the rest as another one")
        if options.table is not None and not _written(
            options.table, as_csv(collected.rows), "table of an import", is_csv, options
        ):
            return FAILED
        if pack is None:
            say("nothing in it is an indicator: no pack was written")
            return FAILED
        return _save(pack, out, options)
    except PackError as error:
        say(str(error))
        return FAILED


def _save(pack: PackFile, out: Path, options: Options) -> int:
    """Raises PackError if it would not load."""
    count = len(pack.indicators)
    as_json = out.suffix.lower() == ".json"
    if count > MOST_IN_YAML and not as_json:
        raise PackError(
            f"{out}: {count:,} indicators; more than {MOST_IN_YAML:,} are written as JSON:"
            f" --out {out.with_suffix('.json')}"
        )
    data = encoded(pack, as_json=as_json)
    parse_pack(data, str(out), sources=NAMES)
    if not _written(out, data, "pack", is_pack, options):
        return FAILED
    tell(f"{out}: {count:,} indicators, {len(pack.chains):,} chains; id {pack.id}")
    ungated = sum(isinstance(one, FileHash) and one.gate == Gate() for one in pack.indicators)
    if ungated:
        tell(f"{ungated:,} {_UNGATED}")
    return CLEAN


def _written(path: Path, data: bytes, what: str, is_one: IsOne, options: Options) -> bool:
    try:
        write_or_replace(path, data, is_one, replaces=options.force)
    except FileExistsError:
        say(why_not(path, is_one, what))
        return False
    except OSError as error:
        say(f"{path}: could not be written: {reason_of(error)}")
        return False
    return True


def _described(origins: list[Origin]) -> str:
    return "; ".join(f"{origin.name}: {FORMS[origin.form]}" for origin in origins)[:8192]


def _id_of(out: Path) -> str:
    """Raises PackError."""
    name = re.sub(r"[^a-z0-9._-]+", "-", out.stem.lower()).strip("-._")[:_MOST_ID]
    if not name:
        raise PackError(f"{out}: no id can be made of this name; give --id")
    return name
