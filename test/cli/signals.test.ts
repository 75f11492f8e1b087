import assert from "node:assert/strict";
import { type EndAct, type EndSignal, meaningOf, type Phase } from "../../cli/signals.ts";

describe("what a signal means to the agent", () => {
  const cases: readonly (readonly [signal: EndSignal, phase: Phase, sinceLastMs: number, act: EndAct, why: string])[] =
    [
      ["SIGINT", "running", Number.POSITIVE_INFINITY, "stop", "Ctrl-C"],
      ["SIGTERM", "running", Number.POSITIVE_INFINITY, "stop", "kill, launchctl"],
      ["SIGHUP", "running", Number.POSITIVE_INFINITY, "stop", "a closed terminal"],
      ["SIGINT", "stopping", 1000, "kill", "a person who cannot wait"],
      ["SIGTERM", "stopping", 1000, "kill", "a person who cannot wait"],
      ["SIGINT", "stopping", 3, "nothing", "npx passes on what the terminal has sent"],
      ["SIGHUP", "stopping", 3, "nothing", "the shell passes on what the terminal has sent"],
      ["SIGHUP", "stopping", 1000, "nothing", "the terminal was closed while the servers stop"],
      ["SIGQUIT", "running", Number.POSITIVE_INFINITY, "leave", "Ctrl-\\"],
      ["SIGUSR2", "running", Number.POSITIVE_INFINITY, "leave", "an update"],
      ["SIGQUIT", "running", 3, "nothing", "one signal twice"],
      ["SIGQUIT", "stopping", 1000, "leave", "a person who does not want to wait, nor to kill"],
      ["SIGQUIT", "leaving", 1000, "end", "it hangs"],
      ["SIGINT", "leaving", 1000, "end", "it hangs, and its servers were promised to stay"],
      ["SIGHUP", "leaving", 1000, "end", "it hangs"],
    ];
  for (const [signal, phase, sinceLastMs, act, why] of cases) {
    it(`${signal} while ${phase}, ${sinceLastMs} ms after another one: ${act} (${why})`, () => {
      assert.equal(meaningOf(signal, phase, sinceLastMs), act);
    });
  }
});
