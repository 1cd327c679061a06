"""argparse, as this program's command line needs it."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any

from ..exit_codes import UsageError


class Parser(argparse.ArgumentParser):
    """Gives what was asked for alone: what was not is as :class:`~agent.options.Options` has it."""

    swept: Parser | None = None
    """The command whose options are told with the program's own help."""
    commands: Mapping[str, Parser] = MappingProxyType({})

    def __init__(self, **named: Any) -> None:
        super().__init__(**named, allow_abbrev=False, argument_default=argparse.SUPPRESS)

    @property
    def options(self) -> dict[str, argparse.Action]:
        """By each of their names."""
        return {name: action for action in self._actions for name in action.option_strings}

    @contextmanager
    def nothing_required(self) -> Iterator[None]:
        """Meanwhile no option has to be there: a variable may bring it yet."""
        needed = [action for action in self.options.values() if action.required]
        for action in needed:
            action.required = False
        try:
            yield
        finally:
            for action in needed:
                action.required = True

    def format_help(self) -> str:
        more = self.swept.format_help() if self.swept else ""
        return super().format_help() + (f"\n{more}" if more else "")

    def parse_known_args(  # type: ignore[override]
        self, args: Sequence[str] | None = None, namespace: argparse.Namespace | None = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """A command without further ones says itself what it does not know. Raises UsageError."""
        known, unknown = super().parse_known_args(args, namespace)
        if unknown and self._subparsers is None:
            message = f"unrecognized arguments: {' '.join(unknown)}"
            hint = self._hint(message)
            raise UsageError(f"{message}{hint}\nwhat there is: {self.prog} --help")
        return known, unknown

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(f"{message}{self._hint(message)}\n{self.format_usage().rstrip()}")

    def _hint(self, message: str) -> str:
        """What may have been meant by an option that there is not."""
        unknown = message.partition("unrecognized arguments: ")[2].split()
        names = options_in((self.swept or self).format_help())
        for word in unknown:
            near = difflib.get_close_matches(word, names, 1) if word.startswith("-") else []
            if near and near[0] != word:
                return f"; did you mean {near[0]}?"
        return ""


def options_in(help_text: str) -> list[str]:
    """Names of options that a help text has."""
    return sorted(set(re.findall(r"--[a-z][a-z-]+", help_text)))
