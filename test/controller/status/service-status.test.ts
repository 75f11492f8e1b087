import assert from "node:assert/strict";
import { GROUP_VERSION } from "../../../api/constants.ts";
import { SERVICE_CONDITIONS } from "../../../api/fleet.ts";
import { formatMemory, type MemoryNumbers } from "../../../api/fleet-memory.ts";
import {
  type InferenceServiceInput,
  inferenceServiceSchema,
  inferenceServiceStatusSchema,
} from "../../../api/inferenceservice.ts";
import { type ServiceFacts, serviceStatus } from "../../../controller/status/service-status.ts";
import type { Verdict } from "../../../controller/status/verdict.ts";
import { isWrittenByOthers } from "../../../controller/watch/manifest-view.ts";
import type { PodView } from "../../../controller/watch/pod-view.ts";
import { setConditions } from "../../../kube/conditions.ts";

const PLANNED: Verdict = { kind: "planned", estimate: {} as never, message: "estimated 1 GiB required" };
const REFUSED: Verdict = { kind: "refused", reason: "InsufficientMemory", message: "too large", isPersons: true };
const NONE = { wanted: 1, replicas: 0, ready: 0, updated: 0, creationFailure: undefined };

const pod = (more: Partial<PodView> = {}): PodView => ({
  ...{ name: "p", namespace: "x", uid: "1", service: "x/a", settings: "1", phase: "Pending", node: undefined },
  ...{ isDeleting: false, isReady: false, memoryRequest: "1G", priority: 0, ports: [], unscheduled: undefined },
  ...{ reason: undefined, message: undefined, memory: undefined },
  ...more,
});

const statusOf = (more: Partial<ServiceFacts> = {}, spec: Partial<InferenceServiceInput["spec"]> = {}) => {
  const service = inferenceServiceSchema.parse({
    apiVersion: GROUP_VERSION,
    kind: "InferenceService",
    metadata: { name: "a", namespace: "x" },
    spec: { modelRef: "m", ...spec },
  });
  const facts: ServiceFacts = {
    ...{
      service,
      generation: 3,
      verdict: PLANNED,
      deployment: NONE,
      pods: [],
      isOthersToo: false,
      hasSelectorField: true,
    },
    ...more,
  };
  const { fields, conditions } = serviceStatus(facts);
  // The API server takes nothing that its schema lacks.
  inferenceServiceStatusSchema.parse({ ...fields, conditions: setConditions([], conditions, 0) });
  const condition = (type: string) => conditions.find((one) => one.type === type);
  return { fields, condition };
};

