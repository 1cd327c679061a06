"""Known-benign rules: annotate and downgrade, never delete, never touch what is confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from msgspec import structs

from .indicators import Conditions, Exclusion, ExclusionsFile
from .model import Finding, Strength
from .packs import built_in_exclusions, parse_exclusions
from .patterns import fold, glob_regex, normal_command


class Exclusions:
    """Applies the rules of one file."""

    def __init__(self, file: ExclusionsFile) -> None:
        self._rules = file.rules
        self._globs: dict[str, re.Pattern[str]] = {}

    def apply(self, finding: Finding) -> Finding:
        """The finding, or its copy downgraded to ``excluded`` by the first rule that holds."""
        if finding.strength not in (Strength.WEAK, Strength.STRONG):
            return finding
        for rule in self._rules:
            if finding.strength.rank <= rule.limit.rank and self._holds(rule.when, finding):
                return _excluded(finding, rule)
        return finding

    def _holds(self, when: Conditions, finding: Finding) -> bool:
        process = finding.process
        image = process.executable if process else ""
        parents = process.parent if process else []
        line = process.command_line if process else ""
        return (
            self._any(when.process, [process.name, _base(image)] if process else [])
            and self._path_or_signer(when, image, process.signer if process else "")
            and self._any(when.parent, [parents[0].name] if parents else [])
            and _all_pieces(when.command_line, line)
            and not _any_piece(when.not_command_line, line)
            and self._exports(when, finding)
            and (not when.sources or all(seen.source in when.sources for seen in finding.evidence))
        )

    def _path_or_signer(self, when: Conditions, image: str, signer: str) -> bool:
        if not when.path and not when.signer:
            return True
        by_path = bool(when.path) and bool(image) and self._any(when.path, [image])
        return by_path or (bool(when.signer) and bool(signer) and self._any(when.signer, [signer]))

    def _exports(self, when: Conditions, finding: Finding) -> bool:
        pe = [part.pe for part in (finding.file, finding.dll) if part is not None and part.pe]
        exports = [name for part in pe for name in part.exports]
        if when.exports and not self._any(when.exports, exports):
            return False
        return not when.not_exports or not self._any(when.not_exports, exports)

    def _any(self, wanted: Sequence[str], values: Iterable[str]) -> bool:
        """Whether no condition is given, or one of the values fits one of the wildcard texts."""
        if not wanted:
            return True
        folded = [fold(value) for value in values]
        return any(self._glob(text).match(value) for text in wanted for value in folded)

    def _glob(self, text: str) -> re.Pattern[str]:
        pattern = self._globs.get(text)
        if pattern is None:
            pattern = self._globs[text] = glob_regex(text)
        return pattern


def _base(path: str) -> str:
    return path.replace("/", "\\").rpartition("\\")[2]


def _all_pieces(pieces: Sequence[str], line: str) -> bool:
    normal = normal_command(line)
    return all(normal_command(piece) in normal for piece in pieces)


def _any_piece(pieces: Sequence[str], line: str) -> bool:
    """Whether one piece occurs, as it stands or as folded; a piece that folds to nothing counts as
    it stands.
    """
    normal, plain = normal_command(line), line.casefold()
    return any(
        piece.casefold() in plain or (normal_command(piece) and normal_command(piece) in normal)
        for piece in pieces
    )


def _excluded(finding: Finding, rule: Exclusion) -> Finding:
    reason = f"would be {finding.strength.value}, but: {rule.reason} ({rule.id})"
    return structs.replace(
        finding,
        strength=Strength.EXCLUDED,
        score=min(finding.score, 5),
        excluded_by=rule.id,
        reasons=[*finding.reasons, reason],
    )


def load_exclusions(path: Path | None = None) -> Exclusions:
    """The built-in rules, or those of a file. Raises PackError, OSError."""
    if path is None:
        return Exclusions(built_in_exclusions())
    return Exclusions(parse_exclusions(path.read_bytes(), str(path)))
