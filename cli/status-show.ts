import { clearScreenDown, cursorTo } from "node:readline";
import { readStatus } from "../agent/status/status-file.ts";
import { plainJson, plainText } from "../api/plain-text.ts";
import { pause, untilInterrupted } from "./interrupt.ts";
import { stateFolder } from "./state-folder.ts";
import type { StateFlags } from "./state-options.ts";
import { type StatusNow, statusNow } from "./status-liveness.ts";
import { newsOf, statusText } from "./status-text.ts";

export interface StatusFlags extends StateFlags {
  readonly json?: boolean;
  readonly watch?: boolean;
}

const EXIT_NO_AGENT = 1;
const EXIT_NO_STATE = 2;
const EXIT_STUCK = 3;
const WATCH_MS = 1000;

/** Prints the last status, once or until Ctrl-C; sets the exit code. */
export async function show(flags: StatusFlags): Promise<void> {
  const folder = await stateFolder(flags);
  const written = await readStatus(folder);
  if (!written.ok) {
    console.error(`pulumi-llmkube: ${written.error}`);
    process.exitCode = EXIT_NO_STATE;
    return;
  }
  if (flags.watch) return untilInterrupted((stop) => watch(folder, stop));
  const { status, liveness, trouble } = await statusNow(folder, written.value);
  console.log(flags.json ? plainJson(status) : statusText(status, Date.now()));
  if (trouble === undefined) return;
  console.error(`pulumi-llmkube: ${trouble}`);
  process.exitCode = liveness.is === "stuck" ? EXIT_STUCK : EXIT_NO_AGENT;
}

/** On a terminal one screen that is drawn over and over; elsewhere, what is new, with a blank line before it. */
async function watch(folder: string, stop: AbortSignal): Promise<void> {
  let shown: string | undefined;
  while (!stop.aborted) {
    const written = await readStatus(folder);
    const text = written.ok ? liveText(await statusNow(folder, written.value)) : written.error;
    const news = newsOf(text);
    if (process.stdout.isTTY) redraw(text);
    else if (news !== shown) console.log(shown === undefined ? text : `\n${text}`);
    shown = news;
    await pause(WATCH_MS, stop);
  }
}

function liveText({ status, trouble }: StatusNow): string {
  const text = statusText(status, Date.now());
  return trouble === undefined ? text : `${trouble}\n${text}`;
}

function redraw(text: string): void {
  cursorTo(process.stdout, 0, 0);
  clearScreenDown(process.stdout);
  // More lines than the terminal has would scroll, and each second leave another copy behind.
  const lines = plainText(text)
    .split("\n")
    .slice(0, process.stdout.rows - 1);
  process.stdout.write(`${lines.join("\n")}\n`);
}