describe("the status of a service", () => {
  const bound = pod({ node: "mac-1" });
  const sleeping = pod({ name: "q", node: "mac-2", phase: "Running", reason: "Sleeping" });
  const phases: readonly (readonly [phase: string, facts: Partial<ServiceFacts>, spec?: object])[] = [
    ["Pending", {}],
    ["Pending", { pods: [pod()] }],
    ["Creating", { pods: [bound] }],
    ["Stopped", { pods: [sleeping] }],
    ["Progressing", { deployment: { ...NONE, ready: 1 }, pods: [bound, sleeping] }, { replicas: 2 }],
    ["Creating", { pods: [bound, sleeping] }, { replicas: 2 }],
    ["Progressing", { deployment: { ...NONE, ready: 1 }, pods: [bound] }, { replicas: 2 }],
    ["Ready", { deployment: { ...NONE, ready: 1 }, pods: [bound] }],
    ["Ready", { deployment: { ...NONE, ready: 1 }, verdict: REFUSED, pods: [bound] }],
    ["Failed", { verdict: REFUSED }],
    ["Pending", { verdict: { ...REFUSED, isPersons: false } }],
    ["Suspended", {}, { suspend: true }],
    ["Stopped", {}, { replicas: 0 }],
    ["Failed", { verdict: REFUSED, service: undefined }],
  ];
  for (const [index, [phase, facts, spec]] of phases.entries()) {
    it(`case ${index}: ${phase}`, () => assert.equal(statusOf(facts, spec).fields.phase, phase));
  }

  const availability: readonly (readonly [what: string, facts: Partial<ServiceFacts>, reason: string])[] = [
    ["that load", { pods: [bound] }, "NotReady"],
    ["that all sleep or answer", { deployment: { ...NONE, ready: 1 }, pods: [bound, sleeping] }, "Sleeping"],
    ["of which one sleeps and one loads", { pods: [bound, sleeping] }, "NotReady"],
    ["that all answer", { deployment: { ...NONE, ready: 2 }, pods: [bound, bound] }, "AllReady"],
  ];
  for (const [what, facts, reason] of availability) {
    it(`says of two replicas ${what}: ${reason}`, () => {
      assert.equal(statusOf(facts, { replicas: 2 }).condition(SERVICE_CONDITIONS.available)?.reason, reason);
    });
  }

  it("leaves to LLMKube's operator what is its", () => {
    const { fields } = statusOf({ isOthersToo: true });
    assert.deepEqual(
      ["phase", "readyReplicas", "endpoint"].filter((field) => Object.hasOwn(fields, field)),
      [],
    );
    assert.equal(fields.desiredReplicas, 1);
  });

  it("names the pods for autoscalers, where the CRD has a field for that", () => {
    assert.equal(statusOf().fields.selector, "llmkube.dev/inference-service=a");
    assert.equal(Object.hasOwn(statusOf({ hasSelectorField: false }).fields, "selector"), false);
  });

  it("says nothing of scheduling where nothing is wrong", () => {
    const { fields } = statusOf({ deployment: { ...NONE, ready: 1 }, pods: [bound] });
    assert.ok(!Object.hasOwn(fields, "schedulingStatus") && !Object.hasOwn(fields, "waitingFor"));
  });

  it("says what a replica waits for", () => {
    const unscheduled = "0/2 nodes are available: 2 Insufficient memory. preemption: 0/2 nodes are available.";
    const { fields, condition } = statusOf({ pods: [pod({ unscheduled })] });
    assert.equal(fields.waitingFor, "memory");
    assert.match(fields.schedulingMessage ?? "", /2 Macs have too little free memory/);
    assert.equal(condition(SERVICE_CONDITIONS.scheduled)?.status, "False");
  });

  it("does not count pods that leave or have failed", () => {
    const gone = [pod({ node: "mac-1", isDeleting: true }), pod({ node: "mac-2", phase: "Failed" })];
    assert.match(statusOf({ pods: gone }).condition(SERVICE_CONDITIONS.scheduled)?.message ?? "", /^0 of 1/);
  });

  it("joins what the Macs say of memory, and says that one is over its budget", () => {
    const said = (node: string, isWithinBudget: boolean) =>
      pod({ name: node, node, memory: { isWithinBudget, message: `of ${node}` } });
    const { condition } = statusOf({ pods: [said("mac-2", false), said("mac-1", true)] });
    assert.deepEqual(condition(SERVICE_CONDITIONS.withinBudget), {
      type: SERVICE_CONDITIONS.withinBudget,
      status: "False",
      reason: "OverBudget",
      message: "mac-1: of mac-1; mac-2: of mac-2",
      observedGeneration: 3,
    });
  });
});

describe("how far a replica's memory is from its estimate", () => {
  const estimateBytes = 1000;
  const table: readonly (readonly [what: string, numbers: Partial<MemoryNumbers>, says: string | undefined])[] = [
    ["no numbers", {}, undefined],
    ["little apart", { projectedBytes: 1050, measuredBytes: 1049 }, undefined],
    ["a server that has not touched all", { projectedBytes: 1000, measuredBytes: 100 }, undefined],
    ["measured too much", { measuredBytes: 1200 }, "measured is 20 % above the estimate"],
    ["projected too much", { projectedBytes: 1100, measuredBytes: 900 }, "projected is 10 % above the estimate"],
    [
      "both",
      { projectedBytes: 900, measuredBytes: 1060 },
      "projected is 10 % below, measured is 6 % above the estimate",
    ],
  ];
  for (const [what, numbers, says] of table) {
    it(`${what}: ${says ?? "nothing to say"}`, () => {
      const sentence = formatMemory({ budgetBytes: 2000, budgetSource: "crd-budget", estimateBytes, ...numbers });
      const memory = { isWithinBudget: true, message: sentence };
      const { condition } = statusOf({ pods: [pod({ node: "mac-1", memory })] });
      const message = `mac-1: ${sentence}${says === undefined ? "" : ` (${says})`}`;
      assert.equal(condition(SERVICE_CONDITIONS.withinBudget)?.message, message);
    });
  }
});

describe("who else writes a status", () => {
  const entry = (manager: string, fields: object, subresource = "status") => [
    { manager, operation: "Update", subresource, fieldsV1: { "f:status": fields } },
  ];
  const cases: readonly (readonly [what: string, managedFields: unknown, expected: boolean])[] = [
    ["LLMKube's operator", entry("manager", { "f:phase": {}, "f:readyReplicas": {} }), true],
    ["this controller", entry("pulumi-llmkube-controller", { "f:phase": {} }), false],
    ["a person with kubectl", entry("kubectl-edit", { "f:phase": {} }), false],
    ["a writer of conditions alone", entry("other", { "f:conditions": {} }), false],
    ["a writer of the spec", entry("other", { "f:phase": {} }, ""), false],
    ["nobody", undefined, false],
    ["nonsense", [null, 1, { subresource: "status", fieldsV1: 7 }], false],
  ];
  for (const [what, managedFields, expected] of cases) {
    it(`${what}: ${expected ? "the operator is seen" : "it is not"}`, () =>
      assert.equal(isWrittenByOthers(managedFields), expected));
  }
});
