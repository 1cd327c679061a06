"""What an operator does about outputs from the command line."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from agent.output.escape import shown

from ..outputs.dead_letter import Letter
from ..outputs.index_template import index_template, template_name
from ..outputs.output import Output
from ..outputs.resending import Resent, resend
from ..outputs.settings import DEFAULT_INDEX, OutputsError, load_outputs
from ..store.store import Store
from .command import FAILED, OK, Commands, tell, with_store


def add(commands: Commands) -> None:
    """``index-template`` and ``dead-letters list|resend``."""
    made = commands.add(
        "index-template", _print_template, "print what Elasticsearch or OpenSearch needs"
    )
    made.add_argument("--index", default=DEFAULT_INDEX, help="default: %(default)s")
    made.add_argument("--plain", action="store_true", help="for OpenSearch before 2.15")

    letters = commands.group("dead-letters", "findings that an output's other end refused for good")
    made = letters.add("list", _list_letters, "what waits, and why")
    made.add_argument("name", nargs="?", help="of one output; without it, how many of each")
    _add_outputs(made)
    made = letters.add("resend", with_store(_resend_letters), "send them again")
    made.add_argument("name", help="of the output")
    _add_outputs(made)


def _add_outputs(made: argparse.ArgumentParser) -> None:
    made.add_argument("--outputs", type=Path, metavar="FILE", required=True, help="as for serve")


def _print_template(options: argparse.Namespace) -> int:
    """As the body of ``PUT _index_template/NAME``."""
    body = index_template(options.index, plain=options.plain)
    body["_meta"]["name"] = template_name(options.index)
    tell(json.dumps(body, indent=2))
    return OK


def _list_letters(options: argparse.Namespace) -> int:
    """Of all outputs their number, of one its letters, oldest first."""
    outputs = load_outputs(options.outputs)
    if options.name is None:
        for output in outputs:
            tell(f"{output.name}   {output.dead_letters.waiting():,}")
        return OK
    for letter in _named(outputs, options).dead_letters.letters():
        tell(_line(letter))
    return OK


async def _resend_letters(store: Store, options: argparse.Namespace) -> int:
    """0 if none of them waits any more."""
    outputs = load_outputs(options.outputs)
    output = _named(outputs, options)
    try:
        told = await resend(store, output)
    finally:
        for one in outputs:
            await one.close()
    tell(_said(told))
    return FAILED if told.waiting else OK


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
