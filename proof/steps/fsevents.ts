import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { watchFolder } from "../../agent/sources/directory/watch.ts";
import type { Finding, Step } from "../step.ts";

/** The agent reads the folder again every 5 s anyway: an event has to come before that to be of use. */
const PATIENCE_MS = 4000;
/** FSEvents reports what happened shortly before the watch began. */
const SETTLE_MS = 1000;

/** What happens in a folder of manifests, as a person or Pulumi makes it happen. */
const CHANGES: readonly (readonly [what: string, change: (folder: string) => Promise<unknown>])[] = [
  ["a manifest is written", (folder) => writeFile(join(folder, "a.yaml"), "kind: Model\n")],
  ["a manifest is changed", (folder) => writeFile(join(folder, "a.yaml"), "kind: Model # changed\n")],
  ["a manifest is written in a folder below", (folder) => writeFile(join(folder, "below", "b.yaml"), "kind: Model\n")],
  ["a manifest is removed", (folder) => rm(join(folder, "a.yaml"))],
  ["a folder below is removed", (folder) => rm(join(folder, "below"), { recursive: true })],
];

export const fsevents: Step = {
  name: "fsevents",
  asserts: "the watch of the folder of manifests reports each change within 4 s",
  needs: [],
  blocks: "always",
  run: async ({ folder, undoLater, keep }) => {
    const manifests = join(folder, "manifests");
    await mkdir(join(manifests, "below"), { recursive: true });
    let seen = 0;
    const watch = watchFolder(manifests, () => {
      seen += 1;
    });
    undoLater(watch.close);
    await sleep(SETTLE_MS);
    const findings: Finding[] = [];
    for (const [what, change] of CHANGES) {
      findings.push(
        await noticed(
          what,
          () => change(manifests),
          () => seen,
        ),
      );
      await sleep(SETTLE_MS);
    }
    keep("events.json", `${JSON.stringify(findings, null, 2)}\n`);
    return findings;
  },
};

async function noticed(what: string, change: () => Promise<unknown>, events: () => number): Promise<Finding> {
  const before = events();
  const began = performance.now();
  await change();
  while (events() === before && performance.now() - began < PATIENCE_MS) await sleep(10);
  const waited = `${Math.round(performance.now() - began)} ms`;
  const held = events() > before;
  return { what: `it is noticed that ${what}`, held, saw: held ? `after ${waited}` : `nothing for ${waited}` };
}
