"""The operator's own YARA rules at work: loaded, run behind the guard, told as hits."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ..coverage import Ledger
from ..engine.errors import RulesError
from ..engine.externals import EXTERNALS, HEAD_BYTES, externals_of
from ..engine.guard import CLOSED, NOTHING, Content, GuardedRules, RulesFailed, ScanAnswer
from ..engine.rule_files import NO_RULES, UnfitRule, Vouched, load_rules
from ..indicators import Indicator
from ..model.observation import ByteHit
from .byte_rules import excerpt, wild

_PACK = "pack"
LEFT_OUT = "own rule left out"
ENDED = "own rules: not asked any more, the sweep was ended early"
TIME_IS_UP = "own rules: not asked any more, --max-runtime was over"


class OwnAnswer(NamedTuple):
    """What own rules say of one content."""

    hits: list[ByteHit]
    gaps: tuple[str, ...]
    """What they could not answer."""


_NOTHING = OwnAnswer([], ())


_FILES_TOLD = 3
_RULES_TOLD = 3


def _nothing_runs(unfit: Sequence[UnfitRule]) -> str:
    """Each file once, with its first rules."""
    by_file: dict[str, list[str]] = {}
    for rule in unfit:
        by_file.setdefault(rule.path, []).append(rule.within)
    told = []
    for path, rules in [*by_file.items()][:_FILES_TOLD]:
        more = f"; and {len(rules) - _RULES_TOLD} more" if len(rules) > _RULES_TOLD else ""
        told.append(f"{path}: no rule can run: {'; '.join(rules[:_RULES_TOLD])}{more}")
    if len(by_file) > _FILES_TOLD:
        told.append(f"and {len(by_file) - _FILES_TOLD} more files")
    return "; ".join([*told, "correct them, or leave them out of --rules"])


class OwnRules:
    """Own rules of one sweep. Their processes start with the first scan, and end with
    :meth:`close`."""

    def __init__(
        self,
        paths: Sequence[Path],
        indicators: Iterable[Indicator] = (),
        *,
        strict: bool = False,
        vouched: Vouched | None = None,
        timeout_s: float,
    ) -> None:
        """``paths``: files, or folders of files; ``indicators``: those of the packs, of which the
        expressions that bytes can make slow run behind the guard as well; ``strict``: no rule may
        be left out; ``vouched``: as :func:`load_rules`; ``timeout_s``: of one content.

        Raises RulesError.
        """
        loaded = load_rules(paths, strict=strict, vouched=vouched) if paths else NO_RULES
        if paths and not loaded.rules:
            raise RulesError(_nothing_runs(loaded.unfit))
        indicators = list(indicators)
        slow = wild(indicators)
        self.guarded = frozenset(slow)
        """Ids of indicators of the packs that are looked for here."""
        self._ids = {f"{_PACK}:{rule.split()[1]}": identifier for identifier, rule in slow.items()}
        self.rules = loaded.rules
        self.unfit = loaded.unfit
        self.fingerprint = loaded.fingerprint
        self.scans = 0
        self._sources = {**loaded.sources, **({_PACK: "\n".join(slow.values())} if slow else {})}
        self._timeout_s = timeout_s
        self._guard: GuardedRules | None = None
        self._lock = threading.Lock()
        self._ended = ""
        """Why nothing is asked any more."""
        self._limit: threading.Timer | None = None

    @staticmethod
    def content(data: bytes, path: str) -> Content:
        """What rules are asked about; ``path``: as the host knows it, empty for memory."""
        return Content(data, externals_of(path, data[:HEAD_BYTES]))

    def scan(self, data: bytes, path: str) -> OwnAnswer:
        """One content, as :meth:`scan_many`."""
        return self.scan_many([self.content(data, path)])[0]

    def scan_many(self, contents: Sequence[Content]) -> list[OwnAnswer]:
        """Of each content each rule that matches, at its first place. By any thread. Several small
        ones at once are much cheaper: each call is a way to another process and back."""
        try:
            answers = self._running().scan_many(contents)
        except RulesFailed as error:
            return [OwnAnswer([], (error.reason,))] * len(contents)
        with self._lock:
            self.scans += len(contents)
        return [
            self._answer(answer, content.data)
            for answer, content in zip(answers, contents, strict=True)
        ]

    def _running(self) -> GuardedRules:
        """Raises RulesFailed."""
        with self._lock:
            if self._ended:
                raise RulesFailed(self._ended)
            if self._guard is None:
                self._guard = GuardedRules(self._sources, EXTERNALS, timeout_s=self._timeout_s)
            return self._guard

    def _answer(self, answer: ScanAnswer | RulesFailed, data: bytes | memoryview) -> OwnAnswer:
        if isinstance(answer, RulesFailed):
            reason = self._ended if answer.reason == CLOSED and self._ended else answer.reason
            return OwnAnswer([], (reason,))
        if answer is NOTHING:
            return _NOTHING
        hits = [
            ByteHit(
                self._ids.get(match.rule, match.rule),
                match.offset,
                excerpt(bytes(data), match.offset, match.length),
            )
            for match in answer.matches
            if match.rule in self.rules or match.rule in self._ids
        ]
        return OwnAnswer(hits, answer.gaps)

    def left_out(self) -> list[str]:
        """Place, name and reason of each rule that does not run."""
        return [rule.message for rule in self.unfit]

    def account(self, ledger: Ledger) -> None:
        """Count each rule that does not run as a gap of a source that would have asked it."""
        for place in self.left_out():
            ledger.unread(LEFT_OUT, place)

    def notes(self) -> list[str]:
        """What did not go as it should with their processes, and leaves no gap."""
        with self._lock:
            return list(self._guard.notes) if self._guard is not None else []

    @property
    def ended_s(self) -> float:
        """Seconds of processors, of their processes that have ended, which the system does not
        count for this one."""
        with self._lock:
            return self._guard.ended_s if self._guard is not None else 0.0

    def end_after(self, seconds: float) -> None:
        """Ask nothing any more when so much time is over, and wait for nothing that is asked."""
        self._limit = threading.Timer(seconds, self.end, [TIME_IS_UP])
        self._limit.daemon = True
        self._limit.start()

    def end(self, why: str = ENDED) -> None:
        """End the processes; what waits for them, and what would be asked later, is a gap."""
        with self._lock:
            self._ended = self._ended or why
            guard = self._guard
        if guard is not None:
            guard.close()

    def close(self) -> None:
        """Nothing is left running. The notes stay."""
        if self._limit is not None:
            self._limit.cancel()
        self.end()
