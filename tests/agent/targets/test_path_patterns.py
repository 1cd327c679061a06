"""Patterns of paths, asked of whole paths; what a search finds by them: ``test_evidence.py``."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agent.targets.installation import Installation, Profile
from agent.targets.path_patterns import PathMatcher, PathPattern

HOST = Installation(
    "C:\\Windows",
    "C:\\ProgramData",
    (Profile("C:\\Users\\jo", "jo"), Profile("D:\\Profiles\\[ann]*", "ann")),
)


def matches(pattern: str, path: str, drive: str = "C:") -> bool:
    return PathMatcher([PathPattern.parse(pattern)], HOST, drive).matches(path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (r"%SystemRoot%\Prefetch\*.pf", r"C:\WINDOWS\prefetch\CMD.EXE-1.PF"),
        (r"%systemroot%\prefetch\?md*", r"c:\Windows\Prefetch\CMD.EXE-1.pf"),
        (r"%ProgramData%\x", r"C:\ProgramData\X"),
        (r"%Profile%\AppData\**\History", r"C:\Users\Jo\AppData\History"),
        (r"%Profile%\AppData\**\History", r"C:\Users\jo\AppData\Local\a\b\c\History"),
        (r"%Profile%\**\a\**\b", r"C:\Users\jo\x\a\y\a\b"),
        (r"%Volume%\pagefile.sys", r"C:\pagefile.sys"),
        (r"C:\x\*", r"c:\X\y"),
        (r"%SystemRoot%\Prefetch:*.pf", r"C:\Windows\Prefetch:X.pf"),
        (r"%Volume%\**\*:Zone.Identifier", r"C:\a\b.exe:zone.identifier"),
        (r"%Volume%\[x]", r"C:\[X]"),
        (r"%Volume%\ÄÖ*", r"C:\äöü"),
    ],
)
def test_a_path_is_meant(pattern: str, path: str) -> None:
    assert matches(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (r"%SystemRoot%\Prefetch\*.pf", r"C:\Windows\Prefetch\sub\X.pf"),
        (r"%SystemRoot%\Prefetch\*.pf", r"D:\Windows\Prefetch\X.pf"),
        (r"%SystemRoot%\Prefetch\*.pf", r"C:\Windows\Prefetch"),
        (r"%SystemRoot%\Prefetch\*.pf", r"C:\Windows\Prefetch\X.pf:stream"),
        (r"%SystemRoot%\Prefetch:*.pf", r"C:\Windows\Prefetch"),
        (r"%Profile%\x", r"C:\Users\ann\x"),
        (r"%Profile%\**\a\**\b", r"C:\Users\jo\x\b"),
        (r"D:\x", r"C:\x"),
        (r"%Volume%\[x]", r"C:\x"),
        (r"%Volume%\?", r"C:\xy"),
    ],
)
def test_a_path_is_not_meant(pattern: str, path: str) -> None:
    assert not matches(pattern, path)


def test_a_profile_s_name_is_no_pattern_even_if_it_looks_like_one() -> None:
    assert matches(r"%Profile%\x", r"D:\Profiles\[ann]*\x", "D:")
    assert not matches(r"%Profile%\x", r"D:\Profiles\a\x", "D:")


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "x",
        "%Volume%",
        r"%Volume%\\x",
        r"%Volume%\**",
        r"%Volume%\a**\b",
        r"%Volume%\x:",
        r"%Volume%\:x",
        r"%APPDATA%\x",
        r"\Windows\x",
        "%Volume%" + r"\a" * 65,
    ],
)
def test_what_is_no_pattern_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match=r"names|begins|end|whole"):
        PathPattern.parse(wrong)


NAMES = st.text(st.sampled_from("aZ.[]!-^$ ßıſäÄ\U0001f600\ud800"), min_size=1, max_size=6)


@settings(max_examples=40)
@given(st.lists(st.tuples(NAMES, st.sampled_from(["", "*", "**", "?"])), min_size=1, max_size=6))
def test_a_path_is_meant_by_itself_with_any_wildcards_in_it(
    named: list[tuple[str, str]],
) -> None:
    steps = [{"": name, "?": "?" * len(name)}.get(sign, sign) for name, sign in named[:-1]]
    pattern, path = ["%Volume%", *steps, named[-1][0]], ["C:", *(name for name, _ in named)]
    assert matches("\\".join(pattern), "\\".join(path))
