import assert from "node:assert/strict";
import { chmod, mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withOwnKey } from "../../../agent/main/own-key.ts";
import type { WorkingOptions } from "../../../agent/work/work.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const GATEWAY = { listen: { host: "127.0.0.1", port: 8000 }, keysFile: undefined, idleUnloadMs: undefined };

async function optionsOf(part: Partial<WorkingOptions> = {}): Promise<WorkingOptions> {
  const state = part.state ?? (await temporaryDirectory());
  const folders = { models: join(state, "models"), claims: join(state, "claims"), state };
  const openWork = async () => assert.fail("nothing opens the work");
  return { ...folders, llamaServer: "/llama-server", listen: "off", gateway: GATEWAY, openWork, ...part };
}

/** The file of keys that the options name after the call. */
async function fileAfter(options: WorkingOptions): Promise<string> {
  const result = await withOwnKey(options);
  assert(result.ok, result.ok ? "" : result.error);
  const { apiKeyFile } = result.value;
  assert(apiKeyFile !== undefined);
  return apiKeyFile;
}

const KEY = /^[0-9a-f]{64}\n$/;

describe("the key of the servers behind a gateway", () => {
  it("is random, in a file of the state folder that only its owner can read", async () => {
    const options = await optionsOf();
    const file = await fileAfter(options);
    assert.equal(file, join(options.state, "gateway.key"));
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    const key = await readFile(file, "utf8");
    assert.match(key, KEY);
    assert.notEqual(await readFile(await fileAfter(await optionsOf()), "utf8"), key);
  });

  it("is the same one after a restart", async () => {
    const options = await optionsOf();
    const key = await readFile(await fileAfter(options), "utf8");
    assert.equal(await readFile(await fileAfter(options), "utf8"), key);
  });

  const unusable: readonly (readonly [what: string, text: string, mode: number])[] = [
    ["is empty", "", 0o600],
    ["can be read by other users", "known-to-all\n", 0o644],
  ];
  for (const [what, text, mode] of unusable) {
    it(`is a new one if the file ${what}`, async () => {
      const options = await optionsOf();
      const path = join(options.state, "gateway.key");
      await writeFile(path, text);
      await chmod(path, mode);
      await fileAfter(options);
      assert.match(await readFile(path, "utf8"), KEY);
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    });
  }

  const others: readonly (readonly [what: string, part: Partial<WorkingOptions>])[] = [
    ["without a gateway", { gateway: undefined }],
    ["where a file of keys is named", { apiKeyFile: "/keys" }],
    ["where each server has its own", { ownApiKeys: true }],
  ];
  for (const [what, part] of others) {
    it(`is none ${what}`, async () => {
      const options = await optionsOf(part);
      assert.deepEqual(await withOwnKey(options), { ok: true, value: options });
      await assert.rejects(stat(join(options.state, "gateway.key")), { code: "ENOENT" });
    });
  }

  it("is refused with a sentence where it cannot be written", async () => {
    const options = await optionsOf();
    await mkdir(join(options.state, "gateway.key"));
    const result = await withOwnKey(options);
    assert.ok(!result.ok);
    assert.ok(result.error.includes(options.state), result.error);
  });
});
