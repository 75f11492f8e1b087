import * as k8s from "@pulumi/kubernetes";
import * as pulumi from "@pulumi/pulumi";
import { LlmModel } from "../../components/index.ts";
import { readConfig } from "./config.ts";

// The program of the root Pulumi.yaml: every model of the stack's configuration, for the agent on this machine or for a cluster.
const { models, manifests } = readConfig(new pulumi.Config());

const options: pulumi.ComponentResourceOptions = {};
const defaults: { endpointHost?: string } = {};
if (manifests !== undefined) {
  // Without this the provider would use a KUBECONFIG of the shell and refuse it together with a folder to render to.
  options.provider = new k8s.Provider("manifests", { renderYamlToDirectory: manifests, kubeconfig: "" });
  defaults.endpointHost = "127.0.0.1";
}

/** Base URL of each model that is served. */
export const endpoints = Object.fromEntries(
  Object.entries(models).map(([name, args]) => [name, new LlmModel(name, { ...defaults, ...args }, options).endpoint]),
);
