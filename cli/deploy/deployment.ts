import type { Accelerator, CacheType, Priority } from "../../components/model/enums.ts";

/** The settings of a server that `deploy` can set. */
export interface DeployedServing {
  readonly contextSize?: number;
  readonly parallelSlots?: number;
  readonly flashAttention?: boolean;
  readonly jinja?: boolean;
  readonly cacheTypeK?: CacheType;
  readonly cacheTypeV?: CacheType;
  readonly batchSize?: number;
  readonly uBatchSize?: number;
  readonly replicas?: number;
  readonly priority?: Priority;
  readonly port?: number;
  readonly extraArgs?: string[];
  readonly idleUnload?: string;
  readonly aliases?: string[];
  readonly promptCache?: string;
  readonly savedSlots?: string;
}

/** Arguments of `LlmModel` that `deploy` can set, all of them plain. */
export interface DeployedArgs {
  readonly source: string;
  readonly sha256?: string;
  readonly quantization?: string;
  readonly memoryBudget?: string;
  readonly memoryFraction?: number;
  readonly accelerator?: Accelerator;
  readonly gpuLayers?: number;
  readonly namespace?: string;
  readonly serving: DeployedServing;
  readonly endpointHost?: string;
}

/** One model of a stack. */
export interface Deployment {
  /** Name of the component, and of its Kubernetes objects. */
  readonly name: string;
  readonly args: DeployedArgs;
}

/** The deployments with `changed` among them, in order of their names, so that each run gives the same program. */
export function withDeployment(all: readonly Deployment[], changed: Deployment): readonly Deployment[] {
  return [...withoutDeployment(all, changed.name), changed].sort((a, b) => (a.name < b.name ? -1 : 1));
}

export function withoutDeployment(all: readonly Deployment[], name: string): readonly Deployment[] {
  return all.filter((one) => one.name !== name);
}

/** The arguments in one order, whether they come from flags or from a stack, without those that are not set. */
export function inOrder({ source, serving, ...rest }: DeployedArgs): Record<string, unknown> {
  const { sha256, quantization, memoryBudget, memoryFraction, accelerator, gpuLayers, namespace, endpointHost } = rest;
  const ofModel = { source, sha256, quantization, memoryBudget, memoryFraction, accelerator, gpuLayers };
  const settings = Object.entries(serving).sort(([a], [b]) => (a < b ? -1 : 1));
  return plain({ ...ofModel, serving: Object.fromEntries(settings), namespace, endpointHost });
}

/** Without the fields that are undefined. */
export function plain(value: object): Record<string, unknown> {
  return JSON.parse(JSON.stringify(value));
}
