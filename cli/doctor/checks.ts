import { unlessAborted } from "../../agent/lifecycle/aborted.ts";
import { withProgress } from "../progress.ts";
import { type Check, type Look, onMac, type Subject, skipped } from "./check.ts";
import { checkDisk, checkPrivacy, folderCheck } from "./folders.ts";
import {
  checkChip,
  checkFileVault,
  checkKernelCap,
  checkNetwork,
  checkPressure,
  checkRosetta,
  checkSleep,
  checkSystemCalls,
  checkUser,
  checkVersion,
  checkWiredLimit,
} from "./machine.ts";
import { checkProjection } from "./projection.ts";
import { checkBuild, checkDevice, checkMemory, checkOptions, checkServer, coldLibrary } from "./server.ts";

export type { Check };

type Named = readonly [name: string, look: Look];

/** Checks that need a llama-server that runs. */
const OF_THE_SERVER: readonly Named[] = [
  ["llama-server build", checkBuild],
  ["llama-server options", checkOptions],
  ["Metal", checkDevice],
  ["memory", checkMemory],
  ["projection", checkProjection],
];

const OF_THE_MACHINE: readonly Named[] = [
  ["memory pressure", checkPressure],
  ["chip", onMac(checkChip)],
  ["macOS", onMac(checkVersion)],
  ["Rosetta", onMac(checkRosetta)],
  ["FileVault", onMac(checkFileVault)],
  ["sleep", onMac(checkSleep)],
  ["system calls", onMac(checkSystemCalls)],
  ["wired limit", onMac(checkWiredLimit)],
  ["kernel memory limit", checkKernelCap],
  ["disk", checkDisk],
  ["models folder", folderCheck(({ models }) => models, "--models")],
  ["state folder", folderCheck(({ state }) => state, "--state")],
  ["claims folder", folderCheck(({ claims }) => claims, "--claims")],
  ["privacy", onMac(checkPrivacy)],
  ["user", checkUser],
  ["network", onMac(checkNetwork)],
];

/** Runs one check after another until `stop`, and says which one is under way once it takes long. Changes nothing and never throws. */
export async function diagnose(subject: Subject, stop: AbortSignal): Promise<readonly Check[]> {
  const began = performance.now();
  const look = async ([name, look]: Named): Promise<Check> => ({
    name,
    ...((await withProgress(`checking: ${name}`, unlessAborted(look(subject, stop), stop))) ?? skipped("interrupted")),
  });
  const server = await look(["llama-server", checkServer]);
  const library: Check = { name: "Metal library", ...coldLibrary(performance.now() - began, subject) };
  const runs = server.state !== "failed";
  const checks = [server, ...(runs ? [library] : [])];
  for (const named of [...(runs ? OF_THE_SERVER : []), ...OF_THE_MACHINE]) {
    checks.push(stop.aborted ? { name: named[0], ...skipped("interrupted") } : await look(named));
  }
  return checks;
}
