import assert from "node:assert/strict";
import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { digestOf, keyFileReader, parseKeys, readKeyFile } from "../../../agent/gateway/key-file.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { makeFifo } from "../named-pipe.ts";

const KEY = "sk-Zq7Wk0XvR4tYb2Nm";
const OTHER = "sk-Hd83jfLq0pTtGv5c";
const many = (count: number) =>
  JSON.stringify(Array.from({ length: count }, (_, index) => ({ name: `k${index}`, key: `${KEY}${index}` })));

/** What is wrong, as the clause says it. */
const REFUSED: readonly (readonly [text: string, RegExp])[] = [
  ["", /^it holds no key: write a list of entries such as /],
  ["# none yet\n", /^it holds no key/],
  ["[]", /^it holds no key/],
  [`${KEY}\n`, /^it is no list: /],
  [`${KEY}: editor\n${KEY}: other\n`, /^it is not valid YAML: the key stands twice in one object$/],
  [`name: a\nkey: ${KEY}\n`, /^it is no list/],
  [`- ${KEY}\n`, /^entry 1: it is no entry: /],
  [`- name: a\n  key: ${KEY}\n---\n- name: b\n  key: ${OTHER}\n`, /^it holds more than one document/],
  [`- name: a\n  key: "${KEY}\n`, /^it is not valid YAML: /],
  [`- name: a\n  key: *${KEY}\n`, /^it is not valid YAML: /],
  [
    `- {name: a, key: ${KEY}, ${OTHER}: 1}`,
    /^entry 1: it has a field other than name, key, models, requests, tokensPerMinute and savedSlots$/,
  ],
  [`- {name: a, key: ${KEY}}\n- {key: ${OTHER}}`, /^entry 2: "name" is missing or no text$/],
  [`- {name: ${KEY}, key: ${KEY}}`, /^entry 1: "name" is not 1 to 63 small letters, digits and hyphens$/],
  ["- {name: a}", /^entry 1: "key" is missing or no text: put it in quotes$/],
  ["- {name: a, key: 1234567890123456}", /^entry 1: "key" is missing or no text: put it in quotes$/],
  ["- {name: a, key: sk-Zq7Wk0XvR4tY}", /^entry 1: "key" is not 16 to 512 printable ASCII characters without spaces$/],
  [`- {name: a, key: "${KEY} x"}`, /^entry 1: "key" is not 16 to 512/],
  [`- {name: a, key: "${KEY}é"}`, /^entry 1: "key" is not 16 to 512/],
  [`- {name: a, key: ${KEY}}\n- {name: a, key: ${OTHER}}`, /^entry 2: the name a stands twice: give each key its own$/],
  [`- {name: a, key: ${KEY}}\n- {name: b, key: ${KEY}}`, /^entry 2: it has the key of entry 1: make another for it$/],
  [`- {name: a, key: ${KEY}, models: gemma}`, /^entry 1: "models" is no list$/],
  [`- {name: a, key: ${KEY}, models: []}`, /^entry 1: "models" is empty: /],
  [`- {name: a, key: ${KEY}, models: [1]}`, /^entry 1: "models" has an entry that is no text$/],
  [`- {name: a, key: ${KEY}, models: ["*/gemma"]}`, /^entry 1: "models" has an entry that is no name of a model: /],
  [`- {name: a, key: ${KEY}, requests: 0}`, /^entry 1: "requests" is no whole number from 1 to 10000$/],
  [`- {name: a, key: ${KEY}, requests: 1.5}`, /^entry 1: "requests" is no whole number/],
  [`- {name: a, key: ${KEY}, requests: ${KEY}}`, /^entry 1: "requests" is no whole number/],
  [`- {name: a, key: ${KEY}, tokensPerMinute: 1e12}`, /^entry 1: "tokensPerMinute" is no whole number from 1 to /],
  [`- {name: a, key: ${KEY}, savedSlots: off}`, /^entry 1: "savedSlots" is neither true nor false$/],
  [many(1001), /^it has more than 1000 keys$/],
  ["[".repeat(100_000), /nested more than 64 levels deep/],
];

