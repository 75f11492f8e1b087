import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, lstatSync, readdirSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import type { Fault } from "./faults-scene.ts";
import { newSite, type Site, statusOnce, stopped, workloadOnce, writeManifests } from "./harness.ts";
import { makeFifo, releaseFifo } from "./named-pipe.ts";

export const fourFifos: Fault = {
  name: "named pipes lie among its manifests and are its models",
  deaf: false,
  movesFolder: false,
  begin: async ({ site }) => {
    const names = ["fifo-1", "fifo-2", "fifo-3", "fifo-4"];
    const pipes = names.flatMap((name) => [
      join(site.manifests, `${name}-pipe.yaml`),
      join(site.models, `${name}.gguf`),
    ]);
    await mkdir(site.models, { recursive: true });
    for (const pipe of pipes) await makeFifo(pipe);
    for (const name of names) {
      const weights = join(site.models, `${name}.gguf`);
      await writeManifests({ ...site, weights }, name, { port: await getPort() });
    }
    await sleep(1000);
    return {
      assertOn: async () => {
        assert.ok(pipes.every((pipe) => lstatSync(pipe).isFIFO()));
        for (const name of names) {
          await workloadOnce(site, name, ({ message = "" }) => message.includes("not a regular file"));
        }
        await statusOnce(
          site,
          ({ agent: { problems } }) => problems.filter((it) => it.includes("named pipe")).length === 4,
        );
      },
      end: async () => {
        for (const name of names) await rm(join(site.manifests, `${name}.yaml`), { force: true });
        for (const pipe of pipes) await releaseFifo(pipe);
      },
    };
  },
};

const LISTENER = `
require("node:net").createServer().listen({ port: Number(process.argv[1]), host: "127.0.0.1", backlog: 1 }, () => {
  require("node:fs").writeSync(1, "listening");
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
});`;

export const fullBacklog: Fault = {
  name: "a model wants a port whose listener accepts nobody",
  deaf: false,
  movesFolder: false,
  begin: async ({ site }) => {
    const port = await getPort();
    const listener = spawn(process.execPath, ["-e", LISTENER, String(port)], { stdio: ["ignore", "pipe", "inherit"] });
    await once(listener.stdout, "data");
    const clients: Socket[] = [];
    const knock = () => connect({ port, host: "127.0.0.1" }).on("error", () => {});
    for (let each = 0; each < 6; each += 1) clients.push(knock());
    await sleep(200);
    await writeManifests(site, "full-backlog", { port, contextSize: 512, budget: "350Mi" });
    await sleep(1000);
    return {
      assertOn: async () => {
        const one = knock();
        clients.push(one);
        await sleep(500);
        assert.ok(one.connecting, "the listener took a connection, or refused it");
        await workloadOnce(site, "full-backlog", ({ reason }) => reason === "PortInUse");
      },
      end: async () => {
        await rm(join(site.manifests, "full-backlog.yaml"), { force: true });
        for (const client of clients) client.destroy();
        listener.kill("SIGKILL");
      },
    };
  },
};

export const vanishedFolder: Fault = {
  name: "its folder of manifests is away",
  deaf: true,
  movesFolder: true,
  begin: async ({ site }) => {
    const { manifests } = site;
    const away = `${manifests}.away`;
    await rename(manifests, away);
    await sleep(1500);
    return {
      assertOn: async () => {
        assert.ok(!existsSync(manifests));
        await statusOnce(site, ({ agent: { problems } }) =>
          problems.some((it) => it.includes(`${manifests} does not exist`)),
        );
      },
      end: () => rename(away, manifests),
    };
  },
};

export const secondAgent: Fault = {
  name: "a second agent of the machine serves another folder",
  deaf: false,
  movesFolder: false,
  begin: async ({ site, observer, startBeside }) => {
    const { llamaServer, claims } = site;
    const other: Site = { ...(await newSite()), llamaServer, claims };
    observer.watch(other.state);
    observer.budget("default/beside", 350 * 2 ** 20);
    await writeManifests(other, "beside", { port: await getPort(), contextSize: 512, budget: "350Mi" });
    const agent = startBeside(other);
    await workloadOnce(other, "beside", ({ message, state }) => state === "Ready" || message !== undefined);
    return {
      assertOn: async () => {
        const { pid } = await workloadOnce(other, "beside", ({ state }) => state === "Ready");
        assert.ok(
          await observer.sees((groups) => groups.some(({ group }) => group === pid), 5000),
          "the observer does not see its server",
        );
        assert.ok((agent.child.exitCode ?? agent.child.signalCode) === null, "it has ended");
        assert.equal(readdirSync(claims).length, 2, "both do not say what they hold in one folder");
      },
      end: async () => {
        await stopped(agent);
      },
    };
  },
};
