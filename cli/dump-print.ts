import { isLocked } from "../agent/state/lock.ts";
import { readStatus } from "../agent/status/status-file.ts";
import { errorText } from "../api/error-code.ts";
import { stateFolder } from "./state-folder.ts";
import type { StateFlags } from "./state-options.ts";

const EXIT_NO_AGENT = 1;
const TIMEOUT_MS = 5000;

/** Asks the agent that the flags name, through its status page. Throws one sentence where it cannot be asked. */
export async function dump(flags: StateFlags): Promise<void> {
  const folder = await stateFolder(flags);
  const status = await readStatus(folder);
  if (!status.ok) throw new Error(status.error);
  if (!(await isLocked(folder))) {
    console.error(`pulumi-llmkube: no agent runs with the state folder ${folder}`);
    process.exitCode = EXIT_NO_AGENT;
    return;
  }
  const { pageUrl } = status.value.agent;
  if (pageUrl === undefined) throw new Error("this agent has no status page to ask: start it without --listen off");
  console.log((await answerOf(new URL("api/v1/dump", pageUrl))).trimEnd());
}

async function answerOf(url: URL): Promise<string> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (response.ok) return await response.text();
    throw new Error(`status ${response.status}`);
  } catch (error) {
    const isLate = error instanceof Error && error.name === "TimeoutError";
    const why = isLate ? `no answer within ${TIMEOUT_MS / 1000} s: see pulumi-llmkube status` : errorText(error);
    throw new Error(`the agent does not answer at ${url} (${why})`);
  }
}
