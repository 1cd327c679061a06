"""``iocsweep packs``: ``list`` and ``check``; the others are files of their own."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec

from ..exit_codes import CLEAN, FAILED
from ..matching.own_traces import Own
from ..matching.selection import Selector
from ..ntfs import Volume
from ..options import Options
from ..output.say import say, tell
from ..packs.built_in import load_packs, matcher_of
from ..packs.document import PackError
from ..packs.loading import Pack, load_pack
from ..reading.opening import reason_of
from ..sources.catalog import NAMES
from ..sources.files.gate_counts import GateCount, gate_counts
from ..targets.offline.at_rest import TargetError
from ..targets.offline.image import ImageTarget


def packs(options: Options) -> int:
    """The exit code of one of its actions."""
    if options.action == "list":
        for pack in load_packs():
            _print_pack(pack)
        return CLEAN
    if (other := _other_action(options.action)) is not None:
        return other(options)
    return _check(options)


def _other_action(name: str) -> Callable[[Options], int] | None:
    """Those with a file of their own, which is loaded when it is asked for."""
    if name == "export":
        from .packs_export import export_packs

        return export_packs
    if name == "diff":
        from .packs_diff import diff_packs

        return diff_packs
    if name == "import":
        from .packs_import import import_packs

        return import_packs
    if name in ("keygen", "sign", "verify"):
        from .packs_signing import about_signatures

        return about_signatures
    return None


def _check(options: Options) -> int:
    code, found = CLEAN, [] if options.paths else load_packs()
    for path in options.paths:
        try:
            pack = load_pack(Path(path), NAMES)
        except PackError as error:
            say(str(error))
            code = FAILED
        else:
            found.append(pack)
            tell(f"{path}: ok, {len(pack.file.indicators)} indicators")
    if options.against is None or code != CLEAN:
        return code
    try:
        _print_counts(options.against, Selector(matcher_of(found).indicators))
    except TargetError as error:
        say(str(error))
        return FAILED
    except OSError as error:
        say(f"{options.against}: {reason_of(error)}")
        return FAILED
    return CLEAN


def _print_counts(image: str, selector: Selector) -> None:
    """Raises OSError and TargetError."""
    roots, _ = ImageTarget(image, own=Own()).roots()
    for root in roots:
        if root.raw is None:
            tell(f"{root.path}: {root.description}: gates are counted of volumes of NTFS alone")
            continue
        with closing(root.raw.open()) as source:
            counts = gate_counts(Volume(source), selector)
        tell(
            f"{root.path}: {counts.records:,} records; {counts.candidates:,} files are of a size"
            f" and name that a gate allows, {counts.opened:,} of them begin as it asks, and are"
            " opened"
        )
        rows = sorted(counts.gates, key=lambda one: (-one.opened, -one.candidates))
        tell(f"  {'by size, name':>14} {'opened':>9}  indicators and their gate")
        for one in rows:
            tell(f"  {one.candidates:14,} {one.opened:9,}  {_gate_text(one)}")


def _gate_text(count: GateCount) -> str:
    ids = [indicator.id for indicator in count.indicators]
    more = f" and {len(ids) - 2} more" if len(ids) > 2 else ""
    if count.gate is None and not ids:
        return "archives and zone identifiers, whatever is looked for"
    if count.gate is None:
        return f"{', '.join(ids[:2])}{more}: programs where users can write"
    gate = msgspec.to_builtins(count.gate)
    told = ", ".join(f"{key} {value}" for key, value in gate.items() if key != "extensions")
    names = " ".join(extension or "(none)" for extension in count.gate.extensions)
    return f"{', '.join(ids[:2])}{more}: {told}{', ' if told and names else ''}{names}"


def _print_pack(pack: Pack) -> None:
    file = pack.file
    lines = [f"{file.id} {file.version}   {file.title}   {len(file.indicators)} indicators"]
    from ..matching.matcher import type_of, value_of

    lines += [
        f"  {i.strength.value:9}  {type_of(i):12}  {value_of(i)[:90]}  [{', '.join(i.reference)}]"
        for i in file.indicators
    ]
    tell("\n".join(lines))
