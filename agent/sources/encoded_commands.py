"""Command lines in the clear: what a record of an artefact hides in base64 is told with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from ..matching.hidden_commands import (
    DECODED,
    IN_BASE64,
    MAX_COMMAND,
    decoded_command,
    decoded_pieces,
)

if TYPE_CHECKING:
    from ..matching.record_rules import RecordRules
    from ..model.observation import Observation


def with_decoded(seen: Observation, rules: RecordRules) -> Observation:
    """With the commands that its command line hides, and with what the base64 in it mentions.

    Raises ScanFailed, and FormatError for more base64 than is decoded.
    """
    process = seen.process
    if process is None or not process.command_line:
        return seen
    remarks = dict.fromkeys(seen.remarks)
    if hidden := decoded_command(process.command_line):
        command = f"{process.command_line}\n{hidden[:MAX_COMMAND]}"
        process = structs.replace(process, command_line=command)
        remarks[DECODED] = None
    hits = {hit.indicator: hit for hit in seen.hits}
    for piece in decoded_pieces(process.command_line):
        for hit in rules.mentions(piece):
            if hit.indicator not in hits:
                hits[hit.indicator] = structs.replace(hit, offset=0)
                remarks[IN_BASE64] = None
    return structs.replace(seen, process=process, hits=tuple(hits.values()), remarks=tuple(remarks))
