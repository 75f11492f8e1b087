import type { KubeFailure, KubeFailureKind, KubeResult } from "./client.ts";

export type { KubeFailure, KubeResult } from "./client.ts";

export function succeeded<T>(value: T): KubeResult<T> {
  return { ok: true, value };
}

export function failed(
  kind: KubeFailureKind,
  error: string,
  more: Pick<KubeFailure, "status" | "reason" | "retryAfterMs"> = {},
): KubeFailure {
  return { ok: false, kind, error, ...more };
}
