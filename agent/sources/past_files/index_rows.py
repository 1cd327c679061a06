"""What the index of Windows Search says where it is a SQLite database: a row for each property.

Since Windows 11 22H2: ``SystemIndex_1_PropertyStore`` (WorkId, ColumnId, Value), and the names of
the properties in ``SystemIndex_1_PropertyStore_Metadata`` (Stroz Friedberg's SIDR).
"""

from __future__ import annotations

from msgspec import structs

from ...formats.filetime import utc_of
from ...formats.sqlite import Row
from ...model.observation import Observation
from ..databases import HitRow
from ..places import owner_of
from .search_index import SIZE, TEXTS, TIMES, Indexed

_PROPERTIES, _NAMES = "SystemIndex_1_PropertyStore", "SystemIndex_1_PropertyStore_Metadata"
_MOST = 2_000
"""Properties of one thing."""


def is_indexed(hit: HitRow) -> bool:
    """Whether a row is a property of a thing."""
    return hit.row.table == _PROPERTIES and hit.database.has(_NAMES)


def indexed(hit: HitRow, source: str) -> Observation:
    """The thing whose property a row is. Raises FormatError."""
    names = {
        row.integer("id"): row.text("uniquekey").partition("-")[2]
        for row in hit.database.rows(_NAMES)
    }
    thing = hit.row.integer("workid")
    values = {
        names.get(row.integer("columnid"), ""): row
        for row in hit.database.rows(_PROPERTIES, f"workid = ? LIMIT {_MOST}", thing)
    }
    texts = {name: values[name].text("value") for name in TEXTS if name in values}
    times = {name: utc_of(_number(values[name])) for name in TIMES if name in values}
    size = _number(values[SIZE]) if SIZE in values else 0
    place = structs.replace(hit.place, record=f"{_PROPERTIES} WorkId {thing}")
    file = hit.file
    return Indexed(texts, times, size or None).observation(source, place, hit.hits, owner_of(file))


def _number(row: Row) -> int:
    """Of a value that is an integer, or kept as eight bytes."""
    value = row.values.get("value")
    if isinstance(value, bytes) and len(value) <= 8:
        return int.from_bytes(value, "little")
    return value if isinstance(value, int) else 0
