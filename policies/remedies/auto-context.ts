import * as z from "zod";
import { largestContext } from "../../memory/advice.ts";
import { defineRule } from "../define.ts";
import type { Remedied, ServedSubject } from "../definition.ts";
import { hostsConfig } from "../rules/hosts.ts";
import { misfitOf, READS } from "./fitting.ts";

const config = hostsConfig.extend({
  minContextSize: z
    .int()
    .min(256)
    .max(2_097_152)
    .describe(
      "The least context that a service is given, in tokens for all its slots together, from 256 to 2097152. A service that would get" +
        " less is left as it is, and memory-fits refuses it. Default: 2048.",
    )
    .default(2048),
});

/** Only ever lowers what a service needs; a budget stays as it is. */
export const autoContext = defineRule({
  name: "auto-context",
  title: "Shorten a context that does not fit",
  description: "A service that does not fit its budget gets the longest context that does.",
  remedy: "Set contextSize to the value in the note, so that the program says what runs.",
  severity: "low",
  tags: ["memory", "context", "remediation"],
  level: "disabled",
  config,
  reads: READS,
  remediateServed,
});

async function remediateServed(subject: ServedSubject, settings: z.output<typeof config>): Promise<Remedied> {
  const misfit = await misfitOf(subject, settings);
  if (misfit === undefined) return undefined;
  const { served, settings: asked, limitBytes, facts } = misfit;
  const fitting = largestContext(served, asked, limitBytes);
  if (fitting === undefined || fitting < settings.minContextSize || fitting >= asked.contextSize) return undefined;
  const { label } = subject.service;
  return {
    changes: { "spec.contextSize": fitting },
    note:
      `${label}: auto-context set spec.contextSize to ${fitting}, the largest that fits, from ${asked.contextSize}` +
      ` (${facts}). To keep it, write it into the program.`,
  };
}
