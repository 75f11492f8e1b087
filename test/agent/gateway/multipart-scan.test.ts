import assert from "node:assert/strict";
import { bodyScanner, type ScanState } from "../../../agent/gateway/body-scan.ts";

const TYPE = 'multipart/form-data; boundary="--x y"';
const found = (model: string, stream = false): ScanState => ({ kind: "found", model, stream });

function scanned(type: string, body: Buffer, size: number): ScanState {
  const scanner = bodyScanner(type);
  assert(scanner.ok);
  for (let at = 0; at < body.length; at += size) scanner.value.take(body.subarray(at, at + size));
  return scanner.value.end();
}

const part = (disposition: string, content: string) =>
  `----x y\r\nContent-Disposition: ${disposition}\r\n\r\n${content}\r\n`;
const field = (name: string, content: string) => part(`form-data; name="${name}"`, content);
const END = "----x y--\r\n";
const FILE = `----x y\r\ncontent-type: audio/wav\r\nCONTENT-DISPOSITION: form-data; name=file; filename="a; name=\\"model\\".wav"\r\n\r\n--${"\r\n--x".repeat(99)}${field("model", "z").replaceAll("x y", "x")}\r\n`;

const CASES: readonly (readonly [body: string, ScanState | RegExp])[] = [
  [field("model", "a") + END, found("a")],
  [FILE + field("stream", "true") + field("model", "whisper é") + END, found("whisper é", true)],
  [`preamble\r\n${field("model", "a")}${FILE}${END}epilogue ${field("model", "b")}`, found("a")],
  [part("form-data; name=model", "a") + field("prompt", "") + END, found("a")],
  [field("Model", "b") + field("model", "a") + END, found("a")],
  [field("model", "a").replace("y\r", "y \t\r") + END, found("a")],
  [`----x y\r\n\r\nmodel\r\n${field("model", "a")}${END}`, found("a")],
  [field("model", "m".repeat(1024)) + END, found("m".repeat(1024))],
  [field("model", "m".repeat(1025)) + END, /^"model" in the body is longer than 1024 bytes: /],
  [field("model", "m".repeat(99_999)) + END, /^"model" in the body is longer than 1024 bytes: /],
  [field("model", "") + END, /^"model" in the body is empty: /],
  [field("model", "a") + FILE + field("model", "a") + END, /^the body has "model" twice: give it once$/],
  [field("stream", "true") + field("stream", "true") + END, /^the body has "stream" twice/],
  [field("stream", "1") + field("model", "a") + END, /^the field "stream" of the form is neither true nor false: /],
  [FILE + END, /^the body names no model: /],
  ["", /^the body ends before its form does: /],
  [field("model", "a"), /^the body ends before its form does: /],
  [`${field("model", "a")}----x y`, /^the body ends before its form does: /],
  [`${field("model", "a")}----x yz${END}`, /^the body is not valid multipart\/form-data: /],
  [`----x y\r\nX: ${"x".repeat(16_384)}\r\n\r\n`, /^a part of the form has more than 16384 bytes of headers$/],
  [field("a", "").repeat(1001) + END, /^the form has more than 1000 parts$/],
  [part('form-data; name="model"; name="x"', "a") + END, /^a part of the form has a Content-Disposition that can /],
  [part("form-data; name=\"x\"; name*=utf-8''model", "a") + END, /can be read in two ways/],
  [part('form-data; name="mo\\del"', "a") + END, /can be read in two ways/],
  [part('form-data; name="model"; filename="x"', "a") + END, /can be read in two ways/],
  [part('form-data; name="x" name="model"', "a") + END, /can be read in two ways/],
  [part('form-data;\r\n name="model"', "a") + END, /can be read in two ways/],
  [part('form-data; name="x"\r\nContent-Disposition: form-data; name="model"', "a") + END, /can be read in two ways/],
  [part('attachment; name="model"', "a") + END, /can be read in two ways/],
];

const TYPES: readonly (readonly [type: string, RegExp | undefined])[] = [
  ["application/json", undefined],
  ["Application/JSON; charset=UTF-8", undefined],
  ['application/json;charset="utf-8"; x=y', undefined],
  ["multipart/form-data; boundary=----WebKitFormBoundaryAbc123", undefined],
  ["application/json; charset=utf-16", /^the Content-Type has a charset other than utf-8: /],
  ["application/json; charset=utf-8; charset=utf-16", /^the Content-Type has a charset other than utf-8: /],
  ["multipart/form-data", /^the Content-Type has no boundary, or more than that: /],
  ["multipart/form-data; boundary=", /^the Content-Type has no boundary/],
  [`multipart/form-data; boundary=${"x".repeat(71)}`, /^the Content-Type has no boundary/],
  ["multipart/form-data; boundary=a; boundary=b", /^the Content-Type has no boundary/],
  ["text/plain", /^the Content-Type is neither application\/json nor multipart\/form-data: send one of them$/],
  ["application/json, text/plain", /^the Content-Type is neither/],
  ["", /^the Content-Type is neither/],
];

describe("the scan of a form", () => {
  for (const [body, expected] of CASES) {
    it(`reads ${JSON.stringify(body).slice(0, 100)} the same however it is cut`, () => {
      for (const size of [1, 2, 3, 7, 64, 65, 1e6]) {
        const state = scanned(TYPE, Buffer.from(body), size);
        if (expected instanceof RegExp) assert.match(state.kind === "wrong" ? state.message : state.kind, expected);
        else assert.deepEqual(state, expected);
      }
    });
  }

  it("reads what fetch sends", async () => {
    const form = new FormData();
    form.append("file", new Blob([Buffer.alloc(100_000, "\r\n--")]), 'a "file".wav');
    form.append("model", "whisper");
    form.append("stream", "false");
    const request = new Request("http://localhost", { method: "POST", body: form });
    const body = Buffer.from(await request.arrayBuffer());
    assert.deepEqual(scanned(request.headers.get("content-type") ?? "", body, 1000), found("whisper"));
  });
});

describe("the scanner of a Content-Type", () => {
  for (const [type, expected] of TYPES) {
    it(`${expected === undefined ? "takes" : "refuses"} ${JSON.stringify(type).slice(0, 80)}`, () => {
      const scanner = bodyScanner(type);
      assert.equal(scanner.ok, expected === undefined);
      if (!scanner.ok) assert.match(scanner.error, expected ?? /^$/);
    });
  }
});
