import assert from "node:assert/strict";
import { serverFlags } from "../../../agent/llama-server/flags.ts";
import type { ServerView } from "../../../agent/llama-server/installed.ts";
import type { StoredModel } from "../../../agent/store/stored.ts";
import {
  type CheckFit,
  type Preparation,
  type PrepareAccess,
  prepare,
  preparer,
} from "../../../agent/workload/prepare.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { workloadId } from "../../../agent/workload/workload-id.ts";
import { fail, ok, type Result } from "../../../api/result.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { resolveBudget } from "../../../memory/budget.ts";
import { sumOf } from "../../../memory/estimate/estimate.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { aWorkload, fields, options } from "../samples.ts";

const GIB = 2 ** 30;
const stored: StoredModel = { state: "ready", path: "/m.gguf" };
const server = (): ServerView => ({ state: "usable", options });

/**
 * The vectors of docs/background/llmkube.md, "Conformance vectors", that are held by outcome, in LLMKube's words.
 */
describe("what a start needs", () => {
  let gemma: GgufHeader;

  before(async () => {
    gemma = await gemmaHeader();
  });

  const settings = { ...fields.settings, backend: "cpu", parallel: 1 } as const;
  const prepared = (
    header: GgufHeader | string,
    budget: Parameters<typeof resolveBudget>[0],
    model: StoredModel = stored,
    looks: string[] = [],
  ): Preparation => {
    const resolved = resolveBudget(budget);
    assert(resolved.ok);
    const resources: PrepareAccess = {
      server,
      header: () => ({ state: "read", header: typeof header === "string" ? fail(header) : ok(header) }),
      stored: (_, intent) => {
        looks.push(intent);
        return model;
      },
    };
    return prepare(aWorkload({ fields: { ...fields, settings }, budget: resolved.value }), resources);
  };

  it("a 100 GiB model on 8 GiB x .75: InsufficientMemory", () => {
    const tensors = Array.from({ length: 450 }, () => gemma.tensors).flat();
    const huge = { ...gemma, tensors, fileBytes: gemma.fileBytes * 450 };
    const result = prepared(huge, { hostMemoryBytes: 8 * GIB, agentFraction: 0.75 });
    assert(result.stage === "refused");
    assert.equal(result.reason, "InsufficientMemory");
    assert.match(result.message, /^estimated \S+ GiB required, budget 6\.0 GiB \(8\.0 GiB total \* 75%\)/);
  });

  it("a size that cannot be known (HEAD 401, no length, an unreadable file): MemoryCheckFailed, and nothing is fetched", () => {
    const looks: string[] = [];
    const result = prepared("http://host/m: it answers 401", { memoryBudget: "24Gi" }, { state: "absent" }, looks);
    assert.deepEqual(result, {
      stage: "refused",
      reason: "MemoryCheckFailed",
      message: "http://host/m: it answers 401",
      kind: "invalid",
    });
    assert.deepEqual(looks, ["look"]);
  });

  it("a header that lacks what its architecture needs: MemoryCheckFailed, however large the budget", () => {
    const metadata = new Map(gemma.metadata).set("general.architecture", "unheard-of");
    const result = prepared({ ...gemma, metadata }, { memoryBudget: "1Ti" });
    assert(result.stage === "refused");
    assert.equal(result.reason, "MemoryCheckFailed");
  });

  it("fits to the byte, and one byte less does not", () => {
    const fitting = prepared(gemma, { memoryBudget: "1Gi" });
    assert(fitting.stage === "ready");
    const { estimateBytes, estimateParts } = fitting;
    assert.equal(sumOf(estimateParts), estimateBytes);
    assert(estimateParts["weights"] !== undefined && estimateParts["kv"] !== undefined);
    assert.equal(prepared(gemma, { memoryBudget: String(estimateBytes) }).stage, "ready");
    const short = prepared(gemma, { memoryBudget: String(estimateBytes - 1) });
    assert(short.stage === "refused");
    assert.equal(short.estimateBytes, estimateBytes);
    assert.match(short.message, /What would fit: .*a budget of at least \d+Mi/);
  });

  it("estimates and starts a tied model on a Mac with its table once where the binary can be told, else with it twice", () => {
    const onMetal = {
      ...fields,
      settings: { ...settings, backend: "metal", loadMode: "none" },
      deviceName: "MTL0",
    } as const;
    const preparedBy = (known: ReadonlySet<string>) => {
      const access: PrepareAccess = {
        server: () => ({ state: "usable", options: known }),
        header: () => ({ state: "read", header: ok(gemma) }),
        stored: () => stored,
      };
      const result = prepare(aWorkload({ fields: onMetal }), access);
      assert(result.stage === "ready");
      return { copy: result.estimateParts["tiedCopy"], flags: serverFlags(onMetal, result.paths, known) };
    };
    const able = preparedBy(options);
    assert.equal(able.copy, 0);
    assert(able.flags.includes("--override-tensor"));
    const older = preparedBy(new Set([...options].filter((option) => option !== "--override-tensor")));
    assert.equal(Math.round((older.copy ?? 0) / 2 ** 20), 170);
    assert(!older.flags.includes("--override-tensor"));
  });

  it("says of what kind a failure is, and when to come back; a model that is merely too large is none", () => {
    const kindOf = (preparation: Preparation) =>
      "kind" in preparation ? [preparation.kind, preparation.retryAfterMs] : undefined;
    const access = (header: Result<GgufHeader>, model: StoredModel): PrepareAccess => ({
      server,
      header: () => ({ state: "read", header }),
      stored: () => model,
    });
    const workload = aWorkload({ fields: { ...fields, settings } });
    const throttled = fail("it answers 429", "throttled", 3_600_000);
    assert.deepEqual(kindOf(prepare(workload, access(throttled, stored))), ["throttled", 3_600_000]);
    const notStored: StoredModel = { state: "failed", failure: fail("the disk is full", "no-space") };
    assert.deepEqual(kindOf(prepare(workload, access(ok(gemma), notStored))), ["no-space", undefined]);
    const unknown = { ...gemma, metadata: new Map(gemma.metadata).set("general.architecture", "unheard-of") };
    const refused = prepare(workload, access(ok(unknown), stored));
    assert(refused.stage === "refused");
    assert.deepEqual([refused.reason, refused.kind], ["MemoryCheckFailed", "unsupported"]);
    assert.equal(kindOf(prepared(gemma, { memoryBudget: "1Mi" })), undefined);
  });

  it("hands the manifest's version on, so that a change of it is a reason to try again", () => {
    const seen: (string | undefined)[] = [];
    const access: PrepareAccess = {
      server,
      header: (_, revision) => {
        seen.push(revision);
        return { state: "read", header: ok(gemma) };
      },
      stored: (_, intent, revision) => {
        if (intent === "fetch") seen.push(revision);
        return stored;
      },
    };
    const revisionOf = (part: Partial<Workload>) => {
      seen.length = 0;
      prepare(aWorkload({ fields: { ...fields, settings }, ...part }), access);
      assert.equal(new Set(seen).size, 1);
      return seen[0];
    };
    const one = revisionOf({ specHash: "a" });
    assert.equal(revisionOf({ specHash: "a" }), one);
    assert.notEqual(revisionOf({ specHash: "b" }), one);
    assert.notEqual(revisionOf({ specHash: "a", budget: { bytes: 2 ** 31, source: "crd-budget" } }), one);
  });

  describe("kept from one look to the next", () => {
    const need = { estimateBytes: 1, estimateParts: { weights: 1 } };
    let checks: number;
    let access: PrepareAccess;
    let header: GgufHeader;

    beforeEach(() => {
      checks = 0;
      header = gemma;
      access = { server, header: () => ({ state: "read", header: ok(header) }), stored: () => stored };
    });

    const counting: CheckFit = () => {
      checks += 1;
      return need;
    };
    const workload = (part: Partial<Workload> = {}) =>
      aWorkload({
        fields: { ...fields, settings: { ...settings } },
        budget: { bytes: 1, source: "adaptive-default" },
        ...part,
      });

    it("is computed once for a workload that is the same", () => {
      const { prepare: look } = preparer(access, counting);
      for (let tick = 0; tick < 100; tick += 1) assert.equal(look(workload()).stage, "ready");
      assert.equal(checks, 1);
    });

    it("is computed again when the header, the settings or the budget change, and back", () => {
      const { prepare: look } = preparer(access, counting);
      const changes: readonly (() => Workload)[] = [
        workload,
        () => workload({ fields: { ...fields, settings: { ...settings, contextSize: 8192 } } }),
        () => workload({ budget: { bytes: 2, source: "adaptive-default" } }),
        () => workload({ budget: { bytes: 2, source: "crd-budget" } }),
        () => {
          header = { ...gemma };
          return workload({ budget: { bytes: 2, source: "crd-budget" } });
        },
        () => workload({ mmproj: { source: "/mmproj.gguf", sha256: undefined } }),
        workload,
      ];
      for (const [index, change] of changes.entries()) {
        const changed = change();
        for (let tick = 0; tick < 3; tick += 1) look(changed);
        assert.equal(checks, index + 1);
      }
    });

    it("is each workload's own, and forgotten with it", () => {
      const { prepare: look, keepOnly } = preparer(access, counting);
      const [old, next] = [workload({ id: workloadId("uid-1") }), workload({ id: workloadId("uid-2") })];
      for (let tick = 0; tick < 3; tick += 1) for (const each of [old, next]) look(each);
      assert.equal(checks, 2);
      keepOnly(new Set([next.id]));
      look(next);
      assert.equal(checks, 2);
      look(old);
      assert.equal(checks, 3);
    });

    it("follows a header that fails or changes, and a download that goes on", () => {
      let view: StoredModel = { state: "working", message: "1%" };
      let read: Result<GgufHeader> = ok(gemma);
      access = { server, header: () => ({ state: "read", header: read }), stored: () => view };
      const { prepare: look } = preparer(access);
      const large = workload({ budget: { bytes: 2 ** 30, source: "adaptive-default" } });
      assert.equal(look(large).stage, "fetching");
      view = stored;
      assert.equal(look(large).stage, "ready");
      read = fail("it answers 404", "not-found");
      assert.equal(look(large).stage, "refused");
      read = ok(gemma);
      assert.equal(look(large).stage, "ready");
      assert.deepEqual(look(large), prepare(large, access));
    });
  });

  describe("from the llama-server on the disk", () => {
    const access = (view: ServerView): PrepareAccess => ({
      server: () => view,
      header: () => ({ state: "read", header: ok(gemma) }),
      stored: () => stored,
    });
    const prepareFor = (view: ServerView, part: Partial<Workload["fields"]> = {}, more: Partial<Workload> = {}) =>
      prepare(aWorkload({ fields: { ...fields, settings, ...part }, ...more }), access(view));

    it("is waited for while it is asked what it supports", () => {
      const waiting = prepareFor({ state: "asking", message: "asking" });
      assert.deepEqual(waiting, { stage: "reading", message: "asking" });
    });

    it("is refused, with its reason, where it cannot be run", () => {
      const failure = fail("llama-server --help failed (134): Library not loaded", "unreachable");
      const refused = prepareFor({ state: "unusable", failure });
      assert(refused.stage === "refused");
      assert.deepEqual([refused.reason, refused.message], ["LlamaServerUnusable", failure.error]);
    });

    const unsupported: readonly (readonly [
      part: Partial<Workload["fields"]>,
      more: Partial<Workload>,
      says: RegExp,
    ])[] = [
      [{ extraArgs: ["--top-k", "4"] }, {}, /^spec\.extraArgs: this llama-server does not support --top-k: remove it$/],
      [
        { speculation: { type: "draft-simple", draftModelRef: "small", draftTokens: 5, pMin: undefined } },
        { draft: { source: "/small.gguf", sha256: undefined } },
        /^spec\.speculativeDecoding: this llama-server does not support --spec-type: update llama\.cpp$/,
      ],
    ];
    for (const [part, more, says] of unsupported) {
      it(`is refused where it lacks what ${Object.keys(part).join()} needs`, () => {
        const refused = prepareFor({ state: "usable", options }, part, more);
        assert(refused.stage === "refused");
        assert.equal(refused.reason, "InvalidSpec");
        assert.match(refused.message, says);
      });
    }
  });

  it("says what it waits for where a disk hangs", () => {
    const message = "looking at /Volumes/x/m.gguf has taken more than 10 s: its disk may be away";
    const hanging = { state: "looking", message } as const;
    const reading: PrepareAccess = { server, header: () => ({ state: "reading", message }), stored: () => stored };
    const header = () => ({ state: "read", header: ok(gemma) }) as const;
    const storing: PrepareAccess = { server, header, stored: () => hanging };
    const fetching: PrepareAccess = { server, header, stored: (_, intent) => (intent === "fetch" ? hanging : stored) };
    for (const access of [reading, storing, fetching]) {
      const workload = aWorkload({ fields: { ...fields, settings } });
      assert.deepEqual(prepare(workload, access), { stage: "reading", message });
    }
  });

  it("is fetched only once it fits", () => {
    const looks: string[] = [];
    prepared(gemma, { memoryBudget: "1Mi" }, { state: "absent" }, looks);
    assert.deepEqual(looks, ["look"]);
    const fetching = prepared(gemma, { memoryBudget: "1Gi" }, { state: "working", message: "42%" }, looks);
    assert(fetching.stage === "fetching");
    assert.equal(fetching.message, "42%");
    assert.deepEqual(looks, ["look", "look", "fetch"]);
    assert.equal(prepared(gemma, { memoryBudget: "1Gi" }, { state: "failed", failure: fail("no") }).stage, "failed");
  });
});
