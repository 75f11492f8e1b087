import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { FAMILIES, PREDICTING } from "../../memory/estimate/families/table.ts";

/** Words that may be architectures: a row also has words about them, which are no names in the table. */
function namesIn(text: string): readonly string[] {
  return [...text.matchAll(/(?<![\w-])[\w-]+(?![\w-])/g)].map(([word]) => word).filter((word) => word in FAMILIES);
}

describe("docs/estimate.md", () => {
  let text: string;
  before(async () => {
    text = await readFile(join(import.meta.dirname, "../../docs/estimate.md"), "utf8");
  });

  it("gives each architecture of its table the confidence that the code gives it", () => {
    const rows = text.split("\n").filter((line) => /\| (exact|bounded) \|/.test(line));
    const told = rows.flatMap((row) => {
      const [, , names = "", confidence = ""] = row.split("|").map((cell) => cell.trim());
      return namesIn(names).map((name) => [name, confidence] as const);
    });
    const wrong = told.filter(([name, confidence]) => confidence !== (FAMILIES[name]?.measured ? "exact" : "bounded"));
    assert.deepEqual(wrong, []);
    const missing = Object.keys(FAMILIES).filter((name) => !told.some(([other]) => other === name));
    assert.deepEqual(missing, []);
  });

  it("names the architectures that are exact on the CPU alone, and no others", () => {
    const list = /`MEASURED_ON_CPU` in `families\/table\.ts`\):([^.]+?)\. On Metal/.exec(text)?.[1];
    assert.ok(list !== undefined, "the list is not there");
    const names = list.split(",").map((name) => name.trim());
    const measured = Object.entries(FAMILIES).filter(([, { measuredOnCpu }]) => measuredOnCpu);
    assert.deepEqual(names.toSorted(), measured.map(([name]) => name).toSorted());
  });

  it("stands on a table where every architecture with prediction layers has a rule", () => {
    assert.deepEqual(
      [...PREDICTING].filter((name) => !(name in FAMILIES)),
      [],
    );
  });
});
