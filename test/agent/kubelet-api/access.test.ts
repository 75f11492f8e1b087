import assert from "node:assert/strict";
import { accessControl, KEPT_MS, type MayAccess } from "../../../agent/kubelet-api/access.ts";
import type { User } from "../../../agent/kubelet-api/identity.ts";
import type { Reviews } from "../../../agent/kubelet-api/reviews.ts";

const METRICS = { verb: "get", subresource: "metrics" };
const PROXY = { verb: "get", subresource: "proxy" };

describe("who may use the kubelet API", () => {
  let now: number;
  let asked: string[];
  let users: Map<string, User>;
  let allowed: Set<string>;
  let away: boolean;
  let mayAccess: MayAccess;
  const reviews: Reviews = {
    userOf: async (token) => {
      asked.push(token);
      await new Promise(setImmediate);
      return away ? undefined : (users.get(token) ?? null);
    },
    mayOnNode: async ({ name }, { verb, subresource }) => {
      asked.push(`${name} ${verb} ${subresource}`);
      await new Promise(setImmediate);
      return away ? undefined : allowed.has(`${name} ${verb} ${subresource}`);
    },
  };

  beforeEach(() => {
    now = 1;
    asked = [];
    users = new Map([["t", { name: "ann", groups: [] }]]);
    allowed = new Set(["ann get metrics"]);
    away = false;
    mayAccess = accessControl(reviews, "mac-1", () => now);
  });

  const statusOf = async (token: string | undefined, rights = [METRICS], user?: User) => {
    const access = await mayAccess({ user, token }, rights);
    return access.allowed ? 200 : access.status;
  };

  it("is asked once for so long as an answer is kept", async () => {
    assert.equal(await statusOf("t"), 200);
    now += KEPT_MS.token - 1;
    assert.equal(await statusOf("t"), 200);
    assert.deepEqual(asked, ["t", "ann get metrics"]);
    now += 2;
    assert.equal(await statusOf("t"), 200);
    assert.deepEqual(asked, ["t", "ann get metrics", "t"]);
    now += KEPT_MS.allowed;
    assert.equal(await statusOf("t"), 200);
    assert.deepEqual(asked.slice(3), ["t", "ann get metrics"]);
  });

  it("is asked again soon where the answer was no", async () => {
    assert.deepEqual([await statusOf("x"), await statusOf("t", [PROXY])], [401, 403]);
    users.set("x", { name: "bob", groups: [] });
    allowed.add("ann get proxy").add("bob get metrics");
    now += KEPT_MS.denied - 1;
    assert.deepEqual([await statusOf("x"), await statusOf("t", [PROXY])], [401, 403]);
    now += 2;
    assert.deepEqual([await statusOf("x"), await statusOf("t", [PROXY])], [200, 200]);
  });

  it("takes the first right that is held, and asks for no more", async () => {
    assert.equal(await statusOf("t", [PROXY, METRICS]), 200);
    assert.deepEqual(asked, ["t", "ann get proxy", "ann get metrics"]);
    assert.equal(await statusOf("t", []), 403);
  });

  it("prefers the certificate, and tells users of one name and other groups apart", async () => {
    const member: User = { name: "ann", groups: ["a"] };
    assert.equal(await statusOf("x", [METRICS], member), 200);
    assert.deepEqual(asked, ["ann get metrics"]);
    assert.equal(await statusOf(undefined, [METRICS], { ...member, groups: ["b"] }), 200);
    assert.equal(asked.length, 2);
  });

  it("asks once for equal questions at one time", async () => {
    assert.deepEqual(await Promise.all(["t", "t", "t"].map((token) => statusOf(token))), [200, 200, 200]);
    assert.deepEqual(asked, ["t", "ann get metrics"]);
  });

  it("asks a bounded number of questions at a time, whoever makes up tokens", async () => {
    const statuses = await Promise.all(Array.from({ length: 100 }, (_, index) => statusOf(`made-up-${index}`)));
    assert.equal(asked.length, 16);
    assert.deepEqual([...new Set(statuses)].toSorted(), [401, 503]);
    assert.equal(await statusOf("t"), 200);
  });

  it("keeps a bounded number of answers", async () => {
    for (let index = 0; index < 1100; index += 1) await statusOf(`made-up-${index}`);
    asked = [];
    assert.equal(await statusOf("made-up-1099"), 401);
    assert.deepEqual(asked, []);
    assert.equal(await statusOf("made-up-0"), 401);
    assert.deepEqual(asked, ["made-up-0"]);
  });

  it("keeps what was allowed while the API server is away, and keeps no answer that it did not give", async () => {
    assert.equal(await statusOf("t"), 200);
    away = true;
    assert.deepEqual([await statusOf("t"), await statusOf("t", [PROXY]), await statusOf("y")], [200, 503, 503]);
    now += KEPT_MS.allowed + 1;
    assert.equal(await statusOf("t"), 503);
    assert.equal(await statusOf(undefined), 401);
    away = false;
    assert.deepEqual([await statusOf("t"), await statusOf("y")], [200, 401]);
  });
});
