import { spawn } from "node:child_process";
import { once } from "node:events";
import { askTaskpolicy } from "../../agent/kernel-limit/taskpolicy.ts";
import { printed } from "../printed.ts";
import type { Finding, Scene, Step } from "../step.ts";

export const taskpolicy: Step = {
  name: "taskpolicy",
  asserts: "what the agent says about taskpolicy -m is what taskpolicy itself answers",
  needs: ["darwin"],
  blocks: "always",
  run: async (scene) => {
    const { exitCode } = await printed(scene, "taskpolicy-m", [scene.mac.taskpolicy, "-m", "64", scene.mac.true]);
    const { answer, said } = await askTaskpolicy(scene.mac);
    const taken = answer === "enforced" || answer === "ignored";
    const saw = `exit code ${exitCode}; the agent: ${answer}${said === undefined ? "" : `, ${said}`}`;
    return [{ what: "both agree on whether it is taken", held: taken === (exitCode === 0), saw }];
  },
};

export const jetsamBand: Step = {
  name: "jetsam-band",
  asserts: "launchctl procinfo names the jetsam priority and limit of a process under taskpolicy -m",
  needs: ["darwin", "root"],
  // Not every macOS knows the option.
  blocks: "never",
  run: async (scene) => [
    await procinfo(scene, "plain", []),
    await procinfo(scene, "limited", [scene.mac.taskpolicy, "-m", "512"]),
  ],
};

async function procinfo(scene: Scene, name: string, wrapper: readonly string[]): Promise<Finding> {
  const [file = "", ...args] = [...wrapper, scene.mac.sleep, "60"];
  const child = spawn(file, args, { stdio: "ignore" });
  const ended = once(child, "exit");
  scene.undoLater(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  const { stdout } = await printed(scene, name, [
    scene.mac.sudo,
    "-n",
    scene.mac.launchctl,
    "procinfo",
    String(child.pid),
  ]);
  const lines = stdout.split("\n").filter((line) => /jetsam (priority|memory limit)/.test(line));
  return {
    what: `of a process that is ${name}`,
    held: lines.length > 0,
    saw: lines.map((line) => line.trim()).join(", "),
  };
}
