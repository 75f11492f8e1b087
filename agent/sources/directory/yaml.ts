import { type Document, isScalar, Lexer, type ParsedNode, parseAllDocuments, visit } from "yaml";
import { fail, ok, type Result } from "../../../api/result.ts";

/** Aliases that may be followed: none is needed, and each can multiply what is read. */
const MAX_ALIASES = 100;
/** The parser's time grows faster than these, so that a file could keep the agent busy for minutes. */
const MAX_DEPTH = 64;
const MAX_DOCUMENTS = 10_000;

/** The documents of a YAML text, each in at most linear time. Fails with a clause where the text is no YAML, or beyond all bounds. */
export function readYaml(text: string): Result<readonly unknown[]> {
  try {
    const unreasonable = shapeProblem(text);
    if (unreasonable !== undefined) return fail(unreasonable);
    const values: unknown[] = [];
    // Of two keys of one name the parser itself looks for in quadratic time.
    for (const document of parseAllDocuments(text, { uniqueKeys: false })) {
      const [error] = document.errors;
      const problem = error?.message.split("\n", 1)[0] ?? repeatedKey(document);
      if (problem !== undefined) return fail(`it is not valid YAML: ${problem}`);
      values.push(document.toJS({ maxAliasCount: MAX_ALIASES }));
    }
    return ok(values);
  } catch (error) {
    return fail(`it is not valid YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** What no manifest looks like, told by the lexer alone. */
function shapeProblem(text: string): string | undefined {
  let brackets = 0;
  let indicators = 0;
  let documents = 0;
  for (const lexeme of new Lexer().lex(text)) {
    if (lexeme === "[" || lexeme === "{") brackets += 1;
    else if (lexeme === "]" || lexeme === "}") brackets -= 1;
    else if (lexeme === "-" || lexeme === "?") indicators += 1;
    else if (lexeme === "---") documents += 1;
    else if (lexeme.endsWith("\n")) indicators = 0;
    if (brackets > MAX_DEPTH || indicators > MAX_DEPTH) return `it is nested more than ${MAX_DEPTH} levels deep`;
    if (documents > MAX_DOCUMENTS) return `it has more than ${MAX_DOCUMENTS} documents`;
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
