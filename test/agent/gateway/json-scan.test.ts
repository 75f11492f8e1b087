import assert from "node:assert/strict";
import { jsonScanner } from "../../../agent/gateway/json-scan.ts";
import type { ScanState } from "../../../agent/gateway/scan-state.ts";

/** What is known of a body that comes in chunks of `size` bytes. */
function scanned(body: string | Buffer, size: number): ScanState {
  const bytes = Buffer.from(body as string);
  const scanner = jsonScanner();
  for (let at = 0; at < bytes.length; at += size) scanner.take(bytes.subarray(at, at + size));
  return scanner.end();
}

const found = (model: string, stream = false): ScanState => ({ kind: "found", model, stream });
const wrong = (message: RegExp) => message;

const CASES: readonly (readonly [body: string, ScanState | RegExp])[] = [
  ['{"model":"a"}', found("a")],
  ['\ufeff \r\n\t{ "model" : "a" , "stream" : true } \n', found("a", true)],
  ['{"stream":false,"messages":[{"model":"x","content":"\\"model\\":\\"y\\""}],"model":"a"}', found("a")],
  ['{"stream":null,"model":"a"}', found("a")],
  ['{"\\u006dodel":"\\u0061\\n\\"é","str\\u0065am":true}', found('a\n"é', true)],
  ['{"x":"\\\\","model":"a\\\\"}', found("a\\")],
  ['{"x":{"model":1,"stream":7},"y":[[],{}],"model":"a","z":-1.5e+3}', found("a")],
  [`{"x":"${"é".repeat(200)}\\\\\\"","model":"a"}`, found("a")],
  [`{"x":"${"\\\\".repeat(200)}","model":"a"}`, found("a")],
  [`{"${"k".repeat(3000)}":1,"model":"${"m".repeat(1024)}"}`, found("m".repeat(1024))],
  [`{"x":${"[".repeat(511)}${"]".repeat(511)},"model":"a"}`, found("a")],
  [`{"x":${"[".repeat(512)}${"]".repeat(512)},"model":"a"}`, wrong(/^the body is nested more than 512 levels deep$/)],
  [`{"model":"${"m".repeat(1025)}"}`, wrong(/^"model" in the body is longer than 1024 bytes: /)],
  ['{"model":"a","model":"a"}', wrong(/^the body has "model" twice: give it once$/)],
  ['{"model":"a","x":[],"\\u006d\\u006fdel":"b"}', wrong(/^the body has "model" twice/)],
  ['{"model":"a","stream":null,"stream":true}', wrong(/^the body has "stream" twice/)],
  ['{"model":1}', wrong(/^"model" in the body is no text: /)],
  ['{"model":null}', wrong(/^"model" in the body is no text: /)],
  ['{"model":["a"]}', wrong(/^"model" in the body is no text: /)],
  ['{"model":{"model":"a"}}', wrong(/^"model" in the body is no text: /)],
  ['{"model":""}', wrong(/^"model" in the body is empty: /)],
  ['{"model":"\\x"}', wrong(/^the body is not valid JSON: /)],
  ['{"model":"a","stream":"true"}', wrong(/^"stream" in the body is neither true nor false: /)],
  ['{"model":"a","stream":1}', wrong(/^"stream" in the body is neither true nor false: /)],
  ['{"model":"a","stream":{}}', wrong(/^"stream" in the body is neither true nor false: /)],
  ["{}", wrong(/^the body names no model: give "model" the name of one that GET \/v1\/models lists$/)],
  ['{"messages":[{"model":"a"}]}', wrong(/^the body names no model/)],
  ["", wrong(/^the body is empty: /)],
  ["  ", wrong(/^the body is empty: /)],
  ['[{"model":"a"}]', wrong(/^the body is no JSON object: /)],
  ['"model"', wrong(/^the body is no JSON object: /)],
  ["12", wrong(/^the body is no JSON object: /)],
  ["model=a", wrong(/^the body is no JSON object: /)],
  ['{"model":"a"', wrong(/^the body ends before its JSON object does: /)],
  ['{"model":"a', wrong(/^the body ends before its JSON object does: /)],
  ['{"model":"a"}{"model":"b"}', wrong(/^the body goes on after its JSON object: /)],
  ['{"model":"a",}', wrong(/^the body is not valid JSON: /)],
  ['{"model" "a"}', wrong(/^the body is not valid JSON: /)],
  ['{"x":[1,],"model":"a"}', wrong(/^the body is not valid JSON: /)],
  ['{"x":[}],"model":"a"}', wrong(/^the body is not valid JSON: /)],
  ["{'model':'a'}", wrong(/^the body is not valid JSON: /)],
  ['{"model":"a"//x\n}', wrong(/^the body is not valid JSON: /)],
];

describe("the scan of a JSON body", () => {
  for (const [body, expected] of CASES) {
    it(`reads ${JSON.stringify(body).slice(0, 90)} the same however it is cut`, () => {
      for (const size of [1, 2, 3, 7, 64, 65, 1e6]) {
        const state = scanned(body, size);
        if (expected instanceof RegExp) assert.match(state.kind === "wrong" ? state.message : state.kind, expected);
        else assert.deepEqual(state, expected);
      }
    });
  }

  it("says the same to the end of a body that it has found wrong", () => {
    const scanner = jsonScanner();
    const first = scanner.take(Buffer.from("{}"));
    assert.match(first.kind === "wrong" ? first.message : "", /^the body names no model: /);
    assert.deepEqual(scanner.take(Buffer.from("x")), first);
    assert.deepEqual(scanner.end(), first);
  });
});
