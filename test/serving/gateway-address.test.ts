import assert from "node:assert/strict";
import { GATEWAY_EXPECTED, parseGateway } from "../../serving/gateway-address.ts";

const GOOD: Readonly<Record<string, string>> = {
  "127.0.0.1:8080": "http://127.0.0.1:8080",
  "localhost:1": "http://localhost:1",
  "mac-mini.local:65535": "http://mac-mini.local:65535",
  "[::1]:8080": "http://[::1]:8080",
  "http://127.0.0.1:8080": "http://127.0.0.1:8080",
  "http://127.0.0.1:8080/": "http://127.0.0.1:8080",
  "https://llm.example.com": "https://llm.example.com",
  "https://llm.example.com:8443": "https://llm.example.com:8443",
};
const BAD: readonly string[] = [
  "",
  "127.0.0.1",
  "8080",
  ":8080",
  "127.0.0.1:0",
  "127.0.0.1:65536",
  "127.0.0.1:80a",
  "::1:8080",
  "http://127.0.0.1:8080/v1",
  "http://user:secret@127.0.0.1:8080",
  "http://127.0.0.1:8080?x",
  "ftp://127.0.0.1:8080",
  "a b:8080",
  "127.0.0.1:8080\n",
  `${"x".repeat(2_000_000)}:80`,
];

describe("parseGateway", () => {
  for (const [text, origin] of Object.entries(GOOD)) {
    it(`${text} is ${origin}`, () => {
      const found = parseGateway(text);
      assert.equal(found.ok && found.value.origin, origin);
    });
  }

  for (const text of BAD) {
    it(`${JSON.stringify(text.slice(0, 40))} is none`, () => {
      const found = parseGateway(text);
      assert.equal(!found.ok && found.error, GATEWAY_EXPECTED);
    });
  }
});
