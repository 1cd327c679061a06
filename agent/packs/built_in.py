"""The packs and exclusions of a sweep: built in, beside the exe, and given."""

from __future__ import annotations

import hashlib
import sys
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec import structs

from ..indicators import (
    ExclusionsFile,
)
from ..matching.byte_rules import RulesError
from ..matching.matcher import Matcher
from ..model.report import BUILT_IN, DRILL, ExclusionsRef
from ..signing.keys import PublicKey
from .beside_exe import beside_exe
from .document import PackError, read_yaml

if TYPE_CHECKING:
    from ..matching.own_rules import OwnRules
from .loading import Pack, load_pack, parse_exclusions, parse_pack
from .signature import verified

EXCLUSIONS = "exclusions.yaml"
"""Its name, inside the program and beside it."""


class _InUse(NamedTuple):
    """A built-in file, or the one beside the exe that takes its place."""

    path: str
    """To be shown."""
    origin: str
    data: bytes
    signed_by: str = ""


def _in_use(name: str, origin: str, data: bytes, keys: Sequence[PublicKey]) -> _InUse:
    """``keys``: one of which must have signed the one beside the exe. Raises PackError."""
    beside = beside_exe(name)
    if beside is None:
        return _InUse(origin, BUILT_IN, data)
    data = read_yaml(beside)
    return _InUse(str(beside), "", data, verified(beside, data, keys).id if keys else "")


def _built_in_files() -> dict[str, tuple[str, bytes]]:
    """Name to (where from, bytes): the folder ``iocs`` or, in the exe, the compressed
    ``iocs.zip``.
    """
    bundle = getattr(sys, "_MEIPASS", None)
    if bundle is not None:
        archive = Path(bundle) / "iocs.zip"
        with zipfile.ZipFile(archive) as packed:
            return {n: (f"built in:{n}", packed.read(n)) for n in packed.namelist()}
    import iocs

    folder = Path(iocs.__file__).parent
    return {p.name: (str(p), p.read_bytes()) for p in sorted(folder.glob("*.yaml"))}


def built_in_packs(sources: Collection[str] = (), keys: Sequence[PublicKey] = ()) -> list[Pack]:
    """The packs that come with the agent, as :func:`parse_pack`; ``keys`` as :func:`load_packs`."""
    packs = []
    for name, (place, inside) in _built_in_files().items():
        if name.endswith(".yaml") and name != EXCLUSIONS:
            used = _in_use(name, place, inside, keys)
            pack = parse_pack(used.data, used.path, used.origin, sources)
            packs.append(structs.replace(pack, signed_by=used.signed_by))
    return packs


def exclusions_in_use(
    sources: Collection[str] = (), keys: Sequence[PublicKey] = ()
) -> tuple[ExclusionsFile, ExclusionsRef]:
    """The known-benign rules that come with the agent, and what the report says of them.

    As :func:`parse_exclusions`; ``keys`` as :func:`load_packs`.
    """
    path, origin, data, _ = _in_use(EXCLUSIONS, *_built_in_files()[EXCLUSIONS], keys)
    file = parse_exclusions(data, path, sources)
    return file, ExclusionsRef(
        version=file.version,
        sha256=hashlib.sha256(data).hexdigest(),
        rules=len(file.rules),
        origin=origin or path,
    )


def built_in_exclusions() -> ExclusionsFile:
    """The known-benign rules that come with the agent; raises PackError."""
    return exclusions_in_use()[0]


def load_packs(
    extra: Sequence[Path] = (),
    only: Sequence[Path] = (),
    sources: Collection[str] = (),
    keys: Sequence[PublicKey] = (),
) -> list[Pack]:
    """The packs of a sweep: the built-in ones and ``extra``, or ``only``, as :func:`parse_pack`.

    ``keys``: one of which must have signed all that is not inside the program; empty: no signature
    is asked for.
    """
    if only:
        packs = [load_pack(path, sources, keys) for path in only]
    else:
        packs = built_in_packs(sources, keys)
    packs.extend(load_pack(path, sources, keys) for path in extra)
    for pack in packs:
        if pack.file.id == DRILL:
            raise PackError(f"{pack.path}: the id {DRILL} is that of drills; give it another")
    owner: dict[str, str] = {}
    for pack in packs:
        for indicator in pack.file.indicators:
            if indicator.id in owner:
                other = owner[indicator.id]
                what = "--only-pack takes the place of what is built in"
                raise PackError(f"{pack.path}: id {indicator.id} is also in {other}; {what}")
            owner[indicator.id] = pack.path
    return packs


def matcher_of(
    packs: Sequence[Pack], own_rules: OwnRules | None = None, *, thorough: bool = False
) -> Matcher:
    """One matcher for all packs and the operator's own rules. Raises PackError."""
    indicators = [indicator for pack in packs for indicator in pack.file.indicators]
    try:
        return Matcher(indicators, own_rules=own_rules, thorough=thorough)
    except RulesError as error:
        raise PackError(str(error)) from error
