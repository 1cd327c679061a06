#!/usr/bin/env bash
# YARA-X 1.23.0 tells of places where an expression that begins with a bounded repeat would have to
# repeat more often than its bound allows. Counts (#a), first offsets (@a) and lengths (!a) of such
# a string are then not those of YARA. A letter in front of the repeat makes it right.
#
# Seen on 2026-11-28, on seven letters "a" and a "b":
#   YARA 4.5.4     /a{1,5}b/    [(2, 6), (3, 5), (4, 4), (5, 3), (6, 2)]
#   YARA-X 1.23.0  /a{1,5}b/    [(0, 8), (1, 7), (2, 6), (3, 5), (4, 4), (5, 3), (6, 2)]
#   YARA-X 1.23.0  /xa{1,5}b/   [] of "xaaaaaaab", as YARA
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check yara-x==1.23.0 yara-python==4.5.4
"$room/venv/bin/python" - <<'PYTHON'
import yara
import yara_x


def source(expression):
    return f"rule r {{ strings: $a = {expression} condition: $a }}"


def by_yara(expression, data):
    found = yara.compile(source=source(expression)).match(data=data)
    return [(i.offset, i.matched_length) for m in found for s in m.strings for i in s.instances]


def by_yara_x(expression, data):
    found = yara_x.compile(source(expression)).scan(data).matching_rules
    return [(m.offset, m.length) for r in found for p in r.patterns for m in p.matches]


bounded, seven = "/a{1,5}b/", b"aaaaaaab"
right = [(2, 6), (3, 5), (4, 4), (5, 3), (6, 2)]
assert by_yara(bounded, seven) == right, by_yara(bounded, seven)
assert by_yara_x(bounded, seven) == [(0, 8), (1, 7), *right], by_yara_x(bounded, seven)
assert by_yara_x("/xa{1,5}b/", b"x" + seven) == by_yara("/xa{1,5}b/", b"x" + seven) == []
print("as told: YARA-X takes seven letters for one to five, YARA does not")
PYTHON
