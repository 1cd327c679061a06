"""Hits in the content of a file that only tell of the agent: its documents, and talk about it.

Anyone can write the agent's words into a file, so that they excuse little: a line about running it
excuses bare mentions, never a content of the campaign; a whole document excuses what it holds, if
it decodes as what it claims to be and has the extension that the agent gives it, under which no
system runs it. A rule of the operator's own is never left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from ...matching.matcher import Matcher
from ...matching.own_traces import Own
from ...model.codec import ReportError, decode, unknown_fields
from ...model.journal_record import is_journal
from ...model.observation import ByteHit
from ...output.exports.timesketch import is_timeline
from ...output.mapping.hunting import is_hunting
from ...output.mapping.table import is_table
from ...packs.document import PackError
from ...packs.loading import parse_exclusions, parse_pack

_MARKS = (
    b'"iocsweep.report/',
    b"iocsweep.pack/1",
    b"iocsweep.exclusions/1",
    b'"iocsweep:sighting"',
    b'"iocsweep:sweep"',
    b"IocSweep",
    b"row,time_utc,time_of,",
    b'<meta name="generator" content="iocsweep ',
    b'"product":{"name":"iocsweep"',
    b'"module":"iocsweep"',
    b'"info":"iocsweep: ',
    b'"source":"iocsweep ',
    b'"name":"TLP:AMBER+STRICT"',
)
_HEAD = 4096
_MAX_YAML_BYTES = 1 << 20
"""Of a pack that is tried; proving a larger one would take too long."""
_LINE = 4096
"""Bytes around a hit that are taken for its line at most."""


def without_own(
    hits: Iterable[ByteHit],
    data: bytes,
    *,
    name: str,
    whole: bool,
    in_own_folder: bool,
    matcher: Matcher,
) -> list[ByteHit]:
    """The hits in a file's bytes that are not about the agent itself.

    ``name``: the file's; ``whole``: these are all its bytes; ``in_own_folder``: it lies among the
    agent's reports, or in its spool or program folder.
    """
    hits = list(hits)
    if hits and whole and is_own_document(name, data):
        return [hit for hit in hits if matcher.is_user_rule(hit)]
    return [
        hit
        for hit in hits
        if not matcher.is_mention(hit)
        or not (in_own_folder or Own.has_text(line_at(data, hit.offset)))
    ]


def is_own_document(name: str, data: bytes) -> bool:
    """Whether a file of this name and content is a report, what is exported of one, a journal, a
    pack or an exclusions file, and nothing else."""
    decoders = _DECODERS.get(name[name.rfind(".") :].lower(), ())
    if not any(mark in data[:_HEAD] for mark in _MARKS):
        return False
    return any(decodes(data) for decodes in decoders)


def _is_report(data: bytes) -> bool:
    try:
        return not unknown_fields(data, decode(data))
    except ReportError:
        return False


def _is_page(data: bytes) -> bool:
    """Made here, to the byte, of the reports inside: nothing can have been put into it."""
    from ...output.page import is_made_here

    return is_made_here(data)


def _is_export(data: bytes) -> bool:
    """What ``render --to`` makes."""
    from ...output.exports.formats import BY_NAME

    return any(one.is_one(data) for one in BY_NAME.values())


def _is_pack(data: bytes) -> bool:
    return len(data) <= _MAX_YAML_BYTES and _parses(parse_pack, data)


def _is_exclusions(data: bytes) -> bool:
    return len(data) <= _MAX_YAML_BYTES and _parses(parse_exclusions, data)


def _parses(parse: Callable[[bytes, str], object], data: bytes) -> bool:
    try:
        parse(data, "")
    except PackError:
        return False
    return True


_DECODERS: dict[str, tuple[Callable[[bytes], bool], ...]] = {
    ".json": (_is_report, _is_export),
    ".jsonl": (is_journal, is_timeline, is_hunting, _is_export),
    ".ndjson": (_is_export,),
    ".csv": (is_table,),
    ".html": (_is_page,),
    ".yaml": (_is_pack, _is_exclusions),
    ".yml": (_is_pack, _is_exclusions),
}


def line_at(data: bytes, offset: int) -> str:
    """The line of a text, in an encoding of one or two bytes, that holds this offset."""
    start = max(data.rfind(b"\n", max(0, offset - _LINE), offset) + 1, offset - _LINE, 0)
    end = data.find(b"\n", offset, offset + _LINE)
    line = data[start : offset + _LINE if end < 0 else end]
    return line.replace(b"\0", b"").decode("utf-8", "replace")
