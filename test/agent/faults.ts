import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, constants, existsSync, openSync, readSync, writeSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import getPort from "get-port";
import { errorCode } from "../../api/error-code.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import {
  type AgentProcess,
  type AgentSettings,
  newSite,
  type Site,
  startAgentWith,
  stopped,
  workloadOnce,
  writeManifests,
} from "./harness.ts";

/** An agent that can be given faults, and what it stands on. */
export interface Scene {
  readonly site: Site;
  readonly faults: FaultFolder;
  readonly output: PausableOutput;
  readonly agent: () => AgentProcess;
}

/** Something that happens to an agent from outside. */
export interface Fault {
  readonly name: string;
  /** The agent hears of no manifest while it lasts. */
  readonly deaf: boolean;
  /** While it lasts nothing can be written to the folder of manifests. */
  readonly movesFolder: boolean;
  /** Returns once the fault is there. The result ends it. */
  readonly begin: (scene: Scene) => Promise<() => Promise<void>>;
}

/** Steers blocking-preload.ts in the agents that get `env`. */
export interface FaultFolder {
  readonly folder: string;
  readonly env: Readonly<Record<string, string>>;
}

export async function faultFolder(): Promise<FaultFolder> {
  const folder = await temporaryDirectory();
  const preload = join(import.meta.dirname, "blocking-preload.ts");
  return { folder, env: { NODE_OPTIONS: `--import=${preload}`, PULUMI_LLMKUBE_TEST_FAULTS: folder } };
}

/** The reading end of an agent's output, which can stop reading as a terminal does after Ctrl-S. */
export interface PausableOutput {
  /** For the agent. */
  readonly fd: number;
  /** Stops reading, and fills the pipe. */
  readonly pause: () => void;
  readonly resume: () => void;
  readonly text: () => string;
  readonly close: () => void;
}

const READ_MS = 50;

export async function pausableOutput(): Promise<PausableOutput> {
  const path = join(await temporaryDirectory(), "output");
  await promisify(execFile)("mkfifo", [path]);
  // Two openings: what one of them sets, blocking or not, does not hold for the other.
  const own = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  const fd = openSync(path, constants.O_RDWR);
  const buffer = Buffer.alloc(2 ** 16);
  let [paused, text] = [false, ""];
  const read = () => {
    for (let length = 1; !paused && length > 0; ) {
      length = unlessFull(() => readSync(own, buffer));
      text += buffer.toString("utf8", 0, length);
    }
  };
  const reading = setInterval(read, READ_MS);
  return {
    fd,
    pause: () => {
      paused = true;
      while (unlessFull(() => writeSync(own, "x\n")) > 0);
    },
    resume: () => {
      paused = false;
      read();
    },
    text: () => text,
    close: () => {
      clearInterval(reading);
      for (const each of [own, fd]) closeSync(each);
    },
  };
}

/** What `transfer` transferred; 0 where a pipe is full or empty. */
function unlessFull(transfer: () => number): number {
  try {
    return transfer();
  } catch (error) {
    assert.equal(errorCode(error), "EAGAIN");
    return 0;
  }
}

async function appears(path: string): Promise<void> {
  for (const deadline = Date.now() + 20_000; !existsSync(path); await sleep(20)) {
    assert.ok(Date.now() < deadline, `${path} did not appear: the agent does not take faults`);
  }
}

async function fifo(path: string): Promise<void> {
  await promisify(execFile)("mkfifo", [path]);
}

/** Ends all that waits to read from a named pipe, and removes it. */
async function releaseFifo(path: string): Promise<void> {
  if (!existsSync(path)) return;
  const fd = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  await sleep(100);
  closeSync(fd);
  await rm(path);
}

const blocked: Fault = {
  name: "its main thread is blocked",
  deaf: true,
  movesFolder: false,
  begin: async ({ faults: { folder } }) => {
    const file = join(folder, "block");
    await writeFile(file, "");
    await appears(`${file}.begun`);
    return async () => {
      for (const each of [file, `${file}.begun`]) await rm(each, { force: true });
    };
  },
};

const stoppedMain: Fault = {
  name: "its main process is stopped",
  deaf: true,
  movesFolder: false,
  begin: async ({ agent }) => {
    const { child } = agent();
    child.kill("SIGSTOP");
    return async () => {
      child.kill("SIGCONT");
    };
  },
};

