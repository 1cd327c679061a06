"""What a pack must not say, and that each of its indicators matches its own value."""

from __future__ import annotations

import hashlib
import ipaddress
import re
from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime

import msgspec

from ..engine.hex_string import read_hex_string
from ..engine.patterns import patterns_of
from ..indicators import (
    Address,
    CommandLine,
    Content,
    Domain,
    FileHash,
    FileName,
    FilePath,
    Indicator,
    LnkTrait,
    PackFile,
    PeTrait,
    Pipe,
    Url,
)
from ..matching.byte_rules import RulesError
from ..matching.matcher import Matcher, ScanFailed, value_of
from ..model.objects import Dns, File, Hash, Lnk, Pe, Process
from ..model.objects import Pipe as SeenPipe
from ..model.objects import Url as SeenUrl
from ..model.observation import Claim, Observation, Place
from ..model.report import Strength
from ..spelling import base_name, example_path, fold, is_glob, path_start
from .document import Document
from .never_matching import why_never

_EMPTY = {
    hashlib.new(name, b"", usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")
}

_ENCODINGS = ("utf-8", "utf-16-le")
"""That hosts keep texts in."""
_AT_ONCE = 10_000
"""Indicators that are proved together: what that takes of memory is bounded by it."""

_HARMLESS = (
    b"The quick brown fox jumps over the lazy dog. 0123456789 C:\\Windows\\System32\\kernel32.dll"
    b" https://www.example.com/index.html 192.0.2.1 powershell.exe -NoProfile rundll32.exe"
    b" shell32.dll"
)


def check(document: Document, file: PackFile, sources: Collection[str] = ()) -> None:
    """Raises PackError for the first flaw, with its line; ``sources``: as :func:`parse_pack`."""
    first: dict[str, int] = {}
    addresses = {i.id for i in file.indicators if isinstance(i, Address)}
    for number, indicator in enumerate(file.indicators):
        place = ("indicators", number)
        if indicator.id in first:
            line = document.line(("indicators", first[indicator.id]))
            document.fail(place, f"duplicate id {indicator.id}, first in line {line}")
        first[indicator.id] = number
        if indicator.strength is Strength.EXCLUDED:
            document.fail(
                place, f"indicator {indicator.id}: excluded is no strength of an indicator"
            )
        for key in indicator.reference:
            if key not in file.references:
                document.fail(place, f"indicator {indicator.id}: unknown reference {key}")
        why = flaw(indicator)
        if why:
            document.fail((*place, "value"), f"indicator {indicator.id}: {why}")
        if isinstance(indicator, Domain):
            for address in indicator.resolves_to:
                if address not in addresses:
                    document.fail(
                        place, f"indicator {indicator.id}: {address} is no address indicator"
                    )
    _check_chains(document, file, first, sources)
    _prove(document, file)


def _check_chains(
    document: Document, file: PackFile, known: Collection[str], sources: Collection[str]
) -> None:
    for number, rule in enumerate(file.chains):
        for name in rule.process:
            if name != base_name(name) or name != name.strip():
                why = "is compared with names of images, without their folders"
                document.fail(("chains", number, "process"), f"chain {rule.id}: {name!r} {why}")
        for part, clause in enumerate(rule.all):
            place = ("chains", number, "all", part)
            for identifier in clause.any:
                if identifier not in known:
                    document.fail(place, f"chain {rule.id}: unknown indicator {identifier}")
            check_sources(document, place, f"chain {rule.id}", clause.sources, sources)
            if set(clause.sources) == {"memory"} and Claim.MENTIONED not in clause.claims:
                why = "memory only mentions; say `claims: [mentioned]` if that counts"
                document.fail(place, f"chain {rule.id}: {why}")


def check_sources(
    document: Document,
    place: tuple[str | int, ...],
    what: str,
    named: Iterable[str],
    sources: Collection[str],
) -> None:
    """A condition on a source that there is not would never hold. Raises PackError."""
    for name in named if sources else ():
        if name not in sources:
            document.fail(
                (*place, "sources"), f"{what}: no source {name!r}; there are {', '.join(sources)}"
            )


def flaw(indicator: Indicator) -> str:
    """What is wrong with an indicator by itself; empty if nothing."""
    if isinstance(indicator, FileHash):
        if len(indicator.value) not in (32, 40, 64):
            return f"{len(indicator.value)} hexadecimal digits are no MD5, SHA-1 or SHA-256"
        if indicator.value.lower() in _EMPTY:
            return "the hash of an empty file"
        if indicator.value != indicator.value.lower():
            return "a hash is written in lower case"
    if why := why_never(indicator):
        return why
    if isinstance(indicator, Address):
        return _address_flaw(indicator)
    if (
        isinstance(indicator, (FileName, FilePath))
        and is_glob(indicator.value)
        and not any(map(str.isalnum, indicator.value))
    ):
        return "matches every name"
    if isinstance(indicator, Domain) and "." not in indicator.value.strip("."):
        return "a domain needs at least two labels"
    try:
        if isinstance(indicator, FilePath):
            path_start(indicator.value)
        if isinstance(indicator, LnkTrait):
            return _lnk_flaw(indicator)
    except ValueError as error:
        return str(error)
    return ""


_LNK_FORMS = {
    "mac": (r"([0-9a-f]{2}:){5}[0-9a-f]{2}", "a network card is written as 08:00:27:92:24:e5"),
    "volume_serial": (r"[0-9A-F]{4}-[0-9A-F]{4}", "a volume's serial is written as C4B2-BD1C"),
    "droid_time": (
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z",
        "a droid's time is written as 2016-10-06T17:03:04Z",
    ),
    "droid_sequence": (r"0|[1-9][0-9]{0,4}", "a droid's sequence is a number up to 16383"),
}


def _lnk_flaw(indicator: LnkTrait) -> str:
    form, told = _LNK_FORMS.get(indicator.field, ("(?s).*", ""))
    if not re.fullmatch(form, indicator.value):
        return f"{indicator.value!r}: {told}"
    if indicator.field == "droid_time":
        _lnk_time(indicator.value)
    return ""


def _lnk_time(text: str) -> datetime:
    """A droid's time as packs write it. Raises ValueError."""
    return datetime.fromisoformat(text)


def _address_flaw(indicator: Address) -> str:
    if _is_public_ipv4(indicator.value):
        return ""  # As most are; it is asked in a third of the time of what follows.
    try:
        network = ipaddress.ip_network(indicator.value, strict=True)
    except ValueError as error:
        return str(error)
    if network.prefixlen < (8 if network.version == 4 else 16):
        return "covers too much of the Internet"
    if not network.is_global and not indicator.private:
        return "not a public address; say `private: true` if that is meant"
    return ""


def _is_public_ipv4(text: str) -> bool:
    try:
        return ipaddress.IPv4Address(text).is_global
    except ValueError:
        return False


def _prove(document: Document, file: PackFile) -> None:
    """Every indicator matches its own value, and none matches everything."""
    try:
        for number, why in disproved(file.indicators):
            identifier = file.indicators[number].id
            document.fail(("indicators", number, "value"), f"indicator {identifier} {why}")
    except RulesError as error:
        identifier = refused_by(error)
        number = next((n for n, i in enumerate(file.indicators) if i.id == identifier), 0)
        document.fail(("indicators", number, "value"), str(error))


def refused_by(error: RulesError) -> str:
    """The id of the indicator that an engine did not take."""
    return str(error).removeprefix("indicator ").partition(": ")[0]


def disproved(indicators: Sequence[Indicator]) -> Iterator[tuple[int, str]]:
    """Number and why, of those that match everything or not even their own value. Raises
    RulesError for the first that no engine takes."""
    for first in range(0, len(indicators), _AT_ONCE):
        for number, why in _disproved(indicators[first : first + _AT_ONCE]):
            yield first + number, why


def _disproved(indicators: Sequence[Indicator]) -> Iterator[tuple[int, str]]:
    matcher = Matcher(indicators)
    harmless = {hit.indicator for hit in matcher.scan(_HARMLESS)}
    blank = {hit.indicator for hit in matcher.scan(b"")}
    everywhere, proved = harmless | blank, _found_in_own_text(indicators, matcher)
    kinds: set[type[Indicator]] = set()
    for number, indicator in enumerate(indicators):
        if indicator.id in everywhere:
            yield number, "matches harmless text: it matches everything"
        elif not _matches_itself(indicator, matcher, found=indicator.id in proved, kinds=kinds):
            yield number, "does not match its own value"


def _own_text(indicator: Indicator) -> str:
    """What the byte rules must find it in."""
    text = indicator.example if isinstance(indicator, Pipe) else value_of(indicator)
    return text.replace("*", "x").replace("?", "x") if isinstance(indicator, FileName) else text


def _found_in_own_text(indicators: Sequence[Indicator], matcher: Matcher) -> set[str]:
    """Ids of those that the byte rules find in their own texts, in both encodings: all texts are
    looked through at once, so that of some the first place is in another's text."""
    found: list[set[str]] = []
    texts = [f" {_own_text(indicator)} \n" for indicator in indicators]
    for encoding in _ENCODINGS:
        data, owners, at = [text.encode(encoding, "surrogatepass") for text in texts], [], 0
        for one in data:
            owners.append(at)
            at += len(one)
        try:
            offsets = matcher.offsets(b"".join(data))
        except ScanFailed:
            return set()
        found.append(
            {
                identifier
                for identifier, offset in offsets.items()
                if indicators[bisect_right(owners, offset) - 1].id == identifier
            }
        )
    return found[0] & found[1]


def _matches_itself(
    indicator: Indicator, matcher: Matcher, *, found: bool, kinds: set[type[Indicator]]
) -> bool:
    """``found``: whether its text is known to be found in bytes. ``kinds``: those that have been
    compared with an observation; of more of these the look-up is asked, if they have one."""
    text = indicator.example if isinstance(indicator, Pipe) else value_of(indicator)
    known = _looked_up(indicator, matcher) if type(indicator) in kinds else None
    if known is not None:
        if all(one is not indicator for one in known):
            return False
    elif (sample := _sample(indicator, text)) is not None:
        if all(m.indicator is not indicator for m in matcher.match(sample)):
            return False
        kinds.add(type(indicator))
    if isinstance(indicator, Content) and indicator.match == "regex":
        return True
    if isinstance(indicator, Content) and indicator.match == "hex":
        return any(
            h.indicator == indicator.id
            for h in matcher.scan(read_hex_string(indicator.value).example)
        )
    if found:
        return True
    own = f" {_own_text(indicator)} "
    return not patterns_of(indicator) or all(
        indicator.id in matcher.offsets(own.encode(encoding)) for encoding in _ENCODINGS
    )


def _looked_up(indicator: Indicator, matcher: Matcher) -> Sequence[Indicator] | None:
    """What the look-up of its kind gives for its value; None: it is compared in another way."""
    if isinstance(indicator, FileName):
        return matcher.selector.exact.get(fold(indicator.value))
    if isinstance(indicator, FileHash):
        return matcher.hashes.get(indicator.value.lower(), ())
    if isinstance(indicator, Domain):
        return matcher.domains.covering(f"www.{indicator.value.upper()}.")
    if isinstance(indicator, Address):
        address = ipaddress.ip_address(indicator.value.partition("/")[0])
        return matcher.networks.holding(address)
    return None


def _sample(indicator: Indicator, text: str) -> Observation | None:
    """An observation that the indicator must match, where its value alone makes one."""
    seen = Observation(
        source="processes", seen="proof", claim=Claim.EXISTS, place=Place(text="proof")
    )
    replace = msgspec.structs.replace
    if isinstance(indicator, FileName):
        name = text.replace("*", "x").replace("?", "x")
        return replace(seen, file=File(path=f"C:\\{fold(name)}"))
    if isinstance(indicator, FilePath):
        return replace(seen, file=File(path=example_path(text).swapcase()))
    if isinstance(indicator, FileHash):
        field = {32: "md5", 40: "sha1", 64: "sha256"}[len(text)]
        return replace(seen, file=File(path="x", hash=Hash(**{field: text})))
    if isinstance(indicator, Domain):
        return replace(seen, dns=Dns(question=f"www.{text.upper()}."))
    if isinstance(indicator, Address):
        return replace(seen, dns=Dns(question="x.example", answers=[text.partition("/")[0]]))
    if isinstance(indicator, Url):
        return replace(seen, url=SeenUrl(full=text + "/x"))
    if isinstance(indicator, CommandLine):
        process = Process(pid=1, command_line=f'x.exe "{text}"')
        return replace(seen, claim=Claim.RUNNING, process=process)
    if isinstance(indicator, Pipe):
        return replace(seen, pipe=SeenPipe(name=text))
    if isinstance(indicator, PeTrait):
        machine = indicator.gate.machine or "amd64"
        return replace(seen, file=File(path="x", pe=Pe(machine=machine, exports=[text])))
    if isinstance(indicator, LnkTrait):
        return replace(seen, file=File(path="x", lnk=_sample_link(indicator)))
    return None


def _sample_link(indicator: LnkTrait) -> Lnk:
    value: object = indicator.value
    if indicator.field == "droid_time":
        value = _lnk_time(indicator.value)
    elif indicator.field == "droid_sequence":
        value = int(indicator.value)
    return Lnk(**{indicator.field: value})  # type: ignore[arg-type]
