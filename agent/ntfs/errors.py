"""What goes wrong in a volume, and whom it is told to."""

from __future__ import annotations

from typing import Protocol


class NtfsError(OSError):
    """Something on the volume cannot be read or does not hold what its format promises.

    An OSError, so that it is treated as any other file that cannot be read. ``what``: the reason in
    the words of the coverage, the same for equal failures. ``where``: record, offset or cluster.
    """

    def __init__(self, what: str, where: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where


class Account(Protocol):
    """Who keeps count of what was seen; :class:`agent.coverage.Ledger` is one."""

    def unread(self, reason: str, sample: str = "", count: int = 1) -> None:
        """Something that should have been looked at and was not: a gap."""

    def note(self, reason: str, sample: str = "", count: int = 1) -> None:
        """Something worth knowing that leaves no gap."""


class Unread:
    """An account that remembers what it is told, for callers without a ledger."""

    def __init__(self) -> None:
        self.gaps: dict[str, int] = {}
        self.notes: dict[str, int] = {}
        self.samples: dict[str, str] = {}
        """One place for each reason."""

    def unread(self, reason: str, sample: str = "", count: int = 1) -> None:
        self.gaps[reason] = self.gaps.get(reason, 0) + count
        self.samples.setdefault(reason, sample)

    def note(self, reason: str, sample: str = "", count: int = 1) -> None:
        self.notes[reason] = self.notes.get(reason, 0) + count
        self.samples.setdefault(reason, sample)
