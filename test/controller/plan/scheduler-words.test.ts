import assert from "node:assert/strict";
import { explainUnscheduled, parseSchedulerWords } from "../../../controller/plan/scheduler-words.ts";

const PREEMPTION = " preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.";

describe("explainUnscheduled", () => {
  const table: readonly (readonly [message: string, says: string, reason: string, waitingFor: string | undefined])[] = [
    [
      "0/3 nodes are available: 1 Insufficient memory, 2 node(s) didn't have free ports for the requested pod ports.",
      "none of 3 nodes takes it: 1 Mac has too little free memory; 2 Macs have a replica already, or something else on port 18003",
      "WaitingForMemory",
      "memory",
    ],
    [
      "0/3 nodes are available: 2 node(s) didn't match Pod's node affinity/selector, 1 node(s) were unschedulable.",
      "none of 3 nodes takes it: 1 Mac is cordoned; 2 nodes are no Macs, or lack what nodeSelector, affinity or memoryFraction ask for",
      "Unschedulable",
      "a Mac",
    ],
    [
      "0/2 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/unreachable: }, 1 node(s) had untolerated taint {team: a, b}.",
      "none of 2 nodes takes it: 1 Mac does not answer; 1 node has a taint that keeps it away",
      "Unschedulable",
      "a Mac",
    ],
    [
      "0/1 nodes are available: 1 Too many pods.",
      "the only node does not take it: 1 Mac holds as many pods as it may",
      "Unschedulable",
      "a Mac",
    ],
    [
      "0/1 nodes are available: 1 node(s) didn't match pod anti-affinity rules.",
      "the only node does not take it: 1 Mac is excluded by rules about other pods",
      "Unschedulable",
      "a Mac",
    ],
    [
      "0/2 nodes are available: 2 node(s) had a whim.",
      "none of 2 nodes takes it: 2 nodes: node(s) had a whim",
      "Unschedulable",
      "a Mac",
    ],
    ["no nodes available to schedule pods", "no nodes available to schedule pods", "Unschedulable", undefined],
    ["", "", "Unschedulable", undefined],
  ];
  for (const [message, says, reason, waitingFor] of table) {
    it(`understands ${JSON.stringify(message)}`, () => {
      const expected = { reason, message: says, waitingFor };
      assert.deepEqual(explainUnscheduled(message, 18_003), expected);
      if (waitingFor !== undefined) assert.deepEqual(explainUnscheduled(message + PREEMPTION, 18_003), expected);
    });
  }

  it("adds up what is said of several kinds of Node in the same sense", () => {
    const message =
      "0/5 nodes are available: 2 node(s) had untolerated taint {a: b}, 3 node(s) had untolerated taint {c: d}.";
    assert.match(explainUnscheduled(message).message, /: 5 nodes have taints that keep it away$/);
    assert.equal(parseSchedulerWords(message)?.nodes, 5);
  });
});
