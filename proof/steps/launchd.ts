import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { outputOf } from "../../agent/host/command.ts";
import { LABEL } from "../../cluster/launchd.ts";
import { agentCommand, nextAgent, printedJob } from "../installed.ts";
import { endsWithin } from "../process-end.ts";
import { type Finding, type Scene, type Step, undoing } from "../step.ts";

/** launchd waits ten seconds before it starts again what has just begun. */
const UP_MS = 60_000;
const GONE_MS = 60_000;

export const launchd: Step = {
  name: "launchd",
  asserts: "the agent is installed, installed again over itself, started again when it is killed, and uninstalled",
  needs: ["darwin", "root", "changes"],
  blocks: "always",
  run: async (scene) => {
    const [manifests, state] = [join(scene.folder, "manifests & more"), join(scene.folder, "state")];
    await mkdir(manifests);
    const folders = ["--manifests", manifests, "--state", state, "--models", join(scene.folder, "models")];
    const flags = [...folders, "--llama-server", await scene.llamaServer(), "--listen", "off"];
    scene.undoLater(() => agentCommand(undoing(scene), "uninstall-again", [], ["uninstall"]));
    return whole(scene, state, flags);
  },
};

async function whole(scene: Scene, state: string, flags: readonly string[]): Promise<readonly Finding[]> {
  const first = await agentCommand(scene, "install", flags, ["install"]);
  const one = await nextAgent(state, undefined, UP_MS, scene.signal);
  scene.keep("launchctl-print.txt", (await printedJob(scene)) ?? "");
  const second = await agentCommand(scene, "install-over", flags, ["install"]);
  const two = await nextAgent(state, one, UP_MS, scene.signal);
  if (two !== undefined) await outputOf(scene.mac.sudo, ["-n", "kill", "-KILL", String(two)]);
  const three = await nextAgent(state, two, UP_MS, scene.signal);
  const last = await agentCommand(scene, "uninstall", [], ["uninstall"]);
  const gone = three !== undefined && (await endsWithin(three, GONE_MS, scene.signal));
  const plist = join(scene.mac.launchDaemons, `${LABEL}.plist`);
  const job = await printedJob(scene);
  return [
    did("install", first, one),
    did("install over the running one", second, two),
    { what: "launchd starts it again after SIGKILL", held: three !== undefined, saw: `pid ${three}` },
    { what: "uninstall", held: last.exitCode === 0, saw: `exit code ${last.exitCode} ${last.stderr.trim()}` },
    { what: "its process is gone", held: gone, saw: `pid ${three}` },
    { what: "launchd has forgotten it", held: job === undefined, saw: job === undefined ? "it has" : "it has not" },
    { what: "its file is gone", held: !existsSync(plist), saw: plist },
  ];
}

function did(
  what: string,
  { exitCode, stderr }: { readonly exitCode: number | undefined; readonly stderr: string },
  pid: number | undefined,
): Finding {
  const held = exitCode === 0 && pid !== undefined;
  const saw = `exit code ${exitCode}, ${pid === undefined ? "no agent came up" : `pid ${pid}`}`;
  return { what, held, saw: held ? saw : `${saw} ${stderr.trim()}`.trim() };
}
