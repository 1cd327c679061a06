"""Known-benign rules: annotate and downgrade, never delete, never touch what is confirmed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from msgspec import structs

from ..indicators import Conditions, Exclusion, ExclusionsFile
from ..matching.hidden_commands import readings
from ..model.objects import Dll, File, Process
from ..model.report import Finding, Strength
from ..spelling import base_name, fold, glob_regex, normal_command
from .finding import Basis, Text


class Exclusions:
    """Applies the rules of one file."""

    def __init__(self, file: ExclusionsFile) -> None:
        self._rules = file.rules
        self._globs: dict[str, re.Pattern[str]] = {}

    def apply(self, finding: Finding, basis: Basis) -> Finding:
        """The finding, or its copy downgraded to ``excluded`` by the first rule that holds on it
        and on all that it rests on."""
        if finding.strength not in (Strength.WEAK, Strength.STRONG):
            return finding
        for rule in self._rules:
            if finding.strength.rank <= rule.limit.rank and self._holds(rule.when, finding, basis):
                return _excluded(finding, rule)
        return finding

    def _holds(self, when: Conditions, finding: Finding, basis: Basis) -> bool:
        process = finding.process
        image = process.executable if process else ""
        parents = process.parent if process else []
        line = process.command_line if process else ""
        return (
            self._any(when.process, [process.name, base_name(image)] if process else [])
            and self._path_or_signer(when, image, process.signer if process else "")
            and self._any(when.parent, [parents[0].name] if parents else [])
            and _is_one_process(when, process, basis.processes)
            and _all_pieces(when.command_line, line)
            and not _any_piece(when.not_command_line, line)
            and _exports_hold(when, basis.parts)
            and _texts_hold(when, basis.texts)
            and self._files_hold(when, basis.files)
            and (not when.sources or basis.sources.issubset(when.sources))
            and (not when.claims or basis.claims.issubset(when.claims))
        )

    def _files_hold(self, when: Conditions, files: Sequence[str | None]) -> bool:
        """Of every file behind the finding that it rests on by what it says."""
        if not when.file:
            return True
        return bool(files) and all(path is not None and self._is_at(when, path) for path in files)

    def _is_at(self, when: Conditions, path: str) -> bool:
        """A member's path begins at the archive's top."""
        told = path.replace("/", "\\")
        return self._any(when.file, [told, f"\\{told}"])

    def _path_or_signer(self, when: Conditions, image: str, signer: str) -> bool:
        if not when.path and not when.signer:
            return True
        by_path = bool(when.path) and bool(image) and self._any(when.path, [image])
        return by_path or (bool(when.signer) and bool(signer) and self._any(when.signer, [signer]))

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


def _is_one_process(when: Conditions, shown: Process | None, seen: Iterable[Process]) -> bool:
    """Whether a rule about a program sees no other one behind the finding than the one shown."""
    if shown is None or not (when.process or when.path):
        return True
    return all(
        (not one.executable or fold(one.executable) == fold(shown.executable))
        and (one.pid is None or one.pid == shown.pid)
        and (
            not one.command_line
            or normal_command(one.command_line) == normal_command(shown.command_line)
        )
        for one in seen
    )


def _exports_hold(when: Conditions, parts: Sequence[File | Dll | None]) -> bool:
    """Of every file and module behind the finding; what is none has no exports to judge by."""
    if not when.exports and not when.not_exports:
        return True
    return bool(parts) and all(_exports_of_one_hold(when, part) for part in parts)


def _exports_of_one_hold(when: Conditions, part: File | Dll | None) -> bool:
    if part is None or part.pe is None:
        return False
    if when.exports and sorted(part.pe.exports) != sorted(when.exports):
        return False
    return not set(part.pe.exports) & set(when.not_exports)


def _texts_hold(when: Conditions, texts: Sequence[Text | None]) -> bool:
    """Of every file behind the finding that it rests on by what it says."""
    if not (when.extensions or when.content or when.not_content):
        return True
    return bool(texts) and all(one is not None and _text_holds(when, one) for one in texts)


def _text_holds(when: Conditions, one: Text) -> bool:
    return (
        (not when.extensions or one.name.lower().endswith(tuple(when.extensions)))
        and (not when.content or _any_piece(when.content, one.text))
        and not _any_piece(when.not_content, one.text)
    )


def _all_pieces(pieces: Sequence[str], line: str) -> bool:
    normal = normal_command(line)
    return all(normal_command(piece) in normal for piece in pieces)


def _any_piece(pieces: Sequence[str], line: str) -> bool:
    """Whether one piece occurs, as it stands or as folded, also in what the line hides; a piece
    that folds to nothing counts as it stands.
    """
    texts = [(one.text.casefold(), normal_command(one.text)) for one in readings(line)]
    return any(
        piece.casefold() in plain or (normal_command(piece) and normal_command(piece) in normal)
        for piece in pieces
        for plain, normal in texts
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
