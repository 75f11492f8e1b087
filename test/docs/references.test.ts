import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join, matchesGlob } from "node:path";
import { brokenReferences, filesLinkedFrom, type Referable, titlesIn } from "./references.ts";

const ROOT = join(import.meta.dirname, "../..");
const TRAPS = "docs/background/traps.md";
const ONLINE = "https://github.com/pulumi-llmkube/pulumi-llmkube/blob/main/";
/** Hold references that are broken on purpose, and what the numbers mean. */
const isApart = (path: string) => path.startsWith("test/docs/") || path === TRAPS;

describe("references in comments and docs", () => {
  const known: Referable = {
    has: (path) => ["README.md", "docs", "docs/agent.md", "docs/deep/notes.md"].includes(path),
    titles: (path) => (path === "docs/agent.md" ? ["States", "Kept, and why"] : []),
    hasEnding: (path) => "/agent/supervisor/logs.ts".endsWith(`/${path}`),
    traps: new Set(["T6", "T8"]),
    issues: new Set(["LLMKube#159"]),
  };
  const cases: readonly (readonly [path: string, text: string, broken: readonly string[]])[] = [
    ["a.ts", "// docs/agent.md", []],
    ["a.ts", "// gone.md, or docs/gone.md", ["gone.md is not in", "docs/gone.md is not in"]],
    ["a.ts", "// apple-memory.md §3", ["apple-memory.md is not in"]],
    ["a.ts", "// docs/agent.md §3", ["docs/agent.md is cited by a number"]],
    ["a.ts", '// docs/agent.md, "States"', []],
    ["a.ts", '// docs/agent.md, "States" and "Gone"', ['docs/agent.md has no section "Gone"']],
    ["a.ts", '/**\n * See docs/agent.md, "Kept, and\n * why".\n */', []],
    ["a.ts", '/**\n * See docs/agent.md, "Kept, or\n * why".\n */', ['docs/agent.md has no section "Kept, or why"']],
    ["a.ts", "// https://example.com/gone.md", []],
    ["test/deep/a.ts", 'readFile("../../docs/agent.md", "utf8")', []],
    ["a.ts", 'it("LLMKube trap T6: keeps it"); // LLMKube traps T6 and T8', []],
    ["a.ts", 'it("LLMKube trap T7: keeps it")', ["LLMKube trap T7 is not described"]],
    ["a.ts", 'it("T6: keeps it")', ["T6 means nothing here"]],
    ["a.ts", "// says null (T8)", ["T8 means nothing here"]],
    ["a.ts", "const at = '2026-01-01T10:00:00Z'; // a T, and an AT10", []],
    ["a.ts", "// LLMKube#159 and pulumi#4711", []],
    ["a.ts", "// LLMKube#160", ["LLMKube#160 is not described"]],
    ["a.ts", "// (#159)", ["#159 is whose issue?"]],
    ["a.ts", 'it("#159: says it")', ["#159 is whose issue?"]],
    ["docs/a.md", "[states](agent.md#states), [there](../README.md), [out](https://example.com/x.md)", []],
    ["docs/a.md", "[why](agent.md#kept-and-why), [here](deep/notes.md)", []],
    ["docs/a.md", "[states](agent.md#gone)", ["the link agent.md#gone leads to no section"]],
    ["docs/a.md", `[states](${ONLINE}docs/agent.md#states), [out](${ONLINE.replace("blob", "raw")}x.md)`, []],
    ["docs/a.md", `[it](${ONLINE}docs/gone.md)`, [`the link ${ONLINE}docs/gone.md leads to no file`]],
    ["docs/a.md", `[it](${ONLINE}docs/agent.md#gone)`, [`the link ${ONLINE}docs/agent.md#gone leads to no section`]],
    ["docs/a.md", "[gone.md](agent.md)", []],
    ["docs/a.md", "[it](gone.ts)", ["the link gone.ts leads to no file"]],
    ["docs/a.md", "`supervisor/logs.ts` and `logs.ts`", []],
    ["docs/a.md", "`supervisor/gone.ts`", ["supervisor/gone.ts is not in"]],
  ];
  for (const [path, text, broken] of cases) {
    it(`${JSON.stringify(text)}: ${broken.length === 0 ? "leads somewhere" : broken.join(", ")}`, () => {
      const found = brokenReferences(path, text, known);
      assert.equal(found.length, broken.length, found.join("\n"));
      for (const [index, start] of broken.entries()) assert.ok(found[index]?.startsWith(start), found[index]);
    });
  }
});

describe("this repository", () => {
  const listed = execFileSync("git", ["ls-files", "-co", "--exclude-standard"], { cwd: ROOT, encoding: "utf8" });
  const files = listed.split("\n").filter((path) => path !== "" && existsSync(join(ROOT, path)));
  const text = (path: string) => readFileSync(join(ROOT, path), "utf8");
  const titles = (path: string) => (path.endsWith(".md") && files.includes(path) ? titlesIn(text(path)) : []);
  const described = titles(TRAPS).map((title) => title.split(":", 1)[0] ?? "");
  const known: Referable = {
    has: (path) => files.some((file) => file === path || file.startsWith(`${path}/`)),
    titles,
    hasEnding: (path) => files.some((file) => `/${file}`.endsWith(`/${path}`)),
    traps: new Set(described.filter((title) => /^T\d+$/.test(title))),
    issues: new Set([...described, ...(text("docs/background/llmkube.md").match(/LLMKube#\d+/g) ?? [])]),
  };

  it("refers to nothing that is not in it", () => {
    const read = files.filter((path) => /\.(?:ts|js|mjs|md)$/.test(path) && !isApart(path));
    assert.ok(read.length > 300, `only ${read.length} files were read`);
    const broken = read.flatMap((path) => brokenReferences(path, text(path), known).map((why) => `${path}: ${why}`));
    assert.deepEqual(broken, []);
  });

  it("leads from a page in the package by a path only to what is in the package too", () => {
    const { files: patterns } = JSON.parse(text("package.json")) as { readonly files: readonly string[] };
    const leftOut = patterns.filter((pattern) => pattern.startsWith("!docs/")).map((pattern) => pattern.slice(1));
    const isPacked = (path: string) =>
      path.startsWith("docs/") && path.endsWith(".md") && !leftOut.some((pattern) => matchesGlob(path, pattern));
    const pages = files.filter(isPacked);
    assert.ok(pages.length > 20, `only ${pages.length} pages are packed`);
    const links = pages.flatMap((page) => filesLinkedFrom(page, text(page)).map((file) => ({ page, file })));
    assert.ok(links.length > 30, `only ${links.length} links`);
    assert.deepEqual(
      links.filter(({ file }) => !isPacked(file) && file !== "README.md"),
      [],
    );
  });

  it("has every test that docs/agent.md names", () => {
    const tests = files.filter((path) => /^test\/(agent|cli)\//.test(path) && path.endsWith(".test.ts"));
    const all = tests.map(text).join("\n");
    const rows = text("docs/agent.md")
      .split("\n")
      .filter((line) => /^\| .* \| .* \|$/.test(line));
    const named = rows.flatMap((row) => [...(row.split(" | ")[1] ?? "").matchAll(/"([^"]+?)(?: \.\.\.)?"/g)]);
    const names = named.map(([, name = ""]) => name);
    assert.ok(names.length > 10, `only ${names.length} tests are named`);
    assert.deepEqual(
      names.filter((name) => !all.includes(name)),
      [],
    );
  });
});
