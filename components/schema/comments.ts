import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";

/** What a comment in the sources says: its text, and its `@default`. */
export interface Comment {
  readonly text: string;
  readonly default?: string | undefined;
}

/**
 * The comments on interfaces and constant objects in the files of a folder and the folders in it, by name, and on their members, by `NAME.MEMBER`.
 * Pulumi's inference takes only those on members of interfaces, and none of their tags.
 */
export function commentsIn(folder: string): ReadonlyMap<string, Comment> {
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"));
  return new Map(files.flatMap((file) => [...commentsOf(join(folder, file))]));
}

function* commentsOf(file: string): Generator<[string, Comment]> {
  const source = ts.createSourceFile(file, readFileSync(file, "utf8"), ts.ScriptTarget.Latest, true);
  for (const statement of source.statements) {
    const declared = declaration(statement);
    if (declared === undefined) continue;
    yield* commentOn(statement, declared.name);
    for (const member of declared.members) {
      if (member.name !== undefined) yield* commentOn(member, `${declared.name}.${member.name.getText(source)}`);
    }
  }
}

interface Declared {
  readonly name: string;
  readonly members: ReadonlyArray<ts.TypeElement | ts.ObjectLiteralElementLike>;
}

function declaration(statement: ts.Statement): Declared | undefined {
  if (ts.isInterfaceDeclaration(statement)) return { name: statement.name.text, members: [...statement.members] };
  if (!ts.isVariableStatement(statement)) return undefined;
  const [one] = statement.declarationList.declarations;
  const value = one?.initializer;
  const object = value !== undefined && ts.isAsExpression(value) ? value.expression : value;
  if (one === undefined || object === undefined || !ts.isObjectLiteralExpression(object)) return undefined;
  return { name: one.name.getText(), members: [...object.properties] };
}

function* commentOn(node: ts.Node, name: string): Generator<[string, Comment]> {
  const last = ts.getJSDocCommentsAndTags(node).filter(ts.isJSDoc).at(-1);
  if (last === undefined) return;
  const given = last.tags?.find(({ tagName }) => tagName.text === "default");
  yield [name, { text: plain(last.comment), default: given && plain(given.comment) }];
}

function plain(comment: Parameters<typeof ts.getTextOfJSDocComment>[0]): string {
  return ts.getTextOfJSDocComment(comment) ?? "";
}
