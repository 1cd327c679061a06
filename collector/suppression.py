"""Findings that a person has set aside, and what of."""

from __future__ import annotations

from msgspec import Struct


class Suppression(Struct, frozen=True, kw_only=True):
    """Findings set aside by a person, with the reason."""

    suppression_id: str
    sweep_id: str
    indicator_id: str
    host_key: str | None
    """None: on every host."""
    reason: str
    who: str
    created: int
    lifted: int | None
    finding_id: str | None = None
    """That it is of alone; None: of all of its indicator that the rest says."""
    path: str = ""
    """Of the thing that was found, to the letter; empty: any."""
    hash: str = ""
    """The same of its content."""
    until: int | None = None
    """Covers what reports told that came until then, and that of their hosts when they tell it
    again; None: without end."""
    confirmed_until: int | None = None
    """The same for confirmed findings; None: covers none of them."""
    strongest: int = 2
    """The rank (``RANKS``) of the strongest that is covered, confirmed ones aside."""

    @property
    def earlier(self) -> bool:
        """Whether an earlier collector made it, which covered all that would come."""
        return self.finding_id is None and self.confirmed_until is not None
