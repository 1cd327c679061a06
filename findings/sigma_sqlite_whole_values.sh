#!/usr/bin/env bash
# Sigma compares texts without regard to case. pySigma's backend for SQLite 2.0.0 does so by LIKE
# where a value is a part of the text or has a wildcard or a backslash, and asks for a plain whole
# value by "=", which heeds case. So Image: 'C:\Windows\cmd.exe' finds C:\WINDOWS\CMD.EXE, and
# OriginalFileName: 'cmd.exe' does not find Cmd.Exe. A column that is declared COLLATE NOCASE makes
# both alike, which nothing in the query says.
#
# Seen on 2026-11-29, of a row with "Cmd.Exe":
#   F|endswith: 'cmd.exe'   LIKE   found
#   F: 'cmd.ex?'            LIKE   found
#   F: 'cmd.exe'            =      not found; found in a column COLLATE NOCASE
# and of one with "C:\Cmd.Exe":
#   F: 'c:\cmd.exe'         LIKE   found
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    pysigma-backend-sqlite==2.0.0 pySigma==1.5.1
"$room/venv/bin/python" - <<'PYTHON'
import sqlite3

from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

RULE = """
title: a program
status: test
logsource: {{category: process_creation}}
detection:
    selection:
        {}
    condition: selection
"""


def found(detection, text, column="TEXT"):
    (query,) = sqliteBackend().convert(SigmaCollection.from_yaml(RULE.format(detection)))
    database = sqlite3.connect(":memory:")
    database.execute(f"CREATE TABLE logs (F {column})")
    database.execute("INSERT INTO logs VALUES (?)", [text])
    rows = len(database.execute(query).fetchall())
    print(query, "of", text, "in", column, rows)
    return rows


assert found("F|endswith: 'cmd.exe'", "Cmd.Exe") == 1
assert found("F: 'cmd.ex?'", "Cmd.Exe") == 1
assert found("F: 'Cmd.Exe'", "Cmd.Exe") == 1
assert found("F: 'cmd.exe'", "Cmd.Exe") == 0
assert found("F: 'cmd.exe'", "Cmd.Exe", "TEXT COLLATE NOCASE") == 1
assert found(r"F: 'c:\cmd.exe'", r"C:\Cmd.Exe") == 1
PYTHON
