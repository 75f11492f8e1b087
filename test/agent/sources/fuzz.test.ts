import assert from "node:assert/strict";
import fc from "fast-check";
import { distance } from "fastest-levenshtein";
import { parseAllDocuments } from "yaml";
import type { FileReading } from "../../../agent/sources/directory/read-file.ts";
import { folderScanner, MISSED_MS } from "../../../agent/sources/directory/scan.ts";
import type { Snapshot } from "../../../agent/sources/directory/snapshot.ts";
import { manifestText } from "../../../agent/sources/directory/text.ts";
import { nameOf } from "../../../agent/workload/manifest.ts";

/** The environment can ask for a longer run (`npm run fuzz`: 10 minutes), or for the cases of an earlier one. */
const FUZZ_SECONDS = Math.min(Number(process.env["FUZZ_SECONDS"] ?? 5), 3600);
const FUZZ_SEED = Number(process.env["FUZZ_SEED"] ?? Date.now() % 2 ** 31);
const SLOWEST_CASE_MS = 5000;
/** It stands where manifests hold what nobody may read in a log. */
const SECRET = "q7Zk0WvX";

const model = (name: string) => `apiVersion: inference.llmkube.dev/v1alpha1
kind: Model
metadata:
  name: ${name}
spec:
  source: https://user:${SECRET}@models.example/${name}.gguf
  hardware:
    memoryBudget: 4Gi
`;
const service = (name: string, of: string) => `apiVersion: inference.llmkube.dev/v1alpha1
kind: InferenceService
metadata: {name: ${name}, namespace: default}
spec:
  modelRef: ${of}
  contextSize: 16384
  extraArgs: ["--api-key", "${SECRET}"]
  env:
    - name: HF_TOKEN
      value: "${SECRET}"
`;
const LIST = `{"apiVersion": "v1", "kind": "List", "items": [${JSON.stringify({
  apiVersion: "inference.llmkube.dev/v1alpha1",
  kind: "Model",
  metadata: { name: "one" },
  spec: { source: "/one.gguf" },
})}]}`;
const OTHER = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: lab\n";

const GOOD: readonly string[] = [
  model("llama"),
  `# The chat model.\n---\n${model("llama")}---\n${service("chat", "llama")}`,
  `${OTHER}---\n${service("chat", "llama")}---\n${model("llama")}`,
  LIST,
];

type Encoding = "utf-8" | "utf-16le" | "utf-16be";

function encoded(text: string, encoding: Encoding, mark: boolean): Buffer {
  const marked = mark ? `\ufeff${text}` : text;
  if (encoding === "utf-8") return Buffer.from(marked);
  const bytes = Buffer.from(marked, "utf16le");
  return encoding === "utf-16le" ? bytes : bytes.swap16();
}

interface Mutation {
  readonly at: number;
  readonly how: "cut" | "overwrite" | "insert" | "remove" | "noise" | "none";
  readonly bytes: Uint8Array;
  readonly encoding: Encoding;
  readonly mark: boolean;
}

const piece = fc.oneof(
  { weight: 3, arbitrary: fc.uint8Array({ minLength: 1, maxLength: 4 }) },
  {
    weight: 3,
    arbitrary: fc
      .constantFrom(
        "\0",
        "\n",
        "---\n",
        "#",
        ": ",
        "- ",
        '"',
        "{",
        "]",
        "&a ",
        "*a",
        "!x ",
        "\u001b[31m",
        "\u009b",
        "%",
        "|",
        "x",
      )
      .map((text) => new Uint8Array(Buffer.from(text))),
  },
);

const mutation: fc.Arbitrary<Mutation> = fc.record({
  at: fc.noBias(fc.nat({ max: 2 ** 20 - 1 })).map((part) => part / 2 ** 20),
  how: fc.constantFrom("cut", "cut", "overwrite", "overwrite", "insert", "insert", "remove", "noise", "none"),
  bytes: piece,
  encoding: fc.constantFrom("utf-8", "utf-8", "utf-16le", "utf-16be"),
  mark: fc.boolean(),
});

function mutated(text: string, { at, how, bytes, encoding, mark }: Mutation): Buffer {
  const good = encoded(text, encoding, mark);
  const offset = Math.floor(at * good.length);
  const [before, after] = [good.subarray(0, offset), good.subarray(offset)];
  if (how === "cut") return before;
  if (how === "noise") return Buffer.from(bytes);
  if (how === "none") return good;
  if (how === "remove") return Buffer.concat([before, after.subarray(bytes.length)]);
  return Buffer.concat([before, bytes, how === "insert" ? after : after.subarray(bytes.length)]);
}

/** A scanner over one file in memory, whose clock runs on at each look. */
function oneFile() {
  let reading: FileReading = { found: "nothing" };
  let stamp = 0;
  let now = 0;
  const entries = [{ name: "a.yaml", isDirectory: () => false }];
  const scanner = folderScanner({
    folder: "/manifests",
    clock: () => {
      now += MISSED_MS;
      return now;
    },
    access: {
      readFolder: async () => ({ id: "1 1", entries, linkedFolders: new Set() }),
      readFile: async (_, known) =>
        "stamp" in reading && reading.stamp === known?.stamp ? { found: "unchanged" } : reading,
    },
  });
  return {
    save: (bytes: Uint8Array) => {
      stamp += 1;
      const text = manifestText(bytes);
      const state = { inode: "1", stamp: String(stamp) };
      reading = text.ok
        ? { found: "text", text: text.value, ...state }
        : { found: "unreadable", problem: text.error, ...state };
    },
    look: async () => (await scanner.scan()).snapshot,
  };
}

