import * as z from "zod";
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

export type HostsSettings = z.output<typeof hostsConfigSchema>;

/** Rules about a fleet know the hosts from fleet-placement. */
export const noSettings = z.strictObject({});
