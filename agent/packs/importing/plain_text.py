"""Plain text: a list with a value a line, or a report in sentences.

A line that is one value, or pieces of which some are (``evil.example - first stage``), gives these.
Out of a sentence come hashes, file names, paths and what is written defanged; a domain, address or
URL that is written plainly there is a reference as likely as an indicator, and is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..defanged import refanged
from .offer import Offer, Wanted, left_out
from .recognised import is_spaced_name, kind_of
from .values import NO_TYPE, offered

_COMMENT = re.compile(r"^\s*(?:#|//|;|--)|^\s*$")
_PIECES = re.compile(r"\t+| {2,}| +[-–—#|] +| +// +|[,;|] *|(?<=:) +")  # noqa: RUF001 - dashes
_AROUND = "\"'`<>(){}•·,;!?“”‘’"  # noqa: RUF001 - quotes and bullets as reports have them
_BULLET = re.compile(r"^\s*(?:[-*•·]|[0-9]{1,3}[.)])\s+")
_SUM = re.compile(r"(?P<sum>[0-9A-Fa-f]{32,128})(?: [ *]|\t+)(?P<name>\S.*)")
_OF_HOSTS = re.compile(r"(?:0\.0\.0\.0|127\.0\.0\.1|::1?)[ \t]+(?P<name>[^\s#]+)(?:\s*#.*)?")
"""A line of a block list in the form of a hosts file."""
_QUOTED = re.compile(r"\"([^\"]+)\"|'([^']+)'|`([^`]+)`")
_SPACED = "a file's name with blanks, or a sentence: put quotes around the name"
_PATH = re.compile(r"(?:[A-Za-z]:|%[A-Za-z]+%)\\(?:[^\\/:*?\"<>|\r\n]+\\)*[^\\/:*?\"<>|\s,;]+")
_OF_SENTENCES = ("hash", "file_name", "file_path", "pipe")
_PLAIN = "written plainly in a sentence: a reference as likely as an indicator"
_OF_THE_NET = ("url", "domain", "address")


def read_text(text: str) -> Iterator[Offer]:
    """Of each line what it holds, in its order."""
    for number, line in enumerate(text.splitlines(), 1):
        if not _COMMENT.match(line):
            yield from _line(f"line {number}", line)


def of_value(where: str, written: str, note: str = "", reference: str = "") -> Offer | None:
    """One whole value of no stated kind; None if it is not recognised."""
    kind, told = kind_of(written)
    if not kind:
        return None
    found = offered(kind, written)
    if isinstance(found, str):
        return left_out(where, kind, written, found)
    if told:
        found = Wanted(
            type=found.type,
            value=found.value,
            strength=found.strength,
            fields=found.fields,
            told=(told, *found.told),
        )
    return Offer(
        where=where, kind=kind, written=written, wanted=(found,), note=note, reference=reference
    )


def _line(where: str, line: str) -> Iterator[Offer]:
    bare = _BULLET.sub("", line).strip()
    if checksum := _SUM.fullmatch(bare):  # as md5sum and sha256sum write it
        yield from _checksum(where, checksum["sum"], checksum["name"])
        return
    if (quoted := _QUOTED.fullmatch(bare)) and is_spaced_name(
        name := quoted[quoted.lastindex or 0]
    ):
        yield _offer_of(where, "file_name", name)
        return
    whole = of_value(where, _cut(bare))
    if whole is not None:
        yield whole
        return
    if blocked := _OF_HOSTS.fullmatch(bare):
        yield _offer_of(where, "domain", blocked["name"])
        return
    pieces = [_cut(piece) for piece in _PIECES.split(bare)]
    found = [(piece, of_value(where, piece)) for piece in pieces if piece]
    if any(offer is not None for _, offer in found):
        words = " ".join(piece for piece, offer in found if offer is None)
        for _, offer in found:
            if offer is not None:
                yield _noted(offer, words)
        return
    yield from _sentence(where, bare)


def _checksum(where: str, digest: str, name: str) -> Iterator[Offer]:
    whole = of_value(where, digest)
    if whole is not None:
        yield _noted(whole, name)
    kind = kind_of(name)[0] or ("file_name" if is_spaced_name(name) else "")
    if kind in _OF_SENTENCES:
        yield _offer_of(where, kind, name)


def _offer_of(where: str, kind: str, written: str) -> Offer:
    found = offered(kind, written)
    if isinstance(found, str):
        return left_out(where, kind, written, found)
    return Offer(where=where, kind=kind, written=written, wanted=(found,))


def _sentence(where: str, line: str) -> Iterator[Offer]:
    some = False
    kinds = {kind_of(_cut(word))[0] for word in line.split()}
    if is_spaced_name(line) and kinds <= {"", "file_name"}:
        yield left_out(where, "line", line, _SPACED)
        return
    paths = [match[0].rstrip(".") for match in _PATH.finditer(line)]
    for path in paths:
        line = line.replace(path, " ")
    for word in (*paths, *line.split()):
        written = _cut(word)
        kind, _ = kind_of(written)
        if not kind:
            continue
        some = True
        if kind in _OF_THE_NET and refanged(written) == written:
            yield left_out(where, kind, written, _PLAIN)
        elif kind in _OF_SENTENCES or kind in _OF_THE_NET or kind in NO_TYPE:
            offer = of_value(where, written)
            if offer is not None:
                yield offer
    if not some:
        yield left_out(where, "line", line, "nothing recognised")


def _cut(text: str) -> str:
    """Without quotes and the stop around it; brackets of a defanged spelling stay."""
    return text.strip().strip(_AROUND).removesuffix(".").removesuffix(":").strip(_AROUND)


def _noted(offer: Offer, note: str) -> Offer:
    return Offer(
        where=offer.where,
        kind=offer.kind,
        written=offer.written,
        wanted=offer.wanted,
        why=offer.why,
        note=note[:512],
    )
