import { writeFileSync } from "node:fs";
import Mocha from "mocha";

/** What a run of mocha came to: JSON in the file that this variable names, for `run-all.ts` to add up. */
export const TOTALS_FILE = "PULUMI_LLMKUBE_TEST_TOTALS";

export interface Totals {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  /** Full titles of the tests that failed, each with the first lines of its error. */
  readonly failures: readonly string[];
}

/** Enough for the difference that an assertion shows: whoever sees only the end of the output shall see what differs. */
const MESSAGE_LINES = 15;

/** mocha's own report, then the reasons of what was skipped, then the plain line `N passed, N failed`. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const skipped: string[] = [];
    const failed: string[] = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_PENDING, (test) => skipped.push(test.fullTitle()));
    runner.on(Mocha.Runner.constants.EVENT_TEST_FAIL, (test, error: Error) =>
      failed.push(`${test.fullTitle()}: ${error.message.split("\n").slice(0, MESSAGE_LINES).join("\n    ")}`),
    );
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      for (const title of skipped) console.log(`  skipped: ${title}`);
      const { passes = 0, failures = 0 } = runner.stats ?? {};
      const totals: Totals = { passed: passes, failed: failures, skipped: skipped.length, failures: failed };
      const file = process.env[TOTALS_FILE];
      if (file === undefined) console.log(lastLine(totals));
      else writeFileSync(file, JSON.stringify(totals));
    });
  }
}

/** `N passed, N failed`, and what was skipped. */
export function lastLine({ passed, failed, skipped }: Omit<Totals, "failures">): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
