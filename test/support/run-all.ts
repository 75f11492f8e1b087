// npm test: the unit tests, several files at a time; then what needs real parts, one file after another. The last line is the sum of all.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import * as z from "zod";
import { lastLine, TOTALS_FILE } from "./reporter.ts";
import { temporaryDirectory } from "./workspace.ts";

/** What waits for a cluster, and what waits for Pulumi, run beside each other: two files at a time, never two clusters' Macs, which share addresses. */
const CLUSTERS = ["agent/{kubelet-api,node,pods}", "controller", "fleet", "identity", "kube", "toolchain"].map(realIn);
const PULUMI = ["cli", "engine", "languages", "package", "policies", "standins"].map(realIn);
const ignoring = (files: readonly string[]) => files.flatMap((file) => ["--ignore", file]);

/** Runs of mocha: those of one line at the same time, the lines one after another. Agents that are held to seconds run alone. */
const LINES: readonly (readonly (readonly string[])[])[] = [
  [["--parallel", "--jobs", "4", ...ignoring([realIn("**")]), "test/**/*.test.ts"]],
  [[...ignoring([...CLUSTERS, ...PULUMI]), realIn("**")]],
  [CLUSTERS, PULUMI],
];
const totalsShape = z.object({
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  failures: z.array(z.string()),
});
const EXIT_INTERRUPTED = 130;

const given = process.argv.slice(2);
process.on("SIGINT", () => process.exit(EXIT_INTERRUPTED));
const runs: (z.infer<typeof totalsShape> | undefined)[] = [];
for (const line of LINES) {
  const ended = await Promise.all(line.map((files, lane) => run(files, lane === 0)));
  for (const { report } of ended) if (report !== undefined) console.log(report);
  runs.push(...ended.map(({ totals }) => totals));
}

const totals = runs.filter((one) => one !== undefined);
const sum = (count: "passed" | "failed" | "skipped") => totals.reduce((sofar, one) => sofar + one[count], 0);
const broken = runs.length - totals.length;
// Again here, because most of the report is far above, and cut off where only the end of a log is kept.
for (const title of totals.flatMap(({ failures }) => failures)) console.log(`  failed: ${title}`);
if (broken > 0) console.log(`  ${broken} of ${runs.length} runs of mocha ended without a result`);
console.log(lastLine({ passed: sum("passed"), failed: sum("failed") + broken, skipped: sum("skipped") }));
process.exitCode = sum("failed") + broken > 0 ? 1 : 0;

function realIn(part: string): string {
  return `test/${part}/**/*.real.test.ts`;
}

/** One run of mocha. Its report is shown as it comes, or returned; its totals are undefined where it ended without a result. */
async function run(files: readonly string[], shown: boolean) {
  const file = join(await temporaryDirectory(), "totals");
  const { all } = await execa("mocha", [...given, ...files], {
    ...(shown ? { stdio: "inherit" } : { all: true, stdin: "ignore" }),
    preferLocal: true,
    reject: false,
    env: { [TOTALS_FILE]: file },
  });
  const text = await readFile(file, "utf8").catch(() => "");
  return { report: all, totals: text === "" ? undefined : totalsShape.parse(JSON.parse(text)) };
}
