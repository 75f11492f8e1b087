import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { execa } from "execa";
import getPort from "get-port";
import pRetry from "p-retry";
import { parseAllDocuments } from "yaml";
import { ensureTool } from "../../toolchain/ensure.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { cliIn, type Surroundings, surroundings } from "./deploy/surroundings.ts";

const CHECKOUT = join(import.meta.dirname, "../..");
const PLATFORM_ACCELERATOR = process.platform === "darwin" ? "metal" : "cpu";

/** The command line, the real engine with the built pack (`npm run build`), the real agent, and real weights. */
describe("pulumi-llmkube deploy, list and destroy", function () {
  this.timeout(180_000);
  let user: Surroundings;
  let weights: string;
  let agent: ReturnType<typeof cliIn>;
  let flags: readonly string[];
  let port: number;

  before(async function () {
    this.timeout(0);
    const [found, server] = await Promise.all([ensureTool("gemma3-270m"), ensureTool("llama-server")]);
    weights = found;
    user = await surroundings();
    port = await getPort();
    flags = ["--source", weights, "--memory-budget", "768Mi", "--context-size", "4096", "--port", String(port)];
    const claims = join(await temporaryDirectory(), "claims");
    const options = ["--claims", claims, "--listen", "off", "--llama-server", server];
    // No --manifests: the default folder of the agent is that of deploy.
    agent = cliIn(user, "agent", ...options);
  });
  after(async () => {
    agent?.kill("SIGINT");
    await agent;
  });

  const folder = () => join(user.data, "pulumi-llmkube");
  const manifests = () => join(folder(), "manifests/1-manifest");
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/health`).then(
      ({ ok }) => ok,
      () => false,
    );

  it("brings a model up in one command, which ends when it answers", async () => {
    const { stdout, stderr, exitCode } = await cliIn(user, "deploy", "gemma", ...flags, "--yes", "--wait", "--json");
    assert.equal(exitCode, 0, stderr);
    const { status, endpoint, changes, problems } = JSON.parse(stdout);
    assert.deepEqual(
      { status, endpoint, problems },
      { status: "applied", endpoint: `http://127.0.0.1:${port}/v1`, problems: [] },
    );
    assert.deepEqual(
      changes.map(({ op, object }: { op: string; object: string }) => `${op} ${object}`),
      ["create Model default/gemma", "create InferenceService default/gemma"],
    );
    const body = JSON.stringify({ prompt: "The capital of France is", max_tokens: 4, temperature: 0 });
    const answer = await fetch(`${endpoint}/completions`, {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    assert.equal(answer.status, 200);
  });

  it("lists it", async () => {
    const { stdout } = await cliIn(user, "list", "--json");
    const [{ stack, updatedAt, ...row }, ...more] = JSON.parse(stdout);
    assert.deepEqual(more, []);
    assert.match(stack, /^local-[0-9a-f]{8}$/);
    assert.ok(Date.now() - Date.parse(updatedAt) < 600_000, updatedAt);
    assert.deepEqual(row, {
      name: "gemma",
      source: weights,
      memoryBudget: "768Mi",
      contextSize: 4096,
      target: join(folder(), "manifests"),
      endpoint: `http://127.0.0.1:${port}/v1`,
    });
  });

  it("emits manifests that are those which were rendered", async () => {
    const { stdout } = await cliIn(user, "deploy", "gemma", ...flags, "--emit", "manifests");
    const emitted = parseAllDocuments(stdout).map((document) => document.toJS());
    const files = (await readdir(manifests())).sort().reverse();
    const rendered = await Promise.all(files.map((file) => readFile(join(manifests(), file), "utf8")));
    assert.deepEqual(
      emitted,
      rendered.map((text) => parseAllDocuments(text)[0]?.toJS()),
    );
    assert.equal(emitted[0].spec.hardware.accelerator, PLATFORM_ACCELERATOR);
  });

  it("emits a TypeScript program that makes no difference to the stack", async () => {
    const { stdout } = await cliIn(user, "deploy", "gemma", ...flags, "--emit", "ts");
    const { exitCode, output } = await previewed(stdout);
    assert.equal(exitCode, 0, output);
    assert.match(output, /5 unchanged/);
  });

  /** `pulumi preview --expect-no-changes` as the comment of the program says, in a folder of its own. */
  async function previewed(program: string) {
    const project = await temporaryDirectory();
    const [, stack = ""] = /The program of stack (\S+) /.exec(program) ?? [];
    const exported = [...program.matchAll(/export (\w+)='?([^'\n]*)'?/g)].map(([, name = "", value = ""]) => [
      name,
      value,
    ]);
    await mkdir(join(project, "node_modules"));
    await symlink(join(CHECKOUT, "node_modules/@pulumi"), join(project, "node_modules/@pulumi"));
    await symlink(CHECKOUT, join(project, "node_modules/pulumi-llmkube"));
    await writeFile(join(project, "package.json"), '{ "type": "module", "main": "index.ts" }');
    await writeFile(join(project, "Pulumi.yaml"), "name: llmkube-deploy\nruntime: nodejs\n");
    await writeFile(join(project, "index.ts"), program);
    await copyFile(join(folder(), "deploy/project", `Pulumi.${stack}.yaml`), join(project, `Pulumi.${stack}.yaml`));
    const args = ["preview", "--stack", stack, "--expect-no-changes", "--non-interactive"];
    const env = { ...user.env, ...Object.fromEntries(exported) };
    const { exitCode, stdout, stderr } = await execa("pulumi", args, {
      cwd: project,
      env,
      reject: false,
      stdin: "ignore",
    });
    return { exitCode, output: `${stdout}\n${stderr}` };
  }

  it("refuses what does not fit, asks nobody where there is no terminal, and writes nothing then", async () => {
    const before = await readFile(join(manifests(), "inference.llmkube.dev_v1alpha1-model-default-gemma.yaml"), "utf8");
    const small = await cliIn(user, "deploy", "gemma", "--source", weights, "--memory-budget", "128Mi", "--yes");
    assert.equal(small.exitCode, 1, small.stderr);
    assert.match(small.stdout, /\[mandatory\] memory-fits\n[\s\S]*budget 128\.0 MiB/);
    assert.match(small.stderr, /refused by the policy memory-fits; nothing was changed/);
    const unasked = await cliIn(user, "deploy", "second", ...flags, "--port", "1234");
    assert.equal(unasked.exitCode, 2, unasked.stderr);
    assert.match(unasked.stdout, /\+ create Model default\/second/);
    assert.match(unasked.stderr, /no terminal to ask on: agree beforehand with --yes/);
    assert.equal((await readdir(manifests())).length, 2);
    assert.equal(
      await readFile(join(manifests(), "inference.llmkube.dev_v1alpha1-model-default-gemma.yaml"), "utf8"),
      before,
    );
  });

  it("cancels on Ctrl-C, and takes the model down afterwards as if nothing had been", async () => {
    const running = cliIn(user, "deploy", "gemma", ...flags, "--context-size", "2048", "--yes");
    await new Promise<void>((resolve) => running.stdout.once("data", () => resolve()));
    running.kill("SIGINT");
    const { exitCode, stderr } = await running;
    assert.equal(exitCode, 130, stderr);
    const gone = await cliIn(user, "destroy", "gemma", "--yes");
    assert.equal(gone.exitCode, 0, gone.stderr);
    assert.match(gone.stdout, /deleted Model default\/gemma/);
    await pRetry(async () => assert.equal(await answers(), false), { retries: 60, factor: 1, minTimeout: 500 });
    const { stdout } = await cliIn(user, "list");
    assert.equal(stdout, "No deployments.");
    const again = await cliIn(user, "destroy", "gemma", "--yes");
    assert.equal(again.exitCode, 2);
    assert.match(again.stderr, /gemma is not deployed/);
  });
});
