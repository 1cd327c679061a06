"""Command lines of indicators, compared with what a host ran, in every form that it hides it in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from ..indicators import CommandLine, Indicator
from ..spelling import command_holds, normal_command, unbroken
from .hidden_commands import Reading


class CommandLines:
    """The look-up of one matcher."""

    def __init__(self, indicators: Iterable[Indicator]) -> None:
        self._pieces = [
            (one, _forms([one.value] if isinstance(one.value, str) else one.value))
            for one in indicators
            if isinstance(one, CommandLine)
        ]

    def in_one_of(self, texts: Sequence[Reading]) -> Iterator[tuple[CommandLine, Reading]]:
        """The indicators that a command line holds, each with the first reading that does."""
        normal = [(text, normal_command(text.text)) for text in texts]
        for indicator, forms in self._pieces:
            for text, line in normal:
                if any(command_holds(pieces, line) for pieces in forms):
                    yield indicator, text
                    break


def holds(value: str, texts: Sequence[Reading]) -> bool:
    """Whether one of these texts holds the value, in any form."""
    forms = _forms([value])
    return any(command_holds(pieces, normal_command(one.text)) for one in texts for pieces in forms)


def _forms(pieces: Sequence[str]) -> list[list[str]]:
    """As they stand and, where they differ, with unbroken words: both are compared."""
    standing = [normal_command(piece) for piece in pieces]
    whole = [normal_command(unbroken(piece)) for piece in pieces]
    return [standing] if standing == whole else [standing, whole]
