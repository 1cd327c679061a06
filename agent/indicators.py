"""What a pack says: indicators, how they combine, and known-benign exclusions. No I/O.

``iocs/pack.schema.json`` is generated from :class:`PackFile`. Reading and checking packs is
``agent/packs/``; comparing is ``agent/matching/``.
"""

from __future__ import annotations

from typing import Annotated, Literal, Union

from msgspec import Meta, Struct

from .model.observation import Claim
from .model.report import Strength

PACK_SCHEMA = "iocsweep.pack/1"
EXCLUSIONS_SCHEMA = "iocsweep.exclusions/1"

Id = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._:/-]{0,127}$")]
Text = Annotated[str, Meta(min_length=1, max_length=4096)]
Hex = Annotated[str, Meta(pattern=r"^([0-9A-Fa-f]{2})+$", max_length=8192)]
Size = Annotated[int, Meta(ge=0)]
Machine = Literal["amd64", "x86", "arm64"]
Extension = Annotated[str, Meta(pattern=r"^\.[a-z0-9_]{1,15}$")]


class _Part(Struct, omit_defaults=True, forbid_unknown_fields=True, kw_only=True, frozen=True):
    pass


class Gate(_Part, kw_only=True, frozen=True):
    """What a file must be before its content is looked at; every given condition must hold."""

    size: Size | None = None
    min_size: Size | None = None
    max_size: Size | None = None
    magic: Hex | None = None
    """The file's first bytes."""
    machine: Machine | None = None
    """Of a PE file."""
    extensions: list[Annotated[str, Meta(pattern=r"^(\.[a-z0-9_]{1,15})?$")]] = []
    """Lower case with the dot; the empty string means a name without an extension. Default mode
    opens
    only these when no size is known; ``--thorough`` opens every file."""


class _Indicator(_Part, tag_field="type", kw_only=True, frozen=True):
    id: Id
    strength: Strength
    reference: Annotated[list[str], Meta(min_length=1)]
    """Keys of the pack's ``references``."""
    status: Literal["SRC", "DRV"]
    """Stated by the reference, or derived (computed, decoded) from it."""
    note: str = ""


class FileName(_Indicator, tag="file_name", kw_only=True, frozen=True):
    """A base name; ``*`` and ``?`` are wildcards. Case folds as on NTFS."""

    value: Text


class FilePath(_Indicator, tag="file_path", kw_only=True, frozen=True):
    """The end of a path: ``%LOCALAPPDATA%\\name``, ``%TEMP%\\**\\name``; known variables only."""

    value: Text


class FileHash(_Indicator, tag="hash", kw_only=True, frozen=True):
    """MD5, SHA-1 or SHA-256 of a whole file; told apart by length."""

    value: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]+$", min_length=32, max_length=64)]
    gate: Gate = Gate()


class PeTrait(_Indicator, tag="pe", kw_only=True, frozen=True):
    """A PE file that exports ``value``; ``only_export``: and nothing else."""

    value: Text
    only_export: bool = False
    any_size: bool = False
    """Of a PE file of any size, too: by default where users can write, with ``--thorough``
    everywhere."""
    gate: Gate = Gate()


class LnkTrait(_Indicator, tag="lnk", kw_only=True, frozen=True):
    """One field of a shell link's metadata."""

    field: Literal[
        "machine_id", "mac", "volume_serial", "droid_time", "droid_sequence", "arguments"
    ]
    value: Text
    gate: Gate = Gate()


class Layout(_Indicator, tag="layout", kw_only=True, frozen=True):
    """Bytes at fixed offsets; ``value`` describes it for a reader."""

    value: Text
    parts: Annotated[dict[str, Hex], Meta(min_length=1, max_length=64)]
    """Offset (``0xDD8`` or decimal) to bytes."""
    gate: Gate = Gate()


class Content(_Indicator, tag="content", kw_only=True, frozen=True):
    """A text (ASCII and UTF-16, any case), bytes (``hex``; wildcards, jumps and alternatives as in
    YARA: ``4D5A ?? [2-4] ( AA | BB )``), or a YARA regular expression, anywhere in bytes.
    """

    value: Text
    match: Literal["text", "hex", "regex"] = "text"
    gate: Gate = Gate()


class Domain(_Indicator, tag="domain", kw_only=True, frozen=True):
    """A name and all names below it."""

    value: Text
    resolves_to: list[str] = []
    """Ids of the pack's address indicators that this name had."""


class Address(_Indicator, tag="address", kw_only=True, frozen=True):
    """An IPv4 or IPv6 address, or a CIDR block."""

    value: Text
    private: bool = False
    """Must be set for an address that is not globally routable."""


