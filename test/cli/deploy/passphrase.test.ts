import assert from "node:assert/strict";
import { chmod, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { passphraseVariables } from "../../../cli/deploy/passphrase.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

describe("the passphrase of deploy", () => {
  it("is made once, in a file of mode 600, also by runs side by side", async () => {
    const folder = join(await temporaryDirectory(), "deploy");
    const file = join(folder, "passphrase");
    const all = await Promise.all([1, 2, 3].map(() => passphraseVariables({}, folder)));
    assert.deepEqual(
      all,
      [1, 2, 3].map(() => ({ PULUMI_CONFIG_PASSPHRASE_FILE: file })),
    );
    const first = await readFile(file, "utf8");
    assert.match(first, /^[\w-]{43}\n$/);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    await chmod(file, 0o644);
    await passphraseVariables({}, folder);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal(await readFile(file, "utf8"), first);
    assert.deepEqual(await readdir(folder), ["passphrase"]);
  });

  for (const name of ["PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"]) {
    it(`is the user's own where ${name} is set, an empty one too`, async () => {
      const folder = await temporaryDirectory();
      assert.deepEqual(await passphraseVariables({ [name]: "" }, folder), {});
      assert.deepEqual(await readdir(folder), []);
    });
  }
});
