"""Dead letters sent again: from the store, where the findings are whole, under the same ids.

Safe beside a server that runs the same output, and to be killed: what was put aside and not worked
off is taken up by the next run. What is refused once more is a dead letter again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct, structs

from agent.model.codec import ReportError
from agent.model.report import Report

from ..records import ReportRow
from ..store.store import Store
from .alerts import Alerting
from .dead_letter import Letter, Unkept, letters_in, rest_of
from .output import Item, Output, TryAgain
from .runner import decoded
from .webhook import Webhook

AT_ONCE = 200
"""Letters between two looks at what became of them."""


class Resent(Struct):
    """What became of the letters."""

    sent: int = 0
    refused: int = 0
    """Once more; they wait again."""
    gone: int = 0
    """Retention removed their reports, and so these letters."""
    waiting: int = 0
    """Now: those that were refused again, and those that were not taken."""
    reason: str = ""
    """Why the other end takes none now."""


async def resend(store: Store, output: Output) -> Resent:
    """Everything that waits of one output. Raises StoreError, OSError."""
    told = Resent()
    letters = output.dead_letters
    # What is refused again goes into a file that may have been taken meanwhile: each is taken once.
    for _ in range(letters.files()):
        aside = letters.take()
        if aside is None or told.reason:
            break
        await _worked_off(store, output, aside, told)
    told.waiting = letters.waiting()
    return told


async def _worked_off(store: Store, output: Output, aside: Path, told: Resent) -> None:
    left = [*letters_in(aside, whole=isinstance(output, Webhook))]
    reports = _Reports(store)
    while left and not told.reason:
        batch, left = left[:AT_ONCE], left[AT_ONCE:]
        again = await _sent(output, reports, batch, told)
        left = [*again, *left]
    await asyncio.to_thread(rest_of, aside, left)


async def _sent(
    output: Output, reports: _Reports, letters: Sequence[Letter], told: Resent
) -> list[Letter]:
    """Those that the other end did not take now."""
    refused, gone = output.dead_letters.count, 0
    items, owners = list[Item](), dict[int, Letter]()
    try:
        for letter in letters:
            if not letter.seq and isinstance(output, Webhook):
                await output.deliver(letter.document_id, letter.document)
        for letter in letters:
            found = [*await reports.items(output, letter)]
            gone += bool(letter.seq and not found)
            owners |= {id(item): letter for item in found}
            items += found
        if items:
            await output.send(items)
    except TryAgain as error:
        told.reason = error.reason
        ids = {id(owners[id(item)]) for item in error.left} if items else set(map(id, letters))
        again = [letter for letter in letters if id(letter) in ids]
    except Unkept as error:
        told.reason = str(error)
        again = [*letters]
    else:
        again = []
    refused = output.dead_letters.count - refused
    told.gone += gone
    told.refused += refused
    told.sent += len(letters) - len(again) - refused - gone
    return again


class _Reports:
    """Reads each report once as long as its letters follow one another."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seq = 0
        self._report: Report | None = None
        self._row: ReportRow | None = None

    async def items(self, output: Output, letter: Letter) -> Iterator[Item]:
        """The finding of a letter; all of its report where they go together."""
        if letter.seq != self._seq:
            self._seq, self._report = letter.seq, await self._read(letter.seq)
        report, row = self._report, self._row
        if report is None or row is None:
            return iter(())
        items = (
            Item(letter.seq, report, finding, row.limits, row.signature)
            for finding in report.findings
        )
        if isinstance(output, Alerting):
            return (i for i in items if i.finding.strength.rank >= output.weakest.rank)
        return (i for i in items if i.id == letter.document_id)

    async def _read(self, seq: int) -> Report | None:
        rows = await self._store.database.fetch(
            "SELECT report_id, body FROM report WHERE seq = ?", seq
        )
        self._row = await self._store.report(str(rows[0][0])) if rows else None
        if self._row is None:
            return None
        ((_, body),) = rows
        try:
            report, _ = await asyncio.to_thread(decoded, bytes(body))
        except ReportError:
            return None
        return structs.replace(report, sweep_id=self._row.sweep_id)
