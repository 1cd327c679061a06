"""What is wrong with rules and patterns before anything is scanned."""

from __future__ import annotations

from ..exit_codes import CannotRun


class RulesError(CannotRun):
    """A rule file or a pattern does not compile; the message names the file or the indicator."""
