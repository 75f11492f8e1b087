/** The memory of one replica on its Mac, in whole bytes: what the condition `MEMORY_CONDITION` of its pod says. */
export interface MemoryNumbers {
  readonly budgetBytes: number;
  /** Where the budget comes from: `crd-budget`, `crd-fraction`, `agent-flag` or `adaptive-default`. */
  readonly budgetSource: string;
  /** From the model's header; undefined until it is read. */
  readonly estimateBytes?: number | undefined;
  /** What llama-server said that it would reserve; undefined where it said nothing. */
  readonly projectedBytes?: number | undefined;
  /** Undefined while no process runs, or none is measured. */
  readonly measuredBytes?: number | undefined;
}

/**
 * One sentence that a person can read and {@link parseMemory} too. Its form is fixed: an agent and a controller of two versions must
 * understand each other.
 *
 * `The budget is 6442450944 bytes (crd-budget); estimated 5368709120, projected 5400000000, measured 5300000000 bytes`
 */
export function formatMemory(numbers: MemoryNumbers): string {
  const known = NEEDS.flatMap(([word, field]) => {
    const bytes = numbers[field];
    return bytes === undefined ? [] : [`${word} ${bytes}`];
  });
  const needs = known.length === 0 ? "" : `; ${known.join(", ")} bytes`;
  return `The budget is ${numbers.budgetBytes} bytes (${numbers.budgetSource})${needs}`;
}

/** The numbers in a sentence of {@link formatMemory}; undefined if it is none. */
export function parseMemory(sentence: string): MemoryNumbers | undefined {
  const groups = SENTENCE.exec(sentence)?.groups;
  const budgetBytes = wholeBytes(groups?.["budget"]);
  const budgetSource = groups?.["source"];
  if (budgetBytes === undefined || budgetSource === undefined) return undefined;
  const needs = NEEDS.flatMap(([word, field]) => {
    const bytes = wholeBytes(groups?.[word]);
    return bytes === undefined ? [] : [[field, bytes] as const];
  });
  return { budgetBytes, budgetSource, ...Object.fromEntries(needs) };
}

const NEEDS = [
  ["estimated", "estimateBytes"],
  ["projected", "projectedBytes"],
  ["measured", "measuredBytes"],
] as const;

const SENTENCE =
  /^The budget is (?<budget>\d{1,16}) bytes \((?<source>[a-z-]{1,64})\)(?:; (?:estimated (?<estimated>\d{1,16})(?:, (?=\w))?)?(?:projected (?<projected>\d{1,16})(?:, (?=\w))?)?(?:measured (?<measured>\d{1,16}))? bytes)?$/;

function wholeBytes(digits: string | undefined): number | undefined {
  const bytes = digits === undefined ? Number.NaN : Number(digits);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
