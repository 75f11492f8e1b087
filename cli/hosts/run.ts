import { hostname } from "node:os";
import write from "write-file-atomic";
import { readStatus } from "../../agent/status/status-file.ts";
import { errorText } from "../../api/error-code.ts";
import { nodeNameProblem } from "../../api/node-name.ts";
import { openKubeAccess } from "../../kube/open-client.ts";
import { hostsOfFile } from "../../policies/hosts/fleet.ts";
import { HOSTS_FILE_VERSION, type HostsFile } from "../../policies/hosts/schema.ts";
import { withProgress } from "../progress.ts";
import { stateFolder } from "../state-folder.ts";
import type { StateFlags } from "../state-options.ts";
import { hostsOfCluster } from "./from-cluster.ts";
import { type ExportedHost, hostNameOf, hostOfStatus } from "./from-status.ts";

export interface ExportFlags extends StateFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly name?: string;
  readonly models: boolean;
  readonly out?: string;
  readonly json?: boolean;
}

/** Writes the Macs that are known here, for a preview elsewhere; throws one sentence where there are none. */
export async function exportHosts(flags: ExportFlags): Promise<void> {
  const hosts = flags.kubeconfig === undefined ? [await hostHere(flags)] : await hostsThere(flags, flags.kubeconfig);
  const kept = flags.models ? hosts : hosts.map(({ models: _left, ...host }) => host);
  const file: HostsFile = { schemaVersion: HOSTS_FILE_VERSION, hosts: [...kept] };
  const text = `${JSON.stringify(file, null, 2)}\n`;
  // What is written is what can be read.
  const readable = hostsOfFile(text);
  if (!readable.ok) throw new Error(`the Macs cannot be exported: ${readable.error}`);
  if (flags.out !== undefined) await writeAtomically(flags.out, text);
  if (flags.out === undefined || flags.json) console.log(text.trimEnd());
  else console.log(`${flags.out}: ${hosts.length} ${hosts.length === 1 ? "Mac" : "Macs"}`);
}

async function hostHere(flags: ExportFlags): Promise<ExportedHost> {
  const name = flags.name ?? flags.nodeName ?? hostNameOf(hostname());
  const problem = nodeNameProblem(name);
  if (problem !== undefined) throw new Error(`--name ${problem}`);
  const status = await readStatus(await stateFolder(flags));
  if (!status.ok) throw new Error(status.error);
  return hostOfStatus(name, status.value, flags.manifests);
}

async function hostsThere({ context }: ExportFlags, kubeconfig: string): Promise<readonly ExportedHost[]> {
  const access = await openKubeAccess({ kubeconfig, context });
  if (!access.ok) throw new Error(access.error);
  const client = access.value.client({ timeoutMs: 15_000 });
  try {
    const found = await withProgress("listing the Macs", hostsOfCluster(client));
    if (!found.ok) throw new Error(found.error);
    for (const note of found.value.notes) console.error(`pulumi-llmkube: ${note}`);
    if (found.value.hosts.length === 0) throw new Error(`the cluster of ${kubeconfig} has no Macs`);
    return found.value.hosts;
  } finally {
    await client.close();
  }
}

async function writeAtomically(path: string, text: string): Promise<void> {
  try {
    await write(path, text);
  } catch (error) {
    throw new Error(`--out ${path} cannot be written: ${errorText(error)}`);
  }
}
