import * as z from "zod";
import { refusedArgs } from "../../serving/extra-args.ts";
import { defineRule } from "../define.ts";
import type { ServiceSubject } from "../definition.ts";
import type { Findings } from "../findings.ts";
import { notYetKnown } from "./not-yet-known.ts";

/** The agent refuses these arguments. With a typed field the estimate counts what they change. */
export const extraArgs = defineRule({
  name: "extra-args",
  title: "No argument around a typed field",
  description:
    "A service must not set by an extra argument what has a field of its own, nor what changes memory or who can reach the server.",
  remedy: "Remove the argument from extraArgs, and set the field that the message names where there is one.",
  severity: "high",
  tags: ["memory", "security", "serving"],
  level: "mandatory",
  config: z.strictObject({}),
  examples: {
    bad: { service: { modelRef: "gemma", contextSize: 8192, extraArgs: ["--ctx-size", "131072"] } },
    good: { service: { modelRef: "gemma", contextSize: 8192, extraArgs: ["--temp", "0.2"] } },
  },
  checkService,
});

function checkService(service: ServiceSubject): Findings {
  const { runtime, extraArgs: args } = service.spec;
  const notes = notYetKnown(service, ["runtime", "extraArgs"]);
  // The arguments of other servers are not known here.
  if (notes.length > 0 || args === undefined || runtime !== "llamacpp") return { notes };
  return {
    refusals: refusedArgs(args).map(
      ({ flag, problem }) => `${service.label}: spec.extraArgs: ${JSON.stringify(flag)} ${problem}.`,
    ),
  };
}
