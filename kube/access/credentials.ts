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

/** How long what was read is used before the files are looked at again. */
const LOOK_AGAIN_MS = 10_000;
/** Credentials of a plugin are not used in the last moments before they expire. */
const BEFORE_EXPIRY_MS = 30_000;

interface Known {
  readonly access: Access;
  readonly material: Material;
  readonly readAt: number;
}

/**
 * @param first what {@link read} gave at the start
 * @param read reads the kubeconfig
 */
export function credentials(first: Access, read: () => Promise<KubeResult<Access>>, clock: Clock): Credentials {
  let access = first;
  let known: Known | undefined;
  let plugin: { readonly of: Access; readonly credentials: PluginCredentials } | undefined;
  let replaced: { readonly token: string; readonly insteadOf: string | undefined } | undefined;
  let reading: Promise<KubeResult<Material>> | undefined;

  async function pluginCredentials(): Promise<KubeResult<PluginCredentials | undefined>> {
    const { exec, authProvider } = access;
    if (exec === undefined && authProvider === undefined) return succeeded(undefined);
    const until = plugin?.credentials.expiresAt ?? Number.POSITIVE_INFINITY;
    const same = plugin !== undefined && JSON.stringify(plugin.of) === JSON.stringify(access);
    if (plugin !== undefined && same && clock.now() < until - BEFORE_EXPIRY_MS) return succeeded(plugin.credentials);
    const got =
      exec !== undefined
        ? await runExecPlugin(exec, access)
        : await authProviderCredentials(authProvider ?? { name: "" }, access, clock.now());
    if (got.ok) plugin = { of: access, credentials: got.value };
    return got;
  }

  async function readAll(): Promise<KubeResult<Material>> {
    // A file that is being written, or is away for a moment, changes nothing.
    const again = await read();
    if (again.ok) access = again.value;
    const given = await pluginCredentials();
    if (!given.ok) return given;
    const material = await materialOf(access, given.value, clock.now());
    if (material.ok) known = { access, material: material.value, readAt: clock.monotonic() };
    return material;
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

  return {
    server: () => access.server,
    current,
    refused: async (material) => {
      plugin = undefined;
      if (replaced !== undefined && material.authorization === `Bearer ${replaced.token}`) replaced = undefined;
      const now = await readOnce();
      return now.ok && !sameIdentity(withReplaced(now.value), material);
    },
    replaceToken: (token) => {
      replaced = { token, insteadOf: known?.material.authorization };
    },
  };
}

function sameIdentity(one: Material, other: Material): boolean {
  return one.authorization === other.authorization && one.connectionKey === other.connectionKey;
}
