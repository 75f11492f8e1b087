import assert from "node:assert/strict";
import { syncBuiltinESMExports } from "node:module";
import os from "node:os";
import { advisory, recommended, strict } from "../../policies/presets.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { type Finding, previewed } from "./engine.ts";
import { type ByPreset, golden, goldenNames, goldenText, isUpdate, removeGolden } from "./golden.ts";
import { type StandInHub, startHub } from "./hub.ts";
import { writeModels } from "./models.ts";
import type { Stack } from "./stack.ts";
import { FLEET } from "./stacks/fleet.ts";
import { HOME } from "./stacks/home.ts";
import { MEMORY } from "./stacks/memory.ts";
import { SERVING } from "./stacks/serving.ts";
import { SOURCES } from "./stacks/sources.ts";

const STACKS: readonly Stack[] = [...HOME, ...MEMORY, ...SOURCES, ...SERVING, ...FLEET];
const PRESETS = { recommended, strict, advisory };
/** The stacks name their files here; the machine has them elsewhere. */
const MODELS = "/models/";
/** What the machine that runs Pulumi has, wherever this test runs. */
const THIS_MACHINE = 32 * 2 ** 30;

describe("the gallery of stacks", () => {
  let folder: string;
  let hub: StandInHub;
  const environment = { ...process.env };
  const { totalmem } = os;

  before(async () => {
    folder = `${await temporaryDirectory()}/`;
    await writeModels(folder);
    hub = await startHub(folder);
    const { address } = hub;
    Object.assign(process.env, {
      HF_ENDPOINT: address,
      HTTP_PROXY: address,
      HTTPS_PROXY: address,
      NO_PROXY: "127.0.0.1",
    });
    for (const name of ["http_proxy", "https_proxy", "no_proxy", "HF_TOKEN"]) delete process.env[name];
    os.totalmem = () => THIS_MACHINE;
    syncBuiltinESMExports();
  });

  after(async () => {
    os.totalmem = totalmem;
    syncBuiltinESMExports();
    for (const name of Object.keys(process.env)) delete process.env[name];
    Object.assign(process.env, environment);
    await hub.close();
  });

  const here = <T>(value: T): T => JSON.parse(JSON.stringify(value).replaceAll(MODELS, folder)) as T;
  const asWritten = (text: string) => text.replaceAll(folder, MODELS).replaceAll(hub.address, "http://stand-in");

  async function reported(stack: Stack): Promise<ByPreset> {
    const { resources, options, config = {} } = here(stack);
    const byPreset = await Object.entries(PRESETS).reduce(
      async (before, [name, preset]) => {
        const found = await before;
        const findings = await previewed({ ...preset, ...options }, config, resources);
        return { ...found, [name]: findings.map((each) => ({ ...each, text: asWritten(each.text) })) };
      },
      Promise.resolve({} as Record<string, readonly Finding[]>),
    );
    return byPreset;
  }

  for (const stack of STACKS) {
    it(`${stack.name}: ${stack.about}`, async () => {
      const presets = await reported(stack);
      const text = goldenText(stack.about, presets);
      assert.equal(text, await golden(stack.name, text));
      assert.equal(outcome(presets["recommended"] ?? []), stack.recommended);
      for (const findings of Object.values(presets)) readable(findings);
      assert.doesNotMatch(text, /s3cr3t/);
    });
  }

  it("has a golden file for each stack, and for no other", async () => {
    const names = STACKS.map(({ name }) => name);
    assert.equal(new Set(names).size, names.length);
    const left = goldenNames().filter((name) => !names.includes(name));
    if (isUpdate) await Promise.all(left.map(removeGolden));
    else assert.deepEqual(left, []);
    assert.ok(names.length >= 40);
  });
});

function outcome(findings: readonly Finding[]): Stack["recommended"] {
  if (findings.some(({ level }) => level === "mandatory")) return "refused";
  return findings.every(({ policy }) => policy === "fleet-summary") ? "silent" : "passes";
}

/** What holds for every message: it is told once, names its subject, and has no value that a person cannot read. */
function readable(findings: readonly Finding[]): void {
  const texts = findings.map(({ about, text }) => `${about}: ${text}`);
  assert.equal(new Set(texts).size, texts.length, texts.join("\n"));
  for (const { policy, about = "", text } of findings) {
    assert.doesNotMatch(text, /\bundefined\b|\bNaN\b|\[object|Infinity/);
    const isOfComponent = about.includes("LlmModel$");
    if (isOfComponent) assert.doesNotMatch(text, /\bspec\./, `${policy} speaks of the manifest to a user of LlmModel`);
  }
}
