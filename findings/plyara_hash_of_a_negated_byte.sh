#!/usr/bin/env bash
# plyara 2.2.8's generate_hash promises that rules of one hash match identical content. It leaves the
# "~" of a hex string out: { 61 ~62 63 } ("any byte but 62", YARA 4.3) has the hash of { 61 62 63 }.
# Who drops rules of a hash that is there already drops one that means the opposite. The parsed rule
# and the rule that rebuild_yara_rule writes keep it. A jump or a ? is told apart.
#
# Seen on 2026-11-30, with yara-python 4.5.4:
#   $a = { 61 62 63 }     matches "abc"   hash ... the same
#   $a = { 61 ~62 63 }    matches "axc"   hash ... the same
#   $a = { 61 ?? 63 }     matches both    another hash
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check plyara==2.2.8 yara-python==4.5.4
"$room/venv/bin/python" - <<'PYTHON'
import plyara
import yara
from plyara.utils import generate_hash, rebuild_yara_rule


def told(hexes):
    """Whether it matches abc, and axc; its hash by plyara; the same of the rule rebuilt."""
    source = f"rule r {{ strings: $a = {hexes} condition: $a }}"
    (rule,) = plyara.Plyara().parse_string(source)
    assert rule["strings"][0]["value"] == hexes
    again = rebuild_yara_rule(rule)
    both = [
        [bool(yara.compile(source=one).match(data=data)) for data in (b"abc", b"axc")]
        for one in (source, again)
    ]
    assert both[0] == both[1]
    print(hexes, both[0], generate_hash(rule))
    return both[0], generate_hash(rule)


plain, negated, any_byte = told("{ 61 62 63 }"), told("{ 61 ~62 63 }"), told("{ 61 ?? 63 }")
assert plain[0] == [True, False]
assert negated[0] == [False, True]
assert any_byte[0] == [True, True]
assert plain[1] == negated[1]
assert any_byte[1] != plain[1]
nibble, no_nibble = told("{ 61 6? 63 }"), told("{ 61 ~6? 63 }")
assert (nibble[0], no_nibble[0]) == ([True, False], [False, True])
assert nibble[1] == no_nibble[1]
assert told("{ 61 [1] 63 }")[1] != told("{ 61 [2] 63 }")[1]
PYTHON
