import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import { isPortFree } from "../agent/llama-server/probe.ts";

export interface Listening {
  readonly port: number;
  readonly child: number;
  /** The file that is its standard output. */
  readonly log: string;
  readonly close: () => Promise<void>;
}

/** A process that listens on a port of loopback and writes to a file, as a server of ours does. */
export async function listening(folder: string): Promise<Listening> {
  const port = await getPort();
  const log = join(folder, "listening.log");
  const output = openSync(log, "a", 0o600);
  const code = `require("node:http").createServer().listen(${port}, "127.0.0.1")`;
  const child = spawn(process.execPath, ["-e", code], { stdio: ["ignore", output, output] });
  closeSync(output);
  for (let tries = 0; tries < 100 && (await isPortFree("127.0.0.1", port)); tries += 1) await sleep(50);
  return {
    ...{ port, child: child.pid ?? 0, log },
    close: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    },
  };
}
