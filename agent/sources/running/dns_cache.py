"""The DNS client's cache: names that this host asked for lately, found or not.

Evidence, in this order: the cache's table (names and types, all of them); the same table by WMI,
if the
first cannot be read; and what the cache answers for the pack's own names, without asking the
network
or the hosts file. A remembered "no such name" is evidence too: somebody asked. Since: the table
every
Windows, WMI Windows 8. Cannot tell: who asked; names older than their time to live or the last
flush; what a browser resolved by itself (DNS over HTTPS). Names of the hosts file are in the cache
as well.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec import Struct, field

from ...coverage import Ledger
from ...matching.matcher import Matcher
from ...model.objects import Dns
from ...model.observation import Claim, Observation, Place
from ...targets import Target
from ...targets.live.system import DnsRecord, LiveSystem, NotHere, Unreadable
from .processes import running_system

TYPES = ("A", "AAAA", "CNAME", "HTTPS")
"""What a resolver asks for on behalf of a program that wants to connect."""
MAX_ASKED = 4096
"""Names that the cache is asked for: a table full of names below the pack's own must not keep us
here.
"""

UNASKED = "name that the cache could not be asked for"
ONLY_ANSWERS = (
    "the table could not be read: the cache was asked for the packs' own names only,"
    " not for names below"
)


class _Name(Struct):
    """What is known of one cached name."""

    question: str
    types: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    negative: bool = False

    def has(self, type_: str) -> None:
        if type_ and type_ not in self.types:
            self.types.append(type_)


class DnsCacheSource:
    """One observation per name."""

    name = "dns_cache"

    def required(self, target: Target) -> bool:
        return target.live is not None and target.platform == "windows"

    def observe(self, target: Target, matcher: Matcher, ledger: Ledger) -> Iterator[Observation]:
        system = running_system(target, ledger, platform="windows")
        if system is None:
            return
        table, refusals = _table(system)
        names: dict[str, _Name] = {}
        for record in table or ():
            name = names.setdefault(fold(record.name), _Name(record.name))
            name.has(record.type)
        tell = ledger.unread if table is None else ledger.note
        answered, unasked = _ask(system, matcher.cache_names(), names, tell)
        refusals += unasked
        _judge(ledger, table=table is not None, answered=answered, refusals=refusals)
        for name in names.values():
            ledger.examined += 1
            negative = name.negative and not name.answers
            yield Observation(
                source=self.name,
                seen="DNS cache, remembered as not existing" if negative else "DNS cache",
                claim=Claim.RESOLVED,
                place=Place(text=f"DNS cache: {name.question}"),
                dns=Dns(question=name.question, type=", ".join(name.types), answers=name.answers),
            )


def fold(name: str) -> str:
    """The same name in any case and with or without the root's dot."""
    return name.casefold().rstrip(".")


def _table(system: LiveSystem) -> tuple[list[DnsRecord] | None, list[str]]:
    refusals: list[str] = []
    for what, read in (("table", system.dns_table), ("WMI", system.dns_table_by_wmi)):
        try:
            return read(), refusals
        except Unreadable as error:
            refusals.append(f"{what}: {error.reason}")
    return None, refusals


def _ask(
    system: LiveSystem,
    wanted: Iterable[str],
    names: dict[str, _Name],
    tell: Callable[[str, str, int], None],
) -> tuple[bool, list[str]]:
    """Add the cached answers for the packs' names, and for those below them that the table shows.

    ``tell`` hears of names that could not be asked for: a gap without the table, else a note, as
    the
    table has shown all names. Returns whether the cache can be asked at all, and if not, why.
    """
    own = {fold(name): name for name in wanted}
    below = {key: n.question for key, n in names.items() if any(key.endswith("." + o) for o in own)}
    asked = {**own, **below}
    if len(asked) > MAX_ASKED:
        tell(f"only {MAX_ASKED} names asked for their cached answers", "", len(asked) - MAX_ASKED)
    answered = False
    for key, question in list(asked.items())[:MAX_ASKED]:
        for type_ in TYPES:
            try:
                answers = system.dns_answers(question, type_)
            except NotHere as error:
                return answered, [f"answers: {error.reason}"]
            except Unreadable as error:
                tell(f"{UNASKED}: {error.reason}", f"{question} ({type_})", 1)
                continue
            answered = True
            if answers is None:
                continue
            name = names.setdefault(key, _Name(question))
            name.has(type_)
            name.negative = name.negative or not answers
            name.answers += [a for a in answers if a not in name.answers]
    return answered, []


def _judge(ledger: Ledger, *, table: bool, answered: bool, refusals: list[str]) -> None:
    """What the coverage is. Never clean because nothing could be asked."""
    if table:
        for refusal in refusals:
            ledger.note(refusal)
    elif answered:
        ledger.unread(ONLY_ANSWERS, "; ".join(refusals))
    else:
        ledger.unavailable("neither the table nor answers could be read", "; ".join(refusals))
