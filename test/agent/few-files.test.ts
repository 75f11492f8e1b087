import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import type { AgentStatus } from "../../agent/status/status.ts";
import { readStatus } from "../../agent/status/status-file.ts";
import { startCliWithFiles } from "../cli/running.ts";
import { gemmaFile } from "../support/gemma-header.ts";
import { temporaryDirectory } from "../support/workspace.ts";
import { standIn } from "./stand-in.ts";

const FILES = 44;
const CLIENTS = 80;
/** Long enough for a health check of each server. */
const FLOOD_MS = 12_000;

describe("an agent that may have few files open, while clients take all that they get", function () {
  this.timeout(120_000);

  it("ends no server, starts another one, and says what is scarce", async () => {
    const root = await temporaryDirectory();
    const [manifests, state] = [join(root, "manifests"), join(root, "state")];
    await mkdir(manifests);
    const source = await gemmaFile();
    const write = async (name: string) => {
      const apiVersion = "inference.llmkube.dev/v1alpha1";
      const hardware = { accelerator: "metal", memoryBudget: "512Mi" };
      const documents = [
        { apiVersion, kind: "Model", metadata: { name }, spec: { source, hardware } },
        {
          ...{ apiVersion, kind: "InferenceService", metadata: { name } },
          spec: { modelRef: name, contextSize: 512, endpoint: { port: await getPort() } },
        },
      ];
      await writeFile(join(manifests, `${name}.yaml`), documents.map((one) => JSON.stringify(one)).join("\n---\n"));
    };
    const once = async (holds: (status: AgentStatus) => boolean) => {
      const deadline = Date.now() + 60_000;
      for (;;) {
        const status = await readStatus(state);
        if (status.ok && holds(status.value)) return status.value;
        assert(Date.now() < deadline, JSON.stringify(status));
        await sleep(100);
      }
    };
    const ready = ({ workloads }: AgentStatus) =>
      workloads.flatMap(({ state: at, name, pid }) => (at === "Ready" ? [[name, pid] as const] : []));
    for (const name of ["a", "b", "c"]) await write(name);
    const port = await getPort();
    const folders = ["--manifests", manifests, "--state", state, "--models", join(root, "models")];
    const flags = [...folders, "--llama-server", await standIn("well"), "--listen", `127.0.0.1:${port}`];
    const agent = startCliWithFiles(FILES, "agent", ...flags);
    const clients: Socket[] = [];
    try {
      const before = await once((status) => ready(status).length === 3);
      assert.match(before.agent.problems.join(), /^this agent may open only 44 files at a time/);
      for (let count = 0; count < CLIENTS; count += 1) {
        const client = connect(port, "127.0.0.1").on("error", () => {});
        client.resume().write("GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        clients.push(client);
      }
      await sleep(FLOOD_MS / 2);
      await write("d");
      const during = await once((status) => ready(status).length === 4);
      await sleep(FLOOD_MS / 2);
      const after = await once((status) => ready(status).length === 4);
      assert.deepEqual(ready(during).slice(0, 3), ready(before));
      assert.deepEqual(ready(after), ready(during));
      assert.ok(after.workloads.every(({ restarts }) => restarts === 0));
      assert.doesNotMatch(after.workloads.flatMap(({ notes }) => notes).join(), /cannot be measured/);
    } finally {
      for (const client of clients) client.destroy();
      assert.equal(await agent.interrupted(), 0);
    }
    assert.doesNotMatch(agent.stdout(), /EMFILE/);
  });
});
