import * as z from "zod";
import { matching } from "../../api/fields.ts";
import { LONGEST_NODE_NAME, NODE_NAME } from "../../api/node-name.ts";
import { parseQuantity } from "../../api/quantity.ts";
import { parseReserve } from "../../memory/reserve.ts";

/** What a version of this package writes, and the only one that it reads. */
export const HOSTS_FILE_VERSION = 1;

const MOST_HOSTS = 10_000;
const MOST_MODELS = 1000;

const quantity = () =>
  z.string().transform((text, context) => {
    const bytes = parseQuantity(text);
    if (bytes.ok && bytes.value > 0n) return Number(bytes.value);
    context.addIssue(bytes.ok ? "it must be above 0, for example 64Gi" : withoutValue(bytes.error));
    return z.NEVER;
  });

const reserve = z.string().transform((text, context) => {
  const bytes = parseReserve(text);
  if (bytes.ok) return bytes.value;
  context.addIssue("it must be a quantity of bytes of at least 1Gi, for example 4Gi");
  return z.NEVER;
});

const nodeName = matching(NODE_NAME, "a DNS name in lower case of at most 63 characters, for example studio-1").max(
  LONGEST_NODE_NAME,
);

const labels = z.record(z.string(), z.string());

/** A Mac as a person describes it. */
export const hostSchema = z
  .strictObject({
    name: nodeName.describe("The name of the Mac: that of its node in a cluster."),
    memory: quantity()
      .meta({ expected: "a quantity of bytes", example: "64Gi" })
      .describe("The physical memory of the Mac: a Kubernetes quantity of bytes, such as 64Gi."),
    fraction: z
      .number()
      .gt(0)
      .lte(1)
      .describe(
        "The --memory-fraction of its agent, above 0 and at most 1. Defaults to 0.67 up to 36Gi, and 0.75 above.",
      )
      .optional(),
    labels: labels.describe("Labels of the Mac's node beside those that its agent sets.").optional(),
    workingSet: quantity()
      .meta({ expected: "a quantity of bytes", example: "48Gi" })
      .describe(
        "Metal's recommended working set: a Kubernetes quantity of bytes. Defaults to the least that a Mac of this memory was seen to have.",
      )
      .optional(),
    reserve: reserve
      .meta({ expected: "a quantity of bytes", example: "4Gi" })
      .describe(
        "The --reserve of its agent: what stays with macOS, a Kubernetes quantity of at least 1Gi. Defaults to 4Gi.",
      )
      .optional(),
    manifests: z
      .string()
      .min(1)
      .describe("The folder of manifests that its agent reads, where a provider of the stack renders to one.")
      .optional(),
  })
  .meta({ expected: "an object with name and memory" });

export const hostListSchema = z.array(hostSchema).max(MOST_HOSTS);

export type HostEntry = z.output<typeof hostSchema>;

const seenModelSchema = z.strictObject({
  name: z.string().max(320),
  memory: quantity(),
  ports: z.array(z.int().min(1).max(65_535)).default([]),
  priority: z.int().default(0),
});

/** A Mac as `pulumi-llmkube hosts export` found it. */
const seenHostSchema = z.strictObject({
  name: nodeName,
  memory: quantity().optional(),
  allocatable: quantity(),
  workingSet: quantity().optional(),
  labels: labels.default({}),
  taints: z.array(z.strictObject({ key: z.string(), value: z.string().default(""), effect: z.string() })).default([]),
  unschedulable: z.boolean().default(false),
  manifests: z.string().optional(),
  /** What runs there. */
  models: z.array(seenModelSchema).max(MOST_MODELS).default([]),
});

/** The file that `pulumi-llmkube hosts export` writes. */
export const hostsFileSchema = z.strictObject({
  schemaVersion: z.literal(HOSTS_FILE_VERSION),
  hosts: z.array(seenHostSchema).max(MOST_HOSTS),
});

export type SeenHost = z.output<typeof seenHostSchema>;
export type HostsFile = z.input<typeof hostsFileSchema>;

/** The value is shown by `explain`. */
function withoutValue(error: string): string {
  return error.replace(/^"(?:[^"\\]|\\.)*" /, "it ");
}