describe("a file of named keys", () => {
  for (const [text, expected] of REFUSED) {
    it(`is refused as ${JSON.stringify(text).slice(0, 80)}, without showing a key`, () => {
      const parsed = parseKeys(text);
      const error = parsed.ok ? "" : parsed.error;
      assert.match(error, expected);
      for (const key of [KEY, OTHER]) assert.ok(!error.includes(key.slice(3, 9)), error);
    });
  }

  it("may be in YAML or JSON, and keeps no key", () => {
    const entry = {
      name: "editor",
      key: KEY,
      models: ["gemma", "default/*", "*"],
      requests: 4,
      tokensPerMinute: 20_000,
    };
    const yaml = `# Who may ask.\n- name: editor\n  key: ${KEY}\n  models: [gemma, "default/*", "*"]\n  requests: 4\n  tokensPerMinute: 20000\n`;
    const { key, ...rest } = entry;
    const expected = { ok: true, value: [{ ...rest, digest: digestOf(key) }] };
    assert.deepEqual(parseKeys(yaml), expected);
    assert.deepEqual(parseKeys(JSON.stringify([entry])), expected);
    const thousand = parseKeys(many(1000));
    assert.equal(thousand.ok && thousand.value.length, 1000);
  });

  it("may say that what a key asks is not saved; not to say so, and to say that it may be, is the same", () => {
    const said = (more: string) => {
      const parsed = parseKeys(`- {name: a, key: ${KEY}${more}}`);
      return parsed.ok && parsed.value[0]?.savedSlots;
    };
    assert.equal(said(", savedSlots: false"), false);
    assert.equal(said(", savedSlots: true"), undefined);
    assert.equal(said(""), undefined);
  });

  it("is read if it is a file of its owner alone", async () => {
    const folder = await temporaryDirectory();
    const path = join(folder, "keys.yaml");
    const problem = async (at = path) => {
      const read = await readKeyFile(at);
      return read.ok ? `${read.value.length} keys` : read.error;
    };
    assert.equal(await problem(), `--gateway-keys ${path}: it cannot be read (ENOENT)`);
    await writeFile(path, `- {name: a, key: ${KEY}}`, { mode: 0o600 });
    assert.equal(await problem(), "1 keys");
    await symlink(path, `${path}.link`);
    assert.equal(await problem(`${path}.link`), "1 keys");
    for (const mode of [0o640, 0o604, 0o620, 0o601]) {
      await chmod(path, mode);
      assert.match(await problem(), /: other users can read or change it: run chmod 600 on it$/);
    }
    await chmod(path, 0o400);
    assert.equal(await problem(), "1 keys");
    await writeFile(`${path}.large`, " ".repeat(2 ** 20 + 1), { mode: 0o600 });
    assert.match(await problem(`${path}.large`), /: it is larger than 1 MiB/);
    await writeFile(`${path}.latin`, Buffer.from([0xff, 0xe9]), { mode: 0o600 });
    assert.match(await problem(`${path}.latin`), /: it is not in UTF-8/);
    await mkdir(`${path}.folder`, { mode: 0o700 });
    assert.match(await problem(`${path}.folder`), /: it is not a file: /);
  });

  it("is parsed again only when its content has changed", async () => {
    const path = join(await temporaryDirectory(), "keys.yaml");
    const read = keyFileReader();
    const keys = async () => {
      const answer = await read(path);
      assert(answer.ok);
      return answer.value;
    };
    await writeFile(path, `- {name: a, key: ${KEY}}`, { mode: 0o600 });
    const first = await keys();
    assert.equal(await keys(), first);
    await writeFile(path, `- {name: b, key: ${KEY}}`);
    assert.equal((await keys())[0]?.name, "b");
    await chmod(path, 0o644);
    assert.equal((await read(path)).ok, false);
  });

  describe("that is large", () => {
    /** Beyond what is parsed in place. */
    const PADDING = `\n# ${"x".repeat(9000)}\n`;
    const written = async (text: string) => {
      const path = join(await temporaryDirectory(), "keys.yaml");
      await writeFile(path, text, { mode: 0o600 });
      return path;
    };

    it("means the same", async () => {
      const entry = { name: "editor", key: KEY, models: ["gemma", "default/*"], requests: 4, tokensPerMinute: 20_000 };
      const other = { name: "other", key: OTHER };
      const text = JSON.stringify([entry, other]);
      assert.deepEqual(await readKeyFile(await written(text + PADDING)), parseKeys(text));
      for (const wrong of [REFUSED[2], REFUSED[6], REFUSED[15], REFUSED[19]]) {
        const [refused = "", expected = /^$/] = wrong ?? [];
        const path = await written(refused + PADDING);
        const read = await readKeyFile(path);
        const prefix = `--gateway-keys ${path}: `;
        assert.ok(!read.ok && read.error.startsWith(prefix));
        assert.match(read.error.slice(prefix.length), expected);
      }
    });

    it("keeps no later look from the file where the parser hangs on it", async () => {
      const read = keyFileReader(300);
      const path = await written(`[${",".repeat(900_000)}]`);
      const refused = await read(path);
      assert.match(refused.ok ? "" : refused.error, /: it cannot be parsed \(not within 0\.3 s\)$/);
      await writeFile(path, JSON.stringify([{ name: "editor", key: KEY }]));
      const good = await read(path);
      assert.ok(good.ok);
    }).timeout(20_000);

    it("does not hold up everything else", async () => {
      const path = await written(many(1000));
      let isRead = false;
      let turns = 0;
      const turn = () => {
        turns += 1;
        if (!isRead) setImmediate(turn);
      };
      setImmediate(turn);
      const read = await readKeyFile(path);
      isRead = true;
      assert.equal(read.ok && read.value.length, 1000);
      // Reading it takes a few.
      assert.ok(turns > 500, `${turns} turns of the event loop`);
    });
  });

  it("is no named pipe, which is not waited for", async () => {
    const pipe = join(await temporaryDirectory(), "keys.yaml");
    await makeFifo(pipe);
    const read = await readKeyFile(pipe);
    assert.match(read.ok ? "" : read.error, /: it is not a file: /);
  });
});
