import { DEFAULT_PORT } from "../../api/constants.ts";
import type { DeployedArgs, Deployment } from "./deployment.ts";
import { endpointHostOf, type Target } from "./target.ts";

/** What `deploy` chooses where no flag does: the accelerator, the port, and the host of the endpoint. */
export function placed(
  wanted: Deployment,
  others: readonly Deployment[],
  target: Target,
  platform: string,
): Deployment {
  const host = endpointHostOf(target);
  const { accelerator = acceleratorOf(target, platform), serving } = wanted.args;
  const args: DeployedArgs = {
    ...wanted.args,
    ...(accelerator !== undefined && { accelerator }),
    serving: { ...serving, ...portOf(wanted, others, target) },
    ...(host !== undefined && { endpointHost: host }),
  };
  return { name: wanted.name, args };
}

/** An agent beside `deploy` on a machine that is no Mac serves on the CPU, whatever is asked for. */
function acceleratorOf(target: Target, platform: string): "cpu" | undefined {
  return target.kind === "manifests" && platform !== "darwin" ? "cpu" : undefined;
}

/**
 * A port that was asked for, else the one that it has, else the next from 8080 up that no other has. In a cluster each Service has an
 * address of its own, and all may have 8080.
 */
function portOf(
  { name, args }: Deployment,
  deployments: readonly Deployment[],
  target: Target,
): { readonly port?: number } {
  if (args.serving.port !== undefined || target.kind === "cluster") return {};
  const now = deployments.find((one) => one.name === name);
  if (now !== undefined) return now.args.serving.port === undefined ? {} : { port: now.args.serving.port };
  const taken = new Set(deployments.map((one) => one.args.serving.port ?? DEFAULT_PORT));
  let port = DEFAULT_PORT;
  while (taken.has(port)) port += 1;
  return { port };
}

/** Base URL of the API of a deployment on this machine; undefined in a cluster, where the Service has it. */
export function endpointOf({ args: { endpointHost, serving } }: Deployment): string | undefined {
  return endpointHost === undefined ? undefined : `http://${endpointHost}:${serving.port ?? DEFAULT_PORT}/v1`;
}
