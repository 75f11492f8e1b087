import type { KubeResult } from "../client.ts";
import type { Clock } from "../clock.ts";
import { succeeded } from "../failure.ts";
import type { Access } from "./access.ts";
import { authProviderCredentials } from "./auth-provider.ts";
import { type PluginCredentials, runExecPlugin } from "./exec-plugin.ts";
import { type Material, materialOf } from "./material.ts";

/** The credentials of one identity, as they change. */
export interface Credentials {
  /** For messages. */
  server(): string;
  current(): Promise<KubeResult<Material>>;
  /** The server refused these: reads everything anew, and says whether it now is something else. */
  refused(material: Material): Promise<boolean>;
  /** Takes the place of the token that was read, until another one is read. */
  replaceToken(token: string): void;
}

/** How long what was read is used before the files are looked at again, and no plugin is run again because of a refusal. */
const LOOK_AGAIN_MS = 10_000;
/** Credentials of a plugin are not used in the last moments before they expire. */
const BEFORE_EXPIRY_MS = 30_000;

interface Known {
  readonly material: Material;
  readonly readAt: number;
}

/**
 * @param first what `read` gave at the start
 * @param read reads the kubeconfig
 */
export function credentials(first: Access, read: () => Promise<KubeResult<Access>>, clock: Clock): Credentials {
  const plugin = pluginCredentials(clock);
  let access = first;
  let known: Known | undefined;
  let refusedAt = Number.NEGATIVE_INFINITY;
  let replaced: { readonly token: string; readonly insteadOf: string | undefined } | undefined;
  let reading: Promise<KubeResult<Material>> | undefined;

  async function readAll(): Promise<KubeResult<Material>> {
    const again = await read();
    if (again.ok) access = again.value;
    const given = await plugin.get(access);
    const material = given.ok ? await materialOf(access, given.value, clock.now()) : given;
    // A file that is being written, or is away for a moment, changes nothing: the server says whether what is known still holds.
    const now = material.ok ? material.value : known?.material;
    if (now === undefined) return material;
    known = { material: now, readAt: clock.monotonic() };
    return succeeded(now);
  }

  /** One reading at a time, however many requests wait for it. */
  function readOnce(): Promise<KubeResult<Material>> {
    reading ??= readAll().finally(() => {
      reading = undefined;
    });
    return reading;
  }

  async function current(): Promise<KubeResult<Material>> {
    const fresh = known !== undefined && clock.monotonic() - known.readAt < LOOK_AGAIN_MS;
    const material = known !== undefined && fresh ? succeeded(known.material) : await readOnce();
    return material.ok ? succeeded(withReplaced(material.value)) : material;
  }

  function withReplaced(material: Material): Material {
    if (replaced === undefined || replaced.insteadOf !== material.authorization) return material;
    return { ...material, authorization: `Bearer ${replaced.token}` };
  }

  async function refused(material: Material): Promise<boolean> {
    if (replaced !== undefined && material.authorization === `Bearer ${replaced.token}`) replaced = undefined;
    if (clock.monotonic() - refusedAt >= LOOK_AGAIN_MS) {
      refusedAt = clock.monotonic();
      plugin.forget();
      await readOnce();
    }
    const now = await current();
    return now.ok && !isSame(now.value, material);
  }

  return {
    server: () => access.server,
    current,
    refused,
    replaceToken: (token) => {
      replaced = { token, insteadOf: known?.material.authorization };
    },
  };
}

function isSame(one: Material, other: Material): boolean {
  return one.authorization === other.authorization && one.connectionKey === other.connectionKey;
}

/** What a plugin gave, until it expires, is refused, or the kubeconfig says something else. */
function pluginCredentials(clock: Clock) {
  let kept: { readonly of: string; readonly credentials: PluginCredentials } | undefined;

  function run(access: Access): Promise<KubeResult<PluginCredentials>> | undefined {
    if (access.exec !== undefined) return runExecPlugin(access.exec, access);
    if (access.authProvider !== undefined) return authProviderCredentials(access.authProvider, clock.now());
    return undefined;
  }

  return {
    forget: () => {
      kept = undefined;
    },
    get: async (access: Access): Promise<KubeResult<PluginCredentials | undefined>> => {
      const of = JSON.stringify([access.exec, access.authProvider, access.server]);
      const until = kept?.credentials.expiresAt ?? Number.POSITIVE_INFINITY;
      if (kept?.of === of && clock.now() < until - BEFORE_EXPIRY_MS) return succeeded(kept.credentials);
      const got = await run(access);
      if (got?.ok) kept = { of, credentials: got.value };
      return got ?? succeeded(undefined);
    },
  };
}
