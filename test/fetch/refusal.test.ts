import assert from "node:assert/strict";
import type { FailureKind } from "../../api/result.ts";
import {
  connectionRefusal,
  failureOf,
  fileRefusal,
  redirectedRefusal,
  statusRefusal,
  TransientRefusal,
} from "../../fetch/refusal.ts";

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

  const codes: ReadonlyArray<readonly [status: number, code: string | undefined, kind: FailureKind, says: RegExp]> = [
    [403, "GatedRepo", "unauthorised", /: access denied; a gated model needs its licence accepted and HF_TOKEN$/],
    [401, "GatedRepo", "unauthorised", /a gated model needs its licence accepted/],
    [401, "RepoNotFound", "unauthorised", /no such repository, or it is private and needs a valid token/],
    [404, "EntryNotFound", "not-found", /the repository has no such file/],
    [404, "RevisionNotFound", "not-found", /the repository has no such revision/],
    [403, undefined, "unauthorised", /access denied: its address may have expired/],
    [403, "SomethingElse", "unauthorised", /access denied: its address may have expired/],
  ];
  for (const [status, code, kind, says] of codes) {
    it(`status ${status} with the hub's code ${code}`, () => {
      const headers = code === undefined ? {} : { "x-error-code": code };
      const refusal = statusRefusal(status, headers, "hub");
      assert.equal(refusal.kind, kind);
      assert.match(refusal.message, says);
    });
  }

  const links: ReadonlyArray<readonly [status: number, link: string, code: string | undefined, renewed: boolean]> = [
    [403, "https://cdn/x?sig=1", undefined, true],
    [400, "https://cdn/x?sig=1", undefined, true],
    [401, "https://cdn/x?sig=1", undefined, true],
    [410, "https://cdn/x?sig=1", undefined, true],
    [404, "https://cdn/x?sig=1", undefined, false],
    [403, "https://hub/signed/x?sig=1", undefined, true],
    [401, "https://hub/moved/x", undefined, false],
    [403, "https://hub/moved/x", "GatedRepo", false],
    [403, "https://other-hub/moved/x", "GatedRepo", false],
  ];
  for (const [status, link, code, renewed] of links) {
    it(`${renewed ? "asks for another link" : "believes it"} after ${status} of ${link}, code ${code}`, () => {
      const headers = code === undefined ? {} : { "x-error-code": code };
      const refusal = redirectedRefusal(status, headers, new URL(link), new URL("http://hub/x"));
      assert.equal(refusal instanceof TransientRefusal, renewed);
      if (renewed) assert.match(refusal.message, /^(cdn|hub) answers \d+ to the link that hub gave$/);
    });
  }

  it("waits as long as a server of links asks", () => {
    const busy = redirectedRefusal(
      429,
      { ratelimit: "limit=1, reset=8" },
      new URL("https://cdn/x"),
      new URL("http://hub"),
    );
    assert.equal(busy.retryAfterMs, 8000);
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
