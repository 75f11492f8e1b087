import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { GiB } from "../../../api/bytes.ts";
import { componentType, formerComponentType } from "../../../components/package-name.ts";
import type { StackResource } from "../../../policies/definition.ts";
import { hostsConfigSchema } from "../../../policies/fleet/config.ts";
import { openHosts } from "../../../policies/hosts/open.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

function node(
  name: string,
  outputs: object,
  type = componentType("LlmNode"),
  unknown: readonly string[] = [],
): StackResource {
  return { urn: `urn:${name}`, type, name, props: () => ({ nodeName: name, ...outputs }), unknown: () => unknown };
}

const GIB = (gib: number) => String(gib * GiB);

function configured(hosts: readonly object[]) {
  return hostsConfigSchema.parse({ hosts });
}

async function fileOf(document: unknown): Promise<string> {
  const path = join(await temporaryDirectory(), "hosts.json");
  await writeFile(path, typeof document === "string" ? document : JSON.stringify(document));
  return path;
}

describe("openHosts", () => {
  it("takes LlmNodes under both of their tokens, and tells which are not known yet", async () => {
    const nodes = [
      node("a", { memory: "16Gi", allocatable: GIB(10), labels: { disk: "fast" } }),
      node("b", { allocatable: GIB(20) }, formerComponentType("LlmNode")),
      node("late", {}, componentType("LlmNode"), ["allocatable"]),
      node("identity", {}),
      { ...node("other", { allocatable: GIB(1) }), type: "llmkube:index:LlmModel" },
    ];
    const { hosts, unknown, problems } = await openHosts(nodes, {});
    assert.deepEqual(problems, []);
    assert.deepEqual(unknown, ["late"]);
    assert.deepEqual(
      hosts.map(({ name, allocatableBytes, memoryMiB }) => [name, allocatableBytes / GiB, memoryMiB]),
      [
        ["a", 10, 16_384],
        ["b", 20, undefined],
      ],
    );
    assert.equal(hosts[0]?.labels["disk"], "fast");
    assert.equal(hosts[0]?.labels["kubernetes.io/os"], "darwin");
  });

  it("computes what a described Mac has for models as its agent would", async () => {
    const { hosts } = await openHosts(
      [],
      configured([
        { name: "small", memory: "8Gi" },
        { name: "large", memory: "128Gi" },
        { name: "raised", memory: "128Gi", fraction: 0.9, workingSet: "120Gi" },
        { name: "spared", memory: "64Gi", reserve: "32Gi" },
      ]),
    );
    const gib = hosts.map(({ name, allocatableBytes }) => [name, Number((allocatableBytes / GiB).toFixed(1))]);
    assert.deepEqual(gib, [
      ["small", 4],
      ["large", 96],
      ["raised", 115.2],
      ["spared", 32],
    ]);
  });

  it("lets the first place that names a Mac describe it, and the file say what runs there", async () => {
    const hostsFile = await fileOf({
      schemaVersion: 1,
      hosts: [
        { name: "a", allocatable: GIB(7), models: [{ name: "team/chat", memory: GIB(3), ports: [8080] }] },
        { name: "c", allocatable: GIB(5) },
      ],
    });
    const config = { ...configured([{ name: "a", memory: "16Gi" }]), hostsFile };
    const { hosts, running, problems } = await openHosts([node("a", { allocatable: GIB(9) })], config);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      hosts.map(({ name, allocatableBytes }) => [name, allocatableBytes / GiB]),
      [
        ["a", 9],
        ["c", 5],
      ],
    );
    assert.deepEqual(
      running.map(({ workload, host, needBytes, ports }) => [workload, host, needBytes / GiB, ports]),
      [["team/chat", "a", 3, [8080]]],
    );
  });

  const impossible: readonly (readonly [hosts: readonly object[], says: RegExp])[] = [
    [[{ name: "a", memory: "64" }], /^hosts\[0\] \(a\): memory is only 64 B: add a unit, for example 64Gi$/],
    [[{ name: "a", memory: "64Pi" }], /^hosts\[0\] \(a\): memory is 64\.0 PiB, which no Mac has/],
    [
      [{ name: "a", memory: "64Gi", workingSet: "65Gi" }],
      /workingSet is 65\.0 GiB, but memory is 64\.0 GiB: a working set is a part of the memory$/,
    ],
    [[{ name: "a", memory: "4Gi" }], /4\.0 GiB kept for macOS \(--reserve\) leaves nothing/],
    [
      [
        { name: "a", memory: "64Gi" },
        { name: "b", memory: "64Gi" },
        { name: "a", memory: "32Gi" },
      ],
      /^hosts\[2\]\.name is "a", as hosts\[0\]\.name is: each Mac is named once$/,
    ],
  ];
  for (const [hosts, says] of impossible) {
    it(`says of ${JSON.stringify(hosts)}: ${says.source}`, async () => {
      const opened = await openHosts([], configured(hosts));
      assert.equal(opened.hosts.length, 0);
      assert.equal(opened.problems.length, 1);
      assert.match(opened.problems[0] ?? "", says);
    });
  }

  const files: readonly (readonly [what: string, document: unknown, says: RegExp])[] = [
    ["no JSON", "hosts:", /: it is no JSON: write it with pulumi-llmkube hosts export --out FILE$/],
    ["of a later version", { schemaVersion: 2, hosts: [] }, /: schemaVersion is 2; it must be 1$/],
    [
      "with a wrong unit",
      { schemaVersion: 1, hosts: [{ name: "a", allocatable: "9GB" }] },
      /: hosts\[0\]\.allocatable is "9GB"; it is not a quantity/,
    ],
    [
      "with a bad name",
      { schemaVersion: 1, hosts: [{ name: "A b", allocatable: "9Gi" }] },
      /: hosts\[0\]\.name is "A b"; it must be a DNS name/,
    ],
    [
      "with a Mac twice",
      { schemaVersion: 1, hosts: ["a", "a"].map((name) => ({ name, allocatable: "9Gi" })) },
      /: hosts\[1\]\.name is "a", as hosts\[0\]\.name is/,
    ],
  ];
  for (const [what, document, says] of files) {
    it(`says of a file ${what}: ${says.source}`, async () => {
      const hostsFile = await fileOf(document);
      const { problems, hosts } = await openHosts([], { hostsFile });
      assert.deepEqual(hosts, []);
      assert.match(problems[0] ?? "", says);
      assert.ok(problems[0]?.startsWith(`hostsFile ${hostsFile}: `));
    });
  }

  it("says of a file that is not there how to write it, and of a folder that it is one", async () => {
    const folder = await temporaryDirectory();
    const missing = await openHosts([], { hostsFile: join(folder, "none.json") });
    assert.match(missing.problems[0] ?? "", /there is no such file: write it with pulumi-llmkube hosts export/);
    const directory = await openHosts([], { hostsFile: folder });
    assert.match(directory.problems[0] ?? "", /it is a folder, not a file of hosts$/);
  });

  it("says which two LlmNodes are one Mac", async () => {
    const twice = [node("a", { allocatable: GIB(9) }), { ...node("b", { allocatable: GIB(9), nodeName: "a" }) }];
    const { problems } = await openHosts(twice, {});
    assert.deepEqual(problems, ["urn:a and urn:b are both the Mac a: each Mac is declared once"]);
  });
});
