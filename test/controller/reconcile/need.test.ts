import assert from "node:assert/strict";
import type { InferenceService } from "../../../api/inferenceservice.ts";
import { ON_DEMAND_ANNOTATIONS } from "../../../api/on-demand.ts";
import type { HeaderBook } from "../../../controller/headers/book.ts";
import { estimateAnnotations } from "../../../controller/plan/estimate.ts";
import { needOf } from "../../../controller/reconcile/need.ts";
import type { GgufHeader } from "../../../gguf/header.ts";
import { settingsHash } from "../../../serving/settings-hash.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { model, service } from "../plan/objects.ts";

describe("the need of a service to the controller", () => {
  let header: GgufHeader;
  before(async () => {
    header = await gemmaHeader();
  });

  const caching = (promptCache: string): InferenceService =>
    service({ contextSize: 4096 }, { annotations: { [ON_DEMAND_ANNOTATIONS.promptCache]: promptCache } });
  /** With a header that is known, or that is read only now. */
  const book = (isRead: boolean): HeaderBook => ({
    look: () => (isRead ? { state: "read", header } : { state: "reading" }),
    peek: () => ({ state: "reading" }),
    reads: () => 0,
  });
  const estimateFor = (asking: InferenceService) => {
    const need = needOf({ service: asking, model: model() }, undefined, book(true), "chat");
    assert(need.state === "known", JSON.stringify(need));
    return need.estimate;
  };
  const deploymentFor = (asking: InferenceService) => {
    const annotations = estimateAnnotations(settingsHash(asking, model()), estimateFor(asking));
    return { metadata: { name: "chat", namespace: "team", annotations } };
  };

  it("counts a prompt cache that is asked for as a quantity", () => {
    const [small, large] = ["512Mi", "1Gi"].map((asked) => estimateFor(caching(asked)));
    assert.deepEqual(
      [small?.parts["promptCache"], large?.parts["promptCache"], estimateFor(caching("auto")).parts["promptCache"]],
      [544 * 2 ** 20, 1088 * 2 ** 20, undefined],
    );
    assert.equal((large?.totalBytes ?? 0) - (small?.totalBytes ?? 0), 544 * 2 ** 20);
  });

  it("is kept with the Deployment while the same cache is asked for, and computed anew for another", () => {
    const joined = { service: caching("512Mi"), model: model() };
    const kept = needOf(joined, deploymentFor(caching("512Mi")), book(false), "chat");
    assert.equal(kept.state, "known");
    assert.equal(needOf(joined, deploymentFor(caching("1Gi")), book(false), "chat").state, "reading");
    assert.equal(needOf(joined, deploymentFor(service({ contextSize: 4096 })), book(false), "chat").state, "reading");
  });

  it("is refused, with a sentence, for a prompt cache that is none", () => {
    const need = needOf({ service: caching("much"), model: model() }, undefined, book(true), "chat");
    assert(need.state === "refused");
    assert.deepEqual(need.reason, "InvalidSpec");
    assert.match(need.message, /"much" is no prompt cache: write auto, off, or a quantity/);
  });
});
