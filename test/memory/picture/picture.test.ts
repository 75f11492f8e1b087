import assert from "node:assert/strict";
import fc from "fast-check";
import { type Picture, pictureOf } from "../../../memory/picture/picture.ts";
import type { Scene } from "../../../memory/picture/scene.ts";
import { pictureText } from "../../../memory/picture/text.ts";
import type { Waiting, Workload } from "../../../memory/placement/workload.ts";
import { bound, fleetCases, host, workload } from "../placement/fleets.ts";

function one(wanted: Workload, replicas = 1): Waiting {
  return { workload: wanted, replicas };
}

function scene(more: Partial<Scene>): Scene {
  return { hosts: [], running: [], after: [], refused: [], unknown: [], ...more };
}

const PORT = { port: 8080 };

describe("pictureText", () => {
  const table: readonly (readonly [what: string, scene: Scene, text: string])[] = [
    [
      "two models on one Mac",
      scene({
        hosts: [host("studio-1", 96)],
        after: [one(workload("default/gemma", 20)), one(workload("default/llama", 24))],
      }),
      `
1 Mac, 2 models: 44.0 GiB of 96.0 GiB after this change.

studio-1: 44.0 GiB of 96.0 GiB, 52.0 GiB free
  after  [AAAAAAAAAAAAABBBBBBBBBBBBBBBB..................................] 46%
    A default/gemma                             20.0 GiB
    B default/llama                             24.0 GiB`,
    ],
    [
      "what runs, what changes, what goes, and a Mac where nothing changes",
      scene({
        hosts: [host("studio-1", 96), host("mini", 12)],
        running: [
          bound("default/gemma-1", "studio-1", 18, 0, { workload: "default/gemma", ports: [1] }),
          bound("default/old-1", "studio-1", 24, 0, { workload: "default/old" }),
          bound("team/theirs", "mini", 4),
        ],
        before: [one(workload("default/gemma", 18, 0, PORT)), one(workload("default/old", 24))],
        after: [one(workload("default/gemma", 20, 0, PORT)), one(workload("default/llama", 24))],
      }),
      `
2 Macs, 2 models: 48.0 GiB of 108.0 GiB after this change, 46.0 GiB before.

studio-1: 44.0 GiB of 96.0 GiB, 52.0 GiB free
  before [AAAAAAAAAAAACCCCCCCCCCCCCCCC...................................] 44%
  after  [AAAAAAAAAAAAABBBBBBBBBBBBBBBB..................................] 46%
    A default/gemma                             20.0 GiB  was 18.0 GiB
    B default/llama                             24.0 GiB  new here
    C default/old                               24.0 GiB  gone

mini                   [#######.............] 4.0 GiB of 12.0 GiB, 1 model`,
    ],
    [
      "who stays out, who is refused, and who is not known",
      scene({
        hosts: [host("studio-1", 96), host("mini", 12)],
        after: [
          one(workload("default/big", 80, 10)),
          one(workload("default/gemma", 20, 0, PORT), 2),
          one(workload("default/huge", 200)),
        ],
        refused: [{ name: "default/over", why: "it needs 9.0 GiB, and its budget is 8.0 GiB" }],
        unknown: [{ name: "default/late", why: "spec.source is not known yet" }],
      }),
      `
2 Macs, 5 models: 80.0 GiB of 108.0 GiB after this change; 2 models stay out; 1
refused; 1 not known.

studio-1: 80.0 GiB of 96.0 GiB, 16.0 GiB free
  after  [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA..........] 83%
    A default/big                               80.0 GiB

mini                   [....................] 0 B of 12.0 GiB, 0 models

Stays out:
- default/gemma (2 of 2 replicas) needs 20.0 GiB: 2 Macs have too little free
  memory. What would help: studio-1 has 16.0 GiB free, and would take it with
  4.0 GiB more; with priority batch it would displace default/big#1 on studio-1.
- default/huge needs 200.0 GiB: 2 Macs have too little free memory. What would
  help: studio-1 has 96.0 GiB for all models, 104.0 GiB less than it needs: a
  larger Mac, a smaller context or a smaller model.

Refused:
- default/over: it needs 9.0 GiB, and its budget is 8.0 GiB.

Not counted, because the need is not known:
- default/late: spec.source is not known yet.`,
    ],
    [
      "one that runs and yields to a higher priority",
      scene({
        hosts: [host("mini", 12)],
        running: [bound("default/low-1", "mini", 8, 0, { workload: "default/low", ports: [1] })],
        after: [one(workload("default/low", 8)), one(workload("default/high", 10, 100))],
      }),
      `
1 Mac, 2 models: 10.0 GiB of 12.0 GiB after this change, 8.0 GiB before; 1 model
stays out.

mini: 10.0 GiB of 12.0 GiB, 2.0 GiB free
  before [BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB.....................] 67%
  after  [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA..........] 83%
    A default/high                              10.0 GiB  new here
    B default/low                                8.0 GiB  gone

Stays out:
- default/low needs 8.0 GiB: it yields to default/high, which has a higher
  priority.`,
    ],
    [
      "what is not in this change and yields to it",
      scene({
        hosts: [host("mini", 12), host("other", 12)],
        running: [
          bound("team/theirs-1", "mini", 8, 0, { workload: "team/theirs" }),
          bound("kube-system/job", "mini", 2, -10),
          bound("default/gone-1", "other", 4, 0, { workload: "default/gone" }),
        ],
        before: [one(workload("default/gone", 4))],
        after: [one(workload("default/high", 12, 100), 2)],
      }),
      `
2 Macs, 1 model: 24.0 GiB of 24.0 GiB after this change, 14.0 GiB before; 2
other models displaced.

mini: 12.0 GiB of 12.0 GiB, 0 B free
  before [BBBBBBBBBBBCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCCC..........] 83%
  after  [AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA] 100%
    A default/high                              12.0 GiB  new here
    B kube-system/job                            2.0 GiB  gone
    C team/theirs                                8.0 GiB  gone

other: 12.0 GiB of 12.0 GiB, 0 B free
  before [AAAAAAAAAAAAAAAAAAAAA..........................................] 33%
  after  [BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB] 100%
    A default/gone                               4.0 GiB  gone
    B default/high                              12.0 GiB  new here

Loses its place, and is not in this change:
- kube-system/job: its 2.0 GiB on mini yield to default/high, which has a higher
  priority.
- team/theirs: its 8.0 GiB on mini yield to default/high, which has a higher
  priority.`,
    ],
    ["nothing at all", scene({}), "\n0 Macs, 0 models: 0 B of 0 B after this change."],
  ];
  for (const [what, given, text] of table) {
    it(`shows ${what}`, () => assert.equal(`\n${pictureText(pictureOf(given))}`, text));
  }

  it("folds 60 Macs with 400 models into what fits a screen or two", () => {
    const hosts = Array.from({ length: 60 }, (_, index) => host(`mac-${index}`, 96));
    const after = Array.from({ length: 400 }, (_, index) => one(workload(`team/model-${index}`, 5 + (index % 40))));
    const text = pictureText(pictureOf(scene({ hosts, after })));
    const lines = text.split("\n");
    assert.ok(lines.length < 150, `${lines.length} lines`);
    assert.match(text, /^and 29 more Macs: .* of .*, \d+ models$/m);
    assert.match(text, /^- and \d+ more$/m);
  });

  it("gives the largest models of a Mac a letter each, and adds up the others", () => {
    const after = Array.from({ length: 14 }, (_, index) =>
      one(workload(`m${String(index).padStart(2, "0")}`, index + 1)),
    );
    const text = pictureText(pictureOf(scene({ hosts: [host("h", 128)], after })));
    assert.match(text, /^ {4}A m05 +6\.0 GiB$/m);
    assert.match(text, /^ {4}\+ 5 smaller models: 15\.0 GiB$/m);
    assert.match(text, /\[A+.*I+\++\.+\] 82%$/m);
  });

  it("says the largest context that would fit", () => {
    const given = scene({ hosts: [host("h", 10)], after: [one(workload("a", 8, 10)), one(workload("b", 4))] });
    assert.match(
      pictureText(pictureOf(given, () => 4096)),
      /with a context of 4096 tokens\n {2}it would fit there now/,
    );
  });

  it("is ASCII of at most 80 columns, and counts every byte and replica once", () => {
    fc.assert(
      fc.property(fleetCases, ({ hosts, bound: running, waiting }) => {
        const picture = pictureOf(scene({ hosts, running, after: waiting }));
        for (const line of pictureText(picture).split("\n")) assert.match(line, /^[ -~]{0,80}$/);
        for (const { allocatableBytes, after } of picture.hosts) {
          assert.ok(after.reduce((sum, { bytes }) => sum + bytes, 0) <= allocatableBytes);
        }
        for (const { workload: wanted, replicas } of waiting) {
          assert.equal(placed(picture, wanted.name) + out(picture, wanted.name), replicas);
        }
      }),
      { numRuns: 300 },
    );
  });
});

function placed({ hosts }: Picture, name: string): number {
  return hosts.flatMap(({ after }) => after.filter((share) => share.name === name)).length;
}

function out({ out: outs }: Picture, name: string): number {
  return outs.find((each) => each.name === name)?.replicas ?? 0;
}
