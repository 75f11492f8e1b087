import assert from "node:assert/strict";
import { GiB } from "../../../api/bytes.ts";
import { fail, ok } from "../../../api/result.ts";
import { type Admission, admitService, admittedReplicas, type ToAdmit } from "../../../controller/plan/admission.ts";
import { advise } from "../../../memory/advice.ts";
import { estimateServed } from "../../../memory/served.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { SETTINGS } from "../../support/settings.ts";
import { mac, model, needing } from "./objects.ts";

function admit(gib: number, hardware: object, macs: ToAdmit["macs"]): Admission {
  return admitService({ model: model(hardware), estimate: ok(needing(gib * GiB)), macs });
}

function said(admission: Admission): string {
  return admission.kind === "admitted" ? "admitted" : `${admission.reason}: ${admission.message}`;
}

describe("admitService", () => {
  const small = mac("small", 16);
  const large = mac("large", 64);
  const table: readonly (readonly [
    gib: number,
    hardware: object,
    macs: ToAdmit["macs"],
    says: string,
    fleet?: boolean,
  ])[] = [
    [6, {}, [small], "admitted"],
    [6, {}, [], "admitted"],
    [6, { memoryBudget: "6Gi" }, [small], "admitted"],
    [
      6,
      { memoryBudget: "5Gi" },
      [small],
      "InsufficientMemory: estimated 6.0 GiB required, budget 5.0 GiB (absolute from CRD), 1.0 GiB short",
    ],
    [
      6,
      { memoryBudget: "5Gi" },
      [],
      "InsufficientMemory: estimated 6.0 GiB required, budget 5.0 GiB (absolute from CRD), 1.0 GiB short",
    ],
    [6, { memoryBudget: "6Gi", memoryFraction: 0.01 }, [small], "admitted"],
    [8, { memoryFraction: 0.5 }, [small], "admitted"],
    [
      9,
      { memoryFraction: 0.5 },
      [small],
      "InsufficientMemory: estimated 9.0 GiB required, budget 8.0 GiB (16.0 GiB total * 50%), 1.0 GiB short, on small, the only Mac",
      true,
    ],
    [9, { memoryFraction: 0.5 }, [small, large], "admitted"],
    [
      40,
      { memoryFraction: 0.5 },
      [small, large],
      "InsufficientMemory: estimated 40.0 GiB required, budget 32.0 GiB (64.0 GiB total * 50%), 8.0 GiB short, on large, the best of 2 Macs",
      true,
    ],
    [
      50,
      { memoryBudget: "64Gi" },
      [small, large],
      "InsufficientMemory: estimated 50.0 GiB required, all models of the Mac together get 42.8 GiB, 7.1 GiB short, on large, the best of 2 Macs",
      true,
    ],
    // A fraction that is more than all models together get.
    [
      12,
      { memoryFraction: 0.9 },
      [small],
      "InsufficientMemory: estimated 12.0 GiB required, all models of the Mac together get 10.7 GiB, 1.2 GiB short, on small, the only Mac",
      true,
    ],
    [
      6,
      { memoryFraction: 0.5 },
      [{ ...small, memoryMiB: undefined }],
      "InsufficientMemory: estimated 6.0 GiB required, all models of the Mac together get 0 B, 6.0 GiB short, on small, the only Mac",
      true,
    ],
  ];
  for (const [gib, hardware, macs, says, dependsOnFleet = false] of table) {
    it(`${gib} GiB, ${JSON.stringify(hardware)}, ${macs.length} Macs: ${says}`, () => {
      const admission = admit(gib, hardware, macs);
      assert.equal(said(admission), says);
      if (admission.kind === "refused") assert.equal(admission.dependsOnFleet, dependsOnFleet);
    });
  }

  it("refuses a need that is not known, however much room there is", () => {
    const unread = admitService({ model: model(), estimate: fail("the server answered 401"), macs: [large] });
    assert.equal(said(unread), "MemoryCheckFailed: the server answered 401");
    const base = { architecture: "novel", fileBytes: 1, weightsBytes: 1 };
    const unknown = { ...base, confidence: "unknown", notes: ["no rule for novel"] } as const;
    assert.equal(
      said(admitService({ model: model(), estimate: ok(unknown), macs: [large] })),
      "MemoryCheckFailed: the memory need is unknown (no rule for novel)",
    );
  });

  it("says what would fit, in the words of the preview", async () => {
    const served = { header: await gemmaHeader() };
    const settings = { ...SETTINGS, contextSize: 32_768 };
    const estimate = estimateServed(served, settings);
    const tight = model({ memoryBudget: "350Mi" });
    const admission = admitService({ model: tight, estimate, advice: { served, settings }, macs: [large] });
    assert.equal(admission.kind, "refused");
    const context = advise(served, settings, 350 * 2 ** 20).maxContextSize;
    assert.match(said(admission), new RegExp(`short\\. .*a context of ${context} tokens`));
  });
});

describe("admittedReplicas", () => {
  const admitted = admit(1, {}, []);
  const refused = admit(2, { memoryBudget: "1Gi" }, []);
  const table: readonly (readonly [
    admission: Admission | undefined,
    wanted: number,
    onMacs: number,
    replicas: number,
  ])[] = [
    [admitted, 2, 0, 2],
    [admitted, 0, 2, 0],
    [refused, 2, 0, 0],
    [refused, 2, 1, 1],
    [refused, 2, 3, 2],
    [refused, 0, 3, 0],
    [undefined, 2, 1, 1],
  ];
  for (const [admission, wanted, onMacs, replicas] of table) {
    it(`${admission?.kind ?? "undecided"}, ${wanted} wanted, ${onMacs} on Macs: ${replicas}`, () => {
      assert.equal(admittedReplicas(admission, wanted, onMacs), replicas);
    });
  }
});
