"""Expressions over whole paths become names and paths that match the same files, or more."""

from __future__ import annotations

import re
import warnings

import pytest

from agent.packs.importing.expressions import Unfit, globs_of
from agent.spelling import base_name, fold, glob_regex, path_regex

PATHS = [
    r"C:\evil.exe", r"C:\Users\jo\evil.exe", r"D:\x\evil.exe.bak", r"C:\Temp\notevil.exe",
    r"C:\Windows\Temp\ab.tmp", r"C:\Temp\abcdef.tmp", r"C:\Temp\sub\deep\tool.exe",
    r"C:\Temp\tool.exe", r"C:\a\x12.exe", r"C:\b\x1a.dll", r"C:\c\x12.exe", r"C:\b\x07.dll",
    r"C:\Users\jo\AppData\Local\x1.dat", r"C:\Users\x1\y.dat", r"C:\Users\x.dat",
    r"C:\PerfLogs\Admin\a.txt", r"C:\PerfLogs\Admin\s\b.txt", r"C:\PerfLogs\Adminx\b.txt",
    r"C:\foo\bar", r"C:\foo\barrel\x.txt", r"C:\color.txt", r"C:\colour\x", r"C:\x\0badcafe.exe",
    r"C:\x\zzzzzzzz.exe", r"E:\x\0badcafe.exe", r"C:\svc.exe", r"C:\a_svc.exe", r"C:\aax.exe",
    r"C:\aaaax.exe", r"C:\Users\jo\AppData\Roaming\x.exe", r"C:\Windows\System32\svchosts.exe",
    r"C:\ProgramData\evil1.exe", r"C:\ProgramData\evil.exe", r"C:\ProgramData\a+b (1).exe",
]  # fmt: skip


def found_by(values: tuple[str, ...], path: str) -> bool:
    folded = fold(path)
    return any(
        path_regex(value).search(folded)
        if "\\" in value
        else glob_regex(value).fullmatch(base_name(folded))
        for value in values
    )


@pytest.mark.parametrize(
    ("expression", "is_wider"),
    [
        (r"\\evil\.exe$", False), (r"\\evil\.exe", False), (r"evil.exe$", False),
        (r"\\evil[0-9]?\.exe$", True), (r"\\(a|b)\\x[0-9]{2}\.(exe|dll)$", True),
        (r"^C:\\Users\\[^\\]+\\.*\.dat$", False), (r"\\Users\\.*x1\.dat", False),
        (r"\\Users\\.*\\y\.dat", False), (r"\\Temp\\[a-z]{1,4}\.tmp$", True),
        (r"\\Temp\\.*\.exe$", False), (r"\\PerfLogs\\Admin\\", False), (r"foo[\\/]bar", False),
        (r"colou?r", False), (r"[C-D]:\\x\\[0-9a-f]{8}\.exe$", True), (r"\bsvc\.exe$", True),
        (r"\\a{2,3}x\.exe$", False), (r"\\a\+b \(1\)\.exe$", False), (r".*\\evil\.exe", False),
        (r"(?i)\\SVCHOSTS\.EXE$", False), (r"\\[^\\]*evil[^\\]*\.exe$", False),
        (r"\\Temp\\.*\\tool\.exe$", False), (r"(?:\\x|\\y)\\(?:zz)+\.exe$", None),
    ],
)  # fmt: skip
def test_the_same_paths_are_found(expression: str, is_wider: bool | None) -> None:
    if is_wider is None:
        with pytest.raises(Unfit):
            globs_of(expression)
        return
    globs = globs_of(expression)
    assert globs.is_wider is is_wider
    wanted = {path for path in PATHS if re.search(expression, path, re.IGNORECASE)}
    found = {path for path in PATHS if found_by(globs.values, path)}
    assert wanted
    assert wanted <= found
    if not is_wider:
        # Between two backslashes an expression wants a folder more, which a pack cannot say.
        more = {r"C:\Temp\tool.exe"} if r"\tool" in expression else set()
        assert found - wanted <= more


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("(", "no regular expression: missing ), unterminated subpattern at position 0"),
        (".*", "matches every name"), (r"\\[a-z]+$", "matches every name"),
        (r"/tmp/\.x", "a path of another system than Windows"),
        (r"evil(?!good)\.exe", "it looks ahead, behind or back at what it found"),
        (r"(a)\1\.exe", "it looks ahead, behind or back at what it found"),
        (r"^evil\.exe$", "no whole path begins so"),
        (r"(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)\.exe", "more than 64 spellings"),
        (r"a{65}\.exe", "repeats something more than 64 times"),
        (r"(\\a)+\.exe", "repeats parts of a path"), (r"a\*b\.exe", "no path holds '*'"),
        (r"a$b", "an end of a path stands in its middle"),
    ],
)  # fmt: skip
def test_what_wildcards_cannot_say_is_left_out(expression: str, why: str) -> None:
    with pytest.raises(Unfit) as refused:
        globs_of(expression)
    assert str(refused.value) == why


def test_an_odd_set_of_characters_says_nothing_on_the_console() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert globs_of(r"\\x[[a]\.exe$").values == ("x[.exe", "xa.exe")
