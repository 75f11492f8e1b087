/** A row of a device: total, free, self, model, context, compute and unaccounted; of anything else: self, model, context and compute. */
export type Row = readonly [name: string, ...figures: readonly number[]];

const TITLE = "memory breakdown [MiB]";
const FIGURES = ["total", "free", "self", "model", "context", "compute", "unaccounted"];

/** A table as llama.cpp lays it out: every column is as wide as its widest cell. `by`: what the log puts before each line. */
export function tableOf(rows: readonly Row[], by = "common_memory_breakdown_print: "): string {
  const cells = [[TITLE, ...FIGURES], ...rows.map(cellsOf)];
  const widths = [0, 1, 2, 3, 4, 5, 6, 7].map((at) => Math.max(...cells.map((row) => row[at]?.length ?? 0)));
  const lines = cells.map((row, index) => {
    const [name = "", ...figures] = row.map((cell, at) =>
      at === 0 ? cell.padEnd(widths[at] ?? 0) : cell.padStart(widths[at] ?? 0),
    );
    const marks = index === 0 ? HEAD_MARKS : (rows[index - 1]?.length ?? 0) > 5 ? DEVICE_MARKS : OTHER_MARKS;
    return `${by}| ${name} | ${figures.map((figure, at) => figure + (marks[at] ?? "")).join("")} |\n`;
  });
  return lines.join("");
}

const HEAD_MARKS = ["   ", "    ", "   ", "   ", "   ", "    "];
const DEVICE_MARKS = [" = ", " + (", " = ", " + ", " + ", ") + "];
const OTHER_MARKS = ["   ", "    ", " = ", " + ", " + ", "    "];

function cellsOf([name, ...figures]: Row): readonly string[] {
  const shown = figures.map(String);
  return [`  - ${name}`, ...(figures.length > 4 ? shown : ["", "", ...shown, ""])];
}

/** What is printed after the table of a dry run. */
export const FITTED = [
  "common_params_fit_impl: projected to use 9822 MiB of device memory vs. 16333 MiB of free device memory",
  "common_params_fit_impl: will leave 6510 >= 1024 MiB of free device memory, no changes needed",
  "common_fit_params: successfully fit params to free device memory",
  "",
].join("\n");

/**
 * Published by people who ran a Mac, each as its llama-server printed it. Of the last two only the row of the device was published: their
 * heads and hosts are laid out after it.
 */
export const PUBLISHED: readonly (readonly [what: string, log: string, mebibytes: number])[] = [
  [
    "an Apple M5, with the older name of the function",
    [
      "llama_memory_breakdown_print: | memory breakdown [MiB] | total    free    self   model   context   compute    unaccounted |",
      "llama_memory_breakdown_print: |   - MTL0 (Apple M5)    | 18186 = 10905 + (7280 =  6095 +     786 +     398) +           0 |",
      "llama_memory_breakdown_print: |   - Host               |                  5556 =  5440 +       0 +     116                |",
      "",
    ].join("\n"),
    7280 + 5556,
  ],
  [
    "an Apple M4 Pro",
    [
      "common_memory_breakdown_print: | memory breakdown [MiB]  | total    free    self   model   context   compute    unaccounted |",
      "common_memory_breakdown_print: |   - MTL0 (Apple M4 Pro) | 16384 = 16333 + (9822 =  4588 +    4402 +     832) +       -9772 |",
      "common_memory_breakdown_print: |   - Host                |                  1602 =   545 +       0 +    1056                |",
      "",
    ].join("\n"),
    9822 + 1602,
  ],
  [
    "an Apple M5 Pro, without any prefix",
    [
      "| memory breakdown [MiB]  | total    free     self   model   context   compute    unaccounted |",
      "|   - MTL0 (Apple M5 Pro) | 38338 = 38338 + (34384 = 33384 +     740 +     260) +      -34384 |",
      "|   - Host                |                    418 =   332 +       0 +      86                |",
      "",
    ].join("\n"),
    34384 + 418,
  ],
  [
    "an Apple M4 Max whose build prints what is below zero without its sign",
    [
      "llama_memory_breakdown_print: | memory breakdown [MiB]  | total    free     self   model   context   compute       unaccounted |",
      "llama_memory_breakdown_print: |   - MTL0 (Apple M4 Max) | 28753 = 28690 + (28872 = 20583 +    5182 +    3106) + 17592186015607 |",
      "llama_memory_breakdown_print: |   - Host                |                    554 =   525 +       0 +      29                   |",
      "",
    ].join("\n"),
    28872 + 554,
  ],
  [
    "an Apple M3 of a build that says Metal",
    [
      "llama_memory_breakdown_print: | memory breakdown [MiB] | total    free    self   model   context   compute    unaccounted |",
      "llama_memory_breakdown_print: |   - Metal (Apple M3)   | 16384 = 12803 + (2717 =  2039 +     416 +     262) +         862 |",
      "llama_memory_breakdown_print: |   - Host               |                   285 =   235 +      27 +      23                |",
      "",
    ].join("\n"),
    2717 + 285,
  ],
];
