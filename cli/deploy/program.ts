import * as k8s from "@pulumi/kubernetes";
import { LlmModel } from "../../components/index.ts";
import type { Deployment } from "./deployment.ts";
import { providerOf, type Target } from "./target.ts";

/** The program of a stack of `deploy`. What `--emit` prints registers the same resources. */
export function stackProgram(target: Target, deployments: readonly Deployment[]) {
  return async () => {
    const { name, args } = providerOf(target);
    const provider = new k8s.Provider(name, { ...args });
    const models = deployments.map((one) => [one.name, new LlmModel(one.name, one.args, { provider })] as const);
    return { endpoints: Object.fromEntries(models.map(([model, { endpoint }]) => [model, endpoint])) };
  };
}
