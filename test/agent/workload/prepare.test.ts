import assert from "node:assert/strict";
import type { StoredModel } from "../../../agent/store/store.ts";
import { type ModelAccess, type Preparation, prepare } from "../../../agent/workload/prepare.ts";
import { fail, ok } from "../../../api/result.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { resolveBudget } from "../../../memory/budget.ts";
import { sumOf } from "../../../memory/estimate/estimate.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { aWorkload, fields } from "../samples.ts";

const GIB = 2 ** 30;
const stored: StoredModel = { state: "ready", path: "/m.gguf" };

/**
 * The vectors of docs/background/llmkube.md, "Conformance vectors", that are about admission: outcomes, in LLMKube's
 * words.
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
    const resources: ModelAccess = {
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

  it("is fetched only once it fits", () => {
    const looks: string[] = [];
    prepared(gemma, { memoryBudget: "1Mi" }, { state: "absent" }, looks);
    assert.deepEqual(looks, ["look"]);
    const fetching = prepared(gemma, { memoryBudget: "1Gi" }, { state: "working", message: "42%" }, looks);
    assert(fetching.stage === "fetching");
    assert.equal(fetching.message, "42%");
    assert.deepEqual(looks, ["look", "look", "fetch"]);
    assert.equal(prepared(gemma, { memoryBudget: "1Gi" }, { state: "failed", error: "no" }).stage, "failed");
  });
});
