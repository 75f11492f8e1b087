import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { CoreV1Api, KubeConfig, VersionApi } from "@kubernetes/client-node";
import { CONTROL_PLANE_TIMEOUT_MS, type ControlPlane, startControlPlane } from "../support/control-plane.ts";

describe("toolchain: a real control plane", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let plane: ControlPlane;
  const config = new KubeConfig();

  before(async () => {
    plane = await startControlPlane();
    config.loadFromFile(plane.kubeconfigPath);
  });
  after(() => plane?.stop());

  it("answers /version with a version of Kubernetes that knows CEL quantities", async () => {
    const version = await config.makeApiClient(VersionApi).getCode();
    const [, minor = "0"] = /^v1\.(\d+)\./.exec(version.gitVersion) ?? [];
    assert.ok(Number(minor) >= 29, version.gitVersion);
  });

  it("lets its token write", async () => {
    const core = config.makeApiClient(CoreV1Api);
    await core.createNamespace({ body: { metadata: { name: "written-by-a-test" } } });
    assert.equal((await core.readNamespace({ name: "written-by-a-test" })).status?.phase, "Active");
  });

  it("is gone after stop, with its data", async () => {
    await plane.stop();
    assert.equal(existsSync(dirname(plane.kubeconfigPath)), false);
    await assert.rejects(config.makeApiClient(VersionApi).getCode());
    await plane.stop();
  });
});
