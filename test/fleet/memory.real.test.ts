import assert from "node:assert/strict";
import * as z from "zod";
import { SERVICE_CONDITIONS } from "../../api/fleet.ts";
import { standIn } from "../agent/stand-in.ts";
import { CONTROL_PLANE_TIMEOUT_MS } from "../support/cluster/cluster.ts";
import { model, service } from "../support/cluster/objects.ts";
import { untilTrue } from "../support/cluster/until.ts";
import { type Fleet, reportFailures, startFleet } from "./fleet.ts";
import { budgetsOf } from "./seen.ts";

/** Gemma 3 270M asks for some 630 MiB on Metal; two thirds of the memory of a Mac are for models. */
const SMALL_MIB = 1408;
const LARGE_MIB = 4096;
/** Holds the model on the large Mac alone: it is less than 630 MiB of the small one. */
const FRACTION_OF_LARGE = 0.3;
const FRACTION_OF_BOTH = 0.5;

const statusShape = z.object({
  status: z.looseObject({
    schedulingStatus: z.string().optional(),
    schedulingMessage: z.string().optional(),
    conditions: z.array(z.object({ type: z.string(), status: z.string(), message: z.string() })).default([]),
  }),
});
describe("A fleet of Macs: who has the memory", function () {
  this.timeout(CONTROL_PLANE_TIMEOUT_MS);
  let fleet: Fleet;

  before(async () => {
    fleet = await startFleet({
      macs: [
        { name: "small", hostMemory: `${SMALL_MIB}Mi` },
        { name: "large", hostMemory: `${LARGE_MIB}Mi` },
      ],
      // What is shown here is about pods and processes, whatever they compute.
      llamaServer: await standIn("well"),
    });
  });
  after(() => fleet?.stop());
  reportFailures(() => fleet);

  const source = () => fleet.weights.url("gemma");
  const withBudget = (name: string, budget: string) => model({ name, source: source(), budget });
  const statusOf = async (name: string) => statusShape.parse(await fleet.cluster.read("inferenceservice", name)).status;
  const conditionOf = async (name: string, type: string) =>
    (await statusOf(name)).conditions.find((one) => one.type === type);

  /** The one replica and its one server. */
  async function only(name: string) {
    const [node = ""] = await fleet.untilReady(name, 1);
    const [pod] = await fleet.pods(name);
    return { node, uid: pod?.uid, restarts: pod?.restarts, servers: await fleet.mac(node).servers() };
  }

  it("gives the memory of a batch model to an urgent one, and gives it back", async () => {
    const there = { nodeSelector: { "kubernetes.io/hostname": "small" } };
    await fleet.apply(withBudget("nightly", "768Mi"), service({ name: "nightly", priority: "batch", spec: there }));
    const before = await only("nightly");
    await fleet.apply(withBudget("urgent", "768Mi"), service({ name: "urgent", priority: "critical", spec: there }));
    assert.deepEqual(await fleet.untilReady("urgent", 1), ["small"]);
    const [waits] = await fleet.untilPods(
      "nightly",
      "only a pod that waits is left",
      (pods) => pods.length === 1 && pods.every(({ node, uid }) => node === "" && uid !== before.uid),
    );
    assert.equal(waits?.reason, "Unschedulable");
    assert.equal((await fleet.mac("small").servers()).length, 1);
    await untilTrue(
      "the status of nightly says that it waits for memory",
      () => conditionOf("nightly", SERVICE_CONDITIONS.scheduled),
      (one) => one?.status === "False" && /memory/.test(one.message),
    );
    await fleet.remove("urgent");
    assert.deepEqual(await fleet.untilReady("nightly", 1), ["small"]);
    await fleet.remove("nightly");
  });

  it("applies a budget that is raised or lowered to the server that runs", async () => {
    await fleet.apply(withBudget("chat", "768Mi"), service({ name: "chat" }));
    const before = await only("chat");
    for (const mib of [1024, 704]) {
      await fleet.apply(withBudget("chat", `${mib}Mi`));
      await untilTrue(
        `its budget is ${mib} MiB`,
        () => budgetsOf(fleet.cluster, "chat"),
        (seen) => seen[before.node] === mib,
        {
          // A Mac rewrites the numbers of a pod at most once a minute.
          timeoutMs: 90_000,
        },
      );
      assert.deepEqual(await only("chat"), before);
    }
    await fleet.apply(withBudget("chat", "256Mi"));
    const status = await untilTrue(
      "the status says that it would not be started with this budget",
      () => statusOf("chat"),
      ({ schedulingStatus }) => schedulingStatus === "InsufficientMemory",
    );
    assert.match(status.schedulingMessage ?? "", /budget 256\.0 MiB/);
    assert.deepEqual(await only("chat"), before);
    await fleet.remove("chat");
  });

  it("puts a share of the memory of a Mac only where the share is enough, and holds it to that share", async () => {
    await fleet.cluster.kubectl(["cordon", "large"]);
    await fleet.apply(
      model({ name: "share", source: source(), fraction: FRACTION_OF_LARGE }),
      service({ name: "share" }),
    );
    await fleet.untilPods("share", "it has no Mac, though the small one has room", (pods) =>
      pods.some(({ reason }) => reason === "Unschedulable"),
    );
    assert.deepEqual(await fleet.mac("small").servers(), []);
    await fleet.cluster.kubectl(["uncordon", "large"]);
    assert.deepEqual(await fleet.untilReady("share", 1), ["large"]);
    await fleet.remove("share");
    await fleet.apply(
      model({ name: "share", source: source(), fraction: FRACTION_OF_BOTH }),
      service({ name: "share", replicas: 2 }),
    );
    assert.deepEqual(await fleet.untilReady("share", 2), ["large", "small"]);
    assert.deepEqual(await budgetsOf(fleet.cluster, "share"), {
      large: LARGE_MIB * FRACTION_OF_BOTH,
      small: SMALL_MIB * FRACTION_OF_BOTH,
    });
    await fleet.remove("share");
  });
});
