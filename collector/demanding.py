"""What a sweep asks for, as an operator says it: a pack's file, and options of the command line."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from msgspec import structs

from agent.model.report import PackRef, TargetKind

from .judging import usual_demand
from .records import Demand

ANY = "any"
"""Said of a condition that there is none."""


def pinned_to(demand: Demand, pack: PackRef, *, exactly: bool = False) -> Demand:
    """The same for this pack: its version at least, or (``exactly``) its very file."""
    return structs.replace(
        demand, pack=pack.id, pack_version="" if exactly else pack.version,
        pack_sha256=pack.sha256 if exactly else "", any_pack=False,
        indicators=max(demand.indicators, 1),
    )  # fmt: skip


def demand_from_pack(demand: Demand, place: str, *, exactly: bool = False) -> Demand:
    """The same for the pack in a file, or for that of this id in any version.

    Raises ValueError: the file is no pack, or there is none and it is no id.
    """
    path = Path(place)
    if path.is_file():
        from agent.packs.document import PackError
        from agent.packs.loading import load_pack

        try:
            pack = load_pack(path)
        except PackError as error:
            raise ValueError(str(error)) from error
        return pinned_to(demand, pack.reference(), exactly=exactly)
    if exactly or path.name != place or path.suffix in (".yaml", ".yml", ".json"):
        raise ValueError(f"{place}: there is no such pack")
    return structs.replace(
        demand, pack=place, pack_version="", pack_sha256="", any_pack=False,
        indicators=max(demand.indicators, 1),
    )  # fmt: skip


def first_demand(sweep_id: str, created: int) -> Demand:
    """Of the sweep that a first start makes: the pack that comes with this version, from now on."""
    from agent.packs.built_in import built_in_packs

    return pinned_to(usual_demand(sweep_id, created), built_in_packs()[0].reference())


def add_demand(made: argparse.ArgumentParser) -> None:
    """The options that :func:`demand_by` reads."""
    told: dict[str, tuple[str, Callable[[str], Any], str]] = {
        "--pack": ("FILE|ID", str, "that must have been looked for, in this version or later"),
        "--min-version": ("VERSION", str, "of the pack, instead of the file's"),
        "--require": ("SOURCE,…|any", _names, "sources that must have been asked"),
        "--not-before": (
            "TIME|any",
            _time,
            "that it must have begun since (default: the sweep)",
        ),
        "--report-sweep-id": ("ID|any", str, "that it must name, if any (default: the sweep's)"),
        "--kind": ("KIND,…|any", _kinds, "live, folder, image, collection (default: live)"),
    }
    group = made.add_argument_group("what counts as an answer; what is less is shown as limited")
    for name, (metavar, kind, words) in told.items():
        group.add_argument(name, metavar=metavar, type=kind, help=words)
    group.add_argument("--exact", action="store_true", help="this very pack, by its SHA-256")
    group.add_argument("--any-pack", action="store_true", help="whatever pack a report names")
    group.add_argument("--signature", choices=("required", ANY),
                       help="by the key that the sweep issued (default: any, or none)")  # fmt: skip
    group.add_argument("--scope", choices=("whole", ANY), help="default: the whole host")


def demand_by(options: argparse.Namespace, demand: Demand) -> Demand:
    """What the options change of it. Raises ValueError."""
    changes: dict[str, Any] = {}
    if options.pack:
        demand = demand_from_pack(demand, options.pack, exactly=options.exact)
    elif options.exact:
        raise ValueError("--exact is of a pack's file: --pack FILE")
    if options.any_pack:
        if options.pack or options.min_version:
            raise ValueError("--any-pack, or one that is asked for: not both")
        changes |= {"any_pack": True, "pack": "", "pack_version": "", "pack_sha256": ""}
    if options.min_version:
        if options.exact or not demand.pack:
            raise ValueError("--min-version is of a pack: --pack FILE or ID, without --exact")
        changes |= {"pack_version": options.min_version, "pack_sha256": ""}
    if options.scope:
        changes |= {"whole_host": options.scope != ANY, "all_time": options.scope != ANY}
    if options.require is not None:
        changes["sources"] = options.require
    if options.not_before is not None:
        changes["after"] = options.not_before if options.not_before >= 0 else None
    if options.report_sweep_id is not None:
        named = options.report_sweep_id
        changes["sweep_id"] = None if named == ANY else named
    if options.kind is not None:
        changes["kinds"] = options.kind
    return structs.replace(demand, **changes, **_signature(options))


def _signature(options: argparse.Namespace) -> dict[str, Any]:
    return {"signed": options.signature != ANY} if options.signature else {}


def _names(text: str) -> tuple[str, ...]:
    if text == ANY:
        return ()
    from agent.sources.catalog import NAMES

    names = tuple(dict.fromkeys(one.strip() for one in text.split(",") if one.strip()))
    if unknown := [one for one in names if one not in NAMES]:
        raise argparse.ArgumentTypeError(f"no source is called {', '.join(unknown)}")
    return names


def _kinds(text: str) -> tuple[str, ...]:
    kinds = () if text == ANY else tuple(one.strip() for one in text.split(","))
    if unknown := [one for one in kinds if one not in {kind.value for kind in TargetKind}]:
        raise argparse.ArgumentTypeError(f"no kind of target is called {', '.join(unknown)}")
    return kinds


def _time(text: str) -> int:
    """Milliseconds UTC; -1 for any."""
    if text == ANY:
        return -1
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is no time such as 2026-12-01T18:00") from error
    return int(when.replace(tzinfo=when.tzinfo or timezone.utc).timestamp() * 1000)


__all__ = ["add_demand", "demand_by", "demand_from_pack", "first_demand", "pinned_to"]
