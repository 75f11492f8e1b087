import * as z from "zod";
import { DEFAULT_PORT } from "./constants.ts";
import { list, matching, text, withCelRules } from "./fields.ts";

const DECIMAL = /^[0-9]+(\.[0-9]+)?$/;

const gatewaySchema = z
  .strictObject({
    enabled: z.boolean().describe("Whether to route through a gateway.").optional(),
    gatewayRef: z
      .strictObject({
        name: text().describe("Name of the Gateway."),
        namespace: text().describe("Namespace of the Gateway; that of the service where not set.").optional(),
      })
      .describe("Gateway to attach to."),
    modelName: text().describe("Name of the model that requests are routed by.").optional(),
  })
  .describe("Routing by a Gateway API implementation.");

const endpointSchema = z
  .strictObject({
    port: z.int32().min(1).max(65_535).describe("Port of the Service.").default(DEFAULT_PORT),
    path: text().describe("Path of the API.").default("/v1/chat/completions"),
    type: z.enum(["ClusterIP", "NodePort", "LoadBalancer"]).describe("Type of the Service.").default("ClusterIP"),
    nodePort: z.int32().min(30_000).max(32_767).describe("Port on the nodes, for type NodePort.").optional(),
    gateway: gatewaySchema.optional(),
  })
  .describe("Where clients reach the model.");

const metricSchema = z.strictObject({
  type: z.enum(["Pods", "Resource"]).describe("Where the metric comes from."),
  name: text().describe("Name of the metric."),
  targetAverageValue: text().describe("Average a pod to aim for, for type Pods.").optional(),
  targetAverageUtilization: z.int32().describe("Average percentage to aim for, for type Resource.").optional(),
});

const autoscalingSchema = z
  .strictObject({
    minReplicas: z.int32().min(1).max(10).describe("Fewest replicas.").default(1),
    maxReplicas: z.int32().min(1).max(100).describe("Most replicas."),
    metrics: list(metricSchema).describe("What decides how many replicas there are.").optional(),
  })
  .describe("Replicas by load in place of a fixed number.");

const OBJECTIVE = { least: 50, most: 99.999 };

const sloFields = z.strictObject({
  name: text().describe("Name of the objective.").optional(),
  indicator: z.enum(["availability", "latency"]).describe("What is measured.").default("availability"),
  objective: withCelRules(matching(DECIMAL, "a percentage in text, such as 99.9"), [
    {
      cel: `double(self) >= ${OBJECTIVE.least}.0 && double(self) <= ${OBJECTIVE.most}`,
      holds: (percentage) => Number(percentage) >= OBJECTIVE.least && Number(percentage) <= OBJECTIVE.most,
      message: `it must be a percentage from ${OBJECTIVE.least} to ${OBJECTIVE.most}`,
    },
  ]).describe("Percentage of good requests to keep to, in text."),
  latencyThreshold: matching(DECIMAL, "seconds in text, such as 2.5")
    .describe("Seconds within which a request is good, for indicator latency.")
    .optional(),
  window: matching(/^[0-9]+[mhdw]$/, "a number with m, h, d or w, such as 28d")
    .describe("Time over which the objective is kept.")
    .default("28d"),
});

const sloSchema = withCelRules(sloFields, [
  {
    cel: "self.indicator != 'latency' || has(self.latencyThreshold)",
    holds: ({ indicator, latencyThreshold }) => indicator !== "latency" || latencyThreshold !== undefined,
    message: "indicator latency needs latencyThreshold",
  },
]);

const rolloutPolicySchema = z
  .strictObject({
    waitForIdle: z.boolean().describe("Whether an update waits until no request is running.").optional(),
    idleTimeoutSeconds: z.int().min(0).describe("Longest wait for that, in seconds.").default(300),
    force: z.boolean().describe("Whether an update goes on when the wait was in vain.").optional(),
  })
  .describe("When an update may replace a running server.");

const disruptionSchema = z
  .strictObject({
    protectStartup: z.boolean().describe("Whether a replica that is loading is kept from eviction.").default(true),
    protectAlways: z.boolean().describe("Whether replicas are always kept from eviction.").optional(),
  })
  .describe("Protection from voluntary evictions such as a drain.");

/** Fields of InferenceService.spec about replicas, reach and priority. */
export const serviceFields = {
  replicas: z.int32().min(0).max(10).describe("Servers to run, each on a node of its own; 0 stops all.").default(1),
  suspend: z.boolean().describe("Whether the service is stopped while its replicas are remembered.").default(false),
  priority: z
    .enum(["critical", "high", "normal", "low", "batch"])
    .describe("Who gives way when memory is short: lower priorities are evicted first.")
    .default("normal"),
  evictionProtection: z.boolean().describe("Whether the service is never evicted for want of memory.").optional(),
  endpoint: endpointSchema.optional(),
  autoscaling: autoscalingSchema.optional(),
  slo: sloSchema.describe("Service level objective to alert on.").optional(),
  rolloutPolicy: rolloutPolicySchema.optional(),
  disruption: disruptionSchema.optional(),
  revisionHistoryLimit: z.int32().min(0).describe("Old revisions to keep.").optional(),
};
