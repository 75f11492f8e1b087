import { createHash } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Right } from "./attributes.ts";
import type { User } from "./identity.ts";
import type { Reviews } from "./reviews.ts";

/** How long answers of the API server are kept, in milliseconds. Kubelet's defaults. */
export const KEPT_MS = { token: 120_000, noToken: 30_000, allowed: 300_000, denied: 30_000 } as const;

/** Answers that are kept, of each sort. */
const MOST_KEPT = 1024;
/** Questions under way. Anybody who reaches the port can make the agent ask with tokens of their own making. */
const MOST_ASKED = 16;

export type Access =
  | { readonly allowed: true; readonly user: User }
  | { readonly allowed: false; readonly status: 401 | 403 | 503; readonly message: string };

/** How a client shows who it is. */
export interface Credentials {
  /** By its certificate. */
  readonly user: User | undefined;
  readonly token: string | undefined;
}

export type MayAccess = (credentials: Credentials, rights: readonly Right[]) => Promise<Access>;

/**
 * Answers whether a client holds one of `rights`: a certificate first, else a token. While the API server does not answer, what it has
 * allowed stays allowed for the rest of its time, and everybody else is asked to come again.
 *
 * @param now milliseconds; may jump, as the time of day does
 */
export function accessControl({ userOf, mayOnNode }: Reviews, nodeName: string, now: () => number): MayAccess {
  const users = remembered<{ readonly user: User | null }>(now);
  const verdicts = remembered<{ readonly allowed: boolean }>(now);

  const userOfToken = (token: string) =>
    users(digestOf(token), async () => {
      const user = await userOf(token);
      return user === undefined ? undefined : [{ user }, user === null ? KEPT_MS.noToken : KEPT_MS.token];
    });
  const verdictOn = (user: User, right: Right) =>
    verdicts(digestOf(JSON.stringify([user, right])), async () => {
      const allowed = await mayOnNode(user, right);
      return allowed === undefined ? undefined : [{ allowed }, allowed ? KEPT_MS.allowed : KEPT_MS.denied];
    });

  return async ({ user: known, token }, rights) => {
    const found = known === undefined && token !== undefined ? await userOfToken(token) : { user: known ?? null };
    if (found === undefined) return NOT_NOW;
    const { user } = found;
    if (user === null) return UNKNOWN;
    for (const right of rights) {
      const verdict = await verdictOn(user, right);
      if (verdict === undefined) return NOT_NOW;
      if (verdict.allowed) return { allowed: true, user };
    }
    const wanted = rights.map(({ verb, subresource }) => `${verb} nodes/${subresource}`).join(" or ");
    const message = `${user.name} may not ${wanted || "do that"} of node ${nodeName}: grant it by RBAC`;
    return { allowed: false, status: 403, message };
  };
}

const UNKNOWN: Access = {
  allowed: false,
  status: 401,
  message: "show a client certificate of this cluster's client CA, or a bearer token of this cluster",
};

const NOT_NOW: Access = {
  allowed: false,
  status: 503,
  message: "the API server does not say now who may read this; try again",
};

type Asking<T> = () => Promise<readonly [answer: T, keepMs: number] | undefined>;

/** Answers by key, each kept for its time; equal questions at one time are one. Undefined, which is not kept: no answer, or too many questions. */
function remembered<T extends object>(now: () => number): (key: string, ask: Asking<T>) => Promise<T | undefined> {
  let asked = 0;
  const answers = new LRUCache<string, T, Asking<T>>({
    max: MOST_KEPT,
    ttl: 1,
    ttlResolution: 0,
    perf: { now },
    ignoreFetchAbort: true,
    fetchMethod: async (_key, _stale, { options, context: ask }) => {
      if (asked >= MOST_ASKED) return undefined;
      asked += 1;
      try {
        const answer = await ask();
        if (answer !== undefined) options.ttl = answer[1];
        return answer?.[0];
      } finally {
        asked -= 1;
      }
    },
  });
  return (key, ask) => answers.fetch(key, { context: ask });
}

/** No token is kept, only what tells it from others. */
function digestOf(text: string): string {
  return createHash("sha256").update(text).digest("base64");
}
