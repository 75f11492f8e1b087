import { hostname } from "node:os";
import { isRunning } from "../../agent/state/living.ts";
import { withProgress } from "../progress.ts";
import { ask, canAsk } from "./ask.ts";
import { type Change, changeText, type Finding, findingText } from "./changes.ts";
import { messageOf, type RunOptions } from "./engine.ts";
import { EXIT } from "./exit-codes.ts";
import { failureText, lockIn } from "./failures.ts";
import type { Interrupts } from "./interrupts.ts";
import { type Outcome, operate } from "./operation.ts";
import type { Voice } from "./voice.ts";

/** A change of a stack that is shown, agreed to and made. */
export interface Plan {
  readonly preview: (options: RunOptions) => Promise<unknown>;
  readonly apply: (options: RunOptions) => Promise<unknown>;
  /** Takes away the lock that a run left which did not end by itself. */
  readonly unlock: () => Promise<void>;
  readonly question: string;
}

/** How a plan may be carried out. */
export interface Manner {
  /** Show only. */
  readonly previewOnly: boolean;
  /** Do not ask. */
  readonly agreed: boolean;
}

export type Status =
  | "applied"
  | "unchanged"
  | "previewed"
  | "refused"
  | "failed"
  | "declined"
  | "not-asked"
  | "interrupted";

/** How it went. */
export interface CarriedOut {
  readonly status: Status;
  readonly changes: readonly Change[];
  readonly findings: readonly Finding[];
  /** Sentences about what went wrong. */
  readonly problems: readonly string[];
}

export const EXIT_OF: Readonly<Record<Status, number>> = {
  applied: EXIT.done,
  unchanged: EXIT.done,
  previewed: EXIT.done,
  refused: EXIT.failed,
  failed: EXIT.failed,
  declined: EXIT.failed,
  "not-asked": EXIT.badInput,
  interrupted: EXIT.interrupted,
};

/** Shows the preview, asks, and applies it, with a line for each object. Nothing is written unless the preview went through. */
export async function carryOut(
  plan: Plan,
  { previewOnly, agreed }: Manner,
  interrupts: Interrupts,
  voice: Voice,
): Promise<CarriedOut> {
  const preview = await operate("Pulumi looks at what would change", interrupts, plan.preview);
  if (interrupts.interrupted()) return closing("interrupted", preview, ["nothing was changed"]);
  for (const change of preview.changes) voice.say(changeText(change));
  for (const finding of preview.findings) voice.say(findingText(finding));
  if (!preview.ended.succeeded) return unsuccessful(preview, "nothing was changed");
  if (preview.changes.length === 0) return closing("unchanged", preview);
  if (previewOnly) return closing("previewed", preview);
  const answer = agreed ? "yes" : canAsk() ? await ask(plan.question, interrupts.signal) : "not-asked";
  if (answer === "no") return closing("declined", preview, ["nothing was changed"]);
  if (answer === "interrupted") return closing("interrupted", preview, ["nothing was changed"]);
  if (answer === "not-asked") {
    return closing("not-asked", preview, [
      "nothing was changed, as there is no terminal to ask on: agree beforehand with --yes",
    ]);
  }
  return applied(plan, preview, interrupts, voice);
}

async function applied(plan: Plan, preview: Outcome, interrupts: Interrupts, voice: Voice): Promise<CarriedOut> {
  const said = new Set(preview.findings.map(findingText));
  const apply = () =>
    operate("Pulumi is at work", interrupts, plan.apply, {
      onChange: ({ op, object }) => voice.say(`  ${DONE[op]} ${object}`),
      onFinding: (finding) => {
        if (!said.has(findingText(finding))) voice.say(findingText(finding));
      },
    });
  const first = await apply();
  const outcome = (await unlocked(first, plan, voice)) ? await apply() : first;
  if (outcome.ended.succeeded) return closing("applied", outcome);
  if (!interrupts.interrupted()) {
    const none = outcome.changes.length === 0;
    return unsuccessful(
      outcome,
      none ? "nothing was changed" : "what is said above is done: run the same command again",
    );
  }
  await withProgress("unlocking the stack", plan.unlock()).catch((error: unknown) =>
    voice.warn(failureText(messageOf(error))),
  );
  return closing("interrupted", outcome, [
    "cancelled: what was done until then stays; run the same command again to finish",
  ]);
}

/** Takes away the lock of a run on this machine that is gone; whether there was one. */
async function unlocked({ ended }: Outcome, plan: Plan, voice: Voice): Promise<boolean> {
  const lock = ended.succeeded ? undefined : lockIn(ended.said);
  if (lock === undefined || lock.host !== hostname() || (await isRunning(lock.pid))) return false;
  voice.warn(`the stack was locked by a run that is gone (pid ${lock.pid}): unlocking it`);
  await plan.unlock();
  return true;
}

const DONE = { create: "created", update: "updated", delete: "deleted", replace: "replaced" } as const;

/** A run that failed: a policy refused it, or something broke, of which the engine's own errors tell most. */
function unsuccessful(outcome: Outcome, consequence: string): CarriedOut {
  const mandatory = outcome.findings.filter((finding) => finding.mandatory);
  if (mandatory.length > 0) {
    const names = [...new Set(mandatory.map(({ policy }) => policy))];
    return closing("refused", outcome, [
      `refused by the ${names.length === 1 ? "policy" : "policies"} ${names.join(", ")}; ${consequence}`,
    ]);
  }
  const said = outcome.ended.succeeded ? "" : outcome.ended.said;
  const errors = outcome.diagnostics.filter((text) => text.startsWith("error: "));
  return closing("failed", outcome, [`${failureText([...errors, said].join("\n"))}; ${consequence}`]);
}

function closing(status: Status, { changes, findings }: Outcome, problems: readonly string[] = []): CarriedOut {
  return { status, changes, findings, problems };
}
