import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Claim, claimFileName, claimText } from "../../../agent/claims/claim.ts";
import type { HeldServer } from "../../../agent/claims/holding.ts";
import { type HostClaims, openClaims } from "../../../agent/claims/host-claims.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { background } from "../samples.ts";
import { thisPlatform } from "../this-platform.ts";

export const MIB = 2 ** 20;
export const NOTHING = { servers: [], pendingBytes: 0 };

/** A folder of claims of its own for each test. Call it in a `describe`. */
export function claimsGround() {
  const ground = { folder: "", woken: 0 };
  const children: ChildProcess[] = [];
  beforeEach(async () => {
    Object.assign(ground, { folder: join(await temporaryDirectory(), "claims"), woken: 0 });
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
  });

  const platformOf = async () => {
    const platform = await thisPlatform();
    assert(platform.ok);
    return platform.value;
  };
  const agent = async (stateDirectory: string, part: { readonly clock?: () => number } = {}) =>
    openClaims({
      ...{
        folder: ground.folder,
        stateDirectory,
        platform: await platformOf(),
        allocatableBytes: 700 * MIB,
        background,
      },
      ...{ clock: () => performance.now(), granted: () => (ground.woken += 1), ...part },
    });
  const told = async (claims: HostClaims, holding: Parameters<HostClaims["hold"]>[0]) => {
    claims.hold(holding);
    await claims.settled();
  };
  const child = async (as: { readonly uid?: number } = {}): Promise<HeldServer> => {
    const process = spawn("sleep", ["300"], { stdio: "ignore", ...as });
    children.push(process);
    await once(process, "spawn");
    const pid = process.pid ?? 0;
    return { pid, startTime: (await (await platformOf()).startTime(pid)) ?? undefined, chargeBytes: 300 * MIB };
  };
  const gone = async (server: HeldServer) => {
    const process = children.find(({ pid }) => pid === server.pid);
    assert(process);
    process.kill("SIGKILL");
    await once(process, "exit");
  };
  const files = async () => (await readdir(ground.folder)).filter((name) => name.endsWith(".json"));
  /** The claim of a process that another agent may be, written as that agent would. */
  const foreign = async (pid: number, part: Partial<Claim> = {}) => {
    const { bootId, startTime } = await platformOf();
    await mkdir(ground.folder, { recursive: true });
    const path = join(ground.folder, claimFileName({ key: "00112233445566aa", pid }, "0123abcd"));
    const claim = { bootId, pid, startTime: (await startTime(pid)) ?? "0", user: "somebody", servers: [] };
    await writeFile(path, claimText({ ...claim, pendingBytes: 0, grantedBytes: 500 * MIB, ...part }));
    return path;
  };
  return { ground, platformOf, agent, told, child, gone, files, foreign };
}
