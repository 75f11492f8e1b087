import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { parseFootprint } from "../../agent/host/darwin/footprint-command.ts";
import { openMeter } from "../../agent/host/meter.ts";
import { formatBytes } from "../../api/quantity.ts";
import { printed } from "../printed.ts";
import type { Finding, Scene, Step } from "../step.ts";
import { parseVmmap } from "../vmmap.ts";

const STEP_MIB = 128;
const STEPS = 4;
/** Node collects garbage between two of the three looks, and `vmmap` rounds. */
const SHARE = 0.02;
const SLACK_BYTES = 4 * 2 ** 20;

/** For each line that it reads it holds so many more MiB, and says so. */
const GROWING = `const held = [];
require("node:readline").createInterface({ input: process.stdin }).on("line", () => {
  held.push(Buffer.alloc(${STEP_MIB} * 2 ** 20, 1));
  console.log(held.length);
});`;

export const footprint: Step = {
  name: "footprint",
  asserts: "the footprint that the agent reads is that of footprint and of vmmap while a process grows",
  needs: ["darwin"],
  blocks: "always",
  run: async (scene) => {
    const child = spawn(process.execPath, ["-e", GROWING], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = once(child, "exit");
    scene.undoLater(async () => {
      child.kill("SIGKILL");
      await ended;
    });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const findings: Finding[] = [];
    for (let step = 1; step <= STEPS; step += 1) {
      child.stdin.write("\n");
      await answers.next();
      findings.push(await compared(scene, child.pid ?? 0, step));
    }
    return findings;
  },
};

async function compared(scene: Scene, pid: number, step: number): Promise<Finding> {
  const ours = (await openMeter().measure([{ pid }])).get(pid);
  const own = await printed(scene, `footprint-${step}`, [
    ...([scene.mac.footprint, "-p", String(pid), "-f", "bytes", "--noCategories"] as const),
  ]);
  const mapped = await printed(scene, `vmmap-${step}`, [scene.mac.vmmap, "--summary", String(pid)]);
  const figures = [ours, parseFootprint(own.stdout, pid), parseVmmap(mapped.stdout)];
  const read = figures.filter((figure) => typeof figure === "number");
  const shown = figures.map((figure) => (typeof figure === "number" ? formatBytes(figure) : "nothing"));
  return {
    what: `with ${step * STEP_MIB} MiB more`,
    held: read.length === figures.length && agree(read) && Math.min(...read) > step * STEP_MIB * 2 ** 20,
    saw: `${shown[0]}, footprint ${shown[1]}, vmmap ${shown[2]}`,
  };
}

/** Whether all are within 2 % and 4 MiB of each other. */
export function agree(figures: readonly number[]): boolean {
  const [least, most] = [Math.min(...figures), Math.max(...figures)];
  return most - least <= most * SHARE + SLACK_BYTES;
}
