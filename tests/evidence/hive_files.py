"""Hives as files of a host, and what the source tells of them."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import BinaryIO

from msgspec import field

from agent.coverage import Ledger
from agent.model.observation import ByteHit, Observation
from agent.sources.registry.hives import HiveReader
from agent.targets.evidence import EvidenceFile

from .hives import Tree, hive
from .packs import campaign
from .windows_folder import CONFIG

COMMAND = r"rundll32.exe C:\Users\jo\AppData\Local\cyzfc.dat, PointFunctionCall"
WHEN = datetime(2018, 11, 20, 9, 11, tzinfo=timezone.utc)
RUN = r"Software\Microsoft\Windows\CurrentVersion\Run"


class MadeFile(EvidenceFile, eq=False):
    """A hive's file and its logs; one whose bytes are None cannot be opened."""

    content: bytes | None = b""
    logs: Mapping[str, bytes | None] = field(default_factory=dict)

    def open(self) -> BinaryIO:
        if self.content is None:
            raise PermissionError(13, "Permission denied", self.path)
        return io.BytesIO(self.content)

    def beside(self, suffix: str) -> MadeFile | None:
        if suffix not in self.logs:
            return None
        return made_file(self.logs[suffix], self.path + suffix, self.owner)


def made_file(
    content: bytes | None,
    path: str = r"C:\Users\jo\NTUSER.DAT",
    owner: str = "jo",
    logs: Mapping[str, bytes | None] | None = None,
) -> MadeFile:
    return MadeFile(
        path=path,
        size=len(content or b""),
        owner=owner,
        owner_id="S-1-5-21-7-1001" if owner else "",
        content=content,
        logs=logs or {},
    )


def of_the_machine(name: str, tree: Tree) -> MadeFile:
    return made_file(hive(tree), rf"{CONFIG}\{name}", "")


def nested(path: str, content: Tree) -> Tree:
    for name in reversed(path.split("\\")):
        content = {name: content}
    return content


def of_jo(values: Tree, more: Tree | None = None) -> MadeFile:
    """jo's hive, with these values under Run."""
    tree = {**nested(RUN, values), **(more or {})}
    return made_file(hive(tree, written={RUN: WHEN}))


def hits_of(text: bytes, word: str) -> list[ByteHit]:
    """Where a word is, in either encoding."""
    found: list[ByteHit] = []
    for encoded in (word.encode("latin-1"), word.encode("utf-16-le")):
        at = text.find(encoded)
        while at >= 0:
            found.append(ByteHit(indicator="name-cyzfc-dat", offset=at, excerpt=word))
            at = text.find(encoded, at + 1)
    return found


class Account:
    """The gaps and notes of one file."""

    def __init__(self, file: MadeFile) -> None:
        self.ledger = Ledger("registry", required=True)
        self.reader = HiveReader(file, self.ledger.part(file.path))
        assert file.content is not None
        self.text = self.reader.text(self.reader.pages(file.content))[:]

    @property
    def gaps(self) -> list[str]:
        return [reason.reason for reason in self.ledger.close().reasons]


def observed(file: MadeFile, word: str = "cyzfc.dat") -> list[Observation]:
    """What the hive tells of a word that it was hit by; observations without a hit are left out."""
    account = Account(file)
    hits = hits_of(account.text, word)
    assert hits
    found = list(account.reader.seen_in(hits, campaign().records(turned=True)))
    assert {hit for one in found for hit in one.hits} <= set(hits)
    return [one for one in found if one.hits]


def only(file: MadeFile, word: str = "cyzfc.dat") -> Observation:
    (found,) = observed(file, word)
    return found
