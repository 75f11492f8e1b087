import type { Stack } from "@pulumi/pulumi/automation/index.js";
import type { Result } from "../../api/result.ts";
import { fail, ok } from "../../api/result.ts";
import { type Engine, messageOf, openEngine, openStack } from "./engine.ts";
import { failureText } from "./failures.ts";
import { findPulumi } from "./find-pulumi.ts";

/** The value of a result. Throws its sentence where there is none. */
export function good<T>(result: Result<T>): T {
  if (result.ok) return result.value;
  throw new Error(result.error);
}

/** The engine with the CLI of this machine. Throws one sentence where there is none. */
export async function engineHere(): Promise<Engine> {
  return openEngine(good(await findPulumi(process.env)), process.env);
}

export async function openedStack(
  engine: Engine,
  name: string,
  program: () => Promise<Record<string, unknown>>,
): Promise<Result<Stack>> {
  try {
    return ok(await openStack(engine, name, program));
  } catch (error) {
    return fail(failureText(messageOf(error)));
  }
}
