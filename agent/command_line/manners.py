"""How a run ends that could not begin: asked before anything is parsed, of arguments that may be
wrong. It loads nothing of the program, and raises nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ..exit_codes import UsageError
from .commands import OF_A_DESK, command_of
from .environment import ON, variable
from .given import with_files
from .presets import OF, OPTION, PRESETS, SILENT, VARIABLE

_QUIET = "--quiet"


class Manners(NamedTuple):
    """For whoever started the program."""

    one_line: bool
    """On stdout, JSON, whatever happens."""
    silent: bool
    """Nothing on stderr, whatever happens."""


def manners_of(arguments: Sequence[str], environment: Mapping[str, str]) -> Manners:
    """As the options will have it, as far as they can be read."""
    words = [word for argument in arguments for word in _words(argument)]
    command = command_of(words)
    preset = environment.get(VARIABLE, "") if command == OF else ""
    for word, following in zip(words, [*words, ""][1:], strict=True):
        name, equals, value = word.partition("=")
        if name == OPTION:
            preset = value if equals else following
    asked = command not in OF_A_DESK and environment.get(variable(_QUIET), "").lower() in ON
    quiet = _QUIET in words or asked
    return Manners(quiet or _QUIET in PRESETS.get(preset, ()), preset in SILENT)


def _words(argument: str) -> Sequence[str]:
    try:
        return with_files([argument])
    except UsageError:
        return []
