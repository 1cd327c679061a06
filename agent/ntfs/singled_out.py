"""Whether a file is singled out by its size, extension and first bytes, or a stream by its own."""

from __future__ import annotations

from ..reading.openings import Selection
from ..spelling import extension_of
from ..windows.files import is_cloud_placeholder
from .entry import MftEntry, stream_extension
from .patterns import Wanted
from .reference import EXTEND, FIRST_USER_RECORD, ROOT
from .selection import NOTHING, SELECTED, Selected


def selected(entry: MftEntry, wanted: Wanted) -> Selected:
    """What a file is singled out for but its name."""
    why = _by_size_or_extension(entry, wanted.selection)
    return why if not why & SELECTED or _is_opened(entry, wanted.selection) else why & ~SELECTED


def _is_opened(entry: MftEntry, selection: Selection) -> bool:
    """Whether a file of this size, these extensions and, where the record holds them, first bytes
    is to be looked into."""
    stream = entry.stream("")
    extensions = [extension_of(name.text) for name in entry.long_names or entry.names]
    heads = selection.heads_of(extensions or [""], 0 if stream is None else stream.size)
    is_here = stream is not None and stream.resident
    if not is_here or entry.reparse_tag or is_cloud_placeholder(entry.attributes):
        return bool(heads)
    return stream is not None and stream.value.startswith(heads)


def _by_size_or_extension(entry: MftEntry, selection: Selection) -> Selected:
    why = NOTHING
    for stream in entry.streams:
        if stream.size in selection.exact_sizes:
            if stream.name:
                why |= Selected.STREAM_SIZE
            elif not entry.folder and not entry.is_link:
                why |= Selected.SIZE
        elif stream.name and entry.live and stream.size >= selection.least_size:
            why |= Selected.STREAM_SIZE
        if stream.name and entry.live and stream_extension(stream.name) in selection.extensions:
            why |= Selected.STREAM_EXTENSION
    if not entry.live or entry.folder or entry.is_link:
        return why
    if is_system(entry):
        return NOTHING
    size = entry.size
    if size is not None and size >= selection.least_size:
        why |= Selected.LEAST_SIZE
    if any(extension_of(name.text) in selection.extensions for name in entry.long_names):
        why |= Selected.EXTENSION
    return why


def is_system(entry: MftEntry) -> bool:
    """Whether it is a file of the file system itself, which no walk lists."""
    if entry.number == ROOT:
        return False
    return entry.number < FIRST_USER_RECORD or any(
        name.parent.number == EXTEND for name in entry.names
    )
