import assert from "node:assert/strict";
import { chmod, rename, rm, writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { digestOf } from "../../../agent/gateway/key-file.ts";
import { mayUse } from "../../../agent/gateway/key-grant.ts";
import { type KeyGrant, type KeyRing, keyRing, keysInFile } from "../../../agent/gateway/keys.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

const KEY = "sk-Zq7Wk0XvR4tYb2Nm";
const OTHER = "sk-Hd83jfLq0pTtGv5c";
const bearer = (key: string): IncomingHttpHeaders => ({ authorization: `Bearer ${key}` });

const MODEL = { name: "lab/gemma-3", aliases: ["gpt-4o", "default/small"], id: workloadId("lab/gemma-3") };
const ALLOWED: readonly (readonly [readonly string[] | undefined, boolean])[] = [
  [undefined, true],
  [["*"], true],
  [["gemma-3"], true],
  [["lab/gemma-3"], true],
  [["lab/*"], true],
  [["gemma-*"], true],
  [["gpt-4o"], true],
  [["default/small"], true],
  [["other", "gemma-3"], true],
  [["gemma"], false],
  [["default/*"], false],
  [["default/gemma-3"], false],
  [["gpt-*"], false],
  [["lab"], false],
  [["Gemma-3"], false],
];

describe("the models of a key", () => {
  for (const [allowed, expected] of ALLOWED) {
    it(`${JSON.stringify(allowed)} ${expected ? "hold" : "do not hold"} the model`, () => {
      assert.equal(mayUse(allowed, MODEL), expected);
    });
  }
});

describe("the ring of keys", () => {
  let path = "";
  let ring: KeyRing;
  const write = async (...entries: readonly object[]) => {
    await writeFile(`${path}.new`, JSON.stringify(entries), { mode: 0o600 });
    await rename(`${path}.new`, path);
    await ring.look();
  };
  const kindOf = (headers: IncomingHttpHeaders) => ring.check(headers).kind;
  const granted = (key: string): KeyGrant => {
    const answer = ring.check(bearer(key));
    assert(answer.kind === "ok");
    return answer.key;
  };
  beforeEach(async () => {
    path = join(await temporaryDirectory(), "keys.yaml");
    ring = keysInFile(path, () => performance.now());
  });

  it("lets in whoever has a key, in either header", async () => {
    assert.equal(kindOf(bearer(KEY)), "wrong");
    await write({ name: "a", key: KEY }, { name: "b", key: OTHER });
    assert.deepEqual([granted(KEY).name, granted(OTHER).name], ["a", "b"]);
    assert.equal(kindOf({ authorization: `bearer  ${KEY}` }), "ok");
    assert.equal(kindOf({ "x-api-key": KEY }), "ok");
    assert.equal(kindOf({ ...bearer(`${KEY}x`), "x-api-key": KEY }), "wrong");
    for (const none of [{}, { authorization: `Basic ${KEY}` }, { authorization: "Bearer" }, { "x-api-key": "" }]) {
      assert.equal(kindOf(none), "missing");
    }
    for (const wrong of [KEY.slice(1), KEY.toLowerCase(), `${KEY},${KEY}`, "é".repeat(5000)]) {
      const answer = ring.check(bearer(wrong));
      assert.ok(answer.kind === "wrong" && !answer.message.includes(wrong));
    }
  });

  it("follows the file, and keeps the last good keys while it is of no use", async () => {
    await ring.look();
    assert.match(ring.problem() ?? "", /cannot be read \(ENOENT\); no key is let in until then$/);
    await write({ name: "a", key: KEY });
    assert.equal(ring.problem(), undefined);
    await chmod(path, 0o644);
    await ring.look();
    assert.match(ring.problem() ?? "", /run chmod 600 on it; the keys from before stay until then$/);
    assert.equal(kindOf(bearer(KEY)), "ok");
    await rm(path);
    await ring.look();
    assert.match(ring.problem() ?? "", /ENOENT/);
    assert.equal(kindOf(bearer(KEY)), "ok");
    await write({ name: "a", key: OTHER });
    assert.deepEqual([kindOf(bearer(KEY)), kindOf(bearer(OTHER)), ring.problem()], ["wrong", "ok", undefined]);
  });

  it("tells a request that waits what its key may do now", async () => {
    const model = (name: string) => ({ name, aliases: [], id: workloadId(name) });
    await write({ name: "a", key: KEY, models: ["gemma"] });
    const grant = granted(KEY);
    const uses = () => ["lab/gemma", "lab/phi"].map((name) => grant.mayUse(model(name)));
    assert.deepEqual([grant.isKnown(), ...uses()], [true, true, false]);
    await write({ name: "renamed", key: KEY, models: ["phi"] });
    assert.deepEqual([grant.isKnown(), ...uses()], [true, false, true]);
    await write({ name: "a", key: OTHER });
    assert.deepEqual([grant.isKnown(), ...uses()], [false, false, false]);
    await rm(path);
    await ring.look();
    assert.equal(grant.isKnown(), false);
    await write({ name: "a", key: KEY });
    assert.deepEqual([grant.isKnown(), ...uses()], [true, true, true]);
  });

  it("counts requests at once by name, whatever becomes of the file and the key", async () => {
    await write({ name: "a", key: KEY, requests: 2 });
    const [first, second] = [granted(KEY).begin(0), granted(KEY).begin(0)];
    assert(first.kind === "ok" && second.kind === "ok");
    const third = granted(KEY).begin(0);
    assert(third.kind === "busy");
    assert.match(third.message, /^the key a has 2 requests under way, and may have 2: /);
    await write({ name: "b", key: OTHER });
    await write({ name: "a", key: OTHER, requests: 2 });
    assert.equal(granted(OTHER).begin(0).kind, "busy");
    first.end(undefined, 0);
    first.end(undefined, 0);
    const fourth = granted(OTHER).begin(0);
    assert.equal(fourth.kind, "ok");
    assert.equal(granted(OTHER).begin(0).kind, "busy");
  });

  it("takes the tokens of a request at its end, and refuses until the debt is paid", async () => {
    await write({ name: "a", key: KEY, tokensPerMinute: 6000 });
    const request = (tokens: number | undefined, at: number) => {
      const admission = granted(KEY).begin(at);
      if (admission.kind === "ok") admission.end(tokens, at);
      return admission;
    };
    assert.equal(request(undefined, 0).kind, "ok");
    assert.equal(request(7000, 0).kind, "ok");
    const busy = request(1, 0);
    assert(busy.kind === "busy");
    assert.equal(busy.retryAfterMs, 10_001);
    assert.match(busy.message, /^the key a has used its 6000 tokens a minute: try again in 11 s$/);
    await write({ name: "a", key: OTHER, tokensPerMinute: 12_000 });
    const later = granted(OTHER).begin(5000);
    assert.equal(later.kind, "busy", "the debt stays, and is counted as of when it was made");
    assert.equal(granted(OTHER).begin(5001).kind, "ok");
  });

  it("keeps its keys, and says so, while the disk under the file hangs", async () => {
    const key = {
      name: "a",
      digest: digestOf(KEY),
      models: undefined,
      requests: undefined,
      tokensPerMinute: undefined,
    };
    const { promise: hanging, resolve: answer } = Promise.withResolvers<void>();
    let looks = 0;
    const read = async () => {
      looks += 1;
      if (looks === 2) await hanging;
      return { ok: true, value: [key] } as const;
    };
    ring = keyRing({ path, clock: () => performance.now(), hangsMs: 10, read });
    await ring.look();
    for (let again = 0; again < 3; again += 1) await ring.look();
    assert.match(ring.problem() ?? "", /keys.yaml does not answer: look at its disk; the keys from before stay until /);
    assert.deepEqual([kindOf(bearer(KEY)), looks], ["ok", 2]);
    answer();
    await new Promise(setImmediate);
    await ring.look();
    assert.deepEqual([ring.problem(), looks], [undefined, 3]);
  });

  it("is looked at by a runnable that ends at once", async () => {
    await writeFile(path, JSON.stringify([{ name: "a", key: KEY }]), { mode: 0o600 });
    const over = new AbortController();
    const running = ring.runnable.run(over.signal);
    while (kindOf(bearer(KEY)) !== "ok") await new Promise((resolve) => setTimeout(resolve, 5));
    over.abort();
    await running;
  });
});
