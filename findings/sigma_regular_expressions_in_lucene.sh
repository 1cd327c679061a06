#!/usr/bin/env bash
# pySigma's backend for Elasticsearch 2.1.1 writes Sigma's |re|i as F:/(?i).../ and anchors as they
# are, F:/^...$/, into queries of Lucene, whose regular expressions know neither: (?i) are there the
# letters "?i", ^ and $ are themselves, and an expression has to match the whole value anyhow. Both
# queries are valid, and find nothing that the rule means. Sigma has both (modifiers 2.1.0, "Regular
# Expression"). By hand: [cC][mM][dD] for (?i)cmd, and nothing for ^ and $.
#
# Seen on 2026-11-30, with Debian 12's Lucene 8.8.1:
#   F|re|i: 'cmd.*'   /(?i)cmd.*/   not "cmd.exe", not "CMD.EXE", but "?icmd.exe"
#   F|re: '^cmd$'     /^cmd$/       not "cmd", but "^cmd$"
#   F|re: 'cmd.*'     /cmd.*/       "cmd.exe"
# It needs a JDK of 11 or later, and apt-get.
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
chmod 755 "$room"
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check \
    pysigma-backend-elasticsearch==2.1.1 pySigma==1.5.1
(cd "$room" && apt-get -qq -o APT::Sandbox::User=root download liblucene8-java=8.8.1-4)
dpkg -x "$room"/liblucene8-java_*.deb "$room/lucene"
cat >"$room/Asked.java" <<'JAVA'
import org.apache.lucene.analysis.core.KeywordAnalyzer;
import org.apache.lucene.index.memory.MemoryIndex;
import org.apache.lucene.queryparser.classic.QueryParser;

/** Whether a query finds a value of field F: the query, then values. */
class Asked {
    public static void main(String[] given) throws Exception {
        var query = new QueryParser("F", new KeywordAnalyzer()).parse(given[0]);
        for (int at = 1; at < given.length; at++) {
            var index = new MemoryIndex();
            index.addField("F", given[at], new KeywordAnalyzer());
            System.out.print(index.search(query) > 0 ? "1" : "0");
        }
    }
}
JAVA
"$room/venv/bin/python" - "$room" <<'PYTHON'
import subprocess
import sys
from pathlib import Path

from sigma.backends.elasticsearch import LuceneBackend
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
room = Path(sys.argv[1])
jars = ":".join(map(str, (room / "lucene/usr/share/java").glob("lucene-*.jar")))


def asked(detection, *values):
    (query,) = LuceneBackend().convert(SigmaCollection.from_yaml(RULE.format(detection)))
    command = ["java", "-cp", jars, room / "Asked.java", query, *values]
    found = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    print(detection, query, dict(zip(values, found, strict=True)))
    return query, found


assert asked("F|re|i: 'cmd.*'", "cmd.exe", "CMD.EXE", "?icmd.exe") == ("F:/(?i)cmd.*/", "001")
assert asked("F|re: '^cmd$'", "cmd", "^cmd$") == ("F:/^cmd$/", "01")
assert asked("F|re: 'cmd.*'", "cmd.exe", "CMD.EXE", "a cmd.exe") == ("F:/cmd.*/", "100")
PYTHON
