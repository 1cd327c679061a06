// What Kusto's own language service says of queries: see tests/evidence/kusto_service.py.
//
// kusto.js FOLDER-OF-THE-PACKAGE; on stdin a line of JSON with the tables, {"TABLE": "(COLUMN: type, ...)"},
// then one for each text, "..."; on stdout a line for each text, with all its queries.
"use strict";

const [folder] = process.argv.slice(2);
require(`${folder}/bridge.min.js`);
require(`${folder}/Kusto.Language.Bridge.min.js`);
const { GlobalState, KustoCode, Editor, Symbols, Syntax } = Kusto.Language;

const listed = (list) => Array.from({ length: list.Count }, (_, at) => list.getItem(at));

function database(tables) {
  const made = Object.entries(tables).map(([name, columns]) => Symbols.TableSymbol.From(columns).WithName(name));
  return GlobalState.Default.WithDatabase(new Symbols.DatabaseSymbol.ctor("db", made));
}

// As the editors of Defender and Sentinel run it: a blank line ends a query.
function queries(text, globals) {
  return listed(Editor.CodeScript.From$1(text, globals).Blocks).map((block) => {
    const code = KustoCode.ParseAndAnalyze(block.Text, globals);
    const texts = [];
    code.Syntax.WalkElements((part) => {
      if (part instanceof Syntax.LiteralExpression && part.Kind === Syntax.SyntaxKind.StringLiteralExpression) {
        texts.push(part.LiteralValue);
      }
    });
    const complaints = listed(code.GetDiagnostics()).map((one) => `${one.Code}: ${one.Message}`);
    return { text: block.Text, complaints, texts };
  });
}

let globals;
require("readline").createInterface({ input: process.stdin }).on("line", (line) => {
  const said = JSON.parse(line);
  if (globals === undefined) {
    globals = database(said);
  } else {
    console.log(JSON.stringify(queries(said, globals)));
  }
});
