import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { STACK_RULES } from "../../../policies/all.ts";
import type { LlmGuardOptions } from "../../../policies/guard/llm-guard.ts";
import { readTruth, writeSynthetic } from "../../support/truth-models.ts";
import { temporaryDirectory } from "../../support/workspace.ts";
import { preview, type Registered, UNKNOWN } from "../analyse.ts";
import { model, service } from "../manifests.ts";

const ONE_MAC = [{ name: "mini", memory: "8Gi" }];
const TWO_MACS = [
  { name: "mini", memory: "8Gi", labels: { room: "a" } },
  { name: "studio", memory: "16Gi", labels: { room: "b" } },
];

/** Llama 3.2 1B: some 900 MiB, and 32 KiB of f16 cache a token: 3 GiB with 64Ki tokens. */
const LARGE = { contextSize: 65_536 };

describe("the rules about a fleet", () => {
  let source: string;

  before(async () => {
    source = await writeSynthetic(readTruth(), "llama3.2-1b", await temporaryDirectory());
  });

  function pair(name: string, serving: object = {}, spec: object = {}, provider?: string): readonly Registered[] {
    const hardware = { accelerator: "metal", memoryBudget: "8Gi" };
    const as = provider === undefined ? { name } : { name: `${provider}-${name}`, provider };
    return [
      { inputs: model({ source, hardware, ...spec }, name), as },
      { inputs: service(serving, name), as },
    ];
  }

  async function reports(
    hosts: readonly object[],
    resources: readonly Registered[],
    options: LlmGuardOptions = {},
    configured = "fleet-placement",
  ) {
    const config = hosts.length === 0 ? {} : { [configured]: { hosts } };
    const all = await preview({ stackRules: STACK_RULES, config, options }, resources);
    return { all, of: (policy: string) => all.filter((text) => text.startsWith(`${policy}: `)) };
  }

  it("say nothing where no Mac is declared and nothing collides", async () => {
    const { all } = await reports([], [...pair("a", LARGE), ...pair("b", { ...LARGE, replicas: 9 })]);
    assert.deepEqual(all, []);
  });

  it("refuse what one Mac cannot hold together, once, and say what would let it in", async () => {
    const { of } = await reports(ONE_MAC, [...pair("a", LARGE), ...pair("b", { ...LARGE, priority: "high" })]);
    const [crowded = "", ...more] = of("aggregate-per-host");
    assert.deepEqual(more, []);
    assert.match(
      crowded,
      /mini: its models need 6\.\d GiB together, and it has 4\.0 GiB for them, 2\.\d GiB short: default\/a 3\.\d GiB, default\/b 3\.\d GiB\.\ndefault\/a stays out\.\nWhat would help default\/a: mini has .* free, and would take it with .* more; with priority critical it would displace/,
    );
    assert.deepEqual(of("fleet-placement"), []);
    assert.match(of("fleet-summary")[0] ?? "", /\n- default\/a needs 3\.\d GiB: 1 Mac has too little free memory\./);
  });

  it("name the way out where models of the hosts file may be those that the change removes", async () => {
    const hostsFile = join(await temporaryDirectory(), "hosts.json");
    const models = [{ name: "default/old", memory: "3Gi", ports: [9000], priority: 1_000_000_000 }];
    const hosts = [{ name: "mini", allocatable: "4Gi", models }];
    await writeFile(hostsFile, JSON.stringify({ schemaVersion: 1, hosts }));
    const config = { "fleet-placement": { hostsFile } };
    const all = await preview({ stackRules: STACK_RULES, config }, pair("new", LARGE));
    const refused = all.filter((text) => !text.startsWith("fleet-summary: "));
    assert.equal(refused.length, 1, refused.join("\n"));
    assert.match(
      refused[0] ?? "",
      /\nThe hosts file has models that are not in this stack, and they count: default\/old\. Where this change removes them, write it with pulumi-llmkube hosts export --no-models\.$/,
    );
  });

  it("place by memory and labels over several Macs, the highest priority first", async () => {
    const inRoomA = { ...LARGE, nodeSelector: { room: "a" } };
    const { of } = await reports(TWO_MACS, [
      ...pair("low", inRoomA),
      ...pair("high", { ...inRoomA, priority: "critical" }),
      ...pair("free", LARGE),
    ]);
    assert.deepEqual(of("aggregate-per-host"), []);
    const [out = "", ...more] = of("fleet-placement");
    assert.deepEqual(more, []);
    assert.match(
      out,
      /::low: InferenceService default\/low needs 3\.\d GiB: 1 Mac has too little free memory; 1 node is no Mac, or lacks what nodeSelector/,
    );
  });

  for (const level of ["disabled", "advisory"] as const) {
    it(`lose no refusal where another policy that says the same is ${level}`, async () => {
      const crowded = [...pair("a", LARGE), ...pair("b", { ...LARGE, priority: "high" })];
      const without = await reports(ONE_MAC, crowded, { aggregatePerHost: level });
      assert.match(
        without.of("fleet-placement")[0] ?? "",
        /default\/a needs 3\.\d GiB: 1 Mac has too little free memory/,
      );
      const folder = {
        inputs: { renderYamlToDirectory: "/srv/mini" },
        as: { type: "pulumi:providers:kubernetes", name: "mini" },
      };
      const colliding = [folder, ...pair("a", {}, {}, "mini"), ...pair("b", {}, {}, "mini")];
      const ports = await reports(ONE_MAC, colliding, { distinctNamesAndPorts: level });
      assert.match(
        ports.of("fleet-placement")[0] ?? "",
        /default\/b needs .* on port 8080\. What would help: another spec\.endpoint\.port than 8080\.$/,
      );
      const both = await reports(ONE_MAC, colliding);
      assert.deepEqual(both.of("fleet-placement"), []);
    });
  }

  describe("of one folder", () => {
    const folder = {
      inputs: { renderYamlToDirectory: "/srv/mini" },
      as: { type: "pulumi:providers:kubernetes", name: "mini" },
    };
    const served = (name: string, annotations: object, serving: object = {}): readonly Registered[] => {
      const inputs = service(serving, name);
      return [
        {
          inputs: model({ source, hardware: { accelerator: "metal", memoryBudget: "8Gi" } }, name),
          as: { name, provider: "mini" },
        },
        { inputs: { ...inputs, metadata: { ...inputs.metadata, annotations } }, as: { name, provider: "mini" } },
      ];
    };
    const GATEWAY = { "llmkube.dev/gateway": "http://127.0.0.1:8080" };
    const called = (names: string) => ({ ...GATEWAY, "llmkube.dev/model-aliases": names });
    const told = async (resources: readonly Registered[]) => {
      const { all } = await reports([], [folder, ...resources]);
      return all.map((text) => text.replaceAll(/urn:\S+::/g, "urn::").replace(/^(\S+): urn::\S+: /, "$1: "));
    };

    it("accept services behind a gateway that name no port, on a Mac that is known and on none", async () => {
      const two = [...served("a", GATEWAY), ...served("b", GATEWAY)];
      assert.deepEqual(await told(two), []);
      const { all } = await reports(ONE_MAC, [folder, ...two]);
      assert.deepEqual(
        all.filter((text) => !text.startsWith("fleet-summary: ")),
        [],
      );
    });

    const large = (name: string, annotations: object, serving: object = {}) =>
      served(name, annotations, { ...LARGE, ...serving });
    const ofMini = async (resources: readonly Registered[], options: LlmGuardOptions = {}) => {
      const { all } = await reports(ONE_MAC, resources, options);
      return all.filter((text) => !text.startsWith("fleet-summary: "));
    };

    it("let ten take turns on a Mac that has memory for one of them, and show who sleeps", async () => {
      const ten = Array.from({ length: 10 }, (_, index) => large(`m${index}`, GATEWAY)).flat();
      const { all } = await reports(ONE_MAC, [folder, ...ten]);
      assert.equal(all.length, 1, all.join("\n"));
      assert.match(
        all[0] ?? "",
        /10 models: 3\.\d GiB of 4\.0 GiB after this change; 9 models take\s+turns and sleep\./,
      );
      assert.match(all[0] ?? "", /\nTakes turns, and sleeps until a request:\n- default\/m1: 3\.\d GiB on mini\.\n/);
    });

    const crowded: readonly (readonly [what: string, others: () => readonly Registered[], says: RegExp])[] = [
      [
        "beside a protected one",
        () => large("kept", GATEWAY, { evictionProtection: true }),
        /its models need 6\.\d GiB together, and it has 4\.0 GiB for them, 2\.\d GiB short: default\/kept 3\.\d GiB, and 3\.\d GiB for default\/a, the largest of 2 that take turns\.\ndefault\/a, default\/b stay out\.\nWhat would help default\/a: /,
      ],
      [
        "beside one that is behind no gateway",
        () => large("kept", {}, { endpoint: { port: 9000 } }),
        /short: default\/kept 3\.\d GiB, and 3\.\d GiB for default\/a, the largest of 2 that take turns\./,
      ],
    ];
    for (const [what, others, says] of crowded) {
      it(`refuse those that take turns, and have no room for one of them ${what}`, async () => {
        const all = [folder, ...large("a", GATEWAY), ...large("b", GATEWAY), ...others()];
        const [first = "", ...more] = await ofMini(all);
        assert.match(first, /^aggregate-per-host: /);
        assert.match(first, says);
        assert.deepEqual(more, []);
        const placement = await ofMini(all, { aggregatePerHost: "disabled" });
        assert.equal(placement.length, 2);
        assert.match(
          placement[0] ?? "",
          /^fleet-placement: .*default\/a needs 3\.\d GiB: 1 Mac has too little free memory beside what does not take turns\./,
        );
      });
    }

    it("let small ones take turns beside one that stays", async () => {
      const small = ["a", "b", "c", "d"].flatMap((name) => served(name, GATEWAY, { contextSize: 2048 }));
      const kept = served("kept", GATEWAY, { contextSize: 32_768, evictionProtection: true });
      assert.deepEqual(await ofMini([folder, ...small, ...kept]), []);
    });

    it("count whole what a scheduler places, since no pod sleeps", async () => {
      const pods = [...large("a", GATEWAY), ...large("b", GATEWAY)];
      const [first = "", ...more] = await ofMini(pods);
      assert.match(
        first,
        /^aggregate-per-host: .*short: default\/a 3\.\d GiB, default\/b 3\.\d GiB\.\ndefault\/b stays out\./,
      );
      assert.deepEqual(more, []);
    });

    it("refuse two that name one port behind it, and two without it that name none", async () => {
      const port = { endpoint: { port: 9000 } };
      const [named = "", ...more] = await told([...served("a", GATEWAY, port), ...served("b", GATEWAY, port)]);
      assert.match(named, /^distinct-names-and-ports: InferenceService default\/b listens on port 9000 of /);
      assert.deepEqual(more, []);
      const [plain = ""] = await told([...served("a", {}), ...served("b", {})]);
      assert.match(plain, /default\/b listens on port 8080 of /);
    });

    const clashes: readonly (readonly [what: string, a: string, b: string, says: RegExp])[] = [
      [
        "an alias that two have",
        "gpt-4o,x",
        "y,gpt-4o",
        /^distinct-names-and-ports: InferenceService default\/b has the alias "gpt-4o", and so has InferenceService default\/a: urn::a and urn::b\. Clients of one Mac ask by name: take it out of metadata\.annotations\["llmkube\.dev\/model-aliases"\] of one of them\.$/,
      ],
      [
        "an alias that is the name of another one",
        "b",
        "y",
        /^distinct-names-and-ports: InferenceService default\/a has the alias "b", which is the name of InferenceService default\/b: /,
      ],
      [
        "an alias that is the whole name of another one",
        "x",
        "default/a",
        /^distinct-names-and-ports: InferenceService default\/b has the alias "default\/a", which is the name of InferenceService default\/a: /,
      ],
    ];
    for (const [what, a, b, says] of clashes) {
      it(`refuse ${what}, once`, async () => {
        const [first = "", ...more] = await told([...served("a", called(a)), ...served("b", called(b))]);
        assert.match(first, says);
        assert.deepEqual(more, []);
      });
    }

    it("accept an alias that is the service's own name, one of a service that is stopped, and none", async () => {
      assert.deepEqual(await told([...served("a", called("a,x")), ...served("b", called("y"))]), []);
      assert.deepEqual(await told([...served("a", called("x"), { replicas: 0 }), ...served("b", called("x"))]), []);
    });
  });

  it("leave a model that one policy lets pass to the other", async () => {
    const exclude = [{ policy: "aggregate-per-host", name: "a", reason: "it is stopped by hand" }];
    const { of } = await reports(ONE_MAC, [...pair("a", LARGE), ...pair("b", { ...LARGE, priority: "high" })], {
      exclude,
    });
    assert.equal(of("fleet-placement").length, 1);
  });

  it("count a model that cannot be read here with its declared weights", async () => {
    const unread = { source: "https://127.0.0.1:1/m.gguf" };
    const large = await preview(
      {
        stackRules: STACK_RULES,
        config: { "fleet-placement": { hosts: ONE_MAC } },
        options: { sizes: { [unread.source]: "5Gi" } },
      },
      pair("a", {}, unread),
    );
    assert.ok(
      large.some((text) =>
        /^fleet-placement: .*default\/a needs 5\.0 GiB: 1 Mac has too little free memory/.test(text),
      ),
    );
    assert.ok(large.some((text) => /Counted with the weights alone:\n- default\/a: /.test(text)));
  });

  it("hold a memoryFraction to the memory of each Mac", async () => {
    const hardware = { accelerator: "metal", memoryFraction: 0.2 };
    const { of } = await reports(TWO_MACS, pair("a", LARGE, { hardware }));
    assert.deepEqual(of("fleet-placement"), []);
    const small = await reports([TWO_MACS[0] ?? {}], pair("a", LARGE, { hardware }));
    assert.match(small.of("fleet-placement")[0] ?? "", /memoryFraction ask for/);
  });

  it("note more replicas than Macs", async () => {
    const { of } = await reports(TWO_MACS, pair("a", { replicas: 3 }));
    assert.match(
      of("fleet-placement")[0] ?? "",
      /default\/a \(1 of 3 replicas\) needs .*: 2 Macs have a replica already\. What would help: spec\.replicas 2, or more Macs\.$/,
    );
    assert.deepEqual(of("replicas-above-macs"), []);
    const unplaced = { fleetPlacement: "disabled" as const };
    const alone = await reports(TWO_MACS, pair("a", { replicas: 3 }), unplaced, "replicas-above-macs");
    assert.match(
      alone.of("replicas-above-macs")[0] ?? "",
      /spec\.replicas is 3, but only 2 Macs of 2 may run it.* What would help: spec\.replicas 2, or more Macs\.$/,
    );
  });

  it("list what is not known, and count the rest all the same", async () => {
    const unread = { hardware: { accelerator: "metal" }, source: UNKNOWN };
    const { of } = await reports(ONE_MAC, [...pair("late", {}, unread), ...pair("a", LARGE), ...pair("b", LARGE)]);
    assert.equal(of("aggregate-per-host").length, 1);
    assert.match(of("fleet-summary")[0] ?? "", /Not counted, because the need is not known:\n- default\/late: /);
  });

  it("name both of two objects that are one", async () => {
    const twice = pair("a").map((each) => ({ ...each, as: { name: "again" } }) as Registered);
    const { of } = await reports([], [...pair("a"), ...twice]);
    const found = of("distinct-names-and-ports");
    assert.equal(found.length, 1);
    assert.match(
      found[0] ?? "",
      /Model default\/a is declared twice, and so is its InferenceService, by \S+:Model::a and by \S+:Model::again:/,
    );
  });

  it("take models of two providers for two models", async () => {
    const { of } = await reports(ONE_MAC, [...pair("gemma", {}, {}, "one"), ...pair("gemma", {}, {}, "two")]);
    assert.deepEqual(of("distinct-names-and-ports"), []);
    assert.match(of("fleet-summary")[0] ?? "", /1 Mac, 2 models:/);
  });

  it("are mandatory where they refuse, and the picture is never", async () => {
    const levels = STACK_RULES.map(({ name, level }) => [name, level]);
    assert.deepEqual(levels, [
      ["aggregate-per-host", "mandatory"],
      ["distinct-names-and-ports", "mandatory"],
      ["fleet-placement", "mandatory"],
      ["replicas-above-macs", "advisory"],
      ["fleet-summary", "advisory"],
    ]);
  });
});
