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
    [["--host", "0.0.0.0"], /"--host" is refused: the agent sets the address that the server listens on/],
    [["--api-key", "hunter2"], /every user of the machine can see a key that is an argument/],
    [["--cache-ram", "8192"], /not on the list of flags that are known to change neither memory nor network exposure/],
    [["--lora", "x.gguf"], /not on the list/],
    [["constructor"], /"constructor" is not on the list/],
    [["--temp"], /--temp needs a value/],
    [["--chat-template", "a\0b"], /at most 4096 characters, and no NUL/],
  ];
  for (const [args, message] of refused) {
    it(`refuses ${JSON.stringify(args)}`, () => {
      const checked = checkExtraArgs(args);
      assert.ok(!checked.ok);
      assert.match(checked.error, message);
    });
  }
});
