import {
  type Document,
  isScalar,
  Lexer,
  LineCounter,
  type ParsedNode,
  parseAllDocuments,
  visit,
  type YAMLParseError,
} from "yaml";
import { fail, ok, type Result } from "../../api/result.ts";

/** How often what an alias stands for may be read again: each can multiply what is read. */
const MAX_ALIAS_COUNT = 100;
/** The parser's time grows faster than these, so that a file could keep the agent busy for minutes. */
const MAX_DEPTH = 64;
const MAX_ALIASES = 1000;
/** With nothing between them, where YAML knows one tag, one anchor and one text: each further one is an error, which takes its time. */
const MAX_IN_ROW = 64;

/** Objects that a file may hold, in documents or in lists. */
export const MAX_OBJECTS = 1000;
export const TOO_MANY_OBJECTS = `it holds more than ${MAX_OBJECTS} objects; split it into several files`;

/** The documents of a YAML text, in linear time. Fails with a clause where the text is no YAML, or no manifest looks like that. */
export function readYaml(text: string): Result<readonly unknown[]> {
  try {
    const unreasonable = shapeProblem(text);
    if (unreasonable !== undefined) return fail(unreasonable);
    const values: unknown[] = [];
    const lineCounter = new LineCounter();
    // Of two keys of one name the parser itself looks for in quadratic time, and it makes each of a row's errors pretty with the whole row.
    for (const document of parseAllDocuments(text, { uniqueKeys: false, prettyErrors: false, lineCounter })) {
      const [error] = document.errors;
      const problem = error === undefined ? repeatedKey(document) : withPlace(error, lineCounter);
      if (problem !== undefined) return fail(`it is not valid YAML: ${problem}`);
      values.push(document.toJS({ maxAliasCount: MAX_ALIAS_COUNT }));
    }
    return ok(values);
  } catch (error) {
    return fail(`it is not valid YAML: ${withoutSource(error instanceof Error ? error.message : String(error))}`);
  }
}

function withPlace({ message, pos: [at] }: YAMLParseError, lines: LineCounter): string {
  const { line, col } = lines.linePos(at);
  return withoutSource(`${message} at line ${line}, column ${col}`);
}

/** What the parser says, and where, but not what stands there: it may be half of a secret. */
function withoutSource(message: string): string {
  const [line = ""] = message.split("\n", 1);
  return line.replace(/: (?!in |between ).*?(?=(?: at line \d+, column \d+:?)?$)/, "").replace(/:$/, "");
}

/** A clause on what no manifest looks like, told by the lexer alone. */
function shapeProblem(text: string): string | undefined {
  const count = { brackets: 0, indicators: 0, aliases: 0, documents: 0, inRow: 0 };
  for (const lexeme of new Lexer().lex(text)) {
    if (/^[!&"']/.test(lexeme)) count.inRow += 1;
    else if (lexeme.trim() !== "") count.inRow = 0;
    if (lexeme === "[" || lexeme === "{") count.brackets += 1;
    else if (lexeme === "]" || lexeme === "}") count.brackets -= 1;
    else if (lexeme === "-" || lexeme === "?") count.indicators += 1;
    else if (lexeme === "---") count.documents += 1;
    else if (lexeme.startsWith("*")) count.aliases += 1;
    else if (lexeme.endsWith("\n")) count.indicators = 0;
    if (count.brackets < 0) return "it is not valid YAML: it closes a bracket that was not opened";
    if (count.brackets > MAX_DEPTH || count.indicators > MAX_DEPTH)
      return `it is nested more than ${MAX_DEPTH} levels deep`;
    if (count.inRow > MAX_IN_ROW) return `it has more than ${MAX_IN_ROW} tags, anchors or quoted texts in a row`;
    if (count.aliases > MAX_ALIASES) return `it has more than ${MAX_ALIASES} aliases`;
    if (count.documents > MAX_OBJECTS) return TOO_MANY_OBJECTS;
  }
  return undefined;
}

/** In two places of one object one key: which of them is meant cannot be told. */
function repeatedKey(document: Document.Parsed<ParsedNode>): string | undefined {
  let repeated: string | undefined;
  visit(document, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) {
          repeated = `the key ${JSON.stringify(String(name).slice(0, 80))} stands twice in one object`;
          return visit.BREAK;
        }
        seen.add(name);
      }
      return undefined;
    },
  });
  return repeated;
}
