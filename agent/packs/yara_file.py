"""A pack as a file of YARA rules, for what searches memory or files with these.

A rule an indicator that bytes can tell of, by the same patterns that the agent itself looks for
(``engine/patterns.py``): ASCII and UTF-16, whatever the case. What is outside ASCII is written out
byte by byte, since ``wide`` is no UTF-16 in any engine. A match is a mention: it proves that the
text is there, and nothing else.

Without a module (``pe``, ``hash``), so that each engine takes it. What cannot be carried over
stands at the head of the file: what needs a parsed file, a whole file's hash, a place in a path, a
block of addresses. That a name outside ASCII stands alone, or that a gate holds, is not asked.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from ..engine.patterns import BytePattern, patterns_of
from ..indicators import Indicator
from ..model.report import BUILT_IN
from .loading import Pack

BEGINS = "// YARA rules of iocsweep packs"
MOST_NAME = 120
"""Characters of a rule's name; engines take 127."""
_NO_NAME = re.compile(r"[^A-Za-z0-9_]")


class Exported:
    """Rules of packs."""

    def __init__(self, packs: Sequence[Pack], agent: str) -> None:
        """``agent``: which version says so."""
        self._packs, self._agent = packs, agent
        self._names: set[str] = set()
        self.rules: list[str] = []
        self.left_out: dict[str, list[str]] = {}
        """Ids of indicators that are no rule, by their type."""
        for pack in packs:
            for indicator in pack.file.indicators:
                if patterns := patterns_of(indicator):
                    self.rules.append(self._rule(pack, indicator, patterns))
                else:
                    kind = str(indicator.__struct_config__.tag)
                    self.left_out.setdefault(kind, []).append(indicator.id)

    @property
    def text(self) -> str:
        """The whole file, of ASCII."""
        return "\n".join([*self._head(), "", *self.rules])

    @property
    def told(self) -> str:
        """In one line, how many rules there are, and what is none."""
        counts = Counter({kind: len(ids) for kind, ids in self.left_out.items()})
        left = ", ".join(f"{count} {kind}" for kind, count in counts.most_common())
        rules = "1 rule" if len(self.rules) == 1 else f"{len(self.rules):,} rules"
        return f"{rules}; not carried over: {left or 'nothing'}"

    def _head(self) -> Iterator[str]:
        yield f"{BEGINS}, by iocsweep {self._agent}"
        for pack in self._packs:
            file, origin = pack.file, pack.origin or pack.path
            where = "" if origin == BUILT_IN else f", {_plain(origin)}"
            yield f"// {_plain(file.id)} {_plain(file.version)}: {_plain(file.title)}{where}"
            yield f"//   SHA-256 of the pack {pack.sha256}"
        yield "// A match is a mention of an indicator: nobody knows by it what happened."
        for kind, ids in self.left_out.items():
            yield f"// not carried over, {kind}: {' '.join(ids)}"

    def _rule(self, pack: Pack, indicator: Indicator, patterns: Sequence[BytePattern]) -> str:
        meta = [
            ("pack", f"{pack.file.id} {pack.file.version}"),
            ("indicator", indicator.id),
            ("type", str(indicator.__struct_config__.tag)),
            ("value", _text_of(indicator)),
            ("strength_in_pack", indicator.strength.value),
            *(("reference", _reference(pack, key)) for key in indicator.reference),
        ]
        if any(pattern.check is not None for pattern in patterns):
            meta.append(("not_asked", "whether it stands alone, between what is no letter"))
        lines = [f"rule {self._named(pack, indicator)}", "{", "    meta:"]
        lines += [f"        {key} = {_quoted(value)}" for key, value in meta]
        lines.append("    strings:")
        lines += [
            f"        $p{part}_{number} = {form}"
            for part, pattern in enumerate(patterns)
            for number, form in enumerate(pattern.forms)
        ]
        condition = " and ".join(f"any of ($p{part}_*)" for part in range(len(patterns)))
        return "\n".join([*lines, "    condition:", f"        {condition}", "}", ""])

    def _named(self, pack: Pack, indicator: Indicator) -> str:
        """No two are alike."""
        start = _NO_NAME.sub("_", f"iocsweep_{pack.file.id}_{indicator.id}")[:MOST_NAME]
        name, number = start, 1
        while name in self._names:
            number += 1
            name = f"{start[: MOST_NAME - 6]}_{number}"
        self._names.add(name)
        return name


def _text_of(indicator: Indicator) -> str:
    value = indicator.value
    return value if isinstance(value, str) else " ... ".join(value)


def _reference(pack: Pack, key: str) -> str:
    return f"{key}: {pack.file.references.get(key, '')}".removesuffix(": ")


def _quoted(text: str) -> str:
    """As a text of YARA, of ASCII alone."""
    return '"' + "".join(_escaped(byte) for byte in text.encode("utf-8", "replace")) + '"'


def _escaped(byte: int) -> str:
    if byte in b'"\\':
        return "\\" + chr(byte)
    return chr(byte) if 0x20 <= byte < 0x7F else f"\\x{byte:02x}"


def _plain(text: str) -> str:
    """For a comment: nothing in it ends the line."""
    return "".join(one if " " <= one <= "~" else "?" for one in text)


__all__ = ["BEGINS", "Exported"]
