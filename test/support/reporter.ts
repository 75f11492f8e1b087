import Mocha from "mocha";

/** mocha's own report, then the reasons of what was skipped, then the plain line `N passed, N failed`. */
export default class Reporter extends Mocha.reporters.Spec {
  constructor(runner: Mocha.Runner, options?: Mocha.MochaOptions) {
    super(runner, options);
    const skipped: string[] = [];
    runner.on(Mocha.Runner.constants.EVENT_TEST_PENDING, (test) => skipped.push(test.fullTitle()));
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      for (const title of skipped) console.log(`  skipped: ${title}`);
      const { passes = 0, failures = 0 } = runner.stats ?? {};
      const tail = skipped.length > 0 ? `, ${skipped.length} skipped` : "";
      console.log(`${passes} passed, ${failures} failed${tail}`);
    });
  }
}
