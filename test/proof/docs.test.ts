import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { docsWith, RECORD, recordWith, summaryText, tableText, withSection } from "../../proof/docs.ts";
import { type ProofRecord, recordSchema } from "../../proof/record.ts";
import { STEPS as PROOF } from "../../proof/steps.ts";
import { writeDocs } from "../../proof/write-docs.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { runOn, stepRecord } from "./machine.ts";

const ROOT = join(import.meta.dirname, "../..");
const NOTHING: ProofRecord = { version: 1, runs: [] };
const STEPS = [
  { name: "one", asserts: "the first | thing" },
  { name: "two", asserts: "the second thing" },
  { name: "three", asserts: "the third thing" },
];

describe("what the docs say was proven on a Mac", () => {
  const page = (name: string) => readFileSync(join(ROOT, name), "utf8");
  const committed = recordSchema.parse(JSON.parse(page(RECORD)));

  it("is what the committed record says, word for word", () => {
    const pages = docsWith(committed, page);
    assert.deepEqual([...pages.keys()], ["README.md", "docs/mac.md"]);
    for (const [name, text] of pages)
      assert.equal(page(name), text, `npm run mac-proof -- --write-docs writes ${name}`);
  });

  it("would change with the record", () => {
    const other = recordWith(committed, runOn({ chip: "made up" }, [stepRecord({ name: "parsers" })]));
    for (const [name, text] of docsWith(other, page)) assert.notEqual(page(name), text, name);
  });

  it("names in docs/mac.md only steps that there are, and each step somewhere in it", () => {
    const text = page("docs/mac.md");
    const [, relied = ""] = /## What it relies on\n(.*?)\n## /s.exec(text) ?? [];
    const rows = relied
      .split("\n")
      .filter((line) => line.startsWith("|"))
      .slice(2);
    const named = rows.flatMap((row) =>
      [...(row.split(" | ").at(-1) ?? "").matchAll(/`([^`]+)`/g)].map(([, name]) => name),
    );
    assert.ok(named.length > 10);
    const steps = PROOF.map(({ name }) => name);
    assert.deepEqual(
      named.filter((name) => !steps.includes(name ?? "")),
      [],
    );
    assert.deepEqual(
      steps.filter((name) => !text.includes(`\`${name}\``)),
      [],
    );
  });

  it("is nothing without a run", () => {
    assert.equal(summaryText(NOTHING, STEPS), "Proven on a Mac: nothing yet. Not proven: `one`, `two`, `three`.");
    assert.match(
      tableText(NOTHING, STEPS),
      /^\| step \| asserts \| on a Mac \|\n\| --- .*\n\| `one` \| the first \\\| thing \| not run \|\n/,
    );
  });

  it("names what held on some Mac as proven, and all else as not", () => {
    const hosted = runOn({ chip: "Apple M1 (Virtual)", systemVersion: "14.8", place: "hosted" }, [
      stepRecord({ name: "one" }),
      stepRecord({ name: "two", verdict: "failed" }),
      stepRecord({ name: "three", verdict: "cannot" }),
    ]);
    const record = recordWith(recordWith(NOTHING, runOn({}, [stepRecord({ name: "one" })])), hosted);
    assert.equal(
      summaryText(record, STEPS),
      "Proven on a Mac: `one`, on Apple M1 (Virtual) (macOS 14.8), Apple M4 Pro (macOS 15.4). Not proven: `two`, `three`.",
    );
    const [, , ...rows] = tableText(record, STEPS).split("\n");
    assert.deepEqual(rows, [
      "| `one` | the first \\| thing | held | held |",
      "| `two` | the second thing | **failed** | not run |",
      "| `three` | the third thing | could not run | not run |",
    ]);
  });

  it("takes a later run in place of one of the same chip and macOS, and none of Linux or of stand-ins", () => {
    const first = recordWith(NOTHING, runOn({}, [stepRecord({ name: "one", verdict: "failed" })]));
    const again = runOn({}, [stepRecord({ name: "one" })]);
    assert.deepEqual(recordWith(first, again).runs, [again]);
    assert.equal(recordWith(first, runOn({ systemVersion: "26.1" }, [])).runs.length, 2);
    assert.throws(() => recordWith(NOTHING, runOn({ system: "linux" }, [])), /proves nothing about a Mac/);
    assert.throws(() => recordWith(NOTHING, runOn({ played: true }, [])), /stand-ins play proves nothing/);
  });

  it("stands between two marks, and nothing else is touched", () => {
    const marks = page("docs/mac.md").match(/<!-- .*? -->/g) ?? [];
    const text = `before\n${marks[0]}\nold\n${marks[1]}\nafter\n`;
    assert.equal(withSection(text, "new"), `before\n${marks[0]}\nnew\n${marks[1]}\nafter\n`);
    assert.throws(() => withSection("before\nafter\n", "new"), /are missing/);
  });

  it("is written by --write-docs from the proof.json of a run", async () => {
    const folder = mkdtempSync(join(await temporaryDirectory(), "docs-"));
    mkdirSync(join(folder, "docs"));
    for (const name of ["README.md", "docs/mac.md", RECORD]) writeFileSync(join(folder, name), page(name));
    const proof = join(folder, "proof.json");
    writeFileSync(proof, JSON.stringify(runOn({ chip: "made up" }, [stepRecord({ name: "parsers" })])));
    assert.equal(writeDocs(folder, proof), "wrote docs/mac-proof.json, README.md, docs/mac.md");
    assert.match(readFileSync(join(folder, "README.md"), "utf8"), /Proven on a Mac: `parsers`, on .*made up/);
    assert.equal(
      recordSchema.parse(JSON.parse(readFileSync(join(folder, RECORD), "utf8"))).runs.length,
      committed.runs.length + 1,
    );
  });
});
