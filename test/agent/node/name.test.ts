import assert from "node:assert/strict";
import { type NameGiven, nodeName } from "../../../agent/node/name.ts";

describe("the name of a Mac's Node", () => {
  const hostname = "Adas-MacBook-Pro.local";
  const names: readonly (readonly [what: string, given: NameGiven, name: string])[] = [
    ["the first label of the hostname, in lower case", { hostname }, "adas-macbook-pro"],
    [
      "the same on a network that gives another domain",
      { hostname: "Adas-MacBook-Pro.corp.example.com" },
      "adas-macbook-pro",
    ],
    ["without what a name cannot hold", { hostname: "Ada's Mac (2)" }, "ada-s-mac-2"],
    ["that of the identity, whatever the hostname", { hostname, user: "system:node:mac-1" }, "mac-1"],
    ["what is given", { hostname, given: "mac-2.lab" }, "mac-2.lab"],
    ["what is given, where the identity is of nobody", { hostname, given: "mac-2", user: "ada" }, "mac-2"],
    ["what is given, where the identity is its own", { hostname, given: "mac-2", user: "system:node:mac-2" }, "mac-2"],
  ];
  for (const [what, given, name] of names) {
    it(`is ${what}`, () => assert.deepEqual(nodeName(given), { ok: true, value: name }));
  }

  const refused: readonly (readonly [what: string, given: NameGiven, says: RegExp])[] = [
    ["letters that no DNS name has", { hostname, given: "Mac_1" }, /^"Mac_1" is no name of a Node: it has lower-case/],
    ["an empty name", { hostname, given: "" }, /^"" is no name of a Node/],
    ["64 characters", { hostname, given: "m".repeat(64) }, /at most 63 characters$/],
    ["a dot at the end", { hostname, given: "mac." }, /begins and ends with a letter or digit/],
    [
      "a hostname that gives nothing",
      { hostname: "東京.local" },
      /^no name of a Node can be made of the hostname "東京.local"/,
    ],
    [
      "the name of another identity",
      { hostname, given: "mac-2", user: "system:node:mac-1" },
      /^this kubeconfig is the identity of the Node mac-1, not of mac-2: leave --node-name out/,
    ],
    [
      "an identity of no Node",
      { hostname, user: "system:node:A b" },
      /impersonates "system:node:A b", which names no Node/,
    ],
  ];
  for (const [what, given, says] of refused) {
    it(`refuses ${what} with one sentence`, () => {
      const result = nodeName(given);
      assert(!result.ok);
      assert.match(result.error, says);
    });
  }
});
