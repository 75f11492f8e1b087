import type { WorkloadId } from "../workload/workload-id.ts";

/** How a request ended: `answered` whatever the server said; `refused` by the gateway; `aborted` by the client; `broken` by the server. */
export type RequestEnd = "answered" | "refused" | "aborted" | "broken";

/** One request, for metrics. No prompt, no key and no path of a file is in here. All times are milliseconds. */
export interface RequestSeen {
  /** Undefined: it named none that there is. */
  readonly model: WorkloadId | undefined;
  /** Name of its key in the keys file; undefined where the gateway asks for none, or it was wrong. */
  readonly key: string | undefined;
  readonly endpoint: string;
  /** 0: the client left before there was an answer. */
  readonly status: number;
  readonly end: RequestEnd;
  /** From the request until it went to the server. */
  readonly queueMs: number;
  /** From the moment it went to the server to the first byte of the body; undefined without one. */
  readonly firstByteMs: number | undefined;
  readonly totalMs: number;
  /** From `usage` and `timings` of llama-server's answer; undefined where it says nothing. */
  readonly tokens: TokensSeen | undefined;
}

export interface TokensSeen {
  readonly prompt: number;
  /** Of `prompt`, those that came from a cache. */
  readonly cached: number;
  readonly completion: number;
  /** Tokens a second while it wrote; undefined where it does not say. */
  readonly perSecond: number | undefined;
}

/** Gets each request when it has ended. */
export interface GatewayObserver {
  readonly ended: (request: RequestSeen) => void;
}
