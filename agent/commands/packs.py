"""``iocsweep packs list` and ``check``."""

from __future__ import annotations

from pathlib import Path

from ..exit_codes import CLEAN, FAILED
from ..options import Options
from ..output.say import say, tell
from ..packs.built_in import load_packs
from ..packs.document import PackError
from ..packs.loading import Pack, load_pack
from ..sources.catalog import NAMES


def packs(options: Options) -> int:
    """List them, or check those of one's own; the exit code."""
    if options.action == "list":
        for pack in load_packs():
            _print_pack(pack)
        return CLEAN
    code = CLEAN
    for path in options.paths:
        try:
            pack = load_pack(Path(path), NAMES)
        except PackError as error:
            say(str(error))
            code = FAILED
        else:
            tell(f"{path}: ok, {len(pack.file.indicators)} indicators")
    return code


def _print_pack(pack: Pack) -> None:
    file = pack.file
    lines = [f"{file.id} {file.version}   {file.title}   {len(file.indicators)} indicators"]
    from ..matching.matcher import type_of, value_of

    lines += [
        f"  {i.strength.value:9}  {type_of(i):12}  {value_of(i)[:90]}  [{', '.join(i.reference)}]"
        for i in file.indicators
    ]
    tell("\n".join(lines))
