import type { ProofRecord, Run } from "./record.ts";
import type { Step } from "./step.ts";
import { STEPS } from "./steps.ts";

/** The committed record of what was proven on Macs. */
export const RECORD = "docs/mac-proof.json";

type Named = Pick<Step, "name" | "asserts">;

/** The record with one more run, which replaces one of the same chip and version of macOS. Throws where the run is of no Mac, or of one that is played. */
export function recordWith({ version, runs }: ProofRecord, run: Run): ProofRecord {
  if (run.machine.system !== "darwin") {
    throw new Error(
      `a record of ${run.machine.system} proves nothing about a Mac: take the proof.json of a run on macOS`,
    );
  }
  if (run.machine.played) {
    throw new Error(
      "a record of a Mac that stand-ins play proves nothing: take the proof.json of a run on macOS itself",
    );
  }
  const key = ({ machine }: Run) => `${machine.chip}, macOS ${machine.systemVersion}`;
  const others = runs.filter((other) => key(other) !== key(run));
  const sorted = [...others, run].sort((one, other) => key(one).localeCompare(key(other), "en", { numeric: true }));
  return { version, runs: sorted };
}

/** The pages that show the record, as they have to be. `read` gives them as they are. */
export function docsWith(record: ProofRecord, read: (page: string) => string): ReadonlyMap<string, string> {
  return new Map([
    ["README.md", withSection(read("README.md"), summaryText(record, STEPS))],
    ["docs/mac.md", withSection(read("docs/mac.md"), tableText(record, STEPS))],
  ]);
}

const BEGIN = "<!-- written by npm run mac-proof -- --write-docs -->";
const END = "<!-- end of what it wrote -->";

/** The text with another section between the two marks. Throws where they are missing. */
export function withSection(text: string, section: string): string {
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin === -1 || end < begin) throw new Error(`the marks "${BEGIN}" and "${END}" are missing`);
  return `${text.slice(0, begin + BEGIN.length)}\n${section}\n${text.slice(end)}`;
}

/** For the README: one sentence on what was proven and one on what was not. */
export function summaryText({ runs }: ProofRecord, steps: readonly Named[]): string {
  const proven = steps.filter(({ name }) => runs.some((run) => verdictIn(run, name) === "held"));
  const open = steps.filter((step) => !proven.includes(step));
  const names = (some: readonly Named[]) => some.map(({ name }) => `\`${name}\``).join(", ");
  const machines = runs.map(({ machine }) => `${machine.chip} (macOS ${machine.systemVersion})`).join(", ");
  const done = proven.length === 0 ? "nothing yet" : `${names(proven)}, on ${machines}`;
  const rest = open.length === 0 ? "nothing" : names(open);
  return `Proven on a Mac: ${done}. Not proven: ${rest}.`;
}

/** For docs/mac.md: a row a step, a column a run. */
export function tableText({ runs }: ProofRecord, steps: readonly Named[]): string {
  const heads = runs.map(headOf);
  const columns = heads.length === 0 ? ["on a Mac"] : heads;
  const rows = steps.map(({ name, asserts }) => {
    const cells = runs.length === 0 ? ["not run"] : runs.map((run) => shownVerdict(run, name));
    return row([`\`${name}\``, asserts, ...cells]);
  });
  return [row(["step", "asserts", ...columns]), row(["---", "---", ...columns.map(() => "---")]), ...rows].join("\n");
}

function headOf({ machine, date }: Run): string {
  const { chip, systemVersion, llamaCpp, place } = machine;
  return `${chip}, macOS ${systemVersion}, llama.cpp ${llamaCpp}, ${place}, ${date.slice(0, 10)}`;
}

function shownVerdict(run: Run, name: string): string {
  const verdict = verdictIn(run, name);
  if (verdict === undefined) return "not run";
  return { held: "held", failed: "**failed**", cannot: "could not run" }[verdict];
}

function verdictIn({ steps }: Run, name: string): Run["steps"][number]["verdict"] | undefined {
  return steps.find((step) => step.name === name)?.verdict;
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