/** The names and kinds of the objects of a text that is whole: what is not among them has been removed. Undefined where it is not whole. */
function wholeObjects(bytes: Uint8Array): ReadonlyArray<{ readonly kind: string; readonly name: string }> | undefined {
  const text = manifestText(bytes);
  if (!text.ok) return undefined;
  const documents = parseAllDocuments(text.value);
  if (documents.some(({ errors }) => errors.length > 0)) return undefined;
  const values = valuesOf(documents);
  if (values === undefined) return undefined;
  const objects = values.flatMap((value) => {
    const { kind, items } = fields(value);
    return kind === "List" && Array.isArray(items) ? items : [value];
  });
  const found = objects.map((value: unknown) => {
    const { kind, metadata } = fields(value);
    const { name, namespace = "default" } = fields(metadata);
    const isWhole = [kind, name].every((part) => typeof part === "string" && part !== "");
    return isWhole ? { kind: String(kind), name: `${namespace}/${name}` } : undefined;
  });
  return found.includes(undefined) ? undefined : found.flatMap((object) => object ?? []);
}

/** Undefined where an alias stands for nothing. */
function valuesOf(documents: ReturnType<typeof parseAllDocuments>): readonly unknown[] | undefined {
  try {
    return documents.map((document): unknown => document.toJS()).filter((value) => value !== null);
  } catch {
    return undefined;
  }
}

function fields(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? { ...value } : {};
}

/** Letters that may be wrong in a kind for it to be meant. */
const SLIP = 2;

function assertNothingLost(good: Snapshot, now: Snapshot, bytes: Uint8Array): void {
  const objects = wholeObjects(bytes);
  for (const [key, manifest] of good.manifests) {
    if (now.manifests.has(key)) continue;
    assert.ok(objects !== undefined, `${key} was removed by a file that is not whole`);
    const meant = objects.find(
      ({ kind, name }) =>
        name === nameOf(manifest) && distance(kind.toLowerCase(), manifest.kind.toLowerCase()) <= SLIP,
    );
    assert.equal(meant, undefined, `${key} was removed, and is there`);
  }
}

/** What is only half there may still be written. */
function assertUnchanged(before: Snapshot, now: Snapshot): void {
  for (const [key, manifest] of before.manifests) assert.deepEqual(now.manifests.get(key), manifest);
}

function assertPrintable({ problems, notes, unreadable }: Snapshot): void {
  for (const sentence of [...problems, ...notes, ...[...unreadable.values()].map(({ problem }) => problem)]) {
    assert.match(sentence, /^\P{Cc}{10,1000}$/u);
    assert.ok(!sentence.includes(SECRET), sentence);
  }
}

describe("a manifest that is saved again, damaged", () => {
  const cases = fc.record({
    good: fc.constantFrom(...GOOD),
    saves: fc.array(mutation, { minLength: 1, maxLength: 2 }),
  });

  it(`is never taken for a removal, nor tells a secret, in ${FUZZ_SECONDS} s of cases`, async function () {
    this.timeout(FUZZ_SECONDS * 10_000);
    console.log(`      again: FUZZ_SEED=${FUZZ_SEED} FUZZ_SECONDS=${FUZZ_SECONDS} npm run fuzz`);
    const counts = { same: 0, kept: 0, changed: 0 };
    const property = fc.asyncProperty(cases, async ({ good, saves }) => {
      const file = oneFile();
      file.save(Buffer.from(good));
      const before = await file.look();
      assert.deepEqual(before.problems, []);
      assert.ok(before.manifests.size > 0);
      let inForce = before;
      for (const save of saves) {
        const bytes = mutated(good, save);
        const begin = performance.now();
        file.save(bytes);
        const first = await file.look();
        if (save.how === "cut") assertUnchanged(inForce, first);
        const second = await file.look();
        assert.ok(performance.now() - begin < SLOWEST_CASE_MS);
        for (const snapshot of [first, second]) {
          assertPrintable(snapshot);
          assertNothingLost(inForce, snapshot, bytes);
        }
        if (save.how === "none") assert.deepEqual([second.manifests, second.problems], [before.manifests, []]);
        counts[second.problems.length > 0 ? "kept" : save.how === "none" ? "same" : "changed"] += 1;
        inForce = second;
      }
      file.save(Buffer.from(good));
      await file.look();
      assert.deepEqual(await file.look(), before);
    });
    await fc.assert(property, {
      seed: FUZZ_SEED,
      numRuns: 2 ** 31,
      interruptAfterTimeLimit: FUZZ_SECONDS * 1000,
      endOnFailure: true,
    });
    console.log(
      `      seed ${FUZZ_SEED}: ${counts.kept} with a problem, ${counts.changed} changed, ${counts.same} in another encoding`,
    );
    assert.ok(counts.kept > 0 && counts.changed > 0 && counts.same > 0);
  });
});
