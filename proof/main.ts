import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { withProgress } from "../cli/progress.ts";
import { ensureTool } from "../toolchain/ensure.ts";
import { MAC_TOOLS } from "./mac-tools.ts";
import { thisMachine } from "./machine.ts";
import { placeOf } from "./place.ts";
import { isBlocking, obstacles, surroundingsOf } from "./plan.ts";
import { exitCodeOf, type Run, summary } from "./record.ts";
import { runStep } from "./run-step.ts";
import type { Step } from "./step.ts";
import { STEPS } from "./steps.ts";
import { writeDocs } from "./write-docs.ts";

const EXIT_BAD_USAGE = 2;
const EXIT_INTERRUPTED = 130;
const ROOT = join(import.meta.dirname, "..");

const HELP = `
Steps that this machine cannot run are named, with the reason. On Linux nothing is proven about a Mac.

Exit codes: 0 all blocking steps that ran have held, 1 one of them has not, 2 bad usage, 130 interrupted.`;

interface Flags {
  readonly output: string;
  readonly only?: readonly Step[];
  readonly list?: true;
  readonly json?: true;
  readonly selfHosted?: true;
  readonly writeDocs?: string;
}

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => interrupt.abort());

const program = new Command("npm run mac-proof --")
  .description("Proves on a Mac what this package relies on there, and keeps what it saw as artefacts.")
  .option("--output <dir>", "folder for the artefacts", "proof-output")
  .option("--only <step>", "run this step alone; may be given several times", addStep)
  .option("--list", "print the steps and whether they can run here, without running them")
  .option("--json", "print the record as JSON; what a person reads goes to standard error")
  .option("--self-hosted", "allow steps that disturb the whole machine: sleep, time zone, launchd, memory pressure")
  .option("--write-docs <proof.json>", "run nothing: add this record of a Mac to the docs")
  .addHelpText("after", HELP)
  .exitOverride()
  .action(main);

async function main(flags: Flags): Promise<void> {
  if (flags.writeDocs !== undefined) {
    console.log(writeDocs(ROOT, resolve(flags.writeDocs)));
    return;
  }
  const say = flags.json ? (line: string) => console.error(line) : (line: string) => console.log(line);
  const llamaServer = await ensureTool("llama-server", say);
  const place = placeOf(process.env, flags.selfHosted === true);
  const machine = await withProgress("looking at this machine", thisMachine(llamaServer, place));
  const steps = flags.only ?? STEPS;
  if (flags.list) {
    console.log(listed(steps, machine, flags.json === true));
    return;
  }
  const output = resolve(flags.output);
  say(`${machine.chip}, ${machine.system} ${machine.systemVersion}, llama.cpp ${machine.llamaCpp}`);
  const run: Run = { version: 1, date: new Date().toISOString(), ...commit(), machine, steps: [] };
  const weights = () => ensureTool("gemma3-270m", say);
  const stage = {
    machine,
    mac: MAC_TOOLS,
    output,
    llamaServer: async () => llamaServer,
    weights,
    say,
    signal: interrupt.signal,
  };
  for (const step of steps) {
    if (!interrupt.signal.aborted) run.steps.push(await runStep(step, stage));
  }
  mkdirSync(output, { recursive: true });
  writeFileSync(join(output, "proof.json"), `${JSON.stringify(run, null, 2)}\n`);
  if (flags.json) console.log(JSON.stringify(run, null, 2));
  say(`\nWhat was recorded is in ${output}.\n${summary(run)}`);
  process.exitCode = interrupt.signal.aborted ? EXIT_INTERRUPTED : exitCodeOf(run.steps);
}

/** The steps and whether they can run here. */
function listed(steps: readonly Step[], machine: Run["machine"], json: boolean): string {
  const surroundings = surroundingsOf(machine);
  const all = steps.map((step) => {
    const { name, asserts, needs } = step;
    return { name, asserts, needs, blocking: isBlocking(step, machine), why: obstacles(step, surroundings) };
  });
  if (json) return JSON.stringify(all, null, 2);
  const line = ({ name, asserts, blocking, why }: (typeof all)[number]) => {
    const here = why.length === 0 ? "runs here" : `cannot run here: ${why.join("; ")}`;
    return `${name}${blocking ? "" : " (only reported)"}: ${asserts}\n  ${here}`;
  };
  return all.map(line).join("\n");
}

function addStep(name: string, before: readonly Step[] = []): readonly Step[] {
  const step = STEPS.find((each) => each.name === name);
  if (step !== undefined) return [...before, step];
  throw new InvalidArgumentError(`there is no such step: the steps are ${STEPS.map((each) => each.name).join(", ")}`);
}

function commit(): { readonly commit?: string } {
  try {
    return { commit: execFileSync("git", ["rev-parse", "HEAD"], { cwd: ROOT, encoding: "utf8" }).trim() };
  } catch {
    return {};
  }
}

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : EXIT_BAD_USAGE;
  else {
    console.error(error instanceof Error ? error.message : String(error));
    process.exitCode = EXIT_BAD_USAGE;
  }
}
