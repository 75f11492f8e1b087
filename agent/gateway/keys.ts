import type { IncomingHttpHeaders } from "node:http";
import type { Runnable } from "../lifecycle/runnable.ts";
import type { GatewayModel } from "./models.ts";

/** Whether a request may be let in. Messages are sentences for the client, without its key. */
export type KeyCheck =
  | { readonly kind: "ok"; readonly key: KeyGrant }
  | { readonly kind: "missing" | "wrong"; readonly message: string };

/** What a key allows. It is asked for at each request, and not kept: a key may be taken away. */
export interface KeyGrant {
  /** As in the keys file. */
  readonly name: string;
  readonly mayUse: (model: Pick<GatewayModel, "name" | "aliases" | "id">) => boolean;
  /** A request begins. @param now milliseconds of a clock that never goes back */
  readonly begin: (now: number) => Admission;
}

export type Admission =
  /** `end` is called once, when the request has ended, with the tokens of prompt and answer together; undefined where the server said none. */
  | { readonly kind: "ok"; readonly end: (tokens: number | undefined, now: number) => void }
  | { readonly kind: "busy"; readonly retryAfterMs: number; readonly message: string };

/** The keys that clients of the gateway may use, as of the last good look at the file. */
export interface KeyRing {
  readonly check: (headers: IncomingHttpHeaders) => KeyCheck;
  /** Why the file cannot be used at the moment, as a sentence without a key; undefined while it can. */
  readonly problem: () => string | undefined;
  /** Looks at the file now and then. */
  readonly runnable: Runnable;
}
