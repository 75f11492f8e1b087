import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { keysInFile } from "../../../agent/gateway/keys.ts";
import type { Route } from "../../../agent/gateway/models.ts";
import { ensureTool } from "../../../toolchain/ensure.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { aModel, type Opened, openHere, type StandInModels, standInModels } from "./scene.ts";

export const KEY = "sk-editor-0123456789abcdef";
/** May use one token a minute, which its first answer takes. */
export const USED_UP_KEY = "sk-used-up-0123456789abcdef";
const SERVER_KEY = "of-the-agent-alone";

const later: Route = { kind: "refused", why: "later", message: "others hold its memory", retryAfterMs: 2000 };
const never: Route = { kind: "refused", why: "never", message: "it needs 9 GiB, and is allowed 1 GiB" };
const slow: Route = { kind: "waits", message: "it loads", expectedMs: 60_000 };

export interface ClientsScene {
  readonly opened: Opened;
  readonly models: StandInModels;
  readonly close: () => Promise<void>;
}

/** A gateway with keys before two real llama-servers with real weights, and three models that never come. */
export async function clientsScene(): Promise<ClientsScene> {
  const servers = [await realServer(), await realServer("--embedding", "--pooling", "mean")];
  const names = ["default/gemma", "default/vectors", "default/later", "default/never", "default/slow"];
  const models = standInModels(...names.map((name) => aModel(name)));
  for (const [index, { port }] of servers.entries()) {
    models.set(names[index] ?? "", { kind: "ready", host: "127.0.0.1", port, apiKey: SERVER_KEY });
  }
  models.set("default/later", later);
  models.set("default/never", never);
  models.set("default/slow", slow);
  const keys = keysInFile(await keysFile(), () => performance.now());
  await keys.look();
  assert.equal(keys.problem(), undefined);
  const opened = await openHere(models, { keys });
  const close = async () => {
    await opened.gateway.close();
    for (const { child } of servers) child.kill("SIGKILL");
  };
  return { opened, models, close };
}

async function keysFile(): Promise<string> {
  const path = join(await temporaryDirectory(), "keys.yaml");
  const keys = [
    { name: "editor", key: KEY },
    { name: "used-up", key: USED_UP_KEY, tokensPerMinute: 1 },
  ];
  await writeFile(path, JSON.stringify(keys), { mode: 0o600 });
  return path;
}

const LOAD_MS = 120_000;

async function realServer(
  ...flags: readonly string[]
): Promise<{ readonly port: number; readonly child: ChildProcess }> {
  const silent = () => {};
  const [program, weights] = [await ensureTool("llama-server", silent), await ensureTool("gemma3-270m", silent)];
  const port = await getPort();
  const args = [
    "-m",
    weights,
    "--port",
    String(port),
    "-c",
    "1024",
    "-np",
    "2",
    "-t",
    "2",
    "--api-key",
    SERVER_KEY,
    ...flags,
  ];
  const child = spawn(program, args, { stdio: "ignore" });
  process.once("exit", () => child.kill("SIGKILL"));
  const deadline = Date.now() + LOAD_MS;
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined);
    if (answer?.ok) return { port, child };
    assert.ok(Date.now() < deadline && child.exitCode === null, "llama-server does not become healthy");
    await sleep(100);
  }
}
