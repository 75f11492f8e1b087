// npm test: the unit tests, several files at a time, then what needs real parts, one file after another. The last line is the sum of both.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import * as z from "zod";
import { lastLine, TOTALS_FILE } from "./reporter.ts";
import { temporaryDirectory } from "./workspace.ts";

const REAL = "test/**/*.real.test.ts";
const PARTS = [["--parallel", "--jobs", "4", "--ignore", REAL, "test/**/*.test.ts"], [REAL]] as const;
const totalsShape = z.object({
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  failures: z.array(z.string()),
});
const EXIT_INTERRUPTED = 130;

const file = join(await temporaryDirectory(), "totals");
const given = process.argv.slice(2);
let failures = 0;
process.on("SIGINT", () => process.exit(EXIT_INTERRUPTED));
for (const part of PARTS) {
  const { exitCode } = await execa("mocha", [...given, ...part], {
    stdio: "inherit",
    preferLocal: true,
    reject: false,
    env: { [TOTALS_FILE]: file },
  });
  if (exitCode !== 0) failures += 1;
}
const lines = (await readFile(file, "utf8").catch(() => "")).split("\n").filter((line) => line !== "");
const totals = lines.map((line) => totalsShape.parse(JSON.parse(line)));
const sum = (count: "passed" | "failed" | "skipped") => totals.reduce((sofar, one) => sofar + one[count], 0);
const broken = PARTS.length - totals.length;
// Again here, because the report of the first part is far above, and cut off where only the end of a log is kept.
for (const title of totals.flatMap(({ failures: titles }) => titles)) console.log(`  failed: ${title}`);
if (broken > 0) console.log(`  ${broken} of ${PARTS.length} runs of mocha ended without a result`);
console.log(lastLine({ passed: sum("passed"), failed: sum("failed") + broken, skipped: sum("skipped") }));
process.exitCode = failures > 0 || broken > 0 ? 1 : 0;
