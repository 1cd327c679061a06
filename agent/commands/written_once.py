"""A report that is written once, whoever sweeps the evidence, and however often.

Its name is made of the evidence and the question: ``HOST-KEY.json``. A sweep that finds the whole
report of its own question there does not begin; one that ends beside another keeps the other's. So
does the task of a cluster that is done again because its first worker was lost.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from ..exit_codes import CannotRun
from ..model.custody import Exhibit
from ..model.journal_record import SUFFIX
from ..model.report import ExclusionsRef, PackRef, Report, Verdict
from ..options import Options
from ..sweep.publish import report_at
from .resuming import Question, identity_of, is_cut_short, question, rules_in

_DIGITS = 32
"""Of a key."""
_WRITTEN_ONCE = re.compile(rf".*-[0-9a-f]{{{_DIGITS}}}\.json")


class Once(Struct, frozen=True):
    """Evidence and question, as digests."""

    evidence: str
    question: str
    beside: str = ""
    """Of the reports of both that are there and are no answer; empty: there are none."""

    @property
    def key(self) -> str:
        """Of all."""
        return digest(self.evidence, self.question, *filter(None, [self.beside]))

    def name(self, host: str) -> str:
        """Of the report's file."""
        return f"{host}-{self.key}.json"

    def there(self, folder: Path) -> Iterator[tuple[Path, Report]]:
        """Whole reports of it."""
        for path in sorted(folder.glob(f"*-{self.key}.json")):
            report = report_at(path)
            if report is not None and is_whole(report):
                yield path, report


def once_of(
    exhibits: Sequence[Exhibit], asked: Question, otherwise: str, known: Sequence[str] = ()
) -> Once:
    """``otherwise``: stands for evidence whose identity is not known, such as folders; ``known``:
    ids of reports that are there and are no answer."""
    identity = identity_of(exhibits) or (otherwise,)
    return Once(digest(*identity), digest(*map(str, asked)), digest(*known) if known else "")


def promised(
    options: Options,
    exhibits: Sequence[Exhibit],
    packs: Sequence[PackRef],
    exclusions: ExclusionsRef,
) -> Once | None:
    """What whoever started this sweep takes it for; None if nobody did.

    Raises CannotRun where it would be another one here: on another machine, other bytes may lie
    under the same path, and another build or other packs may be installed.
    """
    if not options.once:
        return None
    evidence, asked, beside = options.once
    recorded = {**options.recorded(), **rules_in(options)}
    mine = once_of(exhibits, question(recorded, packs, exclusions), "")
    if identity_of(exhibits) and mine.evidence != evidence:
        raise CannotRun(f"{' and '.join(options.paths)}: other evidence here than was asked about")
    if mine.question != asked:
        raise CannotRun("other packs, rules or exclusions here than those of whoever asks")
    return Once(evidence, asked, beside)


def is_whole(report: Report) -> bool:
    """Whether its sweep came to its end."""
    return not is_cut_short(report)


def is_done_again(journal: Path, report: Report) -> bool:
    """Whether a whole report was written since, of the evidence and the question of an interrupted
    one (``report``, out of ``journal``), and that one knows of nothing worse."""
    name = journal.name.removesuffix(SUFFIX)
    name = name if name.endswith(".json") else name.rpartition(".")[0]
    if _WRITTEN_ONCE.fullmatch(name) is None:
        return False
    there = report_at(journal.with_name(name))
    if there is None or is_cut_short(there) or there.report_id == report.report_id:
        return False
    return there.verdict is Verdict.HIT or report.verdict is not Verdict.HIT


def digest(*parts: str) -> str:
    """Of texts, so that no two lists have one digest."""
    made = hashlib.sha256()
    for part in parts:
        data = part.encode("utf-8", "surrogatepass")
        made.update(b"%d:" % len(data) + data)
    return made.hexdigest()[:_DIGITS]


__all__ = ["Once", "digest", "is_done_again", "is_whole", "once_of", "promised"]
