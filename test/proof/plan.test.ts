import assert from "node:assert/strict";
import { parseBuild } from "../../agent/llama-server/build.ts";
import { buildText, isPlayed } from "../../proof/machine.ts";
import { type Place, placeOf } from "../../proof/place.ts";
import { isBlocking, obstacles, type Surroundings } from "../../proof/plan.ts";
import { NEEDS, type Need, type Step } from "../../proof/step.ts";
import { STEPS } from "../../proof/steps.ts";

const LINUX: Surroundings = { system: "linux", place: "own", gpu: false, root: true };
const HOSTED: Surroundings = { system: "darwin", place: "hosted", gpu: true, root: true };
const OWN: Surroundings = { system: "darwin", place: "own", gpu: true, root: false };
const SELF_HOSTED: Surroundings = { system: "darwin", place: "self-hosted", gpu: true, root: true };

describe("where a step of the proof can run", () => {
  const cases: readonly (readonly [needs: readonly Need[], where: Surroundings, missing: readonly string[]])[] = [
    [[], LINUX, []],
    [["darwin"], LINUX, ["macOS"]],
    [["darwin", "gpu"], LINUX, ["macOS", "GPU"]],
    [["changes"], LINUX, ["changes"]],
    [["changes"], { ...LINUX, place: "self-hosted" }, []],
    [["darwin", "changes", "root"], HOSTED, []],
    [["selfHosted"], HOSTED, ["self-hosted"]],
    [["darwin", "gpu"], OWN, []],
    [["root", "changes", "selfHosted"], OWN, ["root", "changes", "self-hosted"]],
    [[...NEEDS], SELF_HOSTED, []],
    [["root"], { ...SELF_HOSTED, root: false }, ["root"]],
    [["gpu"], { ...SELF_HOSTED, gpu: false }, ["GPU"]],
  ];
  for (const [needs, where, missing] of cases) {
    const here = `${where.system}, ${where.place}${where.root ? ", root" : ""}${where.gpu ? ", GPU" : ""}`;
    it(`${needs.join(" and ") || "nothing"} on ${here}: ${missing.join(", ") || "runs"}`, () => {
      const why = obstacles({ needs }, where);
      assert.equal(why.length, needs.filter((need) => obstacles({ needs: [need] }, where).length > 0).length);
      assert.deepEqual(why.length, missing.length);
      for (const word of missing)
        assert.ok(
          why.some((reason) => reason.includes(word)),
          why.join("; "),
        );
    });
  }

  const blocking: readonly (readonly [blocks: Step["blocks"], place: Place, expected: boolean])[] = [
    ["always", "hosted", true],
    ["always", "own", true],
    ["off-hosted", "hosted", false],
    ["off-hosted", "self-hosted", true],
    ["off-hosted", "own", true],
    ["never", "self-hosted", false],
  ];
  for (const [blocks, place, expected] of blocking) {
    it(`a step that blocks ${blocks} ${expected ? "blocks" : "is only reported"} on a machine that is ${place}`, () => {
      assert.equal(isBlocking({ blocks }, { place }), expected);
    });
  }

  const places: readonly (readonly [runner: string | undefined, allowed: boolean, place: Place])[] = [
    ["github-hosted", false, "hosted"],
    ["self-hosted", false, "self-hosted"],
    [undefined, false, "own"],
    [undefined, true, "self-hosted"],
    ["", false, "own"],
  ];
  for (const [runner, allowed, place] of places) {
    it(`RUNNER_ENVIRONMENT ${runner}${allowed ? " with --self-hosted" : ""}: ${place}`, () => {
      assert.equal(placeOf({ RUNNER_ENVIRONMENT: runner }, allowed), place);
    });
  }

  it("no step disturbs the machine of somebody who has not allowed it", () => {
    const disturbing = STEPS.filter(({ needs }) => needs.includes("selfHosted") || needs.includes("changes"));
    for (const step of disturbing) assert.ok(obstacles(step, { ...OWN, root: true }).length > 0, step.name);
  });

  it("each step has a name of its own, says what it asserts, and what needs a GPU does not block on a hosted runner", () => {
    assert.equal(new Set(STEPS.map(({ name }) => name)).size, STEPS.length);
    for (const { name, asserts, needs, blocks } of STEPS) {
      assert.match(name, /^[a-z][a-z0-9-]+$/);
      assert.match(asserts, /^[^.A-Z].{20,}[^.]$/, name);
      if (needs.includes("gpu")) assert.notEqual(blocks, "always", name);
    }
  });
});

describe("what the proof says about its machine", () => {
  it("the build as llama-server prints it", () => {
    assert.equal(
      buildText(parseBuild("ggml_metal: loaded\nversion: 9500 (abc1234)\nbuilt with clang\n")),
      "9500 (abc1234)",
    );
    assert.equal(buildText(parseBuild("dyld: Library not loaded")), "unknown");
  });

  const machines: readonly (readonly [NodeJS.Platform, string, Readonly<Record<string, string>>, boolean])[] = [
    ["darwin", "Darwin", {}, false],
    ["linux", "Linux", {}, false],
    ["darwin", "Linux", {}, true],
    ["darwin", "Darwin", { PLAY_MAC: "" }, true],
  ];
  for (const [system, kernel, env, played] of machines) {
    it(`${system} on a kernel that is named ${kernel}${"PLAY_MAC" in env ? ", with stand-ins" : ""}: ${played ? "played" : "real"}`, () => {
      assert.equal(isPlayed(system, kernel, env), played);
    });
  }
});
