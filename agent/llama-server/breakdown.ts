const MiB = 2 ** 20;

/** The first column is as wide as its longest cell: behind the title stand more spaces the longer the chip's name is. */
const HEAD = /\| memory breakdown \[MiB\]\s+\| total/;

/**
 * Sum in bytes of the rows of `memory breakdown`, each `(self = model + context + compute)` in MiB, once all of them are there:
 * with `-lv 4` and `-fit on` llama-server prints them before it reads a byte of weights
 * (docs/background/llama-memory.md). Undefined: not yet.
 */
export function parseBreakdown(log: string): number | undefined {
  const lines = log.split("\n");
  const head = lines.findIndex((line) => HEAD.test(line));
  if (head === -1) return undefined;
  const rest = lines.slice(head + 1, -1);
  const end = rest.findIndex((line) => !/\|\s+- /.test(line));
  if (end === -1) return undefined;
  const rows = rest.slice(0, end).map((line) => /(\d+) =\s+(\d+) \+\s+(\d+) \+\s+(\d+)/.exec(line)?.[1]);
  if (rows.length === 0 || rows.includes(undefined)) return undefined;
  return rows.reduce((sum, self) => sum + Number(self) * MiB, 0);
}
