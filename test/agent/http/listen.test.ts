import assert from "node:assert/strict";
import { refusalOf } from "../../../agent/http/guard.ts";
import { parseLoopbackListen } from "../../../api/listen.ts";

describe("where the agent listens, and to whom", () => {
  const good = [
    ["off", "off"],
    ["127.0.0.1:9099", { host: "127.0.0.1", port: 9099 }],
    ["localhost:0", { host: "127.0.0.1", port: 0 }],
    ["[::1]:65535", { host: "::1", port: 65535 }],
  ] as const;
  for (const [text, expected] of good) {
    it(`accepts ${text}`, () => assert.deepEqual(parseLoopbackListen(text), { ok: true, value: expected }));
  }

  const bad = [
    [
      "0.0.0.0:9099",
      /^refusing to listen on 0\.0\.0\.0: .* no authentication; use 127\.0\.0\.1:9099 and an SSH tunnel$/,
    ],
    ["[::]:9099", /no authentication/],
    ["192.168.1.5:80", /no authentication/],
    ["mac.local:9099", /no authentication/],
    ["127.0.0.1.example.org:9099", /no authentication/],
    [":9099", /is not HOST:PORT; use for example 127\.0\.0\.1:9099$/],
    ["9099", /is not HOST:PORT/],
    ["127.0.0.1:65536", /is not HOST:PORT/],
    ["127.0.0.1", /is not HOST:PORT/],
    ["", /is not HOST:PORT/],
  ] as const;
  for (const [text, says] of bad) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      const address = parseLoopbackListen(text);
      assert(!address.ok);
      assert.match(address.error, says);
    });
  }

  const hosts = [
    ["localhost", undefined],
    ["LOCALHOST:9099", undefined],
    ["127.0.0.1:1234", undefined],
    ["[::1]:9099", undefined],
    [undefined, 403],
    ["", 403],
    ["evil.example", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example:9099", 403],
    ["evil.example:9099@localhost", 403],
    ["0.0.0.0:9099", 403],
  ] as const;
  for (const [host, status] of hosts) {
    it(`${status === undefined ? "answers" : "does not answer"} Host ${JSON.stringify(host)}`, () => {
      assert.equal(refusalOf("GET", host)?.status, status);
    });
  }

  it("only reads", () => {
    for (const method of ["GET", "HEAD"]) assert.equal(refusalOf(method, "localhost"), undefined);
    for (const method of ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", undefined]) {
      assert.equal(refusalOf(method, "localhost")?.status, 405);
    }
  });
});
