import assert from "node:assert/strict";
import { acceptPod, type Known } from "../../../../agent/sources/pods/accept.ts";
import type { PodClaim } from "../../../../agent/sources/pods/claim.ts";
import type { InferenceService } from "../../../../api/inferenceservice.ts";
import type { Model } from "../../../../api/model.ts";
import { parseManifest } from "../../../../api/parse.ts";
import { settingsHash } from "../../../../serving/settings-hash.ts";
import { modelManifest, serviceManifest } from "../../../support/manifests.ts";

function modelOf(spec: object = {}): Model {
  const parsed = parseManifest(modelManifest({ hardware: {}, ...spec }));
  assert(parsed.ok && parsed.value.kind === "Model");
  return parsed.value;
}

function serviceOf(spec: object = {}): InferenceService {
  const parsed = parseManifest(serviceManifest(spec));
  assert(parsed.ok && parsed.value.kind === "InferenceService");
  return parsed.value;
}

const claim: PodClaim = {
  ...{ namespace: "default", service: "chat", serviceUid: "uid-1", port: 18_000, gracePeriodMs: 30_000, priority: 0 },
  settings: settingsHash(serviceOf(), modelOf()),
  secret: { name: "chat-api-key", key: "api-key" },
};
const known = <T>(value: T, uid = "uid-1"): Known<T> => ({ is: "known", value, uid });

describe("whether an InferenceService stands behind a pod", () => {
  const model = known(modelOf());
  const service = known(serviceOf());
  const cases: readonly (readonly [
    what: string,
    service: Known<InferenceService>,
    model: Known<Model>,
    is: string,
    reason: string | undefined,
  ])[] = [
    ["it does, with the same settings", service, model, "accepted", undefined],
    [
      "another budget is the same settings",
      service,
      known(modelOf({ hardware: { memoryBudget: "1Gi" } })),
      "accepted",
      undefined,
    ],
    [
      "other settings run on and start nothing",
      known(serviceOf({ contextSize: 1024 })),
      model,
      "undecided",
      "OtherSettings",
    ],
    [
      "other weights run on and start nothing",
      service,
      known(modelOf({ source: "/other.gguf" })),
      "undecided",
      "OtherSettings",
    ],
    ["it was deleted", { is: "absent" }, model, "refused", "InferenceServiceNotFound"],
    ["another one has its name", known(serviceOf(), "uid-2"), model, "refused", "InferenceServiceNotFound"],
    ["nobody has told yet", { is: "unheard" }, model, "undecided", "Unheard"],
    ["it cannot be read", { is: "unreadable", problem: "no" }, model, "undecided", "Unreadable"],
    ["its Model was deleted, which ends no server", service, { is: "absent" }, "undecided", "ModelNotFound"],
    ["its Model cannot be read", service, { is: "unreadable", problem: "no" }, "undecided", "Unreadable"],
  ];
  for (const [what, service, model, is, reason] of cases) {
    it(`${what}: ${is}`, () => {
      const acceptance = acceptPod(claim, { service: () => service, model: () => model });
      assert.deepEqual([acceptance.is, acceptance.is === "accepted" ? undefined : acceptance.reason], [is, reason]);
    });
  }
});
