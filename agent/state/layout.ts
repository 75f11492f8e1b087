import { join } from "node:path";
import { fileNameOf, type WorkloadId } from "../workload/workload-id.ts";

/** The folder of the server records, one file per workload. */
export function recordsFolder(stateDirectory: string): string {
  return join(stateDirectory, "servers");
}

export function recordPath(folder: string, id: WorkloadId): string {
  return join(folder, `${fileNameOf(id)}.json`);
}

/** The folder of what does not start by itself, one file per workload. To remove the file is to let it start. */
export function heldBackFolder(stateDirectory: string): string {
  return join(stateDirectory, "held-back");
}

/** The log of the current server of a workload. The same path with `.1` to `.3` appended holds earlier logs. */
export function logPathOf(stateDirectory: string, id: WorkloadId): string {
  return logPathFor(stateDirectory, fileNameOf(id));
}

/** The log that belongs to a record. `fileName` is the name of the record's file without `.json`. */
export function logPathFor(stateDirectory: string, fileName: string): string {
  return join(stateDirectory, "logs", `${fileName}.log`);
}

/** The conversations of models that are unloaded, one folder a workload. Nothing is lost but time where it is removed. */
export function savedSlotsFolder(stateDirectory: string): string {
  return join(stateDirectory, "saved-slots");
}

/** The folder of the API keys of pods, one file per pod. */
export function keysFolder(stateDirectory: string): string {
  return join(stateDirectory, "keys");
}

/** The pods that a cluster has given this Mac, with the manifests behind them, for an outage. */
export function keptPodsPath(stateDirectory: string): string {
  return join(stateDirectory, "pods.json");
}

/** What llama-server answered when it was asked how much memory it will reserve. */
export function projectionsPath(stateDirectory: string): string {
  return join(stateDirectory, "projections.json");
}

/** The key of the kubelet API, mode 0600, and its certificate. */
export function servingPaths(stateDirectory: string): { readonly key: string; readonly certificate: string } {
  const folder = join(stateDirectory, "kubelet-api");
  return { key: join(folder, "serving.key"), certificate: join(folder, "serving.crt") };
}

/** What the watchdog says, above all while the agent's main part is stuck or dead; absent while no watchdog runs. */
export function watchdogPath(stateDirectory: string): string {
  return join(stateDirectory, "watchdog.json");
}
