import assert from "node:assert/strict";
import type { FailureKind } from "../../api/result.ts";
import { connectionRefusal, failureOf, fileRefusal, statusRefusal, TransientRefusal } from "../../fetch/refusal.ts";

const withCode = (code: string) => Object.assign(new Error("it went wrong"), { code });

describe("what a failure becomes", () => {
  const statuses: ReadonlyArray<readonly [status: number, kind: FailureKind, again: "within seconds" | "later"]> = [
    [400, "invalid", "later"],
    [401, "unauthorised", "later"],
    [403, "unauthorised", "later"],
    [404, "not-found", "later"],
    [405, "invalid", "later"],
    [407, "unauthorised", "later"],
    [408, "unreachable", "within seconds"],
    [410, "not-found", "later"],
    [429, "throttled", "within seconds"],
    [500, "unreachable", "within seconds"],
    [503, "unreachable", "within seconds"],
  ];
  for (const [status, kind, again] of statuses) {
    it(`status ${status}: ${kind}`, () => {
      const refusal = statusRefusal(status, {}, "hub");
      assert.equal(refusal.kind, kind);
      assert.match(refusal.message, new RegExp(`^hub answers ${status}`));
      assert.equal(refusal instanceof TransientRefusal, again === "within seconds");
    });
  }

  it("keeps how long the server asks to wait", () => {
    const headers = { "retry-after": "3600" };
    for (const status of [429, 503]) {
      assert.equal(failureOf(statusRefusal(status, headers, "hub")).retryAfterMs, 3_600_000);
    }
    assert(!("retryAfterMs" in failureOf(statusRefusal(429, {}, "hub"))));
  });

  it("takes a 403 of a used-up limit for one that passes", () => {
    const headers = { "x-ratelimit-remaining": "0", "x-ratelimit-reset": "60" };
    const { kind, retryAfterMs } = statusRefusal(403, headers, "hub");
    assert.deepEqual({ kind, retryAfterMs }, { kind: "throttled", retryAfterMs: 60_000 });
  });

  it("takes every failed connection for one that may pass, and only some for ones that pass within seconds", () => {
    const url = new URL("https://hub:8443/m.gguf");
    for (const code of ["ECONNREFUSED", "ECONNRESET", "EAI_AGAIN", "UND_ERR_SOCKET", "UND_ERR_HEADERS_TIMEOUT"]) {
      const refusal = connectionRefusal(withCode(code), url);
      assert(refusal instanceof TransientRefusal);
      assert.equal(refusal.kind, "unreachable");
      assert.equal(refusal.message, `the connection to hub:8443 failed (${code})`);
    }
    for (const error of [withCode("ENOTFOUND"), withCode("CERT_HAS_EXPIRED"), new Error("nothing known")]) {
      const refusal = connectionRefusal(error, url);
      assert(!(refusal instanceof TransientRefusal));
      assert.equal(refusal.kind, "unreachable");
    }
  });

  const files: ReadonlyArray<readonly [code: string, kind: FailureKind, message: RegExp]> = [
    ["ENOENT", "not-found", /^there is no such file$/],
    ["ENOTDIR", "not-found", /a part of its path is not a directory$/],
    ["EACCES", "unauthorised", /^this user may not read it$/],
    ["EPERM", "unauthorised", /^this user may not read it$/],
    ["ELOOP", "invalid", /links/],
    ["ENAMETOOLONG", "invalid", /too long/],
    ["EMFILE", "unreachable", /\(EMFILE\)$/],
    ["EIO", "unreachable", /\(EIO\)$/],
  ];
  for (const [code, kind, message] of files) {
    it(`a file's ${code}: ${kind}`, () => {
      const refusal = fileRefusal(withCode(code));
      assert.equal(refusal.kind, kind);
      assert.match(refusal.message, message);
    });
  }

  it("raises a fault of this program again", () => {
    const fault = new TypeError("x is undefined");
    assert.throws(() => fileRefusal(fault), fault);
  });
});
