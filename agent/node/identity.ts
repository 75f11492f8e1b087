import { chmod, readFile } from "node:fs/promises";
import { join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import * as z from "zod";
import type { KubeClient } from "../../kube/client.ts";
import { KINDS } from "../../kube/kinds.ts";
import { whenAborted } from "../lifecycle/aborted.ts";
import { alarmClock } from "../lifecycle/alarm.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { stateFolderProblem } from "../state/problem.ts";
import { expiredSentence, newestToken, renewInMs, tokenFacts, tokenRequest } from "./token.ts";

export interface IdentityOptions {
  /** Makes requests with the Mac's own token and without impersonation. */
  readonly client: KubeClient;
  /** The token that the kubeconfig has now; undefined where it has none, as with a certificate. */
  readonly givenToken: () => Promise<string | undefined>;
  /** Gives all clients another token. */
  readonly useToken: (token: string) => void;
  readonly stateDirectory: string;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** Milliseconds since 1970. */
  readonly wall: () => number;
}

/** The token of this Mac's ServiceAccount, which renews itself. */
export interface Identity {
  readonly runnable: Runnable;
  readonly problems: () => readonly string[];
}

const RETRY_MS = { first: 5000, longest: 5 * 60_000 };
/** A longer wait is no timer of Node's, and a machine that sleeps is looked after when it wakes. */
const LONGEST_WAIT_MS = 60_000;

/**
 * Takes the newest token at once, and renews it at two thirds of its life. The new one is kept in the state folder, readable by the agent's
 * user alone. It is never logged.
 */
export async function openIdentity(options: IdentityOptions): Promise<Identity> {
  const { client, givenToken, useToken, stateDirectory, clock, wall } = options;
  const path = join(stateDirectory, "token.json");
  const alarm = alarmClock();
  let problem: string | undefined;
  let current: string | undefined;
  let receivedAt: number | undefined;
  let given: string | undefined;

  const begin = async () => {
    given = await givenToken();
    current = given === undefined ? undefined : newestToken(given, await keptToken(path, client.server));
    receivedAt = undefined;
    if (current !== undefined && current !== given) useToken(current);
  };
  await begin();

  const renew = async (signal: AbortSignal): Promise<boolean> => {
    const facts = current === undefined ? undefined : tokenFacts(current);
    if (facts === undefined) return true;
    const { namespace, account } = facts;
    const target = { namespace, name: account };
    const answer = await client.post(KINDS.serviceAccount, target, "token", tokenRequest(facts), { signal });
    if (!answer.ok) {
      if (answer.kind === "unauthorized") problem = expiredSentence(facts, client.server);
      else if (answer.kind === "forbidden") problem = forbiddenSentence(namespace, account, facts.expiresAt);
      else if (answer.kind !== "aborted" && answer.kind !== "unavailable") problem = answer.error;
      return false;
    }
    const token = answerSchema.safeParse(answer.value);
    const fresh = token.success ? token.data.status.token : undefined;
    if (fresh === undefined || tokenFacts(fresh) === undefined) {
      problem = `${client.server} answered a request for a token with something else`;
      return false;
    }
    current = fresh;
    receivedAt = clock();
    useToken(fresh);
    problem = await keep(path, { server: client.server, token: fresh }, stateDirectory);
    return true;
  };

  const run = async (signal: AbortSignal) => {
    whenAborted(signal, alarm.ring);
    let retryMs = RETRY_MS.first;
    let notBefore = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const now = await givenToken();
      // A file that is away for a moment says nothing.
      if (now !== undefined && now !== given) {
        await begin();
        problem = undefined;
      }
      const facts = current === undefined ? undefined : tokenFacts(current);
      const age = receivedAt === undefined ? undefined : clock() - receivedAt;
      const dueMs = facts === undefined ? LONGEST_WAIT_MS : renewInMs(facts, age, wall());
      const waitMs = Math.max(dueMs, notBefore - clock());
      if (waitMs > 0) {
        await alarm.wait(Math.min(waitMs, LONGEST_WAIT_MS));
        continue;
      }
      const renewed = await renew(signal);
      retryMs = renewed ? RETRY_MS.first : Math.min(retryMs * 2, RETRY_MS.longest);
      notBefore = clock() + (renewed ? RETRY_MS.first : retryMs * (0.5 + Math.random() / 2));
    }
  };
  return {
    runnable: { name: "the renewal of the token", run },
    problems: () => (problem === undefined ? [] : [problem]),
  };
}

const answerSchema = z.object({ status: z.object({ token: z.string() }) });
const keptSchema = z.strictObject({ server: z.string(), token: z.string() });

/** What cannot be read, or is of another cluster, is none. */
async function keptToken(path: string, server: string): Promise<string | undefined> {
  try {
    const kept = keptSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return kept.server === server ? kept.token : undefined;
  } catch {
    return undefined;
  }
}

/** Why it could not be kept, as a sentence. */
async function keep(
  path: string,
  token: z.output<typeof keptSchema>,
  stateDirectory: string,
): Promise<string | undefined> {
  try {
    await writeFileAtomic(path, `${JSON.stringify(token)}\n`, { mode: 0o600 });
    await chmod(path, 0o600);
    return undefined;
  } catch (error) {
    return stateFolderProblem(stateDirectory, error);
  }
}

function forbiddenSentence(namespace: string, account: string, expiresAt: number): string {
  const until = new Date(expiresAt * 1000).toISOString().slice(0, 16);
  return (
    `the token of this Mac ends at ${until}Z and cannot renew itself: ServiceAccount ${namespace}/${account} lacks the right to create ` +
    "serviceaccounts/token for its own name (LlmNode and pulumi-llmkube manifests give it)"
  );
}
