"""Options in environment variables: ``--max-runtime 25m`` is ``IOCSWEEP_MAX_RUNTIME=25m``.

A channel that starts the program with variables needs no quoting then. Secrets have no option, and
so no variable of an option either: their files have.
"""

from __future__ import annotations

import argparse
import difflib
import os
from collections.abc import Iterable, Iterator, Mapping

from ..exit_codes import UsageError
from .given import QUOTED, Argument, is_quoted

PREFIX = "IOCSWEEP_"
_OTHERS = (
    "IOCSWEEP_HOME", "IOCSWEEP_TOKEN", "IOCSWEEP_SIGNING_KEY", "IOCSWEEP_PROXY_CREDENTIALS",
    "IOCSWEEP_COLLECTOR_HOME", "IOCSWEEP_LAB", "IOCSWEEP_BUILD",
)  # fmt: skip
"""Variables of that beginning that are no options: the agent's, the collector's, the build's."""
ON, _OFF = ("1", "true", "yes", "on"), ("0", "false", "no", "off")
_SURE = 0.9


def variable(option: str) -> str:
    """Of an option such as ``--max-runtime``."""
    return PREFIX + option.removeprefix("--").upper().replace("-", "_")


def from_environment(
    actions: Iterable[argparse.Action], environment: Mapping[str, str]
) -> Iterator[tuple[str, list[Argument]]]:
    """For each option that a variable sets: its ``dest``, and the arguments that say the same; none
    for one that is switched off. Raises UsageError."""
    for action in actions:
        for option in action.option_strings:
            name = variable(option)
            if option.startswith("--") and name in environment:
                yield action.dest, _arguments(action, option, name, environment[name])


def refuse_misspelt(options: Iterable[str], environment: Mapping[str, str]) -> None:
    """Raises UsageError for a variable that nearly is one: it was meant, and would do nothing."""
    known = {*map(variable, options), *_OTHERS}
    for name in environment:
        if name.startswith(PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, 1, _SURE)
            if near:
                raise UsageError(f"{name}: there is no such variable; did you mean {near[0]}?")


def _arguments(action: argparse.Action, option: str, name: str, value: str) -> list[Argument]:
    if not value:
        raise UsageError(f"{name}: an empty value: remove the variable, or give it one")
    if is_quoted(value):
        raise UsageError(f"{name}: {value}: {QUOTED}")
    if value != value.strip(" \t"):
        raise UsageError(f"{name}: {value!r}: the blank at its end would be part of it")
    if is_flag(action):
        return [Argument(option, name)] if is_on(name, value) else []
    values = [value]
    if isinstance(action, argparse._AppendAction):  # noqa: SLF001 - there is no public name for it
        values = [one for one in value.split(os.pathsep) if one]
    return [Argument(f"{option}={one}", name) for one in values]


def is_flag(action: argparse.Action) -> bool:
    """Whether it takes no value."""
    return action.nargs == 0


def is_on(name: str, value: str) -> bool:
    """Raises UsageError."""
    if value.lower() in (*ON, *_OFF):
        return value.lower() in ON
    raise UsageError(f"{name}: {value!r} is neither {', '.join(ON)} nor {', '.join(_OFF)}")
