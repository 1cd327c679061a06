"""How many objects each indicator was compared with: a zero makes coverage visible."""

from __future__ import annotations

import threading
from collections import Counter

from ..indicators import FileHash, Indicator
from ..model.objects import Hash
from ..model.report import IndicatorCount


class Accounts:
    """Of one sweep. Sources count what they filter out themselves; matching counts what it gets."""

    def __init__(self) -> None:
        self._hashes: Counter[int] = Counter()
        """Files, by the length of the hash that was made of them."""
        self._compared: Counter[str] = Counter()
        self._tested: Counter[str] = Counter()
        self._matched: Counter[str] = Counter()
        self._scans = 0
        self._lock = threading.Lock()

    def compared(self, *kinds: str, count: int = 1) -> None:
        """Count objects that were compared with every indicator of these types."""
        for kind in kinds:
            self._compared[kind] += count

    def tested(self, indicator: str, count: int = 1) -> None:
        """Count objects that were compared with one gated indicator."""
        self._tested[indicator] += count

    def compared_hash(self, value: str) -> None:
        """Count a file one of whose hashes was compared with every indicator."""
        self._hashes[len(value)] += 1

    def compared_hashes(self, digest: Hash) -> None:
        """The same for all that were made of it."""
        for value in (digest.md5, digest.sha1, digest.sha256):
            if value is not None:
                self.compared_hash(value)

    def scanned(self, count: int = 1) -> None:
        """Count contents whose bytes were looked through. By any thread."""
        with self._lock:
            self._scans += count

    def matched(self, indicator: str) -> None:
        """Count an object that an indicator matched."""
        self._matched[indicator] += 1

    def count_of(self, indicator: Indicator, *, scanned: bool, own_scans: int) -> IndicatorCount:
        """``scanned``: bytes are scanned for it; ``own_scans``: or behind the guard, so often."""
        kind = str(indicator.__struct_config__.tag)
        tested = self._tested[indicator.id] + self._compared[kind] + own_scans
        if isinstance(indicator, FileHash):
            tested += self._hashes[len(indicator.value)]
        if scanned:
            tested += self._scans
        return self._count(indicator.id, tested)

    def count_of_rule(self, rule: str, scans: int) -> IndicatorCount:
        """Of one of the operator's own."""
        return self._count(rule, scans)

    def _count(self, identifier: str, tested: int) -> IndicatorCount:
        matched = self._matched[identifier]
        return IndicatorCount(id=identifier, tested=max(tested, matched), matched=matched)
