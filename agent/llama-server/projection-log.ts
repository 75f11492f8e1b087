import {
  type Breakdown,
  breakdownOf,
  type ComputeBuffer,
  computeBufferOf,
  countedTwice,
  isHead,
  isHostRow,
  isRow,
} from "./breakdown.ts";

/** What llama-server answers when it is asked how much memory it will reserve: bytes; or why it gave no answer, as part of a sentence. */
export type Answer = { readonly bytes: number } | NoAnswer;

export interface NoAnswer {
  readonly bytes: null;
  readonly why: string;
  /** It took too long: to ask again would, too. */
  readonly late?: true;
}

/** Reads the log of a llama-server that is asked for its projection, as it grows. */
export interface ProjectionLog {
  /** Takes what was printed since the last call. The answer as soon as there is one; from then on the process is of no use. */
  readonly take: (text: string) => Answer | undefined;
  /** The answer after a pause in which nothing was printed: a table that something else stands behind is whole then. */
  readonly pause: () => Answer | undefined;
  /** The answer once nothing more will come. @param why there may be none */
  readonly end: (why: string) => Answer;
}

/** Said of the dry run, by whatever function: after such a line the table before it is complete. */
const FITTING =
  /params_fit|fit_params|projected (?:to use|memory use)|fitting params to (?:device|free) memory|getting device memory data/;
/** The dry run is over. What comes next loads the weights. */
const FITTED =
  /successfully fit params|failed to fit params|error while trying to fit params|fitting params to free memory took/;
/** A dry run begins, or the buffers of a context are reserved anew: sizes that were printed before are of something else. */
const RESERVING = /getting device memory data|constructing llama_context|sched_reserve: reserving/;
/** At the level of debug a dry run says so of itself. */
const DRY = /print_info: no_alloc\s+= 1\b/;
/** Weights get memory: the buffers of a dry run have `0.00 MiB`. */
const LOADING = /print_info: no_alloc\s+= 0\b|model buffer size =\s*(?!0+\.0+ MiB)[\d.]+ MiB/;
/** Weights are about to be read, unless that is said within a dry run. */
const READING = /load_tensors: loading model tensors/;
/** Any line that is looked for has one of these; at the level of debug thousands have none. */
const TELLING = /\||fit|buffer size|no_alloc|reserving|constructing|memory|loading model/;
/** Nothing that is looked for is in a longer line. */
const LONGEST_LINE = 16_384;

const OTHER_SHAPE = "its table has a shape that is not known";
const NONE = "it was about to load the weights without one";

/**
 * With `--fit on` llama-server loads the model first without its weights and prints a table of the memory that it will reserve. The same
 * table is printed again when a server ends.
 *
 * @param tables how many to wait for: a draft model has one of its own, which comes before or after that of the model, by the build
 * (docs/background/llama-memory.md, "Memory breakdown"). The largest counts.
 */
export function projectionLog(tables: number): ProjectionLog {
  const found: number[] = [];
  let rest = "";
  let open: OpenTable | undefined;
  let buffers: ComputeBuffer[] = [];
  let measuring = false;
  let strange = false;

  const close = () => {
    if (open === undefined) return;
    const table = open.torn ? undefined : breakdownOf(open.rows);
    if (table === undefined) strange = true;
    else found.push(bytesOf(table, buffers));
    open = undefined;
    buffers = [];
  };
  const end = (why: string): Answer => {
    // A table that was cut has no row of the host yet.
    if (open?.rows.some(isHostRow)) close();
    if (strange) return { bytes: null, why: OTHER_SHAPE };
    return found.length > 0 ? { bytes: Math.max(...found) } : { bytes: null, why };
  };
  const takeLine = (line: string): Answer | undefined => {
    measuring ||= FITTING.test(line) || DRY.test(line);
    if (isHead(line)) {
      close();
      open = { rows: [], torn: false, over: false };
    } else if (open !== undefined) open = withLine(open, line);
    else if (/memory breakdown/.test(line)) strange = true;
    if (FITTING.test(line)) close();
    if (RESERVING.test(line)) buffers = [];
    buffers.push(...[computeBufferOf(line) ?? []].flat());
    if (FITTED.test(line) || LOADING.test(line) || (!measuring && READING.test(line))) return end(NONE);
    return strange || found.length >= tables ? end(NONE) : undefined;
  };
  return {
    take: (text) => {
      const lines = (rest + text).split("\n");
      rest = (lines.pop() ?? "").slice(0, LONGEST_LINE);
      for (const line of lines) {
        const isTold = line.length <= LONGEST_LINE && (TELLING.test(line) || open !== undefined);
        const answer = isTold ? takeLine(line) : undefined;
        if (answer !== undefined) return answer;
      }
      return undefined;
    },
    pause: () => {
      const isWhole = open?.over === true && open.rows.some(isHostRow);
      return isWhole && found.length + 1 >= tables ? end(NONE) : undefined;
    },
    end,
  };
}

interface OpenTable {
  readonly rows: readonly string[];
  /** Something stood between its rows. */
  readonly torn: boolean;
  /** Something was printed that is no row. */
  readonly over: boolean;
}

function withLine(table: OpenTable, line: string): OpenTable {
  if (!isRow(line)) return { ...table, over: true };
  return { ...table, rows: [...table.rows, line], torn: table.torn || table.over };
}

function bytesOf(table: Breakdown, buffers: readonly ComputeBuffer[]): number {
  return table.selfBytes - countedTwice(table, buffers);
}
