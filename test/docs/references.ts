/** What a text of this repository can refer to. Paths are relative to the repository's root, with `/`. */
export interface Referable {
  /** Whether there is such a file or folder. */
  readonly has: (path: string) => boolean;
  /** Titles of a Markdown file's sections; none where there is no such file. */
  readonly titles: (path: string) => readonly string[];
  /** Whether some file's path ends in `/` and this. */
  readonly hasEnding: (path: string) => boolean;
  /** Numbers of the traps that are described, as `T6`. */
  readonly traps: ReadonlySet<string>;
  /** Issues of other projects that are described, as `LLMKube#159`. */
  readonly issues: ReadonlySet<string>;
}

/** What the file at `path` refers to and is not there: one sentence each. */
export function brokenReferences(path: string, text: string, known: Referable): readonly string[] {
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
  const joined = path.endsWith(".md") ? text : commentsJoined(text);
  return [
    ...brokenPages(folder, joined, known),
    ...brokenNumbers(joined, known),
    ...(path.endsWith(".md") ? [...brokenLinks(path, folder, text, known), ...brokenCode(path, text, known)] : []),
  ];
}

/** Titles of the sections of a Markdown text, without its code blocks. */
export function titlesIn(markdown: string): readonly string[] {
  return [...withoutBlocks(markdown).matchAll(/^#{1,6} +(.+?) *$/gm)].map(([, title = ""]) => title);
}

/** A sentence that is broken over several lines of a comment is one sentence. */
function commentsJoined(code: string): string {
  return code.replace(/[ \t]*\n[ \t]*(?:\*|\/\/) +/g, " ");
}

const PAGE =
  /(?<![\w:./-])(?<page>(?:\.{0,2}\/)?[\w./-]*[\w-]\.md)\b(?<number> §)?(?:,? (?<titles>"[^"\n]+"(?:(?:,|,? and) "[^"\n]+")*))?/g;

/** `docs/estimate.md`, `docs/background/apple-memory.md, "Footprint" and "Kernel limit"`. */
function brokenPages(folder: string, text: string, known: Referable): readonly string[] {
  const unlinked = text.replace(/\[[^\]]*\]\([^)]*\)|\w+:\/\/\S+/g, "");
  return [...unlinked.matchAll(PAGE)].flatMap(({ groups = {} }) => {
    const { page = "", number, titles = "" } = groups;
    const found = [normalized(page), normalized(`${folder}/${page}`)].find(known.has);
    if (found === undefined) return [`${page} is not in this repository`];
    if (number !== undefined) return [`${page} is cited by a number: cite a section's title`];
    const there = known.titles(found);
    const cited = [...titles.matchAll(/"([^"]+)"/g)].map(([, title = ""]) => title);
    return cited.filter((title) => !there.includes(title)).map((title) => `${page} has no section "${title}"`);
  });
}

const TRAPS = /LLMKube traps? (T\d{1,2}(?:(?:, | and |, and | to )T\d{1,2})*)/g;
const ISSUE = /\b([A-Za-z][\w.-]*)#(\d+)\b/g;
/** A colour has more digits, or a quote after it. */
const BARE_ISSUE = /(?<![\w&/#-])#\d{2,5}\b(?!["'])/g;

/** `LLMKube trap T6`, `LLMKube#159`; a bare T6 or #159 means nothing here. */
function brokenNumbers(text: string, { traps, issues }: Referable): readonly string[] {
  const named = [...text.matchAll(TRAPS)].flatMap(([, list = ""]) => list.match(/T\d+/g) ?? []);
  const cited = [...text.matchAll(ISSUE)].filter(([, project]) => project === "LLMKube").map(([issue]) => issue);
  const bare = text.replace(TRAPS, "").match(/(?<![\w#])T\d{1,2}\b/g) ?? [];
  return [
    ...named.filter((trap) => !traps.has(trap)).map((trap) => `LLMKube trap ${trap} is not described`),
    ...cited.filter((issue) => !issues.has(issue)).map((issue) => `${issue} is not described`),
    ...bare.map((trap) => `${trap} means nothing here: write "LLMKube trap ${trap}", or the reason`),
    ...(text.match(BARE_ISSUE) ?? []).map((issue) => `${issue} is whose issue? Write "LLMKube${issue}"`),
  ];
}

/** Where a page that the package leaves out is read. */
const ONLINE = "https://github.com/pulumi-llmkube/pulumi-llmkube/blob/main/";

/** `[the agent](agent.md#states)`, and the same by its address in the repository. */
function brokenLinks(path: string, folder: string, markdown: string, known: Referable): readonly string[] {
  return linksIn(markdown).flatMap((target) => {
    const isOnline = target.startsWith(ONLINE);
    if (!isOnline && isElsewhere(target)) return [];
    const [file = "", anchor] = (isOnline ? target.slice(ONLINE.length) : target).split("#");
    const found = file === "" ? path : normalized(isOnline ? file : `${folder}/${file}`);
    if (!known.has(found)) return [`the link ${target} leads to no file`];
    if (anchor === undefined || known.titles(found).map(anchorOf).includes(anchor)) return [];
    return [`the link ${target} leads to no section`];
  });
}

/** Files that a page links to by a path, from the repository's root. */
export function filesLinkedFrom(path: string, markdown: string): readonly string[] {
  const folder = path.includes("/") ? path.slice(0, path.lastIndexOf("/")) : "";
  const paths = linksIn(markdown).filter((target) => !isElsewhere(target) && !target.startsWith("#"));
  return paths.map((target) => normalized(`${folder}/${target.split("#")[0] ?? ""}`));
}

function linksIn(markdown: string): readonly string[] {
  const text = withoutBlocks(markdown).replace(/`[^`\n]*`/g, "");
  return [...text.matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
}

function isElsewhere(target: string): boolean {
  return /^[a-z]+:/.test(target);
}

/** `agent/run.ts` in a page is a file; only a history may name one that has gone. */
function brokenCode(path: string, markdown: string, known: Referable): readonly string[] {
  if (path === "CHANGELOG.md") return [];
  const named = [...markdown.matchAll(/`([\w./-]+\.(?:ts|js|mjs))`/g)].map(([, file = ""]) => file);
  return named.filter((file) => !known.hasEnding(file)).map((file) => `${file} is not in this repository`);
}

function withoutBlocks(markdown: string): string {
  return markdown.replace(/^```.*?^```/gms, "");
}

/** As GitHub makes anchors of titles. */
function anchorOf(title: string): string {
  return title
    .toLowerCase()
    .replace(/[^\p{L}\p{N}_ -]/gu, "")
    .replaceAll(" ", "-");
}

function normalized(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "." && part !== "") parts.push(part);
  }
  return parts.join("/");
}
