import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { MAC_TOOLS } from "../../proof/mac-tools.ts";
import { printed } from "../../proof/printed.ts";
import { runStep, type Stage } from "../../proof/run-step.ts";
import { type Scene, type Step, undoing } from "../../proof/step.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { MACHINE } from "./machine.ts";

const HELD = [{ what: "it", held: true, saw: "that" }];

describe("a step of the proof", () => {
  let output: string;
  let said: string[];
  let interrupt: AbortController;
  beforeEach(async () => {
    output = await temporaryDirectory();
    said = [];
    interrupt = new AbortController();
  });
  const run = (part: Partial<Step>, stage: Partial<Stage> = {}) => {
    const step: Step = {
      name: "made-up",
      asserts: "something",
      needs: [],
      blocks: "always",
      run: async () => HELD,
      ...part,
    };
    const none = async () => "none";
    const say = (line: string) => said.push(line);
    return runStep(step, {
      mac: MAC_TOOLS,
      machine: MACHINE,
      output,
      llamaServer: none,
      weights: none,
      say,
      signal: interrupt.signal,
      ...stage,
    });
  };

  it("says what it asserts and what it saw, and keeps what was recorded, byte for byte", async () => {
    const text = "Pages free:   1.\r\n\n";
    const { verdict, artefacts } = await run({
      run: async ({ keep }) => {
        keep("vm_stat.txt", text, ["vm_stat"]);
        return HELD;
      },
    });
    assert.equal(verdict, "held");
    assert.deepEqual(said, ["\nmade-up: something", "  ✓ it: that"]);
    assert.deepEqual(artefacts, ["made-up/vm_stat.txt", "made-up/recording.json"]);
    assert.equal(readFileSync(join(output, "made-up/vm_stat.txt"), "utf8"), text);
    const { date, ...recording } = JSON.parse(readFileSync(join(output, "made-up/recording.json"), "utf8"));
    assert.ok(Math.abs(Date.now() - Date.parse(date)) < 60_000);
    const { chip, system, systemVersion, llamaCpp } = MACHINE;
    const commands = { "vm_stat.txt": ["vm_stat"] };
    assert.deepEqual(recording, { step: "made-up", chip, system, systemVersion, llamaCpp, commands, findings: HELD });
  });

  it("keeps with what it recorded whether a Mac was played by stand-ins", async () => {
    await run({}, { machine: { ...MACHINE, played: true } });
    assert.equal(JSON.parse(readFileSync(join(output, "made-up/recording.json"), "utf8")).played, true);
  });

  it("that cannot run here says why, and is not begun", async () => {
    const begun = run(
      { needs: ["gpu"], run: () => assert.fail("it was begun") },
      { machine: { ...MACHINE, gpu: null } },
    );
    const { verdict, why } = await begun;
    assert.equal(verdict, "cannot");
    assert.match(why[0] ?? "", /^it needs a GPU/);
    assert.match(said.at(-1) ?? "", /cannot run here: it needs a GPU/);
    assert.equal(existsSync(join(output, "made-up")), false);
  });

  it("that throws has failed, and keeps what it recorded before", async () => {
    const { verdict, findings, artefacts } = await run({
      run: async ({ keep }) => {
        keep("half.txt", "half");
        throw new Error("made up");
      },
    });
    assert.equal(verdict, "failed");
    assert.deepEqual(findings, [{ what: "the step came to its end", held: false, saw: "made up" }]);
    assert.deepEqual(artefacts, ["made-up/half.txt", "made-up/recording.json"]);
  });

  it("is undone however it ends, the last act first, and its folder is removed", async () => {
    const undone: string[] = [];
    let folder = "";
    const begin = (scene: Scene) => {
      folder = scene.folder;
      for (const act of ["first", "second"]) scene.undoLater(() => undone.push(act));
    };
    const hangs: Step["run"] = (scene) => {
      begin(scene);
      interrupt.abort();
      return new Promise(() => {});
    };
    const { findings } = await run({ run: hangs });
    assert.deepEqual(undone, ["second", "first"]);
    assert.equal(existsSync(folder), false);
    assert.equal(findings[0]?.saw, "interrupted");
  });

  it("is undone by commands that Ctrl-C does not cut short", async () => {
    const { artefacts } = await run({
      run: (scene) => {
        scene.undoLater(() => printed(undoing(scene), "undone", ["echo", "it was undone"]));
        interrupt.abort();
        return new Promise(() => {});
      },
    });
    assert.deepEqual(artefacts, ["made-up/undone.txt", "made-up/recording.json"]);
    assert.equal(readFileSync(join(output, "made-up/undone.txt"), "utf8"), "it was undone\n");
  });

  it("whose traces stay has failed", async () => {
    const { verdict, findings } = await run({
      run: async ({ undoLater }) => {
        undoLater(() => Promise.reject(new Error("it is still there")));
        return HELD;
      },
    });
    assert.equal(verdict, "failed");
    assert.equal(findings.at(-1)?.saw, "it is still there");
  });

  it("refuses an artefact outside its folder", async () => {
    const { verdict, findings } = await run({
      run: async ({ keep }) => {
        keep("../elsewhere.txt", "");
        return HELD;
      },
    });
    assert.equal(verdict, "failed");
    assert.match(findings[0]?.saw ?? "", /no name for an artefact/);
  });
});
