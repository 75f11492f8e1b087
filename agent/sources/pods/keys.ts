import { existsSync, mkdirSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import writeFileAtomic from "write-file-atomic";
import { errorText } from "../../../api/error-code.ts";
import { API_KEY } from "../../../api/fleet.ts";
import type { KubeClient, KubeObject } from "../../../kube/client.ts";
import { KINDS } from "../../../kube/kinds.ts";
import type { Parsed } from "../../../kube/reflector/reflector.ts";
import { fileNameOf, type WorkloadId } from "../../workload/workload-id.ts";
import type { PodClaim } from "./claim.ts";
import type { KeysFound } from "./desired.ts";
import { watchedObjects } from "./watched.ts";

/** The API keys of the pods of this node, each in a file of its own that only this user can read. */
export interface PodKeys {
  /** Watches the Secrets that these claims name. */
  follow(claims: ReadonlyMap<WorkloadId, PodClaim>): void;
  /** Whether the keys of a pod are on the disk. What a Secret holds now is written first. */
  keysOf(id: WorkloadId, claim: PodClaim): KeysFound;
  /** Removes the files of all others. */
  keepOnly(ids: ReadonlySet<WorkloadId>): void;
  problems(): readonly string[];
  close(): Promise<void>;
}

export interface PodKeysOptions {
  readonly client: KubeClient;
  /** The folder of the files. */
  readonly folder: string;
  readonly changed: () => void;
}

const ENDING = ".keys";

export function podKeys({ client, folder, changed }: PodKeysOptions): PodKeys {
  const secrets = watchedObjects({ client, kind: KINDS.secret, parse: readKeys, changed });
  /** What this agent has written, by file. */
  const written = new Map<string, string>();
  const write = (path: string, text: string): KeysFound => {
    if (written.get(path) === text && existsSync(path)) return { is: "there", path };
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      writeFileAtomic.sync(path, text, { mode: 0o600 });
    } catch (error) {
      return { is: "missing", message: `its API keys cannot be written to ${path} (${errorText(error)})` };
    }
    written.set(path, text);
    return { is: "there", path };
  };
  return {
    follow: (claims) => {
      secrets.want(new Set([...claims.values()].map(({ namespace, secret }) => `${namespace}/${secret.name}`)));
    },
    keysOf: (id, { namespace, secret }) => {
      const name = `${namespace}/${secret.name}`;
      const path = join(folder, fileNameOf(id) + ENDING);
      const known = secrets.known(name);
      if (known.is === "known") return write(path, known.value);
      if (known.is === "absent")
        return { is: "missing", message: `the Secret ${name} with its API keys does not exist` };
      if (known.is === "unreadable") return { is: "missing", message: `Secret ${name}: ${known.problem}` };
      // During an outage a server that crashed starts again with the keys that it had.
      if (existsSync(path)) return { is: "there", path };
      return { is: "unheard", message: `the API server has not yet told about the Secret ${name} with its API keys` };
    },
    keepOnly: (ids) => {
      const kept = new Set([...ids].map((id) => fileNameOf(id) + ENDING));
      for (const name of filesIn(folder)) {
        if (!name.endsWith(ENDING) || kept.has(name)) continue;
        rmSync(join(folder, name), { force: true });
        written.delete(join(folder, name));
      }
    },
    problems: secrets.problems,
    close: secrets.close,
  };
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Of a Secret nothing but its keys is kept, and nothing of it is ever said. */
function readKeys(object: KubeObject): Parsed<string> {
  const data: unknown = object["data"];
  const encoded =
    typeof data === "object" && data !== null ? Object.entries(data).find(([key]) => key === API_KEY)?.[1] : undefined;
  if (typeof encoded !== "string") return { ok: false, error: `it has no key ${API_KEY}` };
  return { ok: true, value: Buffer.from(encoded, "base64").toString("utf8") };
}
