import { buildNote, parseBuild } from "../../agent/llama-server/build.ts";
import { metalDevice } from "../../agent/llama-server/devices.ts";
import { usableFlags } from "../../agent/llama-server/supported-flags.ts";
import { buildText } from "../machine.ts";
import { printed } from "../printed.ts";
import { readable, type Step } from "../step.ts";

export const serverAnswers: Step = {
  name: "server-answers",
  asserts: "the agent can read what the installed llama-server says about its version and its options",
  needs: [],
  blocks: "always",
  run: async (scene) => {
    const llamaServer = await scene.llamaServer();
    const { stdout, stderr } = await printed(scene, "version", [llamaServer, "--version"]);
    const help = await printed(scene, "help", [llamaServer, "--help"]);
    const flags = usableFlags(llamaServer, help.stdout);
    const build = parseBuild(`${stdout}\n${stderr}`);
    return [
      readable("it names its build", build.text),
      {
        what: "estimates hold for it",
        held: buildNote(build) === undefined,
        saw: buildNote(build) ?? buildText(build),
      },
      {
        what: "it has all options that the agent needs",
        held: flags.ok,
        saw: flags.ok ? `${flags.value.size} options` : flags.error,
      },
    ];
  },
};

export const devices: Step = {
  name: "devices",
  asserts: "the agent reads the working set of Metal from the devices that llama-server lists",
  needs: ["darwin", "gpu"],
  blocks: "off-hosted",
  run: async (scene) => {
    const llamaServer = await scene.llamaServer();
    const began = performance.now();
    const first = await printed(scene, "list-devices", [llamaServer, "--list-devices"]);
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    return [
      readable("it lists a working set, in bytes", metalDevice(first.stdout)),
      { what: "it ends well", held: first.exitCode === 0, saw: `exit code ${first.exitCode} after ${seconds} s` },
    ];
  },
};