class Url(_Indicator, tag="url", kw_only=True, frozen=True):
    """The beginning of a URL."""

    value: Text


class CommandLine(_Indicator, tag="command_line", kw_only=True, frozen=True):
    """Pieces that follow one another in a command line, whatever quotes, commas, carets and spaces
    lie
    between them. One string, or several that must all occur in this order, anything between."""

    value: Text | Annotated[list[Text], Meta(min_length=1, max_length=16)]


class Pipe(_Indicator, tag="pipe", kw_only=True, frozen=True):
    """A named pipe's name as a YARA regular expression, without ``\\\\.\\pipe\\``."""

    value: Text
    example: Text


class Certificate(_Indicator, tag="certificate", kw_only=True, frozen=True):
    """SHA-256 of a DER certificate."""

    value: Annotated[str, Meta(pattern=r"^[0-9A-Fa-f]+$", min_length=64, max_length=64)]


Indicator = Union[
    FileName, FilePath, FileHash, PeTrait, LnkTrait, Layout, Content, Domain, Address, Url,
    CommandLine, Pipe, Certificate,
]  # fmt: skip

FileIndicator = Union[FileHash, PeTrait, LnkTrait, Layout, Content, Certificate]
"""Those that need a file to be opened."""


class Clause(_Part, kw_only=True, frozen=True):
    """Holds when one of these indicators matched on the chain, seen by one of these sources with
    one of these claims."""

    any: Annotated[list[str], Meta(min_length=1)]
    sources: list[str] = []
    """Empty: any source."""
    claims: list[Claim] = []
    """Empty: any claim. A mere mention counts only where ``mentioned`` is one of them: a text that
    names two things of the campaign is no more than a text."""


class ChainRule(_Part, kw_only=True, frozen=True):
    """When sightings that belong together prove more than each alone."""

    id: Id
    title: Text
    strength: Strength
    all: Annotated[list[Clause], Meta(min_length=1, max_length=16)]
    process: list[str] = []
    """The chain's process must have one of these image names (or PE original names)."""
    same_file: bool = False
    """All clauses must hold on one and the same file."""


class PackFile(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One file of indicators about one campaign."""

    pack: Literal["iocsweep.pack/1"]
    id: Id
    version: Text
    title: Text
    description: str = ""
    references: dict[str, Text]
    indicators: Annotated[list[Indicator], Meta(min_length=1, max_length=100_000)]
    chains: list[ChainRule] = []


class Conditions(_Part, kw_only=True, frozen=True):
    """All given conditions must hold; texts are compared without case, ``*`` and ``?`` are
    wildcards.
    """

    process: list[str] = []
    """Image name."""
    path: list[str] = []
    """Whole image path."""
    signer: list[str] = []
    """Publisher of the image's valid signature. With ``path`` too, either of the two is enough."""
    parent: list[str] = []
    """Image name of the parent process."""
    command_line: list[str] = []
    """Pieces, all of which occur (compared as command-line indicators are)."""
    not_command_line: list[str] = []
    """Pieces, none of which occurs."""
    exports: list[str] = []
    """Every file and module that the finding rests on exports these and nothing else; names of
    exports are compared with their case, as the loader does ..."""
    not_exports: list[str] = []
    """... or, where the list above is not given, none of these."""
    extensions: list[Extension] = []
    """Every sighting that the finding rests on is of what a file says, and the file's name (a
    member's, if it is one) ends so: lower case with the dot. What was typed has no name."""
    file: list[str] = []
    """Every sighting that the finding rests on is of what a file says, and this is its whole
    path."""
    content: list[str] = []
    """One of these pieces occurs in each such file, or script or command that ran ..."""
    not_content: list[str] = []
    """... and none of these, also in what it hides. A file of which not all is known (it is too
    long) is none that a rule with one of these three holds for."""
    sources: list[str] = []
    """Every sighting of the finding comes from one of these sources ..."""
    claims: list[Claim] = []
    """... and claims one of these."""


class Exclusion(_Part, kw_only=True, frozen=True):
    """A known-benign rule: downgrades a weak or strong finding, never a confirmed one, and deletes
    none.
    """

    id: Id
    title: Text
    reason: Text
    when: Conditions
    limit: Strength = Strength.STRONG
    """The strongest finding that this rule may exclude."""


class ExclusionsFile(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """One file of known-benign rules."""

    exclusions: Literal["iocsweep.exclusions/1"]
    version: Text
    rules: list[Exclusion]
