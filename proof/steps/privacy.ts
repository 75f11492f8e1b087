import { existsSync, readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { build } from "plist";
import { printed } from "../printed.ts";
import { type Finding, type Scene, type Step, undoing } from "../step.ts";

const LABEL = "dev.llmkube.pulumi-llmkube.mac-proof";
/** A request that waits for a person's consent waits for ever. */
const PATIENCE_MS = 20_000;
const FOLDERS = ["Documents", "Desktop", "Downloads"];

/** Lists each folder, and writes down what came of it as soon as it has come. */
const LOOK = `const { readdir, appendFile } = require("node:fs");
const [answers, ...folders] = process.argv.slice(1);
for (const folder of folders) {
  readdir(folder, (error) => appendFile(answers, folder + " " + (error ? error.code : "listed") + "\\n", () => {}));
}`;

export const privacy: Step = {
  name: "privacy",
  asserts: "it is known what a job of launchd gets from folders that macOS privacy protects: a list, EPERM, or nothing",
  needs: ["darwin", "root", "changes"],
  // Whatever it is, doctor and install warn; this only records it.
  blocks: "never",
  run: async (scene) => {
    const answers = join(scene.folder, "answers.txt");
    const folders = FOLDERS.map((name) => join(homedir(), name));
    await begin(scene, [process.execPath, "-e", LOOK, answers, ...folders, scene.folder]);
    const expected = folders.length + 1;
    const text = () => (existsSync(answers) ? readFileSync(answers, "utf8") : "");
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; ) {
      if (text().split("\n").length > expected) break;
      await sleep(200, undefined, { signal: scene.signal });
    }
    scene.keep("answers.txt", text());
    return [...folders, scene.folder].map((folder) => answerFor(folder, text()));
  },
};

/** A folder of which nothing is said keeps its reader waiting: that, too, is an answer. */
function answerFor(folder: string, answers: string): Finding {
  const line = answers.split("\n").find((each) => each.startsWith(`${folder} `));
  const saw = line?.slice(folder.length + 1) ?? `nothing for ${PATIENCE_MS / 1000} s`;
  return { what: folder, held: answers !== "", saw };
}

/** Runs a command as a LaunchDaemon of this user, once. It is removed with the step. */
async function begin(scene: Scene, command: readonly string[]): Promise<void> {
  const { sudo, launchctl, install, launchDaemons } = scene.mac;
  const job = { Label: LABEL, ProgramArguments: [...command], UserName: userInfo().username, RunAtLoad: true };
  const own = join(scene.folder, "job.plist");
  await writeFile(own, build(job));
  const plist = join(launchDaemons, `${LABEL}.plist`);
  scene.undoLater(async () => {
    await printed(undoing(scene), "bootout", [sudo, "-n", launchctl, "bootout", `system/${LABEL}`]);
    await printed(undoing(scene), "remove", [sudo, "-n", "rm", "-f", plist]);
  });
  await printed(scene, "place", [sudo, "-n", install, "-o", "root", "-g", "wheel", "-m", "644", own, plist]);
  const loaded = await printed(scene, "bootstrap", [sudo, "-n", launchctl, "bootstrap", "system", plist]);
  if (loaded.exitCode !== 0) throw new Error(`launchctl bootstrap failed: ${loaded.stderr.trim()}`);
}
