import assert from "node:assert/strict";
import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Identity, openIdentity } from "../../../agent/node/identity.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { type StandInApi, standInApi } from "./stand-in-api.ts";
import { aToken, HOUR, ISSUED } from "./tokens.ts";

describe("the identity of a Mac", () => {
  let folder: string;
  let api: StandInApi;
  let given: string | undefined;
  let used: string[];
  let over: AbortController;
  let running: Promise<void> | undefined;

  const begin = async (now: number): Promise<Identity> => {
    const identity = await openIdentity({
      ...{ client: api.client, stateDirectory: folder, clock: () => performance.now(), wall: () => now },
      givenToken: async () => given,
      useToken: (token) => used.push(token),
    });
    running = identity.runnable.run(over.signal);
    return identity;
  };
  const end = async () => {
    over.abort();
    await running;
    over = new AbortController();
  };
  const answered = (token: string) => () =>
    ({ ok: true, value: { metadata: { name: "mac-mac-1" }, status: { token } } }) as const;
  const kept = () => readFile(join(folder, "token.json"), "utf8");

  beforeEach(async () => {
    folder = await temporaryDirectory();
    api = standInApi();
    over = new AbortController();
    [given, used] = [aToken(), []];
  });
  afterEach(end);

  it("leaves a young token as it is", async () => {
    const identity = await begin((ISSUED + HOUR) * 1000);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([api.requests, used, identity.problems()], [[], [], []]);
  });

  it("renews one at two thirds of its life, keeps it for its user alone, and begins with it the next time", async () => {
    const next = aToken({ iat: ISSUED + 17 * HOUR, exp: ISSUED + 41 * HOUR });
    api.posted = answered(next);
    await begin((ISSUED + 17 * HOUR) * 1000);
    await untilTrue(
      "it uses the new one",
      () => used,
      ({ length }) => length > 0,
      { everyMs: 5 },
    );
    await untilTrue("it is kept", kept, (text) => text.includes(next), { everyMs: 5 });
    assert.equal((await stat(join(folder, "token.json"))).mode & 0o777, 0o600);
    await end();
    used = [];
    await begin((ISSUED + 18 * HOUR) * 1000);
    assert.deepEqual(used, [next]);
    assert.deepEqual(api.requests, ["post token"]);
  });

  it("takes the kubeconfig that a person has put there, and forgets what it kept", async () => {
    const next = aToken({ iat: ISSUED + 17 * HOUR, exp: ISSUED + 41 * HOUR });
    api.posted = answered(next);
    await begin((ISSUED + 17 * HOUR) * 1000);
    await untilTrue("it is kept", kept, (text) => text.includes(next), { everyMs: 5 });
    await end();
    given = aToken({ iat: ISSUED + 20 * HOUR, exp: ISSUED + 44 * HOUR });
    used = [];
    await begin((ISSUED + 21 * HOUR) * 1000);
    assert.deepEqual(used, []);
  });

  const refusals = [
    [
      "expired",
      "unauthorized",
      401,
      /no longer takes the token of this Mac .*put a new kubeconfig of LlmNode in its place/,
    ],
    [
      "lacks a right",
      "forbidden",
      403,
      /cannot renew itself: ServiceAccount pulumi-llmkube\/mac-mac-1 lacks the right to create/,
    ],
  ] as const;
  for (const [what, kind, status, says] of refusals) {
    it(`says in one sentence what to do where it ${what}, and does not ask again at once`, async () => {
      api.failures.push({ kind, status });
      const identity = await begin((ISSUED + 30 * HOUR) * 1000);
      const problems = await untilTrue(
        "it says so",
        () => identity.problems(),
        ({ length }) => length > 0,
        { everyMs: 5 },
      );
      assert.match(problems.join(), says);
      assert(!problems.join().includes(aToken().slice(0, 12)));
      assert.deepEqual(api.requests, ["post token"]);
    });
  }

  it("waits in silence for a cluster that is away", async () => {
    api.failures.push({ kind: "unavailable" });
    const identity = await begin((ISSUED + 17 * HOUR) * 1000);
    await untilTrue(
      "it has asked",
      () => api.requests,
      ({ length }) => length > 0,
      { everyMs: 5 },
    );
    assert.deepEqual(identity.problems(), []);
  });

  it("has nothing to renew where the kubeconfig has no token of a ServiceAccount", async () => {
    given = "a-token-of-somebody";
    const identity = await begin(0);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([api.requests, used, identity.problems()], [[], [], []]);
  });
});
