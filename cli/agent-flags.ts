import type { LogLevel } from "../agent/status/log.ts";
import type { ListenAddress } from "../api/listen.ts";

/** What a person typed, parsed. */
export interface AgentFlags {
  readonly manifests?: string;
  readonly kubeconfig?: string;
  readonly nodeName?: string;
  readonly nodeIp?: string;
  readonly kubeletPort?: number;
  readonly clientCaFile?: string;
  readonly standInMac?: string;
  readonly memoryFraction?: number;
  readonly apiKeyFile?: string;
  readonly hostMemory?: number;
  readonly reserve?: number;
  readonly keepAwake?: true;
  readonly models: string;
  readonly modelsMax?: number;
  readonly state?: string;
  readonly claims: string;
  readonly llamaServer: string;
  readonly listen: ListenAddress | "off";
  readonly gateway?: ListenAddress;
  readonly gatewayKeys?: string;
  readonly idleUnload?: string;
  readonly savedSlots?: number;
  readonly json?: boolean;
  readonly logLevel: LogLevel;
}
