import assert from "node:assert/strict";
import { errorCode, errorText } from "../../api/error-code.ts";

describe("what an error is called", () => {
  const coded = Object.assign(new Error("ENOENT: no such file or directory, open '/m'"), { code: "ENOENT" });
  const cases: ReadonlyArray<readonly [name: string, error: unknown, code: string | undefined, text: string]> = [
    ["one of Node", coded, "ENOENT", "ENOENT"],
    ["one without a code", new Error("it went wrong"), undefined, "it went wrong"],
    ["one with a number for a code", Object.assign(new Error("exited"), { code: 1 }), undefined, "exited"],
    ["no error at all", "out of luck", undefined, "out of luck"],
    ["nothing", undefined, undefined, "undefined"],
  ];
  for (const [name, error, code, text] of cases) {
    it(`${name}: ${text}`, () => {
      assert.equal(errorCode(error), code);
      assert.equal(errorText(error), text);
    });
  }
});
