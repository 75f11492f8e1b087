import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import * as k8s from "@pulumi/kubernetes";
import { LlmModel } from "../../components/index.ts";
import { cliIn, type Surroundings, surroundings } from "../cli/deploy/surroundings.ts";
import { BUILD_TIMEOUT_MS, type Engine, inlineStack, startOfficialEngine } from "../support/pulumi.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { type Fleet, reportFailures, startFleet } from "./fleet.ts";

/** Gemma 3 270M asks for some 630 MiB on Metal. */
const BUDGET = "768Mi";

/** What a person does with a cluster of Macs and the command line: the real engine, the official provider, our controller and agent. */
describe("A fleet of Macs: deploy, hosts export, and waitForReady", function () {
  this.timeout(240_000);
  let engine: Engine;
  let fleet: Fleet;
  let user: Surroundings;
  let cluster: readonly string[];

  before(async function () {
    this.timeout(BUILD_TIMEOUT_MS);
    engine = await startOfficialEngine();
    fleet = await startFleet({ macs: [{ name: "mac-a", hostMemory: "4Gi" }] });
    const { env, data } = await surroundings();
    const path = [engine.env["PATH"], env["PATH"]].join(delimiter);
    user = { env: { ...env, PATH: path }, data };
    cluster = ["--kubeconfig", fleet.cluster.kubeconfigPath];
  });
  after(async () => {
    await fleet?.stop();
    await engine?.close();
  });
  reportFailures(() => fleet);

  const deploy = (name: string, ...more: readonly string[]) =>
    cliIn(
      user,
      ...["deploy", name, "--cluster", ...cluster, "--source", fleet.weights.url(name), "--accelerator", "metal"],
      ...["--memory-budget", BUDGET, "--context-size", "2048", "--yes", "--json", ...more],
    );

  it("brings a model up in one command, which ends when it is Ready", async () => {
    const { stdout, stderr, exitCode } = await deploy("chat", "--wait", "--timeout", "120s");
    assert.equal(exitCode, 0, stderr);
    const { status, problems } = JSON.parse(stdout);
    assert.deepEqual({ status, problems }, { status: "applied", problems: [] });
    const [pod, ...others] = await fleet.pods("chat");
    assert.deepEqual([pod?.node, pod?.ready, others], ["mac-a", true, []]);
  });

  it("does nothing when it is deployed already, and lists it", async () => {
    const { stdout, stderr, exitCode } = await deploy("chat", "--wait", "--timeout", "60s");
    assert.equal(exitCode, 0, stderr);
    assert.deepEqual(JSON.parse(stdout).changes, []);
    const listed = await cliIn(user, "list", "--json");
    const [{ name, memoryBudget }, ...more] = JSON.parse(listed.stdout);
    assert.deepEqual([name, memoryBudget, more], ["chat", BUDGET, []]);
  });

  it("writes the Macs of the cluster, with what each has for models and what runs there", async () => {
    const file = join(await temporaryDirectory(), "hosts.json");
    const { stderr, exitCode } = await cliIn(user, "hosts", "export", ...cluster, "--out", file);
    assert.equal(exitCode, 0, stderr);
    const { hosts } = JSON.parse(await readFile(file, "utf8"));
    assert.deepEqual(
      hosts.map(({ name, memory, models }: { name: string; memory: string; models: readonly { name: string }[] }) => [
        name,
        memory,
        models.map((model) => model.name),
      ]),
      [["mac-a", "4Gi", ["default/chat"]]],
    );
  });

  it("says why not all replicas have a Mac, when the time is up", async () => {
    const { stdout, stderr, exitCode } = await deploy("wide", "--wait", "--timeout", "10s", "--replicas", "9");
    assert.equal(exitCode, 1, stdout);
    assert.match(stderr, /not Ready after 10 s \(--timeout\): wide: .*1 Mac has a replica already/);
    await cliIn(user, "destroy", "wide", "--cluster", ...cluster, "--yes");
  });

  it("ends an update with waitForReady only once the controller calls the model available", async () => {
    const kubeconfig = await readFile(fleet.cluster.kubeconfigPath, "utf8");
    const stack = await inlineStack(engine, "patient", async () => {
      const provider = new k8s.Provider("cluster", { kubeconfig });
      new LlmModel(
        "patient",
        {
          ...{ source: fleet.weights.url("patient"), memoryBudget: BUDGET, serving: { contextSize: 2048 } },
          ...{ waitForReady: true, readyTimeoutSeconds: 120 },
        },
        { provider },
      );
    });
    await stack.up();
    const [pod] = await fleet.pods("patient");
    assert.equal(pod?.ready, true);
    await stack.destroy();
    await fleet.untilPods("patient", "no pod is left", (pods) => pods.length === 0);
  });

  it("destroys what it made", async () => {
    const { stderr, exitCode } = await cliIn(user, "destroy", "chat", "--cluster", ...cluster, "--yes");
    assert.equal(exitCode, 0, stderr);
    await fleet.untilPods("chat", "no pod is left", (pods) => pods.length === 0);
    assert.deepEqual(await fleet.mac("mac-a").servers(), []);
  });
});
