import assert from "node:assert/strict";
import { contextAboveTraining } from "../../../policies/rules/context-above-training.ts";
import { memoryFits } from "../../../policies/rules/memory-fits.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { preview, type Registered } from "../analyse.ts";
import { model, service } from "../manifests.ts";

/** One program renders the same names for two Macs, each with a provider that writes to its own folder. */
describe("Models of two providers", () => {
  let source: string;

  before(async () => {
    source = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
  });

  function modelOn(mac: string, memoryBudget: string): Registered {
    const inputs = model({ source, hardware: { accelerator: "metal", memoryBudget } });
    return { inputs, as: { name: `${mac}-gemma`, provider: mac } };
  }

  function serviceOn(mac: string): Registered {
    return { inputs: service({ contextSize: 32768 }), as: { name: `${mac}-gemma`, provider: mac } };
  }

  const small = () => modelOn("small", "1100Mi");
  const large = () => modelOn("large", "64Gi");
  const orders: ReadonlyArray<readonly [what: string, resources: () => readonly Registered[]]> = [
    ["each service after its Model", () => [small(), serviceOn("small"), large(), serviceOn("large")]],
    ["the Models first, the small one ahead", () => [small(), large(), serviceOn("small"), serviceOn("large")]],
    ["the Models first, the large one ahead", () => [large(), small(), serviceOn("large"), serviceOn("small")]],
    ["the services in the other order", () => [large(), small(), serviceOn("small"), serviceOn("large")]],
    ["the services first", () => [serviceOn("large"), serviceOn("small"), small(), large()]],
    [
      "the large one whole, then the small one's service first",
      () => [large(), serviceOn("large"), serviceOn("small"), small()],
    ],
  ];
  for (const [what, resources] of orders) {
    it(`holds each service to the Model of its own provider: ${what}`, async () => {
      const reports = await preview({ rules: [memoryFits] }, resources());
      const refusals = reports.filter((text) => text.startsWith("memory-fits"));
      assert.equal(refusals.length, 1, refusals.join("\n"));
      assert.match(refusals[0] ?? "", /Model default\/gemma does not fit: .*budget 1\.0 GiB/);
      const early = reports.filter((text) => text.includes("was not registered before it"));
      assert.equal(
        early.length,
        resources()[0] && what.includes("services first") ? 2 : what.includes("service first") ? 1 : 0,
      );
    });
  }

  const siblings: ReadonlyArray<readonly [what: string, small: string | undefined, large: string | undefined]> = [
    ["an explicit and a default provider", "small", "default_4_24_0"],
    ["a default provider and none that is shown", "default", undefined],
  ];
  for (const [what, first, second] of siblings) {
    it(`holds each service to its own Model with ${what}, in each order`, async () => {
      const of = (inputs: object, provider: string | undefined, name: string): Registered => ({
        inputs,
        as: { name, ...(provider !== undefined && { provider }) },
      });
      const models = [of(budgeted("1100Mi"), first, "small"), of(budgeted("64Gi"), second, "large")];
      const services = [
        of(service({ contextSize: 32768 }), first, "small"),
        of(service({ contextSize: 32768 }), second, "large"),
      ];
      for (const resources of [
        [...models, ...services],
        [...models.toReversed(), ...services],
        [...services, ...models],
      ]) {
        assert.equal((await refusalsOf(resources)).length, 1);
      }
    });
  }

  it("keeps two namespaces of one provider apart", async () => {
    const inNamespace = (inputs: { metadata: object }, namespace: string): Registered => ({
      inputs: { ...inputs, metadata: { ...inputs.metadata, namespace } },
      as: { name: namespace, provider: "studio" },
    });
    const resources = [
      inNamespace(budgeted("1100Mi"), "small"),
      inNamespace(budgeted("64Gi"), "large"),
      inNamespace(service({ contextSize: 32768 }), "large"),
      inNamespace(service({ contextSize: 32768 }), "small"),
    ];
    const refusals = await refusalsOf(resources);
    assert.equal(refusals.length, 1, refusals.join());
    assert.match(refusals[0] ?? "", /Model small\/gemma does not fit/);
  });

  it("takes default providers of two versions of the package for one, as they have one configuration", async () => {
    const resources: readonly Registered[] = [
      { inputs: budgeted("1100Mi"), as: { name: "gemma", provider: "default_4_24_0" } },
      { inputs: service({ contextSize: 32768 }), as: { name: "gemma", provider: "default_4_23_1" } },
    ];
    assert.equal((await refusalsOf(resources)).length, 1);
  });

  function budgeted(memoryBudget: string) {
    return model({ source, hardware: { accelerator: "metal", memoryBudget } });
  }

  async function refusalsOf(resources: readonly Registered[]): Promise<readonly string[]> {
    const reports = await preview({ rules: [memoryFits] }, resources);
    return reports.filter((text) => text.startsWith("memory-fits"));
  }

  it("takes no Model of another provider for a service's own", async () => {
    const [report = "", ...more] = await preview({ rules: [memoryFits] }, [small(), serviceOn("large")]);
    assert.match(
      report,
      /^memory-notes: InferenceService default\/gemma: Model default\/gemma was not registered before it/,
    );
    assert.deepEqual(more, []);
  });

  it("checks at the end what other rules say of a service that came first, and names it", async () => {
    const reports = await preview({ rules: [contextAboveTraining] }, [
      { inputs: service({ contextSize: 200000 }), as: { name: "early" } },
      model({ source }),
    ]);
    assert.equal(reports.length, 2, reports.join("\n"));
    assert.match(
      reports[1] ?? "",
      /^context-above-training: urn:.*InferenceService::early: InferenceService default\/gemma: /,
    );
  });
});
