import assert from "node:assert/strict";
import { failed } from "../../kube/failure.ts";
import { type LeaderElectionOptions, leaderElection } from "../../kube/lease/leader-election.ts";
import { fakeClock, settle } from "./support/fake-clock.ts";
import { standInObjects } from "./support/stand-in-objects.ts";

const LEASE = { namespace: "ns", name: "leader" };
const AWAY = failed("unavailable", "no answer");

describe("kube: leader election", () => {
  const ended = new AbortController();
  after(() => ended.abort());

  /** A candidate on a server of its own or a shared one, with a clock of its own or a shared one. */
  function candidate(identity: string, more: Partial<LeaderElectionOptions> = {}) {
    const clock = fakeClock();
    const server = standInObjects();
    const stopping = new AbortController();
    ended.signal.addEventListener("abort", () => stopping.abort());
    const terms: string[] = [];
    const options = { client: server.client, lease: LEASE, identity, clock, random: () => 0, ...more };
    const election = leaderElection(options);
    const run = election.run(async (leading) => {
      terms.push("begun");
      const { promise, resolve } = Promise.withResolvers<void>();
      leading.addEventListener("abort", () => resolve());
      await promise;
      terms.push("ended");
    }, stopping.signal);
    const spec = () => server.objects.get("ns/leader")?.["spec"] as Record<string, unknown>;
    return { clock, server, stopping, terms, election, run, spec };
  }

  it("makes the Lease, holds it, and renews it every 2 s", async () => {
    const { clock, server, election, spec, terms } = candidate("a");
    await settle();
    assert.deepEqual(terms, ["begun"]);
    assert.equal(election.isLeader(), true);
    assert.deepEqual(spec(), {
      holderIdentity: "a",
      leaseDurationSeconds: 15,
      acquireTime: "2026-01-01T00:00:00.000000Z",
      renewTime: "2026-01-01T00:00:00.000000Z",
      leaseTransitions: 0,
    });
    await clock.advance(60_000);
    assert.equal(spec()["renewTime"], "2026-01-01T00:01:00.000000Z");
    assert.equal(spec()["acquireTime"], "2026-01-01T00:00:00.000000Z");
    assert.equal(server.requests.filter((request) => request === "replace").length, 30);
    assert.equal(server.requests.filter((request) => request === "get").length, 1);
  });

  it("gives the Lease back at a clean end, so that the next one leads at once", async () => {
    const first = candidate("a");
    await settle();
    const second = candidate("b", { client: first.server.client, clock: first.clock });
    await first.clock.advance(10_000);
    assert.deepEqual(second.terms, []);
    first.stopping.abort();
    await first.run;
    assert.deepEqual(first.terms, ["begun", "ended"]);
    assert.equal(first.spec()["holderIdentity"], "");
    await first.clock.advance(2000);
    assert.deepEqual(second.terms, ["begun"]);
    assert.equal(first.spec()["holderIdentity"], "b");
  });

  it("never has two leaders when the first gets no answer, and the first stops before the second starts", async () => {
    const first = candidate("a");
    const clock = first.clock;
    await clock.advance(4000);
    const other = standInObjects();
    other.objects.set("ns/leader", structuredClone(first.server.objects.get("ns/leader") ?? assert.fail()));
    const second = candidate("b", { client: other.client, clock });
    first.server.state.failure = AWAY;
    const lost: number[] = [];
    const taken: number[] = [];
    for (let ms = 0; ms < 30_000; ms += 250) {
      await clock.advance(250);
      assert(!(first.election.isLeader() && second.election.isLeader()), `two leaders after ${ms} ms`);
      if (!first.election.isLeader() && lost.length === 0) lost.push(ms);
      if (second.election.isLeader() && taken.length === 0) taken.push(ms);
    }
    assert.deepEqual(first.terms, ["begun", "ended"]);
    assert((lost[0] ?? 99_999) <= 10_000, `lost after ${lost[0]} ms`);
    assert((taken[0] ?? 0) >= 15_000 && (taken[0] ?? 99_999) < 18_000, `taken after ${taken[0]} ms`);
  });

  it("takes no part of another machine's clock for its own", async () => {
    for (const renewTime of ["2020-01-01T00:00:00.000000Z", "2036-01-01T00:00:00.000000Z"]) {
      const { clock, server, terms } = candidate("a", {});
      server.objects.set("ns/leader", {
        metadata: { ...LEASE, resourceVersion: "1" },
        spec: { holderIdentity: "gone", leaseDurationSeconds: 15, renewTime, leaseTransitions: 4 },
      });
      await clock.advance(15_000);
      assert.deepEqual(terms, [], `not while it may be held (${renewTime})`);
      await clock.advance(3000);
      assert.deepEqual(terms, ["begun"]);
    }
  });

  it("counts from when it saw a renewal, whatever the renewal says", async () => {
    const { clock, server, terms } = candidate("a");
    for (let round = 0; round < 10; round += 1) {
      const spec = { holderIdentity: "b", leaseDurationSeconds: 15, renewTime: `2020-01-01T00:00:0${round}.000000Z` };
      server.objects.set("ns/leader", { metadata: { ...LEASE, resourceVersion: `${round}` }, spec });
      await clock.advance(10_000);
    }
    assert.deepEqual(terms, []);
  });

  it("waits as long as the holder says where that is longer", async () => {
    const { clock, server, terms } = candidate("a");
    const spec = { holderIdentity: "b", leaseDurationSeconds: 60, renewTime: "2026-01-01T00:00:00.000000Z" };
    server.objects.set("ns/leader", { metadata: { ...LEASE, resourceVersion: "1" }, spec });
    await clock.advance(60_000);
    assert.deepEqual(terms, []);
    await clock.advance(4000);
    assert.deepEqual(terms, ["begun"]);
  });

  it("stops leading when somebody else holds the Lease", async () => {
    const { clock, server, terms, election } = candidate("a");
    await settle();
    const known = server.objects.get("ns/leader") ?? assert.fail();
    const spec = { ...(known["spec"] as object), holderIdentity: "b" };
    server.objects.set("ns/leader", { ...known, metadata: { ...known.metadata, resourceVersion: "99" }, spec });
    await clock.advance(2000);
    assert.equal(election.isLeader(), false);
    assert.deepEqual(terms, ["begun", "ended"]);
    assert.deepEqual(server.objects.get("ns/leader")?.["spec"], spec);
  });

  it("goes on leading where the answer to a renewal was lost, or the Lease was deleted", async () => {
    const { clock, server, terms } = candidate("a");
    await settle();
    const known = server.objects.get("ns/leader") ?? assert.fail();
    server.objects.set("ns/leader", { ...known, metadata: { ...known.metadata, resourceVersion: "99" } });
    await clock.advance(2000);
    server.objects.clear();
    await clock.advance(2000);
    assert.equal(server.objects.has("ns/leader"), true);
    assert.deepEqual(terms, ["begun"]);
  });

  it("says when a renewal gets no answer, and lives through one", async () => {
    let unanswered = 0;
    const { clock, server, terms } = candidate("a", {
      unanswered: () => {
        unanswered += 1;
      },
    });
    await settle();
    server.state.failure = AWAY;
    await clock.advance(4000);
    assert.equal(unanswered, 2);
    server.state.failure = undefined;
    await clock.advance(20_000);
    assert.equal(unanswered, 2);
    assert.deepEqual(terms, ["begun"]);
  });

  it("is not a leader whose first answer came too late", async () => {
    const parts = candidate("a");
    const late = Promise.withResolvers<void>();
    parts.server.state.late = late.promise;
    await parts.clock.advance(1000);
    await parts.clock.advance(11_000);
    late.resolve();
    await settle();
    assert.equal(parts.election.isLeader() && parts.terms.length > 1, false);
    await parts.clock.advance(0);
    assert.deepEqual(parts.terms, ["begun", "ended"]);
  });

  it("waits before it leads again when its work fails", async () => {
    const clock = fakeClock();
    const { client } = standInObjects();
    const said: string[] = [];
    let terms = 0;
    const election = leaderElection({ client, lease: LEASE, identity: "a", clock, report: (text) => said.push(text) });
    const stopping = new AbortController();
    const run = election.run(async () => {
      terms += 1;
      throw new Error("no work");
    }, stopping.signal);
    await settle();
    assert.equal(terms, 1);
    await clock.advance(1999);
    assert.equal(terms, 1);
    await clock.advance(1);
    assert.equal(terms, 2);
    assert(said.includes("the leader's work failed: Error: no work"));
    stopping.abort();
    await run;
  });
});
