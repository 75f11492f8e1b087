import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import type { Result } from "../../api/result.ts";
import { patience, type Waited } from "../files/patience.ts";
import { unlessAborted } from "../lifecycle/aborted.ts";
import type { Runnable } from "../lifecycle/runnable.ts";
import { digestOf, keyFileReader, type NamedKey, type ReadKeyFile } from "./key-file.ts";
import { grantOf, type KeyGrant, type KeyUse, nothingUsed } from "./key-grant.ts";

export type { Admission, KeyGrant } from "./key-grant.ts";

/** Whether a request may be let in. Messages are sentences for the client, without its key. */
export type KeyCheck =
  | { readonly kind: "ok"; readonly key: KeyGrant }
  | { readonly kind: "missing" | "wrong"; readonly message: string };

/** The keys that clients of the gateway may use, as of the last good look at their file. */
export interface KeyRing {
  /** From the header `Authorization: Bearer KEY`, or `x-api-key: KEY` where there is none. Before the first good look every key is wrong. */
  readonly check: (headers: IncomingHttpHeaders) => KeyCheck;
  /** Names of the keys that there are now. */
  readonly names: () => ReadonlySet<string>;
  /** Why the file cannot be used at the moment, as a sentence without a key; undefined while it can. */
  readonly problem: () => string | undefined;
  /** Looks at the file now, and waits 10 s at most. */
  readonly look: () => Promise<void>;
  /** Looks at it at once, and every 5 s. */
  readonly runnable: Runnable;
}

export interface KeyRingOptions {
  readonly path: string;
  /** Milliseconds that never go back. */
  readonly clock: () => number;
  /** How long one look is waited for, in milliseconds. */
  readonly hangsMs: number;
  readonly read: ReadKeyFile;
}

const LOOK_MS = 5000;
/** A look that takes longer is held up by its disk. */
const HANGS_MS = 10_000;

interface Known {
  /** Undefined before the first good look. */
  keys: readonly NamedKey[] | undefined;
  names: ReadonlySet<string>;
  problem: string | undefined;
  /** By name of the key. */
  uses: Map<string, KeyUse>;
}

/**
 * The keys in the file that `--gateway-keys` names, which may change at any time: a key that was taken out is refused from the look on
 * that finds it gone. @param clock milliseconds that never go back
 */
export function keysInFile(path: string, clock: () => number): KeyRing {
  return keyRing({ path, clock, hangsMs: HANGS_MS, read: keyFileReader() });
}

export function keyRing({ path, clock, hangsMs, read }: KeyRingOptions): KeyRing {
  const known: Known = { keys: undefined, names: new Set(), problem: undefined, uses: new Map() };
  const patiently = patience<Result<readonly NamedKey[]>>({ waitMs: hangsMs, mostHanging: 1, clock, late: () => {} });
  const look = async () => learn(known, path, await patiently(path, () => read(path)));
  return {
    check: (headers) => check(known, headers),
    names: () => known.names,
    problem: () => known.problem,
    look,
    runnable: {
      name: "the look at the gateway's keys",
      run: async (signal) => {
        while (!signal.aborted) {
          await unlessAborted(look(), signal);
          await sleep(LOOK_MS, undefined, { signal }).catch(() => {});
        }
      },
    },
  };
}

function learn(known: Known, path: string, read: Waited<Result<readonly NamedKey[]>>): void {
  const stays = known.keys === undefined ? "no key is let in until then" : "the keys from before stay until then";
  if (!read.done) known.problem = `--gateway-keys ${path} does not answer: look at its disk; ${stays}`;
  else if (!read.value.ok) known.problem = `${read.value.error}; ${stays}`;
  else {
    const keys = read.value.value;
    const names = new Set(keys.map(({ name }) => name));
    Object.assign(known, { keys, names, problem: undefined, uses: usesOf(keys, known.uses) });
  }
}

/** A name that is gone is forgotten once it has nothing under way. */
function usesOf(keys: readonly NamedKey[], before: ReadonlyMap<string, KeyUse>): Map<string, KeyUse> {
  const uses = new Map([...before].filter(([, { requests }]) => requests > 0));
  for (const { name } of keys) uses.set(name, before.get(name) ?? nothingUsed());
  return uses;
}

function check(known: Known, headers: IncomingHttpHeaders): KeyCheck {
  const given = givenKey(headers);
  if (given === undefined) return { kind: "missing", message: MISSING };
  const key = matching(known.keys ?? [], given);
  const use = key && known.uses.get(key.name);
  return key && use ? { kind: "ok", key: grantOf(key, use, following(known, key)) } : { kind: "wrong", message: WRONG };
}

/** The key as the file has it now. It is looked for again only where the file has changed: many requests may wait. */
function following(known: Known, key: NamedKey): () => NamedKey | undefined {
  let seen = known.keys;
  let current: NamedKey | undefined = key;
  return () => {
    if (known.keys !== seen) {
      seen = known.keys;
      current = seen?.find(({ digest }) => digest.equals(key.digest));
    }
    return current;
  };
}

const MISSING = 'the request has no key: send one in the header "Authorization: Bearer KEY"';
const WRONG = "this gateway does not know the key of the request: check it, or ask whoever runs the gateway for one";

function givenKey({ authorization, "x-api-key": apiKey }: IncomingHttpHeaders): string | undefined {
  if (authorization !== undefined) return /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1];
  return typeof apiKey === "string" && apiKey !== "" ? apiKey : undefined;
}

/** Takes as long whatever is given: all keys are looked at, and digests say nothing of how much of a key was right. */
function matching(keys: readonly NamedKey[], given: string): NamedKey | undefined {
  const digest = digestOf(given);
  return keys.filter((key) => timingSafeEqual(key.digest, digest))[0];
}
