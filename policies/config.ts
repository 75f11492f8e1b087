import { totalmem } from "node:os";
import * as z from "zod";
import { GiB } from "../api/bytes.ts";
import { formatBytes, parseQuantity } from "../api/quantity.ts";
import { parseReserve } from "../memory/reserve.ts";
import type { HeaderLimits } from "./headers.ts";

/** More than any Mac has. */
const MOST_MEMORY = 16 * 2 ** 40;

const hostMemory = z
  .string()
  .transform((text, context) => {
    const bytes = parseQuantity(text);
    if (!bytes.ok || bytes.value <= 0n) context.addIssue("it must be a quantity of bytes above 0, for example 32Gi");
    else if (bytes.value < GiB)
      context.addIssue(`that is only ${formatBytes(Number(bytes.value))}; add a unit, for example 32Gi`);
    else if (bytes.value > MOST_MEMORY)
      context.addIssue(`no Mac has as much; it must be at most 16Ti, for example 32Gi`);
    else return Number(bytes.value);
    return z.NEVER;
  })
  .describe(
    "The physical memory of the Macs that run the models: a Kubernetes quantity of bytes, such as 32Gi. Defaults to the memory of" +
      " the machine that runs Pulumi.",
  )
  .optional();

const sizeOfFile = z.string().transform((text, context) => {
  const bytes = parseQuantity(text);
  if (bytes.ok && bytes.value > 0n) return Number(bytes.value);
  context.addIssue("it must be a quantity of bytes above 0, for example 4.1Gi");
  return z.NEVER;
});

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
    .describe(
      "The longest time for reading the header of one model, in seconds, above 0 and at most 600. Defaults to 20.",
    )
    .default(20),
  allHeadersTimeoutSeconds: z
    .number()
    .gt(0)
    .lte(3600)
    .describe(
      "The longest time for reading the headers of all models together, in seconds, above 0 and at most 3600. It counts only while one" +
        " of them is being read. Defaults to 120.",
    )
    .default(120),
  sizes: z
    .record(z.string().min(1), sizeOfFile)
    .describe(
      "The sizes of files whose headers cannot be read from here, for example in CI: a Kubernetes quantity of bytes by the source of the" +
        " Model. Of such a Model only the weights are held to the budget.",
    )
    .default({}),
});

export type FitSettings = z.output<typeof fitConfigSchema>;

/** `hostMemory` in bytes, and whether it is only that of the machine that runs Pulumi. */
export type FitConfig = FitSettings & { readonly hostMemory: number; readonly assumed: boolean };

export function fitConfig(settings: FitSettings): FitConfig {
  const { hostMemory } = settings;
  return { ...settings, hostMemory: hostMemory ?? totalmem(), assumed: hostMemory === undefined };
}

export function headerLimits({ headerTimeoutSeconds, allHeadersTimeoutSeconds }: FitSettings): HeaderLimits {
  return { timeoutMs: headerTimeoutSeconds * 1000, allMs: allHeadersTimeoutSeconds * 1000 };
}
