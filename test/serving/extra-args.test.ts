import assert from "node:assert/strict";
import { checkExtraArgs } from "../../serving/extra-args.ts";

describe("checkExtraArgs", () => {
  for (const args of [[], ["--temp", "0.2"], ["--seed", "-1", "-v", "--top-k", "40"]]) {
    it(`passes ${JSON.stringify(args)}`, () => assert.deepEqual(checkExtraArgs(args), { ok: true, value: args }));
  }

  const refused: ReadonlyArray<readonly [args: readonly string[], message: RegExp]> = [
    [["-c", "131072"], /"-c" is refused: set spec\.contextSize/],
    [["--ctx-size=131072"], /"--ctx-size=131072" is refused: set spec\.contextSize/],
    [["--temp", "1", "-np", "8"], /"-np" is refused: set spec\.parallelSlots/],
    [["--host", "0.0.0.0"], /"--host" is refused: the agent decides where a server listens/],
    [["--api-key", "hunter2"], /a key in argv is visible/],
    [["--cache-ram", "8192"], /not on the list of flags that leave memory and network alone/],
    [["--lora", "x.gguf"], /not on the list/],
    [["constructor"], /"constructor" is not on the list/],
    [["--temp"], /--temp needs a value/],
    [["--chat-template", "a\0b"], /without NUL/],
  ];
  for (const [args, message] of refused) {
    it(`refuses ${JSON.stringify(args)}`, () => {
      const checked = checkExtraArgs(args);
      assert.ok(!checked.ok);
      assert.match(checked.error, message);
    });
  }
});
