"""What earlier sweeps read, and found nothing in, is not read again (``--cache``)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Struct

from ...coverage import Ledger
from ...matching.matcher import Matcher
from .facts import Facts
from .hash_cache import HashCache, HashCacheError
from .item import Item


class Memory(Struct):
    """Asks the cache, if there is one, for as long as it works."""

    cache: HashCache | None
    matcher: Matcher
    ledger: Ledger

    def knows(self, item: Item, progress: Callable[[str], None]) -> bool:
        """Whether an earlier sweep read a file as it stands, and nothing wanted was in it."""
        state = item.state if self.cache is not None else None
        if self.cache is None or state is None:
            return False
        try:
            hashes = self.cache.known(state)
        except HashCacheError as error:
            self._without(error)
            return False
        if hashes is None or self.matcher.is_wanted_hash(hashes):
            return False
        self.matcher.accounts.compared_hashes(hashes)
        progress(item.known_place)
        self.ledger.note("not read again: as it was when an earlier sweep read it", item.shown)
        return True

    def keep(self, item: Item, facts: Facts) -> None:
        """Keep that nothing was found in a file. Not for those whose streams or members say
        something of their own."""
        state = item.state if self.cache is not None else None
        found = facts.contents or facts.proofs or facts.pe or facts.lnk
        if self.cache is None or state is None or found or item.named or facts.unread:
            return
        try:
            self.cache.keep(state, facts.hash)
        except HashCacheError as error:
            self._without(error)

    def _without(self, error: HashCacheError) -> None:
        self.ledger.note("--cache: not used any more", str(error))
        self.cache = None
