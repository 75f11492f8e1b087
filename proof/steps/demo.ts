import { join } from "node:path";
import { execa } from "execa";
import type { Step } from "../step.ts";

const DEMO = join(import.meta.dirname, "../../examples/demo/main.ts");
const TIMEOUT_MS = 30 * 60_000;
const END_MS = 60_000;

export const demo: Step = {
  name: "demo",
  asserts: "npm run demo goes from a refused preview to a stopped server",
  needs: [],
  blocks: "off-hosted",
  run: async ({ keep, signal }) => {
    const options = { reject: false, stdin: "ignore", all: true, timeout: TIMEOUT_MS, env: { NO_COLOR: "1" } } as const;
    // Ctrl-C reaches it from the terminal, too; it ends what it has started.
    const ending = { cancelSignal: signal, killSignal: "SIGINT", forceKillAfterDelay: END_MS } as const;
    const { all, exitCode } = await execa(process.execPath, [DEMO], { ...options, ...ending });
    keep("demo.txt", all);
    const last = all.trim().split("\n").at(-1)?.trim() ?? "";
    return [{ what: "it did what its headings say", held: exitCode === 0, saw: `exit code ${exitCode}: ${last}` }];
  },
};
