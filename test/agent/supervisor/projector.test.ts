import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chmod, mkdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import getPort from "get-port";
import type { SupportedFlags } from "../../../agent/llama-server/supported-flags.ts";
import { recordsFolder } from "../../../agent/state/layout.ts";
import { adoptAll } from "../../../agent/supervisor/adopt.ts";
import { type Projector, projectorOf } from "../../../agent/supervisor/projector.ts";
import type { HeaderView } from "../../../agent/workload/headers.ts";
import type { Workload } from "../../../agent/workload/workload.ts";
import { ok } from "../../../api/result.ts";
import { gemmaHeader } from "../../support/gemma-header.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { FITTED, tableOf } from "../llama-server/breakdown-tables.ts";
import { aWorkload, background, fields, options as someOptions } from "../samples.ts";
import { standInWatchdog } from "../stand-in-watchdog.ts";
import { thisPlatform } from "../this-platform.ts";

const MIB = 2 ** 20;
const options: SupportedFlags = new Set([...someOptions, "--log-verbosity"]);

describe("the projector", function () {
  this.timeout(20_000);
  let root: string;
  let stateDirectory: string;
  let model: string;
  let stamp: string | undefined;
  let server: string;
  let header: HeaderView;
  const opened: Projector[] = [];

  beforeEach(async () => {
    root = await temporaryDirectory();
    stateDirectory = join(root, "state");
    await mkdir(stateDirectory);
    model = join(root, "model.gguf");
    await writeFile(model, "weights");
    server = join(root, "stand-in-llama-server");
    stamp = "one";
    header = { state: "reading" };
    await answering(`cat "${root}/table"; sleep 600`);
    await writeFile(join(root, "table"), tableOf([["Host", 285, 235, 27, 23]]) + FITTED);
  });
  afterEach(() => {
    for (const each of opened.splice(0)) each.killAll();
  });

  /** A script that stands in for llama-server, and says with what it was started. */
  const answering = async (script: string) => {
    await writeFile(server, `#!/bin/sh\necho "$@" >> "${root}/started"\n${script}\n`);
    await chmod(server, 0o755);
  };
  const starts = () => {
    try {
      return readFileSync(join(root, "started"), "utf8").trim().split("\n");
    } catch {
      return [];
    }
  };
  const open = async (supported: SupportedFlags = options) => {
    const platform = await thisPlatform();
    assert(platform.ok);
    const projector = projectorOf(
      {
        llamaServer: server,
        supportedFlags: () => supported,
        models: { header: () => header },
        serverStamp: () => stamp,
        stateDirectory,
        platform: platform.value,
        kernelLimit: undefined,
        watchdog: standInWatchdog(
          () => 0,
          () => 0,
        ),
        clock: () => performance.now(),
        background,
      },
      () => {},
    );
    opened.push(projector);
    return { projector, platform: platform.value };
  };
  const ask = async (workload: Workload = aWorkload(), paths: { model: string; draft?: string } = { model }) =>
    (await open()).projector.ask(workload, paths);
  const recordText = () => readFile(join(recordsFolder(stateDirectory), "default_chat.json"), "utf8").catch(() => "");

  it("asks an unchanged model once, also for the agents that come after", async () => {
    assert.deepEqual([await ask(), await ask(), starts().length], [{ bytes: 285 * MIB }, { bytes: 285 * MIB }, 1]);
  });

  const changes: readonly (readonly [what: string, change: () => Promise<Partial<Workload>>])[] = [
    [
      "the file was written to",
      async () => {
        await utimes(model, 1, 1);
        return {};
      },
    ],
    [
      "the file was replaced by a longer one",
      async () => {
        await writeFile(model, "more weights");
        return {};
      },
    ],
    [
      "the binary was replaced",
      async () => {
        stamp = "two";
        return {};
      },
    ],
    [
      "the binary cannot be told",
      async () => {
        stamp = undefined;
        return {};
      },
    ],
    [
      "another context is asked for",
      async () => ({ fields: { ...fields, settings: { ...fields.settings, contextSize: 8192 } } }),
    ],
  ];
  for (const [what, change] of changes) {
    it(`asks again when ${what}`, async () => {
      await ask();
      const part = await change();
      assert.deepEqual([(await ask(aWorkload(part))).bytes, starts().length], [285 * MIB, 2]);
    });
  }

  it("asks nothing again for another port, budget or priority", async () => {
    await ask();
    const budget = { bytes: 2 ** 31, source: "crd-budget" } as const;
    await ask(aWorkload({ fields: { ...fields, port: 9999 }, budget, priority: 4 }));
    assert.equal(starts().length, 1);
  });

  it("keeps no silence: what gave no answer is asked again", async () => {
    await answering("exit 3");
    assert.match((await ask()).why ?? "", /exit code 3/);
    await ask();
    assert.equal(starts().length, 2);
  });

  it("asks about the second shard of a model, too", async () => {
    const paths = { model: join(root, "m-00001-of-00002.gguf") };
    await writeFile(paths.model, "");
    await writeFile(join(root, "m-00002-of-00002.gguf"), "a");
    await ask(aWorkload(), paths);
    await writeFile(join(root, "m-00002-of-00002.gguf"), "ab");
    await ask(aWorkload(), paths);
    assert.equal(starts().length, 2);
  });

  it("says why where llama-server cannot be asked at all", async () => {
    const told = await (await open(someOptions)).projector.ask(aWorkload(), { model });
    assert.deepEqual([told.bytes, told.why], [null, "it knows no --fit and --log-verbosity: update llama.cpp"]);
  });

  it("binds no port that anybody has or wants", async () => {
    await ask(aWorkload({ fields: { ...fields, port: await getPort() } }));
    assert.match(starts()[0] ?? "", /--host 127\.0\.0\.1 --port 0 /);
  });

  describe("of a llama-server that can leave out the vocabulary", () => {
    const able: SupportedFlags = new Set([...options, "--override-kv"]);
    const askAble = async (paths: { model: string; draft?: string } = { model }) =>
      (await open(able)).projector.ask(aWorkload(), paths);
    const OVERRIDE = /--override-kv tokenizer\.ggml\.model=str:none --override-kv gemma3\.vocab_size=int:262144$/;
    beforeEach(async () => {
      const gemma = await gemmaHeader();
      const tokens = { kind: "skipped-array", length: 262_144 } as const;
      const metadata = new Map([...gemma.metadata, ["tokenizer.ggml.tokens", tokens] as const]);
      header = { state: "read", header: ok({ ...gemma, metadata }) };
    });

    it("asks without it", async () => {
      assert.equal((await askAble()).bytes, 285 * MIB);
      assert.deepEqual([starts().length, OVERRIDE.test(starts()[0] ?? "")], [1, true]);
    });

    it("asks with it where that gave no answer, and keeps that answer", async () => {
      await answering(`case "$*" in *vocab_size*) exit 1;; esac; cat "${root}/table"; sleep 600`);
      assert.deepEqual([(await askAble()).bytes, (await askAble()).bytes], [285 * MIB, 285 * MIB]);
      assert.deepEqual(
        starts().map((line) => OVERRIDE.test(line)),
        [true, false],
      );
    });

    it("asks with it where there is a draft model, whose vocabulary has to be the same", async () => {
      await writeFile(join(root, "draft.gguf"), "");
      await askAble({ model, draft: join(root, "draft.gguf") });
      assert.deepEqual([starts().length, OVERRIDE.test(starts()[0] ?? "")], [1, false]);
    });

    it("does not ask again when nobody waits for the answer any more", async () => {
      await answering("sleep 600");
      const { projector } = await open(able);
      const asking = projector.ask(aWorkload(), { model });
      // Until its first line, because the process is held before it has begun.
      for (let tries = 0; tries < 1000 && starts().length === 0; tries += 1) await sleep(10);
      projector.keepOnly(new Map());
      assert.equal((await asking).bytes, null);
      assert.equal(starts().length, 1);
    });
  });

  describe("while it asks", () => {
    beforeEach(() => answering("sleep 600"));

    const whileAsking = async (look: (projector: Projector) => Promise<void>) => {
      const { projector } = await open();
      const asking = projector.ask(aWorkload(), { model });
      for (let tries = 0; tries < 300 && !(await recordText()).includes("startTime"); tries += 1) await sleep(10);
      await look(projector);
      projector.killAll();
      return { told: await asking, projector };
    };

    it("has the process under the watchdog, and its identity on disk until it is gone", async () => {
      const { told, projector } = await whileAsking(async ({ held, asked }) => {
        const [one] = held();
        const record: unknown = JSON.parse(await recordText());
        assert.ok(one?.pid !== undefined && one.startTime !== undefined);
        assert.deepEqual(record, { ...(record as object), pid: one.pid, startTime: one.startTime });
        assert.deepEqual([...asked()], ["default/chat"]);
      });
      assert.equal(told.bytes, null);
      assert.deepEqual([await recordText(), projector.held(), [...projector.asked()]], ["", [], []]);
    });

    it("leaves a process that the next agent ends, if it is killed itself", async () => {
      await whileAsking(async (projector) => {
        const pid = projector.held()[0]?.pid ?? 0;
        const { platform } = await open();
        const log = { info: () => {}, warn: () => {} };
        assert.deepEqual(await adoptAll({ stateDirectory, platform, background, log, ended: () => {} }), []);
        assert.notEqual(typeof (await platform.startTime(pid)), "string");
      });
    });

    it("counts as asking from its first moment", async () => {
      const { projector } = await open();
      const asking = projector.ask(aWorkload(), { model });
      assert.deepEqual([...projector.asked()], ["default/chat"]);
      // Until its first line, because the process is held before it has begun.
      for (let tries = 0; tries < 1000 && starts().length === 0; tries += 1) await sleep(10);
      projector.keepOnly(new Map());
      assert.equal((await asking).bytes, null);
    });
  });
});
