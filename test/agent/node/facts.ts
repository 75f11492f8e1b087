import { memoryCondition, NO_PID_PRESSURE, readyCondition } from "../../../agent/node/conditions.ts";
import type { LiveNode } from "../../../agent/node/live-node.ts";
import { liveNode } from "../../../agent/node/live-node.ts";
import { type NodeFacts, nodeObject } from "../../../agent/node/node-object.ts";

export const GIB = 2 ** 30;
export const CLEAN = { trouble: undefined, ending: false, problems: [] };

/** A MacBook Pro that serves nothing. */
export function aMac(changes: Partial<NodeFacts> = {}): NodeFacts {
  return {
    name: "mac-1",
    machine: {
      machineId: "564D1B3C-0000-4000-8000-0123456789AB",
      systemUuid: "564D1B3C-0000-4000-8000-0123456789AB",
      bootId: "B007",
      kernelVersion: "24.4.0",
      osImage: "macOS 15.4",
      architecture: "arm64",
      cpus: 12,
      chip: "apple-m4-max",
    },
    memoryBytes: 36 * GIB,
    allocatableBytes: 27 * GIB,
    workingSetBytes: 28 * GIB,
    disk: { freeBytes: 300 * GIB, totalBytes: 1000 * GIB },
    address: "192.168.1.20",
    kubeletPort: 10_250,
    serverBuild: "b9999",
    agentVersion: "0.1.0",
    standIn: false,
    held: [],
    conditions: [readyCondition(CLEAN), memoryCondition(undefined), NO_PID_PRESSURE],
    ...changes,
  };
}

export const REGISTERED_AT = new Date("2026-11-26T17:00:00.123Z");

/** The Node as the API server has it once it was registered. */
export function registered(facts: NodeFacts): LiveNode {
  const { metadata, ...node } = nodeObject(facts, REGISTERED_AT);
  const live = liveNode({ ...node, metadata: { ...metadata, uid: "u-1", resourceVersion: "7" } });
  if (live === undefined) throw new Error("a Node that the agent makes is one that it reads");
  return live;
}
