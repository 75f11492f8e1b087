import assert from "node:assert/strict";
import { hostKey, isHost, urlHost } from "../../serving/endpoint-host.ts";

describe("the host of an endpoint", () => {
  const good: ReadonlyArray<readonly [host: string, inUrl: string, key: string]> = [
    ["127.0.0.1", "127.0.0.1", "127.0.0.1"],
    ["localhost", "localhost", "127.0.0.1"],
    ["LocalHost", "LocalHost", "127.0.0.1"],
    ["localhost.", "localhost.", "127.0.0.1"],
    ["::1", "[::1]", "127.0.0.1"],
    ["[::1]", "[::1]", "127.0.0.1"],
    ["0:0:0:0:0:0:0:1", "[0:0:0:0:0:0:0:1]", "127.0.0.1"],
    ["::ffff:127.0.0.1", "[::ffff:127.0.0.1]", "127.0.0.1"],
    ["fe80::A", "[fe80::A]", "[fe80::a]"],
    ["studio_1.local", "studio_1.local", "studio_1.local"],
    ["Studio-1.Local.", "Studio-1.Local.", "studio-1.local"],
    ["10.0.0.7", "10.0.0.7", "10.0.0.7"],
  ];
  for (const [host, inUrl, key] of good) {
    it(`may be ${host}`, () => {
      assert.ok(isHost(host));
      assert.equal(urlHost(host), inUrl);
      assert.equal(hostKey(host), key);
      assert.equal(URL.parse(`http://${inUrl}:8080/v1`)?.port, "8080");
    });
  }

  const bad = [
    "",
    "http://x",
    "x/v1",
    "x:8080",
    "127.0.0.1:8080",
    "[::1]:8080",
    "[x]",
    "[::1",
    "::1]",
    "fe80::1%en0",
    "256.1.1.1",
    "a..b",
    ".a",
    "-a",
    "a-",
    "a b",
    "user@x",
    "x?y",
    "x#y",
    "x\n",
    "é",
    "a".repeat(64),
    "a.".repeat(127),
  ];
  for (const host of bad) it(`is not ${JSON.stringify(host)}`, () => assert.ok(!isHost(host)));
});
