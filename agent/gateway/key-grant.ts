import type { NamedKey } from "./key-file.ts";
import type { GatewayModel } from "./models.ts";
import { type Bucket, filled, fullBucket, taken, waitMs } from "./rate.ts";

/** What a key allows, as of the moment when it is asked: the keys file may change while a request waits. */
export interface KeyGrant {
  /** As in the keys file when the request came. */
  readonly name: string;
  /** Whether the keys file still has the key. */
  readonly isKnown: () => boolean;
  /** Never, once it is not known. */
  readonly mayUse: (model: NamedModel) => boolean;
  /** Whether what its requests leave in a server may be saved. */
  readonly maySave: () => boolean;
  /** A request begins. @param now milliseconds of a clock that never goes back */
  readonly begin: (now: number) => Admission;
}

export type NamedModel = Pick<GatewayModel, "name" | "aliases" | "id">;

export type Admission =
  /**
   * `end` is to be called when the request has ended, with the tokens of prompt and answer together; undefined where the server said none.
   * Every later call does nothing.
   */
  | { readonly kind: "ok"; readonly end: (tokens: number | undefined, now: number) => void }
  | { readonly kind: "busy"; readonly retryAfterMs: number; readonly message: string };

/** What a key has under way and has used. It outlives a change of the file. */
export interface KeyUse {
  requests: number;
  /** Undefined before the first request that was counted. */
  bucket: Bucket | undefined;
}

export function nothingUsed(): KeyUse {
  return { requests: 0, bucket: undefined };
}

/** A request takes seconds. When one of them ends is not known. */
const TRY_AGAIN_MS = 1000;

/** @param current the key as the file has it now; undefined: it was taken out */
export function grantOf(key: NamedKey, use: KeyUse, current: () => NamedKey | undefined): KeyGrant {
  return {
    name: key.name,
    isKnown: () => current() !== undefined,
    mayUse: (model) => {
      const now = current();
      return now !== undefined && mayUse(now.models, model);
    },
    maySave: () => key.savedSlots !== false && current()?.savedSlots !== false,
    begin: (now) => {
      const limits = current() ?? key;
      const busy = refusal(limits, use, now);
      if (busy !== undefined) return busy;
      use.requests += 1;
      return { kind: "ok", end: ending(limits, use) };
    },
  };
}

function refusal({ name, requests, tokensPerMinute }: NamedKey, use: KeyUse, now: number): Admission | undefined {
  if (requests !== undefined && use.requests >= requests) {
    const message = `the key ${name} has ${use.requests} requests under way, and may have ${requests}: try again when one has ended`;
    return { kind: "busy", retryAfterMs: TRY_AGAIN_MS, message };
  }
  if (tokensPerMinute === undefined || use.bucket === undefined) return undefined;
  const retryAfterMs = waitMs(use.bucket, tokensPerMinute, now);
  if (retryAfterMs === 0) return undefined;
  const seconds = Math.ceil(retryAfterMs / 1000);
  const message = `the key ${name} has used its ${tokensPerMinute} tokens a minute: try again in ${seconds} s`;
  return { kind: "busy", retryAfterMs, message };
}

function ending({ tokensPerMinute }: NamedKey, use: KeyUse): (tokens: number | undefined, now: number) => void {
  let ended = false;
  return (tokens, now) => {
    if (ended) return;
    ended = true;
    use.requests -= 1;
    if (tokens === undefined || tokensPerMinute === undefined) return;
    const bucket = use.bucket ?? fullBucket(tokensPerMinute, now);
    use.bucket = taken(filled(bucket, tokensPerMinute, now), tokensPerMinute, tokens, now);
  };
}

/**
 * Whether one of `allowed` is `namespace/name`, the name alone or an alias of the model. With `*` at its end it is the beginning of one of
 * the first two: aliases may hold a slash, and must not pass for another namespace.
 */
export function mayUse(allowed: readonly string[] | undefined, { name, aliases, id }: NamedModel): boolean {
  if (allowed === undefined) return true;
  const own = [name, name.slice(name.indexOf("/") + 1)];
  const all = [...own, ...aliases, id];
  return allowed.some((entry) =>
    entry.endsWith("*") ? own.some((text) => text.startsWith(entry.slice(0, -1))) : all.includes(entry),
  );
}
