import * as z from "zod";
import { SERVICE_ANNOTATIONS } from "../../api/fleet.ts";
import { defineRule } from "../define.ts";
import type { ModelSubject, ServedSubject, ServiceSubject } from "../definition.ts";
import { type Findings, refusal } from "../findings.ts";
import { notYetKnown } from "./not-yet-known.ts";

const config = z.strictObject({
  generatedKeys: z
    .boolean()
    .describe(
      "Whether the controller of pulumi-llmkube serves the models on Macs: it makes a key for each service that names no Secret." +
        " LLMKube's own operator makes none. Default: true.",
    )
    .default(true),
  network: z
    .boolean()
    .describe(
      "Whether every service can be reached by other machines, for example because the Macs are nodes of a cluster. If not, a service" +
        " counts as exposed where its own fields say so. An agent that reads a folder lets servers listen on 127.0.0.1 only. Default: false.",
    )
    .default(false),
});

/** Whoever reaches a server without a key uses the model, and may read what others asked it. */
export const exposure = defineRule({
  name: "exposure",
  title: "A key for what others can reach",
  description: "A service that other machines can reach must ask for an API key.",
  remedy:
    "Name a Secret with the keys in the annotation llmkube.dev/api-key-secret (models on Macs), or set the server's own variable in" +
    " spec.env from a Secret (containers); or let only this machine or the cluster reach it: endpoint.type ClusterIP, no bindAddress.",
  severity: "critical",
  tags: ["security", "network"],
  level: "mandatory",
  config,
  examples: {
    bad: {
      model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "cuda" } },
      service: { modelRef: "gemma", endpoint: { type: "LoadBalancer" } },
    },
    good: {
      model: { source: "hf://org/repo/model.gguf", hardware: { accelerator: "cuda" } },
      service: { modelRef: "gemma", endpoint: { type: "ClusterIP" } },
    },
  },
  checkServed,
});

const FIELDS = ["runtime", "bindAddress", "endpoint", "env", "extraArgs"];

function checkServed({ service, model }: ServedSubject, settings: z.output<typeof config>): Findings {
  const notes = [...notYetKnown(service, FIELDS), ...notYetKnown(model, ["hardware.accelerator"])];
  const exposed = exposedBy(service, settings);
  if (notes.length > 0 || exposed === undefined) return { notes };
  const lacking = isOnMac(service, model) ? keyLackingOnMac(service, settings) : keyLackingInContainer(service);
  return lacking === undefined
    ? {}
    : refusal(`${service.label} can be reached by other machines (${exposed}), but ${lacking}.`);
}

/** The field by which other machines reach the server; undefined where none says so. */
function exposedBy({ spec }: ServiceSubject, { network }: z.output<typeof config>): string | undefined {
  const { bindAddress, endpoint } = spec;
  if (bindAddress !== undefined && !isLoopback(bindAddress)) return `spec.bindAddress ${bindAddress}`;
  if (endpoint !== undefined && endpoint.type !== "ClusterIP") return `spec.endpoint.type ${endpoint.type}`;
  if (endpoint?.gateway?.enabled) return "spec.endpoint.gateway.enabled";
  return network ? "network in the configuration of exposure" : undefined;
}

function isLoopback(address: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(address.trim());
}

function isOnMac({ spec }: ServiceSubject, { spec: { hardware } }: ModelSubject): boolean {
  return spec.runtime === "llamacpp" && hardware?.accelerator === "metal";
}

function keyLackingOnMac(
  { annotations }: ServiceSubject,
  { generatedKeys }: z.output<typeof config>,
): string | undefined {
  if (generatedKeys || annotations[SERVICE_ANNOTATIONS.apiKeySecret]) return undefined;
  return (
    `it names no Secret with its API keys. Set its annotation ${SERVICE_ANNOTATIONS.apiKeySecret} to the name of one; or set` +
    " generatedKeys in the configuration of exposure if the controller of pulumi-llmkube serves it, which makes a key"
  );
}

/** The variable from which each server takes its keys; those that are not here have none. */
const KEY_VARIABLES: Readonly<Record<string, string>> = {
  llamacpp: "LLAMA_API_KEY",
  "llamacpp-router": "LLAMA_API_KEY",
  vllm: "VLLM_API_KEY",
  tgi: "API_KEY",
};

function keyLackingInContainer({ spec }: ServiceSubject): string | undefined {
  const variable = Object.hasOwn(KEY_VARIABLES, spec.runtime) ? KEY_VARIABLES[spec.runtime] : undefined;
  if (variable === undefined) {
    return `its runtime ${spec.runtime} is not known to take an API key from a Secret. Let a gateway in front of it ask for one, and let the service pass by its name (exclude)`;
  }
  const found = (spec.env ?? []).find((entry) => nameOf(entry) === variable);
  if (found === undefined)
    return `its container has no API key. Set ${variable} in spec.env from a Secret (valueFrom.secretKeyRef)`;
  if (isFromSecret(found)) return undefined;
  return `the API key in spec.env (${variable}) is written into the manifest. Take it from a Secret (valueFrom.secretKeyRef)`;
}

function nameOf(entry: unknown): unknown {
  return typeof entry === "object" && entry !== null ? Reflect.get(entry, "name") : undefined;
}

function isFromSecret(entry: unknown): boolean {
  const from = typeof entry === "object" && entry !== null ? Reflect.get(entry, "valueFrom") : undefined;
  return typeof from === "object" && from !== null && Reflect.get(from, "secretKeyRef") !== undefined;
}
