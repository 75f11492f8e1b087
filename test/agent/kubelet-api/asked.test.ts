import assert from "node:assert/strict";
import { rightsFor } from "../../../agent/kubelet-api/attributes.ts";
import { bearerToken, certificateUser } from "../../../agent/kubelet-api/identity.ts";
import { parseLogQuery } from "../../../agent/kubelet-api/log-query.ts";
import { parseTarget } from "../../../agent/kubelet-api/target.ts";

const NOW = Date.parse("2026-11-26T17:00:00Z");

describe("what a client of the kubelet API asks for", () => {
  for (const [url, is] of [
    ["/healthz", "healthz"],
    ["/metrics", "metrics"],
    ["/metrics?x=1", "metrics"],
    ["/metrics/resource", "resource-metrics"],
    ["/stats/summary", "summary"],
    ["/pods", "pods"],
    ["/containerLogs/team/chat-1.a/llama-server?follow=true", "logs"],
    ["/exec/team/chat/llama-server?command=sh", "in-container"],
    ["/portForward/team/chat", "in-container"],
    ["/", undefined],
    ["/constructor", undefined],
    ["/__proto__", undefined],
    ["/containerLogs/Team/chat/llama-server", undefined],
    ["/containerLogs/team/chat", undefined],
    ["/containerLogs/team/-chat/llama-server", undefined],
  ] as const) {
    it(`takes ${url} for ${is ?? "nothing"}`, () => {
      const asked = parseTarget(url);
      assert.equal(asked.ok ? asked.value.target?.is : "refused", is);
    });
  }

  for (const url of [
    "",
    "metrics",
    "//metrics",
    "/metrics/",
    "/a/../metrics",
    "/%2e%2e/x",
    "/a b",
    "/a?b?c",
    "/a\u0000",
    "http://x/metrics",
    "*",
  ]) {
    it(`refuses ${JSON.stringify(url)}`, () => assert.equal(parseTarget(url).ok, false));
  }

  const rights = (method: string, path: string) =>
    rightsFor(method, path).map(({ verb, subresource }) => `${verb} ${subresource}`);
  for (const [method, path, wanted] of [
    ["GET", "/containerLogs/a/b/c", ["get proxy"]],
    ["HEAD", "/containerLogs/a/b/c", ["get proxy"]],
    ["POST", "/exec/a/b/c", ["create proxy"]],
    ["GET", "/metrics", ["get metrics"]],
    ["GET", "/metrics/resource", ["get metrics"]],
    ["GET", "/metricsx", ["get proxy"]],
    ["GET", "/stats/summary", ["get stats"]],
    ["GET", "/logs/system.log", ["get log"]],
    ["GET", "/pods", ["get pods", "get proxy"]],
    ["DELETE", "/constructor", ["delete proxy"]],
    ["TRACE", "/metrics", []],
    ["constructor", "/metrics", []],
  ] as const) {
    it(`needs ${wanted.join(" or ") || "what nobody has"} for ${method} ${path}`, () => {
      assert.deepEqual(rights(method, path), wanted);
    });
  }

  const query = (text: string) => parseLogQuery(new URLSearchParams(text), NOW);
  for (const [text, part] of [
    ["", { follow: false, previous: false, tailLines: undefined, limitBytes: undefined, since: undefined }],
    ["follow=true&tailLines=0", { follow: true, tailLines: 0 }],
    ["previous=1&limitBytes=5&insecureSkipTLSVerifyBackend=true", { previous: true, limitBytes: 5 }],
    ["timestamps=false&stream=All&tailLines=", { tailLines: undefined }],
    ["sinceSeconds=60", { since: NOW - 60_000 }],
    ["sinceTime=2026-11-26T16:00:00Z", { since: NOW - 3_600_000 }],
    ["sinceTime=2026-11-26T16:00:00.5%2B01:00", { since: NOW - 7_199_500 }],
  ] as const) {
    it(`reads the query "${text}"`, () => {
      const read = query(text);
      assert(read.ok);
      assert.deepEqual({ ...read.value, ...part }, read.value);
    });
  }

  for (const [text, why] of [
    ["timestamps=true", /there are no timestamps/],
    ["stream=Stderr", /one log here/],
    ["follow=maybe", /must be true or false/],
    ["tailLines=-1", /tailLines must be a whole number of at least 0/],
    ["tailLines=1e3", /tailLines/],
    ["tailLines=99999999999999999999", /tailLines/],
    ["limitBytes=0", /limitBytes must be a whole number of at least 1/],
    ["tailLines=1&tailLines=2", /tailLines is given more than once/],
    ["sinceSeconds=0", /sinceSeconds/],
    ["sinceSeconds=1&sinceTime=2026-11-26T16:00:00Z", /only one of/],
    ["sinceTime=yesterday", /sinceTime must be a time/],
    ["sinceTime=2026-99-26T16:00:00Z", /sinceTime must be a time/],
  ] as const) {
    it(`refuses the query "${text}"`, () => {
      const read = query(text);
      assert.match(read.ok ? "" : read.error, why);
    });
  }

  it("is asked by the user that its certificate names, while that is valid", () => {
    const valid = { valid_from: "Nov 26 16:00:00 2026 GMT", valid_to: "Nov 26 18:00:00 2026 GMT" };
    const user = (subject: object, now = NOW) => certificateUser({ ...valid, subject: subject as never }, now);
    assert.deepEqual(user({ CN: "a", O: "g" }), { name: "a", groups: ["g", "system:authenticated"] });
    assert.deepEqual(user({ CN: "a", O: ["g", "system:authenticated"] })?.groups, ["g", "system:authenticated"]);
    assert.deepEqual(user({ CN: "a" })?.groups, ["system:authenticated"]);
    assert.equal(user({ O: "g" }), undefined);
    assert.equal(user({ CN: "" }), undefined);
    assert.equal(user({ CN: ["a", "b"] }), undefined);
    assert.equal(user({ CN: "a" }, NOW + 3_600_000), undefined);
    assert.equal(user({ CN: "a" }, NOW - 3_600_001), undefined);
  });

  it("is asked with a token in the header's own form", () => {
    assert.equal(bearerToken("Bearer abc.d-e_f~+/=="), "abc.d-e_f~+/==");
    assert.equal(bearerToken("bearer abc"), "abc");
    for (const header of [undefined, "", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer a,b", "xBearer a"]) {
      assert.equal(bearerToken(header), undefined, header);
    }
  });
});
