import assert from "node:assert/strict";
import fc from "fast-check";
import { GiB, MiB } from "../../api/bytes.ts";
import { resolveBudget } from "../../memory/budget.ts";
import { mismatch, type Term } from "../../memory/placement/demands.ts";
import { leastMemoryMiB, wholeMiB } from "../../memory/placement/least-memory.ts";
import { memoryTerms, mergedAffinity } from "../../serving/affinity.ts";
import { mac, service } from "../controller/plan/objects.ts";

const REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution";
const PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution";

describe("leastMemoryMiB", () => {
  const table: readonly (readonly [need: number, fraction: number, mebibytes: number])[] = [
    [12 * GiB, 0.75, 16 * 1024],
    [12 * GiB + 1, 0.75, 16 * 1024 + 1],
    [12 * GiB - 1, 0.75, 16 * 1024],
    [12 * GiB - MiB, 0.75, 16 * 1024 - 1],
    [GiB, 1, 1024],
    [GiB + 1, 1, 1025],
    [1, 1, 1],
    [0, 0.5, 0],
    [MiB, 0.5, 2],
    [MiB + 1, 0.5, 3],
    // trunc(17179869184 * 0.67) = 11510512353
    [11_510_512_353, 0.67, 16_384],
    [11_510_512_354, 0.67, 16_385],
    // trunc(17179869184 * 0.1) = 1717986918
    [1_717_986_918, 0.1, 16_384],
    [1_717_986_919, 0.1, 16_385],
  ];
  for (const [need, fraction, mebibytes] of table) {
    it(`${need} bytes at ${fraction} need ${mebibytes} MiB`, () => {
      assert.equal(leastMemoryMiB(need, fraction), mebibytes);
    });
  }

  it("is the least at which the agent's own arithmetic says that it fits", () => {
    const fraction = fc.double({ min: 0.001, max: 1, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 2 ** 40 }), fraction, (need, memoryFraction) => {
        const budget = (mebibytes: number) => {
          const answer = resolveBudget({ memoryFraction, hostMemoryBytes: mebibytes * MiB });
          return answer.ok ? answer.value.bytes : 0;
        };
        const least = leastMemoryMiB(need, memoryFraction);
        assert.ok(budget(least) >= need);
        assert.ok(least === 0 || budget(least - 1) < need);
      }),
    );
  });
});

describe("memoryTerms", () => {
  it("let a pod onto a Mac exactly where the agent there would say that it fits", () => {
    const memory = fc.integer({ min: 1, max: 1024 });
    const fraction = fc.double({ min: 0.01, max: 1, noNaN: true });
    fc.assert(
      fc.property(
        memory,
        fc.option(memory),
        fraction,
        fc.integer({ min: 1, max: 2 ** 30 }),
        (size, set, part, need) => {
          const labels = {
            "llmkube.dev/memory-mib": String(size),
            ...(set !== null && { "llmkube.dev/working-set-mib": String(set) }),
          };
          const terms = memoryTerms({ needBytes: need, fraction: part }) as readonly Term[];
          const host = mac("m", 16, { labels, taints: [] });
          const agent = resolveBudget({
            memoryFraction: part,
            hostMemoryBytes: size * MiB,
            workingSetBytes: set === null ? undefined : set * MiB,
          });
          const isLetIn = mismatch({ nodeSelector: {}, terms, tolerations: [] }, host) === undefined;
          assert.equal(isLetIn, agent.ok && agent.value.bytes >= need);
        },
      ),
    );
  });

  it("are none without a fraction", () => {
    assert.deepEqual(memoryTerms({ needBytes: GiB, fraction: undefined }), []);
  });
});

describe("mergedAffinity", () => {
  const needs = { needBytes: 12 * GiB, fraction: 0.75, weightsKey: "k" };
  const memory = { key: "llmkube.dev/memory-mib", operator: "Gt", values: ["16383"] };
  const set = { key: "llmkube.dev/working-set-mib", operator: "Gt", values: [String(wholeMiB(12 * GiB) - 1)] };
  const none = { key: "llmkube.dev/working-set-mib", operator: "DoesNotExist" };
  const ours = [{ matchExpressions: [memory, set] }, { matchExpressions: [memory, none] }];
  const weights = {
    weight: 100,
    preference: { matchExpressions: [{ key: "weights.llmkube.dev/k", operator: "Exists" }] },
  };
  const zone = (value: string) => ({ key: "zone", operator: "In", values: [value] });

  function merged(affinity: object | undefined, fraction: number | undefined = 0.75): object {
    const result = mergedAffinity(service(affinity === undefined ? {} : { affinity }).spec, { ...needs, fraction });
    if (!result.ok) throw new Error(result.error);
    return result.value;
  }

  it("asks for memory and prefers weights", () => {
    assert.deepEqual(merged(undefined), {
      nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: ours }, [PREFERRED]: [weights] },
    });
  });

  it("demands nothing without a fraction", () => {
    const result = mergedAffinity(service().spec, { ...needs, fraction: undefined });
    assert.deepEqual(result, { ok: true, value: { nodeAffinity: { [PREFERRED]: [weights] } } });
  });

  it("wants one of the service's own terms and one of ours", () => {
    const theirs = [
      { matchExpressions: [zone("a")] },
      { matchFields: [{ key: "metadata.name", operator: "In", values: ["m"] }] },
    ];
    const preferred = [{ weight: 1, preference: { matchExpressions: [zone("c")] } }];
    const podAffinity = { [PREFERRED]: [] };
    const result = merged({
      podAffinity,
      nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: theirs }, [PREFERRED]: preferred },
    });
    assert.deepEqual(result, {
      podAffinity,
      nodeAffinity: {
        [REQUIRED]: {
          nodeSelectorTerms: [
            { matchExpressions: [zone("a"), memory, set] },
            { matchExpressions: [zone("a"), memory, none] },
            { matchFields: theirs[1]?.matchFields, matchExpressions: [memory, set] },
            { matchFields: theirs[1]?.matchFields, matchExpressions: [memory, none] },
          ],
        },
        [PREFERRED]: [...preferred, weights],
      },
    });
  });

  it("lets an empty term go on to match nothing", () => {
    const empty = [{}, { matchExpressions: [] }];
    const result = merged({ nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: empty } } });
    assert.deepEqual(result, {
      nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: empty }, [PREFERRED]: [weights] },
    });
    const beside = merged({
      nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{}, { matchExpressions: [zone("a")] }] } },
    });
    assert.equal(JSON.stringify(beside).split('"zone"').length - 1, 2);
  });

  const bad: readonly object[] = [
    { nodeAffinity: "a" },
    { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [] } } },
    { nodeAffinity: { [REQUIRED]: {} } },
    { nodeAffinity: { [PREFERRED]: {} } },
    { nodeAffinity: { [REQUIRED]: { nodeSelectorTerms: [{ matchExpressions: "x" }] } } },
  ];
  for (const affinity of bad) {
    it(`refuses ${JSON.stringify(affinity)} with its place`, () => {
      const result = mergedAffinity(service({ affinity }).spec, needs);
      assert.ok(!result.ok);
      assert.match(result.error, /^spec\.affinity\.nodeAffinity\S* is not what Kubernetes knows as a pod's affinity/);
    });
  }
});
