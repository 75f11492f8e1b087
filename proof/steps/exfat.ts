import { copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import { printed } from "../printed.ts";
import { openSite } from "../site.ts";
import type { Step } from "../step.ts";

/** Larger than the weights. */
const SIZE = "600m";

export const exfat: Step = {
  name: "exfat",
  asserts: "a model on an exFAT volume, as on an external disk, is served from there",
  needs: ["darwin"],
  blocks: "off-hosted",
  run: async (scene) => {
    const { hdiutil } = scene.mac;
    const [image, volume] = [join(scene.folder, "models.dmg"), join(scene.folder, "volume")];
    await mkdir(volume);
    const created = await printed(scene, "create", [
      ...([hdiutil, "create", "-size", SIZE, "-fs", "ExFAT", "-volname", "PROOF", image] as const),
    ]);
    const attached = await printed(scene, "attach", [hdiutil, "attach", image, "-nobrowse", "-mountpoint", volume]);
    const there = { what: "the volume is there", held: attached.exitCode === 0, saw: created.stderr + attached.stderr };
    if (!there.held) return [there];
    scene.undoLater(() => execa(hdiutil, ["detach", volume, "-force"]));
    const source = join(volume, "model.gguf");
    await copyFile(await scene.weights(), source);
    const site = await openSite(scene, await scene.llamaServer());
    await site.write({ budget: "768Mi", source });
    site.start();
    const { state, endpoint = "" } = await site.reaches((workload) => ["Ready", "Failed"].includes(workload.state));
    return [
      { ...there, saw: volume },
      { what: "the model is served", held: state === "Ready", saw: `${state} ${endpoint}` },
    ];
  },
};