const hungDisk: Fault = {
  name: "four of its reads hang",
  deaf: true,
  movesFolder: false,
  begin: async ({ faults: { folder } }) => {
    const path = join(folder, "hang");
    await fifo(path);
    await appears(`${path}.begun`);
    return async () => {
      await releaseFifo(path);
      await rm(`${path}.begun`, { force: true });
    };
  },
};

const fourFifos: Fault = {
  name: "named pipes lie among its manifests and are its models",
  deaf: false,
  movesFolder: false,
  begin: async ({ site }) => {
    const names = ["fifo-1", "fifo-2", "fifo-3", "fifo-4"];
    const pipes = names.flatMap((name) => [
      join(site.manifests, `${name}-pipe.yaml`),
      join(site.models, `${name}.gguf`),
    ]);
    await mkdir(site.models, { recursive: true });
    for (const pipe of pipes) await fifo(pipe);
    for (const name of names) {
      const weights = join(site.models, `${name}.gguf`);
      await writeManifests({ ...site, weights }, name, { port: await getPort() });
    }
    await sleep(1000);
    return async () => {
      for (const name of names) await rm(join(site.manifests, `${name}.yaml`), { force: true });
      for (const pipe of pipes) await releaseFifo(pipe);
    };
  },
};

const LISTENER = `
require("node:net").createServer().listen({ port: Number(process.argv[1]), host: "127.0.0.1", backlog: 1 }, () => {
  require("node:fs").writeSync(1, "listening");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

const fullBacklog: Fault = {
  name: "a model wants a port whose listener accepts nobody",
  deaf: false,
  movesFolder: false,
  begin: async ({ site }) => {
    const port = await getPort();
    const listener = spawn(process.execPath, ["-e", LISTENER, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
    await once(listener.stdout, "data");
    const clients: Socket[] = [];
    for (let each = 0; each < 6; each += 1) clients.push(connect({ port, host: "127.0.0.1" }).on("error", () => {}));
    await sleep(200);
    await writeManifests(site, "full-backlog", { port, contextSize: 512, budget: "350Mi" });
    await sleep(1000);
    return async () => {
      await rm(join(site.manifests, "full-backlog.yaml"), { force: true });
      for (const client of clients) client.destroy();
      listener.kill("SIGKILL");
    };
  },
};

const unreadOutput: Fault = {
  name: "nobody reads its output",
  deaf: true,
  movesFolder: false,
  begin: async ({ site, output }) => {
    output.pause();
    // Something to be said.
    const broken = join(site.manifests, "broken.yaml");
    await writeFile(broken, "a: [");
    await sleep(1500);
    return async () => {
      await rm(broken, { force: true });
      output.resume();
    };
  },
};

const vanishedFolder: Fault = {
  name: "its folder of manifests is away",
  deaf: true,
  movesFolder: true,
  begin: async ({ site: { manifests } }) => {
    const away = `${manifests}.away`;
    await rename(manifests, away);
    await sleep(1500);
    return () => rename(away, manifests);
  },
};

const secondAgent: Fault = {
  name: "a second agent serves another folder",
  deaf: false,
  movesFolder: false,
  begin: async ({ site }) => {
    const other: Site = { ...(await newSite()), llamaServer: site.llamaServer };
    await writeManifests(other, "beside", { port: await getPort(), contextSize: 512, budget: "350Mi" });
    const beside = startAgentWith(other, {});
    await workloadOnce(other, "beside", ({ message, state }) => state === "Ready" || message !== undefined);
    return async () => {
      await stopped(beside);
    };
  },
};

export const FAULTS: readonly Fault[] = [
  blocked,
  stoppedMain,
  hungDisk,
  fourFifos,
  fullBacklog,
  unreadOutput,
  vanishedFolder,
  secondAgent,
];

/** An agent with `settings` that can be given every fault. */
export async function openScene(
  site: Site,
  settings: AgentSettings,
): Promise<Scene & { readonly restart: () => void }> {
  const [faults, output] = [await faultFolder(), await pausableOutput()];
  const env = { ...settings.env, ...faults.env };
  const start = () => startAgentWith(site, { ...settings, env, output: output.fd });
  let agent = start();
  const restart = () => {
    agent = start();
  };
  return { site, faults, output, agent: () => agent, restart };
}
