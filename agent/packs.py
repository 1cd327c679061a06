"""Reading packs, exclusions and rules; refusing what cannot work, with file, line and why.

A pack is hostile until proved otherwise: bounded, strictly typed, and every indicator must match
its own
value before anything is swept.
"""

from __future__ import annotations

import hashlib
import ipaddress
import re
import sys
import zipfile
from collections.abc import Collection, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import msgspec
import yaml

from .byte_rules import RulesError
from .engine.patterns import patterns_of
from .indicators import (
    Address,
    CommandLine,
    Content,
    Domain,
    ExclusionsFile,
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
from .matching import Matcher, value_of
from .model import (
    BUILT_IN,
    Dns,
    ExclusionsRef,
    File,
    Hash,
    Lnk,
    Observation,
    PackRef,
    Pe,
    Process,
    Strength,
)
from .patterns import example_path, fold, is_glob, path_regex
from .windows import security

if TYPE_CHECKING:
    from .own_rules import OwnRules

MAX_PACK_BYTES = 16 * 1024 * 1024
_MAX_NODES = 1_000_000
_MAX_DEPTH = 32
_WINDOWS = sys.platform == "win32"
_T = TypeVar("_T")
_EMPTY = {
    hashlib.new(name, b"", usedforsecurity=False).hexdigest() for name in ("md5", "sha1", "sha256")
}
_HARMLESS = (
    b"The quick brown fox jumps over the lazy dog. 0123456789 C:\\Windows\\System32\\kernel32.dll"
    b" https://www.example.com/index.html 192.0.2.1 powershell.exe -NoProfile rundll32.exe"
    b" shell32.dll"
)


class PackError(Exception):
    """A pack that must not be used: ``path:line: why``."""


class Pack(msgspec.Struct, frozen=True, kw_only=True):
    """A pack that passed every check."""

    file: PackFile
    sha256: str
    path: str
    origin: str = ""
    """``built in``, or the path again."""

    def reference(self) -> PackRef:
        return PackRef(
            id=self.file.id,
            version=self.file.version,
            sha256=self.sha256,
            indicators=len(self.file.indicators),
            origin=self.origin or self.path,
        )


class Document:
    """A YAML document as plain values, knowing the line of every part."""

    def __init__(self, path: str, data: bytes) -> None:
        """Raises PackError."""
        self.path = path
        self._lines: dict[tuple[str | int, ...], int] = {}
        self._count = 0
        if len(data) > MAX_PACK_BYTES:
            raise PackError(f"{path}: larger than {MAX_PACK_BYTES} bytes")
        loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        try:
            node = yaml.compose(data.decode("utf-8-sig"), Loader=loader)
        except UnicodeDecodeError as error:
            raise PackError(f"{path}: not UTF-8 at byte {error.start}") from error
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            where = f"{path}:{mark.line + 1}" if mark else path
            raise PackError(f"{where}: {getattr(error, 'problem', None) or error}") from error
        except RecursionError as error:
            raise PackError(f"{path}: nested too deeply") from error
        self.value = self._plain(node, ()) if node is not None else None

    def line(self, place: tuple[str | int, ...]) -> int:
        """Of a part, or of the nearest around it."""
        while place and place not in self._lines:
            place = place[:-1]
        return self._lines.get(place, 1)

    def _plain(self, node: Any, place: tuple[str | int, ...]) -> Any:
        self._count += 1
        self._lines[place] = node.start_mark.line + 1
        if self._count > _MAX_NODES or len(place) > _MAX_DEPTH:
            self.fail(place, "too many or too deeply nested values")
        if isinstance(node, yaml.MappingNode):
            mapping: dict[str, Any] = {}
            for key_node, value_node in node.value:
                key = str(getattr(key_node, "value", ""))
                inner = (*place, key)
                if key in mapping:
                    self._lines[inner] = key_node.start_mark.line + 1
                    self.fail(inner, f"key {key!r} stands twice")
                mapping[key] = self._plain(value_node, inner)
            return mapping
        if isinstance(node, yaml.SequenceNode):
            return [self._plain(v, (*place, n)) for n, v in enumerate(node.value)]
        return node.value  # a text; what is to be a number or a truth value, the type says

    def fail(self, place: tuple[str | int, ...], why: str) -> NoReturn:
        """Raises PackError with file and line."""
        raise PackError(f"{self.path}:{self.line(place)}: {why}")

    def into(self, kind: type[_T]) -> _T:
        """The whole document as this type, strictly. Raises PackError with file and line."""
        try:
            return msgspec.convert(self.value, kind, strict=False)
        except msgspec.ValidationError as error:
            message, _, where = str(error).partition(" - at `$")
            place = _place(where.rstrip("`"))
            at = f" (at {where.rstrip('`').lstrip('.')})" if where else ""
            self.fail(place, f"{message}{at}")


def _place(path: str) -> tuple[str | int, ...]:
    """``.indicators[3].value`` as the parts that lead there."""
    parts: list[str | int] = []
    for piece in path.replace("[", ".[").split("."):
        if piece.startswith("[") and piece[1:-1].isdigit():
            parts.append(int(piece[1:-1]))
        elif piece:
            parts.append(piece)
    return tuple(parts)


def parse_pack(data: bytes, path: str, origin: str = "") -> Pack:
    """A checked pack; raises PackError. ``origin`` if that is not the path."""
    document = Document(path, data)
    file = document.into(PackFile)
    _check(document, file)
    digest = hashlib.sha256(data).hexdigest()
    return Pack(file=file, sha256=digest, path=path, origin=origin)


def load_pack(path: Path) -> Pack:
    """From a file; raises PackError."""
    return parse_pack(read_yaml(path), str(path))


def parse_exclusions(data: bytes, path: str) -> ExclusionsFile:
    """Known-benign rules; raises PackError."""
    document = Document(path, data)
    file = document.into(ExclusionsFile)
    seen: set[str] = set()
    for number, rule in enumerate(file.rules):
        place = ("rules", number)
        if rule.id in seen:
            document.fail(place, f"duplicate id {rule.id}")
        seen.add(rule.id)
        if rule.limit not in (Strength.STRONG, Strength.WEAK):
            document.fail(place, "limit must be strong or weak")
        if not (rule.when.process or rule.when.path or rule.when.exports or rule.when.command_line):
            document.fail(place, f"exclusion {rule.id} has no condition that narrows it")
    return file


def read_yaml(path: Path) -> bytes:
    """At most one byte more than a pack may have. Raises PackError."""
    try:
        with path.open("rb") as file:
            return file.read(MAX_PACK_BYTES + 1)
    except OSError as error:
        raise PackError(f"{path}: {error.strerror or error}") from error


def _check(document: Document, file: PackFile) -> None:
    first: dict[str, int] = {}
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
        why = _flaw(indicator)
        if why:
            document.fail((*place, "value"), f"indicator {indicator.id}: {why}")
        if isinstance(indicator, Domain):
            for address in indicator.resolves_to:
                if address not in {i.id for i in file.indicators if isinstance(i, Address)}:
                    document.fail(
                        place, f"indicator {indicator.id}: {address} is no address indicator"
                    )
    _check_chains(document, file, first)
    _prove(document, file)


def _check_chains(document: Document, file: PackFile, known: Collection[str]) -> None:
    for number, rule in enumerate(file.chains):
        for clause in rule.all:
            for identifier in clause.any:
                if identifier not in known:
                    document.fail(
                        ("chains", number), f"chain {rule.id}: unknown indicator {identifier}"
                    )


def _flaw(indicator: Indicator) -> str:
    """What is wrong with an indicator by itself; empty if nothing."""
    if isinstance(indicator, FileHash):
        if len(indicator.value) not in (32, 40, 64):
            return f"{len(indicator.value)} hexadecimal digits are no MD5, SHA-1 or SHA-256"
        if indicator.value.lower() in _EMPTY:
            return "the hash of an empty file"
        if indicator.value != indicator.value.lower():
            return "a hash is written in lower case"
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
            path_regex(indicator.value)
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
    try:
        network = ipaddress.ip_network(indicator.value, strict=True)
    except ValueError as error:
        return str(error)
    if network.prefixlen < (8 if network.version == 4 else 16):
        return "covers too much of the Internet"
    if not network.is_global and not indicator.private:
        return "not a public address; say `private: true` if that is meant"
    return ""


def _prove(document: Document, file: PackFile) -> None:
    """Every indicator matches its own value, and none matches everything."""
    try:
        matcher = Matcher(file.indicators)
        harmless = {hit.indicator for hit in matcher.scan(_HARMLESS)}
        blank = {hit.indicator for hit in matcher.scan(b"")}
    except RulesError as error:
        identifier = str(error).removeprefix("indicator ").partition(":")[0]
        number = next((n for n, i in enumerate(file.indicators) if i.id == identifier), 0)
        document.fail(("indicators", number, "value"), str(error))
    for number, indicator in enumerate(file.indicators):
        place = ("indicators", number, "value")
        if indicator.id in harmless | blank:
            document.fail(
                place, f"indicator {indicator.id} matches harmless text: it matches everything"
            )
        if not _matches_itself(indicator, matcher):
            document.fail(place, f"indicator {indicator.id} does not match its own value")


def _matches_itself(indicator: Indicator, matcher: Matcher) -> bool:
    text = value_of(indicator)
    if isinstance(indicator, Pipe):
        text = indicator.example
    sample = _sample(indicator, text)
    if sample is not None and not any(
        m.indicator.id == indicator.id for m in matcher.match(sample)
    ):
        return False
    if isinstance(indicator, (FileName, CommandLine)) or (
        isinstance(indicator, Content) and indicator.match == "regex"
    ):
        text = text.replace("*", "x").replace("?", "x") if isinstance(indicator, FileName) else text
        if isinstance(indicator, Content):
            return True
    if isinstance(indicator, Content) and indicator.match == "hex":
        return any(
            h.indicator == indicator.id for h in matcher.scan(bytes.fromhex(indicator.value))
        )
    return not patterns_of(indicator) or matcher.matches_text(indicator, f" {text} ")


def _sample(indicator: Indicator, text: str) -> Observation | None:
    """An observation that the indicator must match, where its value alone makes one."""
    seen = Observation(source="processes", seen="proof", place="proof")
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
        from .model import Url as SeenUrl

        return replace(seen, url=SeenUrl(full=text + "/x"))
    if isinstance(indicator, CommandLine):
        return replace(seen, process=Process(pid=1, command_line=f'x.exe "{text}"'))
    if isinstance(indicator, Pipe):
        return replace(seen, pipe=text)
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


# ---- What is built in
# --------------------------------------------------------------------------------


_EXCLUSIONS = "exclusions.yaml"


def beside_exe(name: str, instead: str = "name a pack of your own with --only-pack") -> Path | None:
    """A file of that name beside the exe takes the place of the one inside.

    Raises PackError if others than administrators could have put it there.
    """
    if not getattr(sys, "frozen", False):
        return None
    path = Path(sys.executable).parent / name
    if not path.is_file():
        return None
    try:
        refused = _WINDOWS and _is_open_to_others(path)
    except OSError as error:
        raise PackError(
            f"{path}: who may write to it cannot be told: {error.strerror or error}"
        ) from error
    if refused:
        raise PackError(
            f"{path}: would take the place of the built-in file, and others than administrators"
            " may write to it or to its folder. Remove it, or put the program into a folder that"
            f" only administrators may write to; {instead}"
        )
    return path


def _is_open_to_others(path: Path) -> bool:
    """Whether somebody with fewer rights than this process could have written it."""
    return security.is_elevated() and any(
        security.writable_by_others(str(place)) for place in (path.parent, path)
    )


def _in_use(name: str, origin: str, data: bytes) -> tuple[str, str, bytes]:
    """Path to be shown, origin and bytes: of the built-in file, or of the one beside the exe."""
    beside = beside_exe(name)
    return (origin, BUILT_IN, data) if beside is None else (str(beside), "", read_yaml(beside))


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


def built_in_packs() -> list[Pack]:
    """The packs that come with the agent; raises PackError."""
    packs = []
    for name, (place, inside) in _built_in_files().items():
        if name.endswith(".yaml") and name != _EXCLUSIONS:
            path, origin, data = _in_use(name, place, inside)
            packs.append(parse_pack(data, path, origin))
    return packs


def exclusions_in_use() -> tuple[ExclusionsFile, ExclusionsRef]:
    """The known-benign rules that come with the agent, and what the report says of them.

    Raises PackError.
    """
    path, origin, data = _in_use(_EXCLUSIONS, *_built_in_files()[_EXCLUSIONS])
    file = parse_exclusions(data, path)
    return file, ExclusionsRef(
        version=file.version,
        sha256=hashlib.sha256(data).hexdigest(),
        rules=len(file.rules),
        origin=origin or path,
    )


def built_in_exclusions() -> ExclusionsFile:
    """The known-benign rules that come with the agent; raises PackError."""
    return exclusions_in_use()[0]


def load_packs(extra: Sequence[Path] = (), only: Sequence[Path] = ()) -> list[Pack]:
    """The packs of a sweep: the built-in ones and ``extra``, or ``only``. Raises PackError."""
    packs = [load_pack(path) for path in only] if only else built_in_packs()
    packs.extend(load_pack(path) for path in extra)
    owner: dict[str, str] = {}
    for pack in packs:
        for indicator in pack.file.indicators:
            if indicator.id in owner:
                raise PackError(f"{pack.path}: id {indicator.id} is also in {owner[indicator.id]}")
            owner[indicator.id] = pack.path
    return packs


def matcher_of(
    packs: Sequence[Pack], own_rules: OwnRules | None = None, *, thorough: bool = False
) -> Matcher:
    """One matcher for all packs and the operator's own rules. Raises PackError."""
    indicators = [indicator for pack in packs for indicator in pack.file.indicators]
    try:
        return Matcher(indicators, packs=packs, own_rules=own_rules, thorough=thorough)
    except RulesError as error:
        raise PackError(str(error)) from error
