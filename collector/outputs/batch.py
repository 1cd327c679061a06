"""Findings encoded and packed into requests of a bounded size."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from .output import Item


class Encoded(Struct, frozen=True):
    """A finding, and the bytes that go out for it."""

    item: Item
    data: bytes


async def encoded(items: Sequence[Item], encode: Callable[[Item], bytes]) -> list[Encoded]:
    """Off the event loop: a thousand findings take a tenth of a second."""
    return await asyncio.to_thread(lambda: [Encoded(item, encode(item)) for item in items])


def packed(
    items: Sequence[Encoded], *, max_bytes: int, max_items: int, between: int = 0
) -> Iterator[list[Encoded]]:
    """In order, none empty; one that is too large by itself comes alone."""
    pack: list[Encoded] = []
    size = 0
    for one in items:
        more = len(one.data) + between
        if pack and (size + more > max_bytes or len(pack) >= max_items):
            yield pack
            pack, size = [], 0
        pack.append(one)
        size += more
    if pack:
        yield pack


def items_of(packs: Sequence[Sequence[Encoded]]) -> list[Item]:
    """The findings of all of them, in order."""
    return [one.item for pack in packs for one in pack]
