import { explain } from "../../api/explain.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { Host } from "../../memory/placement/host.ts";
import type { Bound } from "../../memory/placement/workload.ts";
import { declaredHost, hostOf } from "./declared.ts";
import { type HostEntry, hostsFileSchema, type SeenHost } from "./schema.ts";

/** The Macs that a preview knows of. */
export interface KnownHosts {
  readonly hosts: readonly Host[];
  /** What runs on them, as far as somebody has looked. */
  readonly running: readonly Bound[];
  /** Hosts by the folder of manifests that their agent reads. */
  readonly byFolder: ReadonlyMap<string, string>;
}

/** Hosts that one place names. */
export interface NamedHost {
  readonly host: Host;
  readonly running?: readonly Bound[] | undefined;
  readonly folder?: string | undefined;
}

export const NO_HOSTS: KnownHosts = { hosts: [], running: [], byFolder: new Map() };

/**
 * The hosts of several places together. Where two places name one host, the first has the say about it, and what runs there is known from
 * whoever has looked.
 *
 * @param places in the order of their weight: resources of the stack, the configuration, the file
 */
export function joinHosts(places: readonly (readonly NamedHost[])[]): KnownHosts {
  const hosts = new Map<string, Host>();
  const byFolder = new Map<string, string>();
  const running: Bound[] = [];
  for (const named of places.flat()) {
    const { name } = named.host;
    if (!hosts.has(name)) hosts.set(name, named.host);
    running.push(...(named.running ?? []));
    if (named.folder !== undefined && !byFolder.has(named.folder)) byFolder.set(named.folder, name);
  }
  return { hosts: [...hosts.values()], running, byFolder };
}

/** `hosts` of the configuration; one sentence on the first that cannot be. */
export function hostsOfConfig(entries: readonly HostEntry[]): Result<readonly NamedHost[]> {
  const named: NamedHost[] = [];
  for (const [index, entry] of entries.entries()) {
    const host = declaredHost(entry);
    if (!host.ok) return fail(`hosts[${index}] (${entry.name}): ${host.error}`);
    named.push({ host: host.value, folder: entry.manifests });
  }
  return distinct(named, "hosts");
}

/** What `pulumi-llmkube hosts export` wrote; one sentence on the first thing that is wrong. */
export function hostsOfFile(text: string): Result<readonly NamedHost[]> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return fail("it is no JSON: write it with pulumi-llmkube hosts export --out FILE");
  }
  const parsed = hostsFileSchema.safeParse(document);
  if (!parsed.success) return fail(explain(hostsFileSchema, document, parsed.error.issues));
  return distinct(parsed.data.hosts.map(seenHost), "hosts");
}

function seenHost({
  name,
  memory,
  allocatable,
  workingSet,
  labels,
  taints,
  unschedulable,
  manifests,
  models,
}: SeenHost): NamedHost {
  const host = hostOf({ name, memoryBytes: memory, workingSetBytes: workingSet, labels }, allocatable);
  const running = models.map(
    (model): Bound => ({
      pod: model.name,
      workload: model.name,
      host: name,
      needBytes: model.memory,
      ports: model.ports,
      priority: model.priority,
    }),
  );
  return { host: { ...host, taints, unschedulable }, running, folder: manifests };
}

/** Of one place each host has one description. */
export function distinct(named: readonly NamedHost[], where: string): Result<readonly NamedHost[]> {
  const seen = new Map<string, number>();
  for (const [index, { host }] of named.entries()) {
    const first = seen.get(host.name);
    if (first !== undefined) {
      return fail(
        `${where}[${index}].name is ${JSON.stringify(host.name)}, as ${where}[${first}].name is: each Mac is named once`,
      );
    }
    seen.set(host.name, index);
  }
  return ok(named);
}
