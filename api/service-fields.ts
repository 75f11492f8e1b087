import * as z from "zod";
import { DEFAULT_PORT } from "./constants.ts";
import { list, matching, text, withCelRules } from "./fields.ts";

const DECIMAL = /^[0-9]+(\.[0-9]+)?$/;

const gatewaySchema = z
  .strictObject({
    enabled: z.boolean().describe("Whether requests are routed through a gateway.").optional(),
    gatewayRef: z
      .strictObject({
        name: text().describe("The name of the Gateway."),
        namespace: text()
          .describe("The namespace of the Gateway. Defaults to the namespace of the service.")
          .optional(),
      })
      .describe("The Gateway to attach the route to."),
    modelName: text().describe("The model name by which requests are routed.").optional(),
  })
  .describe("Routing through an implementation of the Gateway API.");

const endpointSchema = z
  .strictObject({
    port: z.int32().min(1).max(65_535).describe("The port of the Service.").default(DEFAULT_PORT),
    path: text().describe("The path of the API.").default("/v1/chat/completions"),
    type: z.enum(["ClusterIP", "NodePort", "LoadBalancer"]).describe("The type of the Service.").default("ClusterIP"),
    nodePort: z.int32().min(30_000).max(32_767).describe("The port on the nodes, for type NodePort.").optional(),
    gateway: gatewaySchema.optional(),
  })
  .describe("The endpoint at which clients reach the model.");

const metricSchema = z.strictObject({
  type: z.enum(["Pods", "Resource"]).describe("The source of the metric."),
  name: text().describe("The name of the metric."),
  targetAverageValue: text().describe("The target average for each pod, for type Pods.").optional(),
  targetAverageUtilization: z
    .int32()
    .describe("The target average utilization in percent, for type Resource.")
    .optional(),
});

const autoscalingSchema = z
  .strictObject({
    minReplicas: z.int32().min(1).max(10).describe("The fewest replicas.").default(1),
    maxReplicas: z.int32().min(1).max(100).describe("The most replicas."),
    metrics: list(metricSchema).describe("The metrics that decide the number of replicas.").optional(),
  })
  .describe("Autoscaling: the number of replicas follows the load instead of spec.replicas.");

const OBJECTIVE = { least: 50, most: 99.999 };

const sloFields = z.strictObject({
  name: text().describe("The name of the objective.").optional(),
  indicator: z.enum(["availability", "latency"]).describe("The service level indicator.").default("availability"),
  objective: withCelRules(matching(DECIMAL, "a percentage as text, such as 99.9"), [
    {
      cel: `double(self) >= ${OBJECTIVE.least}.0 && double(self) <= ${OBJECTIVE.most}`,
      holds: (percentage) => Number(percentage) >= OBJECTIVE.least && Number(percentage) <= OBJECTIVE.most,
      message: `it must be a percentage from ${OBJECTIVE.least} to ${OBJECTIVE.most}`,
    },
  ]).describe("The percentage of requests that must be good, as text."),
  latencyThreshold: matching(DECIMAL, "seconds as text, such as 2.5")
    .describe("The number of seconds within which a request counts as good, for indicator latency.")
    .optional(),
  window: matching(/^[0-9]+[mhdw]$/, "a number with m, h, d or w, such as 28d")
    .describe("The time window of the objective.")
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
    waitForIdle: z.boolean().describe("Whether an update waits until no requests are running.").optional(),
    idleTimeoutSeconds: z.int().min(0).describe("The longest time to wait for that, in seconds.").default(300),
    force: z
      .boolean()
      .describe("Whether the update proceeds when requests are still running after that time.")
      .optional(),
  })
  .describe("When an update may replace a running server.");

const disruptionSchema = z
  .strictObject({
    protectStartup: z
      .boolean()
      .describe("Whether a replica is protected from eviction while it loads the model.")
      .default(true),
    protectAlways: z.boolean().describe("Whether replicas are always protected from eviction.").optional(),
  })
  .describe("Protection from voluntary disruptions, such as a node drain.");

/** Fields of InferenceService.spec about replicas, endpoint and priority. */
export const serviceFields = {
  replicas: z
    .int32()
    .min(0)
    .max(10)
    .describe("The number of servers to run, each on a different node; 0 stops all of them.")
    .default(1),
  suspend: z
    .boolean()
    .describe("Whether the service is stopped. The value of spec.replicas is kept for when it resumes.")
    .default(false),
  priority: z
    .enum(["critical", "high", "normal", "low", "batch"])
    .describe("The priority of the service. When memory is short, lower priorities are evicted first.")
    .default("normal"),
  evictionProtection: z
    .boolean()
    .describe("Whether the service is protected from eviction when memory is short.")
    .optional(),
  endpoint: endpointSchema.optional(),
  autoscaling: autoscalingSchema.optional(),
  slo: sloSchema.describe("The service level objective to alert on.").optional(),
  rolloutPolicy: rolloutPolicySchema.optional(),
  disruption: disruptionSchema.optional(),
  revisionHistoryLimit: z.int32().min(0).describe("The number of old revisions to keep.").optional(),
};
