"""Packs and exclusions from their bytes; refusing what cannot work, with file, line and why.

A pack is hostile until proved otherwise: bounded, strictly typed, and every indicator must match
its own value before anything is swept.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Sequence
from pathlib import Path

import msgspec
from msgspec import structs

from ..indicators import (
    Address,
    ExclusionsFile,
    PackFile,
)
from ..model.report import PackRef, Strength
from ..signing.keys import PublicKey
from ..spelling import plain_address
from .document import Document, PackError, read_yaml
from .proof import check, check_sources
from .signature import verified

_YARA = re.compile(
    rb"^[ \t]*(?:(?:private|global)[ \t]+)*rule[ \t]+\w+[ \t]*(?::[^{\n]*)?\s*\{", re.MULTILINE
)
_EXPLAINED = "iocs/README.md says what a pack may hold"


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that passed every check."""

    file: PackFile
    sha256: str
    path: str
    origin: str = ""
    """``built in``, or the path again."""
    signed_by: str = ""
    """The key of its signature, where one was asked for."""

    def reference(self) -> PackRef:
        return PackRef(
            id=self.file.id,
            version=self.file.version,
            sha256=self.sha256,
            indicators=len(self.file.indicators),
            origin=self.origin or self.path,
            signed_by=self.signed_by,
        )


def parse_pack(data: bytes, path: str, origin: str = "", sources: Collection[str] = ()) -> Pack:
    """A checked pack; raises PackError. ``origin`` if that is not the path; ``sources``: all that
    there are, in whose place nothing else may be named; empty: that is not looked at."""
    document = Document(path, data)
    file = _with_plain_addresses(document.into(PackFile))
    check(document, file, sources)
    digest = hashlib.sha256(data).hexdigest()
    return Pack(file=file, sha256=digest, path=path, origin=origin)


def _with_plain_addresses(file: PackFile) -> PackFile:
    """As evidence has them."""
    plain = [
        structs.replace(one, value=plain_address(one.value))
        if isinstance(one, Address) and ":" in one.value
        else one
        for one in file.indicators
    ]
    return structs.replace(file, indicators=plain)


def holds_rules(data: bytes) -> bool:
    """Whether a rule of YARA begins in these bytes."""
    return _YARA.search(data) is not None


def load_pack(path: Path, sources: Collection[str] = (), keys: Sequence[PublicKey] = ()) -> Pack:
    """From a file, as :func:`parse_pack`; the message says what to do as well. ``keys``: one of
    which must have signed it; empty: no signature is asked for."""
    data = read_yaml(path)
    signed_by = verified(path, data, keys).id if keys else ""
    try:
        return structs.replace(parse_pack(data, str(path), sources=sources), signed_by=signed_by)
    except PackError as error:
        what = "YARA rules go to --rules" if holds_rules(data) else _EXPLAINED
        raise PackError(f"{error}; {what}") from error


def parse_exclusions(data: bytes, path: str, sources: Collection[str] = ()) -> ExclusionsFile:
    """Known-benign rules; raises PackError. ``sources``: as :func:`parse_pack`."""
    document = Document(path, data)
    file = document.into(ExclusionsFile)
    seen: set[str] = set()
    for number, rule in enumerate(file.rules):
        place: tuple[str | int, ...] = ("rules", number)
        if rule.id in seen:
            document.fail(place, f"duplicate id {rule.id}")
        seen.add(rule.id)
        if rule.limit not in (Strength.STRONG, Strength.WEAK):
            document.fail(place, "limit must be strong or weak")
        when = rule.when
        by_text = when.not_content and (when.extensions or when.content)
        by_program = when.process or when.path or when.command_line
        if not (by_program or when.exports or when.file or by_text):
            document.fail(place, f"exclusion {rule.id} has no condition that narrows it")
        place = (*place, "when")
        check_sources(document, place, f"exclusion {rule.id}", rule.when.sources, sources)
    return file
