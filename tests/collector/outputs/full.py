"""A finding in which every field of the model has a value, whatever fields the model has."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from msgspec import inspect, structs

from agent.model.report import Finding, IndicatorRef, Report, Scope, Strength
from tests.agent.output.mapping.rich import report_of

TIME = datetime(2026, 11, 24, tzinfo=timezone.utc)


def full_report(indicator_type: str = "hash", *, address: str = "192.0.2.7") -> Report:
    """With one finding, of which each optional part is there and each list has an item."""
    finding: Finding = filled(inspect.type_info(Finding))
    finding = structs.replace(
        finding, strength=Strength.WEAK, excluded_by=None, in_window=True, score=7,
        indicator=IndicatorRef(
            id="i", type=indicator_type, value=address if indicator_type == "address" else "v" * 40,
            pack="cyzfc-2018-11", reference=["S1"],
        ),
    )  # fmt: skip
    assert finding.destination is not None
    assert finding.dns is not None
    finding.destination.ip, finding.destination.local = address, f"{address}:1"
    finding.dns.answers = [address]
    report = structs.replace(
        report_of(finding), made_as="iocsweep.report/1",
        scope=Scope(whole_host=False, limited_to=["C:\\Users"]),
    )  # fmt: skip
    finding.in_window = False  # as a report with a limit in time may say
    return report


def filled(kind: inspect.Type) -> Any:
    """A value of this type, with nothing left out."""
    match kind:
        case inspect.StructType(cls=cls, fields=fields):
            return cls(**{field.name: filled(field.type) for field in fields} | excluded(cls))
        case inspect.UnionType(types=types):
            return filled(next(one for one in types if not isinstance(one, inspect.NoneType)))
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return [filled(item)]
        case inspect.Metadata(type=inner):
            return filled(inner)
        case inspect.BoolType():
            return True
        case inspect.IntType():
            return 7
        case inspect.FloatType():
            return 7.5
        case inspect.DateTimeType():
            return TIME
        case inspect.EnumType(cls=cls):
            return next(iter(cls))
        case inspect.StrType():
            return "text"
    raise AssertionError(f"a new kind of field: {kind}")


def excluded(cls: type) -> dict[str, Any]:
    """A finding is excluded by a rule, or not at all."""
    return {"excluded_by": None} if cls is Finding else {}
