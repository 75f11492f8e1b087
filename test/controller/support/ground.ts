import * as z from "zod";
import { GROUP_VERSION } from "../../../api/constants.ts";
import { SERVICE_CONDITIONS } from "../../../api/fleet.ts";
import type { TestServer } from "../../gguf/range-server.ts";
import type { Cluster } from "../../support/cluster/cluster.ts";
import { untilTrue } from "../../support/cluster/until.ts";
import { CONTROLLER_USER } from "./running.ts";

const objectShape = z.looseObject({
  spec: z.record(z.string(), z.unknown()).default({}),
  status: z
    .looseObject({
      phase: z.string().optional(),
      replicas: z.number().optional(),
      conditions: z
        .array(
          z.object({
            type: z.string(),
            status: z.string(),
            reason: z.string().optional(),
            message: z.string().optional(),
          }),
        )
        .optional(),
    })
    .default({}),
});

/** What tests of the controller apply to a cluster, and what they read of it. */
export function groundOf(cluster: Cluster, weights: TestServer) {
  const apply = (...objects: readonly object[]) => cluster.kubectl(["apply", "-f", "-"], { input: objects });
  const manifest = (kind: string, name: string, spec: object, namespace = "default") => ({
    apiVersion: GROUP_VERSION,
    kind,
    metadata: { name, namespace },
    spec,
  });
  const model = (name: string, hardware: object = {}, namespace = "default") =>
    manifest(
      "Model",
      name,
      { source: `${weights.origin}/${name}.gguf`, hardware: { accelerator: "metal", ...hardware } },
      namespace,
    );
  const service = (name: string, spec: object = {}, namespace = "default") =>
    manifest("InferenceService", name, { modelRef: name, ...spec }, namespace);
  const objectOf = async (kind: string, name: string, namespace = "default") =>
    objectShape.parse(await cluster.read(kind, name, "-n", namespace));
  const statusOf = async (name: string, kind = "inferenceservice", namespace = "default") =>
    (await objectOf(kind, name, namespace)).status;
  const conditionOf = async (name: string, type: string, kind = "inferenceservice", namespace = "default") =>
    (await statusOf(name, kind, namespace)).conditions?.find((one) => one.type === type);
  const accepted = (name: string, namespace = "default") =>
    conditionOf(name, SERVICE_CONDITIONS.accepted, "inferenceservice", namespace);
  const specOf = async (kind: string, name: string) => (await objectOf(kind, name)).spec;
  const writesSince = async (fromMs: number) => {
    const requests = await cluster.audit.requests({ fromMs, user: CONTROLLER_USER });
    return requests.filter(({ verb }) => !["get", "list", "watch"].includes(verb));
  };
  const settledFor = async (milliseconds: number) => {
    let fromMs = cluster.audit.now();
    const quiet = async () => {
      if ((await writesSince(fromMs)).length > 0) fromMs = cluster.audit.now();
      return cluster.audit.now() - fromMs;
    };
    await untilTrue("the controller writes nothing more", quiet, (ms) => ms > milliseconds, { timeoutMs: 60_000 });
  };
  return {
    apply,
    manifest,
    model,
    service,
    objectOf,
    statusOf,
    conditionOf,
    accepted,
    specOf,
    writesSince,
    settledFor,
  };
}
