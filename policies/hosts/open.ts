import { readFile } from "node:fs/promises";
import { isAbsolute, resolve } from "node:path";
import { errorCode } from "../../api/error-code.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { StackResource } from "../definition.ts";
import { hostsOfConfig, hostsOfFile, joinHosts, type KnownHosts, type NamedHost } from "./fleet.ts";
import { hostsOfNodes } from "./nodes.ts";
import type { HostEntry } from "./schema.ts";

/** Where a preview looks for hosts beside the resources of the stack. */
export interface HostsConfig {
  readonly hosts?: readonly HostEntry[] | undefined;
  readonly hostsFile?: string | undefined;
}

/** Far more than ten thousand Macs take. */
const MOST_BYTES = 64 * 2 ** 20;

/** What a preview knows of the hosts, and one sentence for each place that cannot be used: it counts for nothing then. */
export interface OpenedHosts extends KnownHosts {
  readonly problems: readonly string[];
  /** LlmNode resources whose memory is not known before the update. */
  readonly unknown: readonly string[];
}

/** LlmNode resources, then the configuration, then the file; never a kubeconfig. */
export async function openHosts(resources: readonly StackResource[], config: HostsConfig): Promise<OpenedHosts> {
  const nodes = hostsOfNodes(resources);
  const configured = hostsOfConfig(config.hosts ?? []);
  const filed = config.hostsFile === undefined ? ok([]) : await hostsIn(config.hostsFile);
  const named = nodes.ok ? ok(nodes.value.named) : nodes;
  const places = [named, configured, filed];
  return {
    ...joinHosts(places.map((place) => (place.ok ? place.value : []))),
    problems: places.flatMap((place) => (place.ok ? [] : [place.error])),
    unknown: nodes.ok ? nodes.value.unknown : [],
  };
}

/** The engine runs a pack in the pack's own folder; where a person stood is in PWD. */
async function hostsIn(file: string): Promise<Result<readonly NamedHost[]>> {
  const path = isAbsolute(file) ? file : resolve(process.env["PWD"] ?? process.cwd(), file);
  const text = await readBounded(path);
  const hosts = text.ok ? hostsOfFile(text.value) : text;
  return hosts.ok ? hosts : fail(`hostsFile ${path}: ${hosts.error}`);
}

/** The text of a file of hosts. Fails with one clause. */
export async function readBounded(path: string): Promise<Result<string>> {
  try {
    const bytes = await readFile(path);
    if (bytes.length > MOST_BYTES) return fail("it is too large to be a list of hosts");
    return ok(bytes.toString("utf8"));
  } catch (error) {
    const code = errorCode(error);
    if (code === "ENOENT") return fail("there is no such file: write it with pulumi-llmkube hosts export --out FILE");
    if (code === "EISDIR") return fail("it is a folder, not a file of hosts");
    return fail(`it cannot be read (${code ?? String(error)})`);
  }
}
