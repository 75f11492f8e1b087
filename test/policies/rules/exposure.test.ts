import { exposure } from "../../../policies/rules/exposure.ts";
import { UNKNOWN } from "../analyse.ts";
import { type Case, reports } from "./table.ts";

const metal = { hardware: { accelerator: "metal" } };
const cuda = { hardware: { accelerator: "cuda" } };
const balanced = { endpoint: { type: "LoadBalancer" } };
const key = (name: string) => [{ name, valueFrom: { secretKeyRef: { name: "keys", key: "api-key" } } }];
const NO_KEY =
  "but its container has no API key. Set LLAMA_API_KEY in spec.env from a Secret (valueFrom.secretKeyRef).";

const reached: readonly Omit<Case, "it">[] = [
  {
    model: cuda,
    service: balanced,
    reports: [
      `InferenceService default/gemma can be reached by other machines (spec.endpoint.type LoadBalancer), ${NO_KEY}`,
    ],
  },
  { model: cuda, service: { endpoint: { type: "NodePort" } }, reports: [/\(spec\.endpoint\.type NodePort\)/] },
  {
    model: cuda,
    service: { endpoint: { gateway: { enabled: true, gatewayRef: { name: "g" } } } },
    reports: [/\(spec\.endpoint\.gateway\.enabled\)/],
  },
  { model: cuda, service: { bindAddress: "0.0.0.0" }, reports: [/\(spec\.bindAddress 0\.0\.0\.0\)/] },
  { model: cuda, service: {}, config: { network: true }, reports: [/\(network in the configuration of exposure\)/] },
  { service: balanced, reports: [/its container has no API key/] },
  {
    model: cuda,
    service: { ...balanced, env: [{ name: "LLAMA_API_KEY", value: "hunter2" }] },
    reports: [
      "InferenceService default/gemma can be reached by other machines (spec.endpoint.type LoadBalancer), but the API key in spec.env" +
        " (LLAMA_API_KEY) is written into the manifest. Take it from a Secret (valueFrom.secretKeyRef).",
    ],
  },
  {
    model: cuda,
    service: { ...balanced, runtime: "vllm", env: key("LLAMA_API_KEY") },
    reports: [/Set VLLM_API_KEY in/],
  },
  {
    model: cuda,
    service: { ...balanced, runtime: "sglang" },
    reports: [/its runtime sglang is not known to take an API key/],
  },
  {
    model: metal,
    service: balanced,
    config: { generatedKeys: false },
    reports: [
      "InferenceService default/gemma can be reached by other machines (spec.endpoint.type LoadBalancer), but it names no Secret with its" +
        " API keys. Set its annotation llmkube.dev/api-key-secret to the name of one; or set generatedKeys in the configuration of exposure if" +
        " the controller of pulumi-llmkube serves it, which makes a key.",
    ],
  },
];

const accepted: readonly Omit<Case, "it" | "reports">[] = [
  { model: cuda, service: {} },
  { model: cuda, service: { endpoint: { type: "ClusterIP" } } },
  { model: cuda, service: { bindAddress: "127.0.0.1" } },
  { model: cuda, service: { bindAddress: "[::1]" } },
  { model: cuda, service: { ...balanced, env: key("LLAMA_API_KEY") } },
  { model: cuda, service: { ...balanced, runtime: "vllm", env: key("VLLM_API_KEY") } },
  { model: metal, service: balanced },
  {
    model: metal,
    service: balanced,
    annotations: { "llmkube.dev/api-key-secret": "keys" },
    config: { generatedKeys: false },
  },
];

describe("exposure", () => {
  reports(exposure, [
    ...reached.map((one) => ({ it: `reports ${JSON.stringify([one.model, one.service, one.config])}`, ...one })),
    ...accepted.map((one) => ({
      it: `accepts ${JSON.stringify([one.model, one.service, one.config])}`,
      ...one,
      reports: [],
    })),
    {
      it: "waits for what is not known yet",
      model: cuda,
      service: { bindAddress: UNKNOWN },
      reports: [
        "note: InferenceService default/gemma: spec.bindAddress is not known yet and will be checked during the update.",
      ],
    },
    {
      it: "refuses a configuration that it does not understand",
      config: { network: "yes" },
      reports: [/^The configuration of exposure: network is "yes"; it must be true or false/],
    },
  ]);
});
