"""What a pattern of STIX 2 means in a pack: its alternatives, each of values that count together.

OR and IN are alternatives; AND and FOLLOWEDBY values that count together, by a chain of the pack.
A condition that no indicator is for (a size, a port, a negation) is left away from an AND: what is
left matches more, is told, and proves no more than a weak trace, but for a file's hash.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product

from msgspec import Struct

from ...model.report import Strength
from .expressions import Globs, Unfit, globs_of
from .offer import Wanted, sized
from .stix_pattern import Comparison, Node, Observed
from .values import NO_TYPE, limited, made

MOST = 1_024
"""Alternatives of one pattern."""

_NOT_ASKED = " is not asked: wider, weak"
_FOLDER = "folder"
_KINDS = {
    "file:name": "file_name", "file:full_path": "file_path",
    "file:parent_directory_ref.path": _FOLDER, "file:import_hash": "fuzzy",
    "directory:path": _FOLDER, "file:size": "size",
    "domain-name:value": "domain", "domain-name:resolves_to_refs[*].value": "host",
    "ipv4-addr:value": "address", "ipv6-addr:value": "address", "url:value": "url",
    "process:command_line": "command_line", "process:name": "file_name",
    "process:image_ref.name": "file_name", "process:binary_ref.name": "file_name",
    "process:image_ref.parent_directory_ref.path": _FOLDER,
    "network-traffic:dst_ref.value": "host", "network-traffic:src_ref.value": "host",
    "mutex:name": "mutex", "service:name": "service",
    "windows-registry-key:key": "registry",
}  # fmt: skip
_HASHES = re.compile(
    r"(?:file|artifact|process:(?:image|binary)_ref|x509-certificate)[:.]hashes\.(?P<name>.+)"
)
_IMPLIED = re.compile(r".*_ref\.type|network-traffic:(?:protocols\[.*\]|(?:dst|src)_port)")
"""Of an address that is asked for as well, they say little more."""
_NO_KIND = (
    ("email", "email"), ("windows-registry-key", "registry"), ("mutex", "mutex"),
    ("user-account", "person"), ("software", "other"), ("autonomous-system", "other"),
)  # fmt: skip


class Alternative(Struct, frozen=True):
    """Values that are to be seen together; one is the usual case."""

    wanted: tuple[Wanted, ...]
    same_file: bool


class _Atom(Struct, frozen=True):
    wanted: Wanted | None
    why: str = ""
    """Why it is none."""
    what: str = ""
    """Which condition it is, beside others."""
    size: str = ""
    """That a file is to have, in bytes."""
    folder: str = ""
    is_file: bool = False
    implied: bool = False


def alternatives(node: Node) -> tuple[list[Alternative], list[str]]:
    """Those that there are; and why others are none."""
    found, reasons = [], []
    for atoms, told in _choices(node):
        one = _alternative(atoms, told)
        if isinstance(one, str):
            reasons.append(one)
        else:
            found.append(one)
    return found, reasons


_Choice = tuple[tuple[_Atom, ...], tuple[str, ...]]


def _choices(node: Node) -> list[_Choice]:
    """Raises Unfit if there are too many."""
    if isinstance(node, Comparison):
        return [((atom,), ()) for atom in _atoms(node)]
    if isinstance(node, Observed):
        told = tuple(f"{one} is not asked" for one in node.qualifiers)
        return [(atoms, (*before, *told)) for atoms, before in _choices(node.inner)]
    parts = [_choices(part) for part in node.parts]
    if node.by == "OR":
        found = [one for part in parts for one in part]
    else:
        count = 1
        for part in parts:
            count *= len(part)
        if count > MOST:
            raise Unfit(f"more than {MOST:,} alternatives")
        order = ("which follows which is not asked",) if node.by == "FOLLOWEDBY" else ()
        found = [_together(some, order) for some in product(*parts)]
    if len(found) > MOST:
        raise Unfit(f"more than {MOST:,} alternatives")
    return found


def _together(some: tuple[_Choice, ...], order: tuple[str, ...]) -> _Choice:
    atoms = tuple(atom for part, _ in some for atom in part)
    return atoms, (*order, *(one for _, told in some for one in told))


def _alternative(atoms: tuple[_Atom, ...], told: tuple[str, ...]) -> Alternative | str:
    """Or why it is none."""
    atoms = _placed(atoms)
    good = {(one.wanted.type, one.wanted.value): one for one in atoms if one.wanted}
    lost = [one for one in atoms if one.wanted is None]
    if not good:
        return lost[0].why
    sizes = {one.size for one in lost if one.size}
    if len(sizes) == 1 and all(one.wanted and one.wanted.type == "hash" for one in good.values()):
        lost = [one for one in lost if not one.size]
    else:
        sizes.clear()
    size = next(iter(sizes), "")
    wider = [one.what or one.why for one in lost if not one.implied]
    ports = [one.what for one in lost if one.implied and one.what.endswith("_port")]
    extra = [*told, *(f"{one} is not asked" for one in ports), *(w + _NOT_ASKED for w in wider)]
    wanted = [_told(one.wanted, extra, weak=bool(wider)) for one in good.values() if one.wanted]
    return Alternative(
        tuple(sized(one, size) for one in wanted), all(one.is_file for one in good.values())
    )


def _told(wanted: Wanted, told: list[str], *, weak: bool) -> Wanted:
    kept = limited(wanted, Strength.WEAK) if weak and wanted.type != "hash" else wanted
    if weak and wanted.type == "hash":
        told = [one.replace(_NOT_ASKED, " is not asked: a hash is enough") for one in told]
    return Wanted(
        type=kept.type,
        value=kept.value,
        strength=kept.strength,
        fields=kept.fields,
        told=(*kept.told, *dict.fromkeys(told)),
    )


def _placed(atoms: tuple[_Atom, ...]) -> tuple[_Atom, ...]:
    """A name and its folder are one path."""
    folders = [one for one in atoms if one.folder]
    names = [one for one in atoms if one.wanted and one.wanted.type == "file_name"]
    if len(folders) != 1 or len(names) != 1 or names[0].wanted is None:
        return atoms
    path = made("file_path", f"{folders[0].folder.rstrip(chr(92))}\\{names[0].wanted.value}")
    if isinstance(path, str):
        return atoms
    rest = [one for one in atoms if one is not folders[0] and one is not names[0]]
    return (_Atom(path, is_file=True), *rest)


def _atoms(test: Comparison) -> Iterator[_Atom]:
    """One, or of ``IN`` and of expressions several."""
    path, operator = test.path, test.operator
    if test.is_negated or operator == "!=":
        yield _Atom(None, f"a negation of {path}")
        return
    kind = _kind(path)
    if operator in ("EXISTS", "<", ">", "<=", ">=", "ISSUPERSET"):
        yield _Atom(None, f"{operator} of {path}", implied=bool(_IMPLIED.fullmatch(path)))
        return
    is_file = path.startswith("file:")
    for value in test.values:
        if kind == _FOLDER:
            folder = value if operator in ("=", "IN") else ""
            yield _Atom(None, "a folder by itself: no indicator", path, folder=folder)
        elif not kind or kind in NO_TYPE:
            why = NO_TYPE[kind] if kind else f"no indicator type for {path}"
            size = value if path == "file:size" and operator in ("=", "IN") else ""
            yield _Atom(None, why, path, size=size, implied=bool(_IMPLIED.fullmatch(path)))
        else:
            for found in _compared(kind, operator, value, path):
                yield (
                    _Atom(None, found) if isinstance(found, str) else _Atom(found, is_file=is_file)
                )


def _kind(path: str) -> str:
    if hashes := _HASHES.fullmatch(path):
        if re.fullmatch(r"(?i)ssdeep|tlsh|imphash|authentihash", hashes["name"]):
            return "fuzzy"
        return "certificate" if path.startswith("x509") else "hash"
    if path in _KINDS:
        return _KINDS[path]
    if "User-Agent" in path:
        return "user_agent"
    return next((kind for start, kind in _NO_KIND if path.startswith(start)), "")


def _compared(kind: str, operator: str, value: str, path: str) -> Iterator[Wanted | str]:
    if operator == "MATCHES":
        yield from _expression(kind, value, path)
    elif operator == "ISSUBSET" and kind not in ("address", "host"):
        yield f"ISSUBSET of {path}"
    elif operator == "LIKE" and re.search("[%_]", value):
        yield _like(kind, value, path)
    elif kind == "command_line":
        found = made(kind, value)
        yield found if isinstance(found, str) else _told(found, [_ANYWHERE], weak=False)
    elif kind in ("file_name", "file_path") and re.search("[*?]", value):
        yield "no file's name holds * or ?"
    else:
        yield made(kind, value)


_ANYWHERE = "anywhere in a command line"


def _like(kind: str, value: str, path: str) -> Wanted | str:
    """``%`` is any text, ``_`` any character."""
    if kind in ("file_name", "file_path"):
        return made(kind, value.replace("%", "*").replace("_", "?"))
    if kind == "command_line":
        pieces = [piece for piece in re.split("[%_]+", value) if piece.strip()]
        if not 1 <= len(pieces) <= 16:
            return f"LIKE of {path}: {value}"
        found = made(kind, " … ".join(pieces))
        if isinstance(found, str):
            return found
        told = (*found.told, "_ is any text") if "_" in value else found.told
        return Wanted(
            type=found.type,
            value=found.value,
            strength=found.strength,
            fields={"value": pieces},
            told=told,
        )
    if kind in ("domain", "host") and re.fullmatch(r"%\.?[^%_]+", value):
        name = value.lstrip("%").lstrip(".")
        return made("domain", f"*.{name}" if value[1] == "." else name)
    if kind == "url" and re.fullmatch(r"[^%_]+%", value):
        return made(kind, value[:-1])
    return f"LIKE of {path}: {value}"


def _expression(kind: str, value: str, path: str) -> Iterator[Wanted | str]:
    if kind == "file_path":
        yield from _over_paths(value, path)
        return
    if kind != "file_name":
        yield f"MATCHES of {path}"
        return
    flags = re.match(r"\(\?[a-z]+\)", value)
    body = value[flags.end() :] if flags else value
    start = r"\\" if body.startswith("^") else r"\\[^\\]*"
    end = "" if body.endswith("$") else r"[^\\]*$"
    try:
        globs = globs_of(f"{start}(?:{body.lstrip('^').removesuffix('$')}){end or '$'}")
    except Unfit as error:
        yield f"MATCHES of {path}: {error}"
        return
    names = tuple(glob for glob in globs.values if "\\" not in glob)
    yield from _of_globs(Globs(names, globs.is_wider))


def _over_paths(value: str, path: str) -> Iterator[Wanted | str]:
    try:
        globs = globs_of(value)
    except Unfit as error:
        yield f"MATCHES of {path}: {error}"
        return
    yield from _of_globs(globs)


def _of_globs(globs: Globs) -> Iterator[Wanted | str]:
    wider = ["wider than the expression: weak"] if globs.is_wider else []
    for glob in globs.values:
        found = made("file_path" if "\\" in glob else "file_name", glob)
        yield found if isinstance(found, str) else _told(found, wider, weak=globs.is_wider)
