/**
 * A stand-in for launchctl with one job, whose state is a file: `node stand-in-launchctl.ts STATE ARGUMENTS`. As the real one it returns
 * from bootout before the job is gone, and answers 5 to a bootstrap in that window or of a label that is disabled
 * (docs/background/apple-memory.md, "launchd").
 */
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";

export interface Launchd {
  /** When the job began and, once it was told to end, when it will have; milliseconds since the epoch. */
  readonly loadedAt?: number;
  readonly goneAt?: number;
  readonly disabled?: boolean;
  /** How long the agent takes to end; how the program behaves once it is loaded. */
  readonly drainMs: number;
  readonly program: "runs" | "exits-with-2" | "restarts";
  /** The exit code of so many bootstraps, whatever they are asked to load. */
  readonly refuses?: { readonly code: number; readonly times: number };
}

const [file = "", verb = "", ...args] = process.argv.slice(2);
const launchd: Launchd = JSON.parse(readFileSync(file, "utf8"));
const now = Date.now();
const isLoaded = launchd.loadedAt !== undefined && (launchd.goneAt === undefined || now < launchd.goneAt);
const LABEL = "dev.llmkube.pulumi-llmkube.agent";
appendFileSync(`${file}.calls`, `${[verb, ...args].join(" ")}\n`);

function keep(state: Launchd): void {
  writeFileSync(file, JSON.stringify(state));
}

function end(code: number, words: string): never {
  console.error(words);
  process.exit(code);
}

function bootstrap(): void {
  const { code = 0, times = 0 } = launchd.refuses ?? {};
  if (times > 0) {
    keep({ ...launchd, refuses: { code, times: times - 1 } });
    end(code, `Bootstrap failed: ${code}: Some reason\nTry again.`);
  }
  if (isLoaded || launchd.disabled || !existsSync(args[1] ?? "")) {
    end(5, "Bootstrap failed: 5: Input/output error\nTry re-running the command as root for richer errors.");
  }
  const { goneAt, ...rest } = launchd;
  keep({ ...rest, loadedAt: now });
}

function print(): void {
  if (!isLoaded) end(113, `Bad request.\nCould not find service "${LABEL}" in domain for system`);
  const pid = launchd.program === "restarts" ? 4000 + Math.floor(now / 50) : 4321;
  const running = launchd.program !== "exits-with-2";
  const lines = [
    `system/${LABEL} = {`,
    "\tactive count = 1",
    "\ttype = LaunchDaemon",
    `\tstate = ${running ? "running" : "spawn scheduled"}`,
    "",
    "\tprogram = /opt/homebrew/opt/node/bin/node",
    ...(running ? [`\tpid = ${pid}`] : []),
    `\tlast exit code = ${running ? "(never exited)" : "2"}`,
    "\tresource coalition = {",
    "\t\tstate = active",
    "\t\tpid = 1",
    "\t}",
    "}",
  ];
  console.log(lines.join("\n"));
}

if (verb === "print") print();
else if (verb === "enable") keep({ ...launchd, disabled: false });
else if (verb === "bootstrap") bootstrap();
else if (verb === "bootout") {
  if (!isLoaded) end(3, "Boot-out failed: 3: No such process");
  keep({ ...launchd, goneAt: launchd.goneAt ?? now + launchd.drainMs });
} else end(64, `Unrecognized subcommand: ${verb}`);
