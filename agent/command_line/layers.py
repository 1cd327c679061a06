"""What wins: the command line (files of arguments stand in their place on it), then variables of
the environment, then the preset that one of them names.

What a lower layer says becomes arguments before those of the command line, unless that says
anything of it, or something that excludes it.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from ..exit_codes import UsageError
from .environment import from_environment
from .given import Argument
from .presets import FIELD, OPTION, arguments_of

EXCLUDE = (
    ("walk", "verify_walk"), ("packs", "only_packs"), ("proxy", "no_proxy"),
    ("no_delivery", "collector"), ("no_delivery", "share"),
    ("host", "jobs"), ("host", "scheduler"), ("run_once", "sweep_id"),
    ("canary", "remove_canary"),
)  # fmt: skip
"""Options that are not given together, by their fields."""
_NAMED = re.compile(r"argument (-[^:]*): ")


def with_lower(
    given: Sequence[Argument],
    known: Mapping[str, argparse.Action],
    asked: Mapping[str, object],
    environment: Mapping[str, str],
) -> list[Argument]:
    """The command, then what lower layers add, then what was ``given`` behind the command.

    ``known``: the command's options by their names; ``asked``: the fields that ``given`` sets.
    Raises UsageError.
    """
    fields = {*asked}
    lower: list[Argument] = []
    variables = [*from_environment(dict.fromkeys(known.values()), environment)]
    closed = {*fields, *_excluded_by(fields)}
    for field, arguments in variables:
        fields.add(field)  # also one that is switched off
        if field not in closed:
            lower += arguments
    closed = {*fields, *_excluded_by(fields)}
    for argument in arguments_of(_preset(asked, lower)):
        if known[argument.partition("=")[0]].dest not in closed:
            lower.append(argument)
    return [*given[:1], *lower, *given[1:]]


def _preset(asked: Mapping[str, object], lower: Sequence[Argument]) -> str:
    named = [one.partition("=")[2] for one in lower if one.startswith(f"{OPTION}=")]
    return str(asked.get(FIELD) or (named[0] if named else ""))


def _excluded_by(asked: Collection[str]) -> Iterator[str]:
    for one, other in EXCLUDE:
        if one in asked:
            yield other
        if other in asked:
            yield one


def taken(
    given: Sequence[Argument], known: Mapping[str, argparse.Action], asked: Mapping[str, object]
) -> dict[str, str]:
    """By its field, where each option is from that is not from the command line itself."""
    found: dict[str, str] = {}
    for argument in given:
        action = known.get(argument.partition("=")[0])
        if action is not None:
            found[action.dest] = argument.origin
    return {field: origin for field, origin in found.items() if origin and field in asked}


def origin_of_error(error: UsageError, given: Sequence[Argument]) -> str:
    """``FILE, line 3: `` where an error is about an argument that is from there."""
    text = str(error).partition("\n")[0]
    named = _NAMED.match(text)
    names = named[1].split("/") if named else []
    unknown = text.partition("unrecognized arguments: ")[2]
    for argument in given:
        option = argument.partition("=")[0]
        if argument.origin and (option in names or (unknown and argument in unknown)):
            return f"{argument.origin}: "
    return ""
