import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

/** The value of a success; a failure fails the test with its sentence. */
export function value<T>(
  result: { readonly ok: true; readonly value: T } | { readonly ok: false; readonly error: string },
): T {
  if (result.ok) return result.value;
  assert.fail(result.error);
}

/** Asks again until the assertion holds, for 15 s at most. */
export async function eventually(assertion: () => void, withinMs = 15_000): Promise<void> {
  const end = performance.now() + withinMs;
  for (;;) {
    try {
      return assertion();
    } catch (error) {
      if (performance.now() > end) throw error;
      await sleep(20);
    }
  }
}
