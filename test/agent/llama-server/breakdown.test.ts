import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Answer, projectionLog } from "../../../agent/llama-server/projection-log.ts";
import { FITTED, PUBLISHED, type Row, tableOf } from "./breakdown-tables.ts";

const MIB = 2 ** 20;
const GPU = [16384, 16333, 9822, 4588, 4402, 832, -9772] as const;
const HOST: Row = ["Host", 285, 235, 27, 23];
const RESERVING = "sched_reserve: reserving ...\n";

const CHIPS = ["M5", "M4 Pro", "M3 Max", "M3 Ultra"].map((chip) => `MTL0 (Apple ${chip})`);
const STRANGE_NAMES = [
  ...["MTL0 (Apple Paravirtual device)", "Metal (Apple M1)", "MTL0 (Apple M9 (rev: 2) [x])", "MTL0 (a = 1 + 2)"],
  ...[
    "MTL0 (a | b)",
    "MTL0 (- Host)",
    "MTL0 ()",
    "MTL0 (a chip whose name is longer than any that was ever made by anybody)",
  ],
];

function bufferLines(...buffers: readonly (readonly [name: string, mib: string])[]): string {
  return (
    RESERVING + buffers.map(([name, mib]) => `sched_reserve: ${name} compute buffer size =  ${mib} MiB\n`).join("")
  );
}

function answerTo(log: string, tables = 1): Answer | undefined {
  return projectionLog(tables).take(log);
}

function mebibytesOf(log: string, tables = 1): number | undefined {
  const bytes = answerTo(log, tables)?.bytes;
  return typeof bytes === "number" ? bytes / MIB : undefined;
}

function fixture(name: string): string {
  return readFileSync(join(import.meta.dirname, "../../fixtures/breakdown", name), "utf8");
}

