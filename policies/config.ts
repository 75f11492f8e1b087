import { totalmem } from "node:os";
import * as z from "zod";
import { parseQuantity } from "../api/quantity.ts";
import { parseReserve } from "../memory/reserve.ts";

const hostMemory = z
  .string()
  .transform((text, context) => {
    const bytes = parseQuantity(text);
    if (bytes.ok && bytes.value > 0n) return Number(bytes.value);
    context.addIssue("it must be a quantity of bytes above 0, for example 32Gi");
    return z.NEVER;
  })
  .describe(
    "The physical memory of the Macs that run the models: a Kubernetes quantity of bytes, such as 32Gi. Defaults to the memory of" +
      " the machine that runs Pulumi.",
  )
  .optional();

export const budgetConfigSchema = z.strictObject({ hostMemory });

export const fitConfigSchema = z.strictObject({
  hostMemory,
  agentMemoryFraction: z
    .number()
    .gt(0)
    .lte(1)
    .describe(
      "The --memory-fraction of the agents, above 0 and at most 1. It applies to models without a budget of their own.",
    )
    .optional(),
  reserve: z
    .string()
    .transform((text, context) => {
      const bytes = parseReserve(text);
      if (bytes.ok) return bytes.value;
      context.addIssue("it must be a quantity of bytes of at least 1Gi, for example 4Gi");
      return z.NEVER;
    })
    .describe(
      "The --reserve of the agents: what stays with macOS and other programs, a Kubernetes quantity of at least 1Gi. Defaults to 4Gi" +
        " for accelerator metal, and to nothing for cpu.",
    )
    .optional(),
  onUnreachable: z
    .enum(["refuse", "warn"])
    .describe(
      "What to do with a model whose header cannot be read from here: no such file, no permission or token, no connection, a busy" +
        " server. A file that is no valid GGUF is always refused.",
    )
    .default("refuse"),
  onUnknownArchitecture: z
    .enum(["refuse", "warn"])
    .describe("What to do with a model whose memory need cannot be computed.")
    .default("refuse"),
  headerTimeoutSeconds: z
    .number()
    .gt(0)
    .lte(600)
    .describe("The longest time for reading the header of one model, in seconds, above 0 and at most 600.")
    .default(20),
});

export type FitSettings = z.output<typeof fitConfigSchema>;

/** `hostMemory` in bytes, and whether it is only that of the machine that runs Pulumi. */
export type FitConfig = FitSettings & { readonly hostMemory: number; readonly assumed: boolean };

export function fitConfig(settings: FitSettings): FitConfig {
  const { hostMemory } = settings;
  return { ...settings, hostMemory: hostMemory ?? totalmem(), assumed: hostMemory === undefined };
}
