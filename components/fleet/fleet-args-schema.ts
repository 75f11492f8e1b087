import * as z from "zod";
import { matching } from "../../api/fields.ts";
import { hardwareSchema } from "../../api/hardware.ts";
import { memoryBudgetSchema } from "../../api/memory-budget.ts";
import { metadataSchema } from "../../api/metadata.ts";
import { LONGEST_NODE_NAME, NODE_NAME } from "../../api/node-name.ts";
import { parseReserve } from "../../memory/reserve.ts";
import type { LlmControllerArgs, LlmNodeArgs } from "./fleet-args.ts";

const namespace = metadataSchema.shape.namespace.unwrap().optional();
const absolutePath = matching(/^\/[^\0]*$/, "an absolute path");
const MOST_REPLICAS = 9;

/** Arguments of `LlmController` with all outputs resolved; a field that does not exist is an error. */
export const llmControllerArgsSchema = z
  .strictObject({
    image: matching(
      /^[a-z0-9][\w.:/@-]*$/,
      "a name of an image, such as registry.example/team/pulumi-llmkube:1.0",
    ).optional(),
    namespace,
    replicas: z
      .int()
      .min(0)
      .max(MOST_REPLICAS)
      .optional()
      .meta({ expected: `a whole number from 0 to ${MOST_REPLICAS}` }),
    customResourceDefinitions: z.boolean().optional(),
  } satisfies Record<keyof LlmControllerArgs, z.ZodType>)
  .meta({ expected: "an object" });

/** Arguments of `LlmNode` with all outputs resolved. */
export const llmNodeArgsSchema = z
  .strictObject({
    memory: memoryBudgetSchema.meta({ example: "128Gi" }).optional(),
    memoryFraction: hardwareSchema.shape.memoryFraction,
    reserve: z.string().max(32).superRefine(checkReserve).optional(),
    workingSet: memoryBudgetSchema.meta({ example: "110100Mi" }).optional(),
    labels: metadataSchema.shape.labels,
    address: matching(/^[A-Za-z0-9.:-]{1,253}$/, "a host name or an IP address, such as 10.0.0.7").optional(),
    server: matching(/^https:\/\/[^\s'"\\]+$/, "an address such as https://10.0.0.1:6443").optional(),
    certificateAuthority: matching(
      /^[\s\S]*-----BEGIN CERTIFICATE-----[\s\S]*$/,
      "a certificate in PEM (what a kubeconfig has is its base64)",
    )
      .max(65_536)
      .optional(),
    nodeName: matching(NODE_NAME, "a DNS name in lower case of at most 63 characters, for example studio-1")
      .max(LONGEST_NODE_NAME)
      .optional(),
    namespace,
    // A word of a command for a shell.
    sshDestination: matching(/^[A-Za-z0-9_][\w.@:%-]*$/, "a host or USER@HOST").optional(),
    token: matching(/^[\w.~+/=-]+$/, "a token in one line").optional(),
    user: matching(/^[A-Za-z_][\w.-]*$/, "a user name").optional(),
    home: absolutePath.optional(),
    prefix: absolutePath.optional(),
  } satisfies Record<keyof LlmNodeArgs, z.ZodType>)
  .meta({ expected: "an object with memory or server" });

function checkReserve(reserve: string, context: z.RefinementCtx): void {
  if (!parseReserve(reserve).ok) context.addIssue("it must be a quantity of bytes of at least 1Gi, for example 4Gi");
}
