import assert from "node:assert/strict";
import { type LeaseOptions, type NodeLease, nodeLease } from "../../../agent/node/lease.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { type StandInApi, standInApi } from "./stand-in-api.ts";

const HOLDER = "mac-1_aaaa";

describe("the keeper of a Node's Lease", () => {
  let api: StandInApi;
  let lease: NodeLease;
  let trouble: string | undefined;
  let unanswered: number;
  let refused: string[];
  let nodeUid: string | undefined;
  let over: AbortController;
  let running: Promise<void>;

  const begin = (changes: Partial<LeaseOptions> = {}) => {
    lease = nodeLease({
      ...{ client: api.client, name: "mac-1", holder: HOLDER, nodeUid: () => nodeUid, trouble: () => trouble },
      unanswered: () => {
        unanswered += 1;
      },
      changed: () => {},
      refused: (sentence) => refused.push(sentence),
      ending: () => false,
      clock: () => performance.now(),
      wall: Date.now,
      ...changes,
    });
    running = lease.runnable.run(over.signal);
  };
  const holder = () => (api.object?.["spec"] as { holderIdentity: string } | undefined)?.holderIdentity;
  const held = () =>
    untilTrue(
      "it has the name",
      () => lease.isHeld(),
      (is) => is,
      { everyMs: 5 },
    );
  beforeEach(() => {
    api = standInApi();
    over = new AbortController();
    [trouble, unanswered, refused, nodeUid] = [undefined, 0, [], undefined];
  });
  afterEach(async () => {
    over.abort();
    await running;
  });

  it("is not renewed, nor taken, while the agent's own checks are not clean", async () => {
    trouble = "its loop stands still";
    begin();
    await untilTrue(
      "it has looked",
      () => api.requests.length,
      (count) => count > 0,
      { everyMs: 5 },
    );
    lease.renewNow();
    lease.renewNow();
    assert.deepEqual([api.requests, lease.isHeld()], [["get"], false]);
    trouble = undefined;
    lease.renewNow();
    await held();
    const renewals = api.requests.length;
    trouble = "its loop stands still";
    lease.renewNow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(api.requests.length, renewals);
  });

  it("costs one request each time, and none to look", async () => {
    begin();
    await held();
    for (let count = 3; count < 6; count += 1) {
      lease.renewNow();
      await untilTrue(
        "it is renewed",
        () => api.requests.length,
        (requests) => requests === count,
        { everyMs: 5 },
      );
    }
    assert.deepEqual(api.requests, ["get", "create", "replace", "replace", "replace"]);
  });

  it("goes with the Node once that is registered", async () => {
    begin();
    await held();
    assert.deepEqual(api.object?.metadata.ownerReferences, []);
    nodeUid = "u-1";
    lease.renewNow();
    await untilTrue(
      "it has an owner",
      () => api.object?.metadata.ownerReferences?.[0]?.uid,
      (uid) => uid === "u-1",
      { everyMs: 5 },
    );
  });

  it("is made again at once where somebody has deleted it", async () => {
    begin();
    await held();
    api.object = undefined;
    lease.renewNow();
    await untilTrue(
      "it is there",
      () => holder(),
      (who) => who === HOLDER,
      { everyMs: 5 },
    );
    assert.deepEqual(api.requests.slice(2), ["replace", "get", "create"]);
    assert(lease.isHeld());
  });

  it("is looked at where somebody else wrote it: with the same holder it goes on, with another one it is lost", async () => {
    begin();
    await held();
    const meanwhile = (holderIdentity: string, resourceVersion: string) => {
      assert(api.object !== undefined);
      const metadata = { ...api.object.metadata, resourceVersion };
      api.object = { ...api.object, metadata, spec: { holderIdentity } };
      lease.renewNow();
    };
    meanwhile(HOLDER, "100");
    await untilTrue(
      "it is renewed",
      () => api.requests.length,
      (count) => count === 5,
      { everyMs: 5 },
    );
    assert(lease.isHeld());
    meanwhile("mac-1_bbbb", "200");
    await untilTrue(
      "it is lost",
      () => lease.isHeld(),
      (is) => !is,
      { everyMs: 5 },
    );
    assert.match(lease.problems().join(), /the Node mac-1 was another agent's/);
    meanwhile("mac-1_bbbb", "201");
    await untilTrue(
      "the other one lives",
      () => refused.length,
      (count) => count > 0,
      { everyMs: 5 },
    );
    assert.match(refused[0] ?? "", /^another agent runs as the Node mac-1/);
    assert.equal(holder(), "mac-1_bbbb");
  });

  it("closes other connections once where nobody answers, and not where the server says that it is busy", async () => {
    begin();
    await held();
    api.failures.push({ kind: "unavailable", status: 503 }, { kind: "throttled", status: 429, retryAfterMs: 1 });
    lease.renewNow();
    await untilTrue(
      "it was tried",
      () => api.failures.length,
      (left) => left === 0,
      { everyMs: 5 },
    );
    await untilTrue(
      "it is renewed",
      () => api.requests.length,
      (count) => count === 5,
      { everyMs: 5 },
    );
    assert.equal(unanswered, 0);
    api.failures.push({ kind: "unavailable" }, { kind: "unavailable" });
    lease.renewNow();
    await untilTrue(
      "it was tried twice",
      () => api.failures.length,
      (left) => left === 0,
      { everyMs: 5 },
    );
    assert.equal(unanswered, 1);
    assert(lease.isHeld());
    assert.deepEqual(lease.problems(), []);
  });

  it("is given back only where a person ends the agent with its servers", async () => {
    let ending = false;
    begin({ ending: () => ending });
    await held();
    ending = true;
    over.abort();
    await running;
    assert.equal(holder(), "");
  });
});
