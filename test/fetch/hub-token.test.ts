import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withTokenFile } from "../../fetch/hub-token.ts";
import { temporaryDirectory } from "../support/workspace.ts";

describe("the hub's token", () => {
  it("comes from HF_TOKEN, else from the file that the hub's tools write", async () => {
    const folder = await temporaryDirectory();
    await mkdir(join(folder, "huggingface"));
    const write = (name: string, token: string) => writeFile(join(folder, name), `${token}\n`);
    await write("huggingface/token", "of-cache");
    await write("token", "of-home");
    await write("mine", "of-path");
    const cache = { XDG_CACHE_HOME: folder };
    const home = { ...cache, HF_HOME: folder };
    const path = { ...home, HF_TOKEN_PATH: join(folder, "mine") };
    const tokenOf = async (environment: Parameters<typeof withTokenFile>[0]) =>
      (await withTokenFile(environment)).HF_TOKEN;
    assert.equal(await tokenOf(cache), "of-cache");
    assert.equal(await tokenOf(home), "of-home");
    assert.equal(await tokenOf(path), "of-path");
    assert.equal(await tokenOf({ ...path, HF_TOKEN: "of-environment" }), "of-environment");
    assert.equal(await tokenOf({ ...path, HF_TOKEN: " " }), "of-path");
    assert.equal(await tokenOf({ ...home, HF_TOKEN_PATH: join(folder, "none") }), undefined);
  });
});
