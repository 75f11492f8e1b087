import * as z from "zod";
import { fitConfigSchema } from "../config.ts";
import { hostListSchema } from "../hosts/schema.ts";

/** Where a preview knows the Macs from, beside the LlmNode resources of the stack. */
export const hostsConfigSchema = z.strictObject({
  hosts: hostListSchema
    .describe("The Macs that models are placed on, beside those that LlmNode resources of the stack declare.")
    .optional(),
  hostsFile: z
    .string()
    .min(1)
    .describe(
      "A file that pulumi-llmkube hosts export wrote, relative to the folder in which Pulumi is started. Where it names a Mac that hosts" +
        " or an LlmNode names too, those have the say, and the file says what runs there.",
    )
    .optional(),
});

const { sizes } = fitConfigSchema.shape;

/** Of every rule about a fleet, so that each can stand alone. */
export const fleetConfigSchema = hostsConfigSchema.extend({
  hosts: hostsConfigSchema.shape.hosts.describe(
    "The Macs that models are placed on, beside those that LlmNode resources of the stack declare. Without hosts and hostsFile those" +
      " of fleet-placement count.",
  ),
  sizes: sizes.describe(
    "The sizes of files whose headers cannot be read from here: a Kubernetes quantity of bytes by the source of the Model. Such a Model" +
      " counts with its weights alone. Without it sizes of memory-fits count.",
  ),
});

export type FleetSettings = z.output<typeof fleetConfigSchema>;
