"""What an operator does about outputs from the command line."""

from __future__ import annotations

import argparse
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Protocol

from agent.output.escape import shown

from ..store.store import Store
from .dead_letter import Letter
from .index_template import index_template, template_name
from .output import Output
from .resending import Resent, resend
from .settings import DEFAULT_INDEX, OutputsError, load_outputs

Run = Callable[[argparse.Namespace], int]


class AddCommand(Protocol):
    """How the command line makes a command."""

    def __call__(
        self, name: str, run: Run, words: str, group: object = None
    ) -> argparse.ArgumentParser: ...


def add_output_commands(
    command: AddCommand,
    commands: Any,
    with_store: Callable[[Callable[[Store, argparse.Namespace], Awaitable[int]]], Run],
) -> None:
    """``index-template`` and ``dead-letters list|resend``."""
    made = command("index-template", print_template, "print what Elasticsearch or OpenSearch needs")
    made.add_argument("--index", default=DEFAULT_INDEX, help="default: %(default)s")
    made.add_argument("--plain", action="store_true", help="for OpenSearch before 2.15")

    letters = commands.add_parser(
        "dead-letters", help="findings that an output's other end refused for good"
    ).add_subparsers(required=True, metavar="ACTION")
    made = command("list", list_letters, "what waits, and why", letters)
    made.add_argument("name", nargs="?", help="of one output; without it, how many of each")
    _add_outputs(made)
    made = command("resend", with_store(resend_letters), "send them again", letters)
    made.add_argument("name", help="of the output")
    _add_outputs(made)


def _add_outputs(made: argparse.ArgumentParser) -> None:
    made.add_argument("--outputs", type=Path, metavar="FILE", required=True, help="as for serve")


def print_template(options: argparse.Namespace) -> int:
    """As the body of ``PUT _index_template/NAME``."""
    body = index_template(options.index, plain=options.plain)
    body["_meta"]["name"] = template_name(options.index)
    _tell(json.dumps(body, indent=2))
    return 0


def list_letters(options: argparse.Namespace) -> int:
    """Of all outputs their number, of one its letters, oldest first."""
    outputs = load_outputs(options.outputs)
    if options.name is None:
        for output in outputs:
            _tell(f"{output.name}   {output.dead_letters.waiting():,}")
        return 0
    for letter in _named(outputs, options).dead_letters.letters():
        _tell(_line(letter))
    return 0


async def resend_letters(store: Store, options: argparse.Namespace) -> int:
    """0 if none of them waits any more."""
    outputs = load_outputs(options.outputs)
    output = _named(outputs, options)
    try:
        told = await resend(store, output)
    finally:
        for one in outputs:
            await one.close()
    _tell(_said(told))
    return 1 if told.waiting else 0


def _said(told: Resent) -> str:
    parts = [f"{told.sent:,} sent"]
    if told.refused:
        parts.append(f"{told.refused:,} refused again")
    if told.gone:
        parts.append(f"{told.gone:,} whose reports retention removed are gone")
    if told.waiting:
        parts.append(f"{told.waiting:,} wait" + (f": {shown(told.reason)}" if told.reason else ""))
    return ", ".join(parts)


def _line(letter: Letter) -> str:
    report = f"report {letter.report_id}" if letter.report_id else f"report number {letter.seq}"
    what = report if letter.seq else "alert"
    return (
        f"{letter.time:%Y-%m-%d %H:%M:%S}Z   {shown(what)}   {shown(letter.document_id)}"
        f"   {shown(letter.reason[:200])}"
    )


def _named(outputs: list[Output], options: argparse.Namespace) -> Output:
    for output in outputs:
        if output.name == options.name:
            return output
    names = ", ".join(output.name for output in outputs)
    raise OutputsError(f"{options.outputs}: no output {options.name!r}; there are {names}")


def _tell(text: str) -> None:
    print(text, flush=True)  # noqa: T201
