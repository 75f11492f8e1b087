import assert from "node:assert/strict";
import { type ModelView, scopeOf } from "../../../controller/plan/scope.ts";
import { model, service } from "./objects.ts";

describe("scopeOf", () => {
  const metal = model();
  const drafting = { speculativeDecoding: { type: "draft-simple", draftModelRef: "small" } };
  const table: readonly (readonly [
    what: string,
    spec: object,
    model: ModelView,
    draft: ModelView | undefined,
    says: string,
  ])[] = [
    ["llamacpp on Metal", {}, metal, undefined, "ours"],
    ["another runtime", { runtime: "vllm" }, metal, undefined, "not ours"],
    ["another runtime without its Model", { runtime: "vllm" }, "absent", undefined, "not ours"],
    ["CUDA", {}, model({ accelerator: "cuda" }), undefined, "not ours"],
    ["no accelerator, which means the CPU", {}, model({ accelerator: undefined }), undefined, "not ours"],
    ["no Model", {}, "absent", undefined, "ModelNotFound: modelRef names Model team/llama, which does not exist"],
    [
      "an unreadable Model",
      {},
      "unreadable",
      undefined,
      "ModelUnreadable: modelRef names Model team/llama, whose manifest cannot be read: see kubectl get models.inference.llmkube.dev",
    ],
    [
      "a name with a namespace",
      { modelRef: "other/llama" },
      "absent",
      undefined,
      "ModelNotFound: modelRef names Model team/other/llama, which does not exist (a name has no namespace in it)",
    ],
    [
      "MLX weights",
      {},
      model({}, { format: "mlx" }),
      undefined,
      "InvalidSpec: its Model: spec.format is mlx, but only gguf models can be estimated and served",
    ],
    ["a draft Model", drafting, metal, metal, "ours"],
    [
      "no draft Model",
      drafting,
      metal,
      undefined,
      "ModelNotFound: draftModelRef names Model team/small, which does not exist",
    ],
    [
      "an unreadable draft Model",
      drafting,
      metal,
      "unreadable",
      "ModelUnreadable: draftModelRef names Model team/small, whose manifest cannot be read: see kubectl get models.inference.llmkube.dev",
    ],
    ["a draft Model that is not used", {}, metal, "absent", "ours"],
  ];
  for (const [what, spec, its, draft, says] of table) {
    it(`${what}: ${says}`, () => {
      const scope = scopeOf({ service: service(spec), model: its, draft });
      assert.equal(scope.kind === "incomplete" ? `${scope.reason}: ${scope.message}` : scope.kind, says);
      if (scope.kind === "ours") assert.equal(scope.draft, what === "a draft Model" ? metal : undefined);
    });
  }

  it("names the namespace that has the Model", () => {
    const scope = scopeOf({ service: service(), model: "absent", elsewhere: ["shared"] });
    assert.ok(scope.kind === "incomplete");
    assert.match(scope.message, /does not exist; there is one in shared, but a Model serves its own namespace only$/);
  });
});
