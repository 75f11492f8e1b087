import assert from "node:assert/strict";
import { checkExtraArgs, refusedArgs } from "../../serving/extra-args.ts";

describe("checkExtraArgs", () => {
  for (const args of [[], ["--temp", "0.2"], ["--seed", "-1", "-v", "--top-k", "40"]]) {
    it(`passes ${JSON.stringify(args)}`, () => assert.deepEqual(checkExtraArgs(args), { ok: true, value: args }));
  }

  const refused: ReadonlyArray<readonly [args: readonly string[], message: RegExp]> = [
    [["-c", "131072"], /"-c" is refused: set spec\.contextSize/],
    [["--ctx-size=131072"], /"--ctx-size" is refused: set spec\.contextSize/],
    [["--temp", "1", "-np", "8"], /"-np" is refused: set spec\.parallelSlots/],
    [["--host", "0.0.0.0"], /"--host" is refused: the agent sets the address that the server listens on/],
    [["--api-key", "hunter2"], /every user of the machine can see a key that is an argument/],
    [["--cache-ram", "8192"], /not on the list of flags that are known to change neither memory nor network exposure/],
    [["--lora", "x.gguf"], /not on the list/],
    [["constructor"], /"constructor" is not on the list/],
    [["--temp"], /"--temp" needs a value/],
    [["--chat-template", "a\0b"], /at most 4096 characters, and no NUL/],
  ];
  for (const [args, message] of refused) {
    it(`refuses ${JSON.stringify(args)}`, () => {
      const checked = checkExtraArgs(args);
      assert.ok(!checked.ok);
      assert.match(checked.error, message);
    });
  }

  it("never shows a value, which may be a key", () => {
    for (const args of [["--api-key=hunter2"], ["--api-key", "hunter2"], ["--hf-token=hunter2"]]) {
      const checked = checkExtraArgs(args);
      assert.ok(!checked.ok);
      assert.ok(!checked.error.includes("hunter2"), checked.error);
    }
  });
});

describe("refusedArgs", () => {
  const flagsOf = (args: readonly string[]) => refusedArgs(args).map(({ flag }) => flag);

  it("finds every argument that is not accepted", () => {
    assert.deepEqual(flagsOf(["-c", "9", "--temp", "0.2", "--host=0.0.0.0", "--lora", "a", "b", "-v"]), [
      ...["-c", "--host", "--lora"],
    ]);
  });

  it("takes a value that begins with a dash for one where the flag has a value", () => {
    assert.deepEqual(flagsOf(["--seed", "-1", "--temp"]), ["--temp"]);
  });

  it("accepts what checkExtraArgs accepts", () => assert.deepEqual(flagsOf(["--temp", "0.2", "-v"]), []));
});
