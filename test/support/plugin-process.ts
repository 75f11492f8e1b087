import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

/** A plugin as the engine has it: a process that serves gRPC on a port which it prints. */
export interface PluginProcess {
  readonly address: string;
  readonly close: () => Promise<void>;
}

/** Runs one of the SDK's entry points, `run-policy-pack` or `run-plugin`, as a language host does. */
export async function startPlugin(
  command: string,
  args: readonly string[],
  options: { cwd: string; env?: NodeJS.ProcessEnv },
): Promise<PluginProcess> {
  const entry = createRequire(import.meta.url).resolve(`@pulumi/pulumi/cmd/${command}`);
  const child = spawn(process.execPath, [entry, ...args], { ...options, stdio: ["ignore", "pipe", "inherit"] });
  const port = await firstLine(child);
  return { address: `127.0.0.1:${port}`, close: () => end(child) };
}

async function firstLine(child: ChildProcess): Promise<string> {
  if (child.stdout === null) throw new Error("the plugin has no output");
  for await (const line of createInterface({ input: child.stdout })) return line;
  throw new Error("the plugin ended without a port");
}

async function end(child: ChildProcess): Promise<void> {
  const exited = once(child, "exit");
  child.kill();
  await exited;
}
