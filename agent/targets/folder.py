"""Evidence at rest: one or more folders, such as a mounted volume, a share or a copy of a disk's
files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime, timezone

from .. import model
from ..own import Own
from . import Root, SkippedVolume


class TargetError(Exception):
    """What was to be swept cannot be: there is no such thing."""


class FolderTarget:
    """The target of ``offline FOLDER…``; a single file will do."""

    def __init__(
        self,
        *paths: str,
        own: Own,
        now: Callable[[], datetime] = lambda: datetime.now(timezone.utc),
    ) -> None:
        """Raises TargetError, naming it, for a path that does not exist or cannot be asked for."""
        if not paths:
            raise TargetError("no folder given")
        self._paths = tuple(os.path.abspath(path) for path in paths)
        self._own = own
        self._now = now
        for path in self._paths:
            _must_exist(path)

    @property
    def platform(self) -> str:
        """Of the machine that reads the folder: it decides how paths are written."""
        return "windows" if os.name == "nt" else "linux"

    @property
    def live(self) -> None:
        """Nothing runs here."""
        return

    @property
    def own(self) -> Own:
        """What belongs to this agent, in case it lies in the folder."""
        return self._own

    @property
    def boundaries(self) -> frozenset[str]:
        """All that lies below was asked for."""
        return frozenset()

    def describe(self) -> model.Target:
        """The folders, as absolute paths."""
        return model.Target(kind=model.TargetKind.FOLDER, paths=list(self._paths))

    def host(self) -> model.Host:
        """A host that is known by its place alone."""
        path = self._paths[0]
        return model.Host(id=f"path:{path}", name=os.path.basename(path) or path)

    def now(self) -> datetime:
        """UTC."""
        return self._now()

    def roots(self) -> tuple[Sequence[Root], Sequence[SkippedVolume]]:
        """The folders; nothing is left out."""
        return [Root(path) for path in self._paths], []


def _must_exist(path: str) -> None:
    try:
        os.stat(path)
    except OSError as error:
        raise TargetError(f"{path}: {error.strerror or error}") from error
