import * as z from "zod";
import { quantityBytes } from "../../api/quantity.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { StackResource } from "../definition.ts";
import { hostOf } from "./declared.ts";
import { distinct, type NamedHost } from "./fleet.ts";

/** Type tokens of the component LlmNode, today and before version 0.2. */
const NODE_TYPES: ReadonlySet<string> = new Set(["llmkube:index:LlmNode", "pulumi-llmkube:index:LlmNode"]);

export function isLlmNode(type: string): boolean {
  return NODE_TYPES.has(type);
}

const nodeSchema = z.object({
  nodeName: z.string(),
  memory: z.string().optional(),
  allocatable: z.string().optional(),
  labels: z.record(z.string(), z.string()).optional(),
});

/** Hosts that LlmNode resources of a stack declare, and those of which a preview cannot know them. */
export interface NodeHosts {
  readonly named: readonly NamedHost[];
  /** Names of resources whose memory is not known before the update. */
  readonly unknown: readonly string[];
}

/** An LlmNode without a memory declares none. Fails with one sentence where two of them are one Mac. */
export function hostsOfNodes(resources: readonly StackResource[]): Result<NodeHosts> {
  const named: NamedHost[] = [];
  const urns: string[] = [];
  const unknown: string[] = [];
  for (const { urn, type, name, props, unknown: missing } of resources) {
    if (!isLlmNode(type)) continue;
    const node = nodeSchema.safeParse(props());
    const allocatable = quantityBytes(node.data?.allocatable ?? "");
    if (node.success && typeof allocatable === "bigint") {
      const memory = quantityBytes(node.data.memory ?? "");
      const memoryBytes = typeof memory === "bigint" ? Number(memory) : undefined;
      named.push({
        host: hostOf({ name: node.data.nodeName, memoryBytes, labels: node.data.labels }, Number(allocatable)),
      });
      urns.push(urn);
    } else if (missing().length > 0) unknown.push(name);
  }
  const twice = distinct(named, "LlmNode");
  if (!twice.ok) return sameMac(named, urns);
  return ok({ named, unknown });
}

function sameMac(named: readonly NamedHost[], urns: readonly string[]): Result<never> {
  const names = named.map(({ host }) => host.name);
  const second = names.findIndex((name, index) => names.indexOf(name) < index);
  const name = names[second] ?? "";
  return fail(`${urns[names.indexOf(name)]} and ${urns[second]} are both the Mac ${name}: each Mac is declared once`);
}