describe("the memory breakdown", () => {
  for (const [what, log, mebibytes] of PUBLISHED) {
    it(`is read as ${what} printed it`, () => assert.equal(mebibytesOf(log + FITTED), mebibytes));
  }

  it("is laid out in these tests as llama.cpp lays it out", () => {
    const published = PUBLISHED[1]?.[1];
    assert.equal(
      tableOf([
        ["MTL0 (Apple M4 Pro)", ...GPU],
        ["Host", 1602, 545, 0, 1056],
      ]),
      published,
    );
  });

  for (const name of [...CHIPS, ...STRANGE_NAMES]) {
    it(`is read whatever the width of its columns: ${name}`, () => {
      assert.equal(mebibytesOf(tableOf([[name, ...GPU], HOST]) + FITTED), 9822 + 285);
    });
  }

  const tables: readonly (readonly [what: string, rows: readonly Row[], mebibytes: number])[] = [
    ["the host alone", [HOST], 285],
    ["two devices", [["MTL0 (a)", ...GPU], ["MTL1 (b)", ...GPU], HOST], 2 * 9822 + 285],
    ["buffers of other types behind the host", [HOST, ["CPU_REPACK", 504, 504, 0, 0], ["BLAS", 1, 0, 0, 1]], 790],
    ["a device without memory of its own", [["MTL0 (a)", 0, 0, 12, 10, 1, 1, -12], HOST], 297],
    ["a device that is behind the host", [HOST, ["MTL0 (a)", ...GPU]], 9822 + 285],
    ["sums that are rounded down by themselves", [["Host", 287, 235, 27, 23]], 287],
  ];
  for (const [what, rows, mebibytes] of tables) {
    it(`is the sum of what its rows take themselves: ${what}`, () => {
      assert.equal(mebibytesOf(tableOf(rows) + FITTED), mebibytes);
    });
  }

  it("is one answer where it is printed twice", () => {
    const table = tableOf([["MTL0 (Apple M4 Pro)", ...GPU], HOST]);
    assert.equal(mebibytesOf(table + table + FITTED), 9822 + 285);
  });

  const good = tableOf([["MTL0 (Apple M4 Pro)", ...GPU], HOST]);
  const [head = "", device = "", host = ""] = good.split(/(?<=\n)/);
  const noise = "ggml_metal_free: deallocating\n";
  const unknown: readonly (readonly [what: string, log: string])[] = [
    ["a sum that is less than its parts", good.replace("9822 =", "9000 =")],
    ["a sum that is more than its parts", good.replace("9822 =", "9826 =")],
    ["a sum of the host that is not that of its parts", good.replace("285 =", "585 =")],
    ["a rest that is not what is left", good.replace("-9772", "-1772")],
    ["noise between its rows", head + device + noise + host],
    ["noise within a row", head + device.replace("4588", `45${noise}88`) + host],
    ["a row twice, as of two processes", head + device + device + host],
    ["no row of the host", head + device],
    ["no row", head],
    ["another unit", good.replace("[MiB]", "[GiB]")],
    ["another order of columns", good.replace("model   context", "context   model")],
    ["rows of another form", `${head}x: |   - Host   | unknown |\n`],
    ["a device without a rest", good.replace(/\) \+ +-9772/, ")")],
  ];
  for (const [what, log] of unknown) {
    it(`is no answer with ${what}`, () => {
      assert.deepEqual(answerTo(log + FITTED), { bytes: null, why: "its table has a shape that is not known" });
    });
  }

  it("is waited for until something that is no row follows it, however the log is cut", () => {
    const log = `srv: loading\n${good}${FITTED}`;
    const complete = log.indexOf("vs. 16333");
    for (let end = 0; end < log.length; end += 1) {
      const reader = projectionLog(1);
      const answers = [reader.take(log.slice(0, end)), reader.take(log.slice(end))];
      const expected = { bytes: (9822 + 285) * MIB };
      if (end < complete) assert.deepEqual(answers, [undefined, expected], `cut at ${end}`);
    }
  });

  // A model's header may hold a name of this kind, which llama-server prints. The time of a search must not grow with its square.
  for (const [what, log, bytes] of [
    ["bars", `${"|".repeat(200_000)}\n${good}`, (9822 + 285) * MIB],
    ["one word", `${"a".repeat(200_000)} compute buffer size = x\n${good}`, (9822 + 285) * MIB],
    ["what rows begin with", `${head}${"|  - ".repeat(3000)}\n`, null],
    ["a name that does not end", `${head}|  - x${" ".repeat(16_000)}y\n`, null],
  ] as const) {
    it(`is looked for in no time in a line of ${what}`, () => {
      const began = performance.now();
      assert.equal(answerTo(log + FITTED)?.bytes, bytes);
      assert.ok(performance.now() - began < 1000, `${performance.now() - began} ms`);
    });
  }

  it("is read from what was printed before the process ended, unless it was cut", () => {
    const readers = [good, head + device, `${head}${device}${host.slice(0, 60)}`, ""].map((log) => {
      const reader = projectionLog(1);
      reader.take(log);
      return reader.end("gone").bytes;
    });
    assert.deepEqual(readers, [(9822 + 285) * MIB, null, null, null]);
  });

  describe("of a dry run that counts a buffer twice", () => {
    const table = tableOf([
      ["MTL0 (Apple M4 Pro)", ...GPU],
      ["Host", 1602, 545, 0, 1056],
    ]);
    const twice = bufferLines(["     MTL0", "832.60"], ["      CPU", "528.29"], ["      CPU", "528.29"]);

    it("has it once, where the log shows it twice", () => {
      const bytes = mebibytesOf(twice + table + FITTED) ?? 0;
      assert.ok(Math.abs(bytes - (9822 + 1602 - 528.29)) < 0.001, `${bytes}`);
    });

    const untouched: readonly (readonly [what: string, before: string])[] = [
      ["nothing about its buffers", ""],
      ["each buffer once", bufferLines(["MTL0", "832.60"], ["CPU", "1056.58"])],
      ["another buffer of the same size under another name", bufferLines(["CPU", "528.29"], ["CUDA_Host", "528.29"])],
      ["sizes that are not what the table says", bufferLines(["CPU", "100.00"], ["CPU", "100.00"])],
      ["sizes of a context that was reserved before", twice + bufferLines(["CPU", "1056.58"])],
    ];
    for (const [what, before] of untouched) {
      it(`is left as it is where the log shows ${what}`, () => {
        assert.equal(mebibytesOf(before + table + FITTED), 9822 + 1602);
      });
    }

    it("counts three backends in one buffer once", () => {
      const host = tableOf([["Host", 1000, 100, 0, 900]]);
      const thrice = bufferLines(["CPU", "300.00"], ["CPU", "300.00"], ["CPU", "300.00"]);
      assert.equal(mebibytesOf(thrice + host + FITTED), 400);
    });
  });

  describe("with a draft model", () => {
    const draft = tableOf([
      ["MTL0 (Apple M4 Pro)", 16384, 16333, 300, 200, 90, 10, -250],
      ["Host", 30, 20, 0, 10],
    ]);
    const more = "operator(): getting device memory data for the extra model at a context size of 4096:\n";

    for (const [what, log] of [
      ["before", draft + more + good],
      ["after", good + more + draft],
    ] as const) {
      it(`is that of the model, when the draft's comes ${what} it`, () => {
        assert.equal(mebibytesOf(log + FITTED, 2), 9822 + 285);
      });
    }

    it("is complete before the draft's is begun, where one table is enough", () => {
      assert.equal(mebibytesOf(good + more), 9822 + 285);
    });

    it("is the only one of a build that measures the model alone", () => {
      assert.equal(mebibytesOf(good + FITTED, 2), 9822 + 285);
    });
  });

  describe("of the real llama-server", () => {
    for (const name of ["cpu-debug.log", "cpu-trace.log"]) {
      it(`is read before anything is loaded: ${name}`, () => {
        const log = fixture(name);
        const reader = projectionLog(1);
        const lines = log.split(/(?<=\n)/);
        const at = lines.findIndex((line) => reader.take(line) !== undefined);
        assert.match(lines[at] ?? "", /projected to use 285 MiB of host memory/);
        assert.equal(mebibytesOf(log), 285);
      });
    }
  });

  describe("is not waited for once weights are loaded", () => {
    const without = (name: string) =>
      fixture(name)
        .split("\n")
        .filter((line) => !line.includes("memory_breakdown_print"));
    for (const name of ["cpu-debug.log", "cpu-trace.log"]) {
      it(`by a log without a table: ${name}`, () => {
        const lines = without(name);
        const reader = projectionLog(1);
        const at = lines.findIndex((line) => reader.take(`${line}\n`) !== undefined);
        assert.match(lines[at] ?? "", /successfully fit params/);
        const unfitted = lines.filter((line) => !/fit/.test(line));
        const second = projectionLog(1);
        const loading = unfitted.findIndex((line) => second.take(`${line}\n`) !== undefined);
        assert.match(unfitted[loading] ?? "", /no_alloc +.= 0|no_alloc += 0/);
      });
    }

    const signs = [
      "load_tensors:   CPU_Mapped model buffer size =   545.62 MiB",
      "load_tensors:         MTL0 model buffer size =     0.51 MiB",
      "load_tensors: loading model tensors, this can take a while... (mmap = true, direct_io = false)",
      "llama_params_fit: failed to fit params to free device memory: n_gpu_layers already set",
      "common_fit_params: encountered an error while trying to fit params to free device memory: failed to load model",
    ];
    for (const sign of signs) {
      it(`by the line "${sign.slice(0, 60)}..."`, () => {
        assert.deepEqual(answerTo(`srv: x\n${sign}\n`), {
          bytes: null,
          why: "it was about to load the weights without one",
        });
      });
    }

    it("but is by what a dry run prints of its own", () => {
      const dry = [
        "print_info: no_alloc              = 1",
        "load_tensors: loading model tensors, this can take a while... (load_mode = none)",
        "load_tensors:          CPU model buffer size =     0.00 MiB",
        "alloc_compute_meta:        CPU compute buffer size =    23.28 MiB",
        "",
      ].join("\n");
      assert.equal(answerTo(dry), undefined);
      assert.equal(mebibytesOf(dry + good + FITTED), 9822 + 285);
    });
  });
});
