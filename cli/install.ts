import { Command } from "commander";

const EXIT_CODES = "\nExit codes: 0 it was done or shown, 2 it was not.";

/** `pulumi-llmkube agent install` and `uninstall`; with `--dry-run` they only say what they would do, on any system. */
export function installCommands(): readonly Command[] {
  const install = new Command("install")
    .description("Start the agent with these options whenever this Mac starts (needs sudo).")
    .option("--dry-run", "print the launchd file and the commands without running them")
    .action(async (flags: { readonly dryRun?: true }, command: Command) => {
      const { install } = await import("./install-daemon.ts");
      await install(command.parent ?? command, flags.dryRun === true);
    })
    .addHelpText("after", EXIT_CODES);
  const uninstall = new Command("uninstall")
    .description("Stop the installed agent and remove its launchd file (needs sudo).")
    .option("--dry-run", "print the commands without running them")
    .action(async (flags: { readonly dryRun?: true }) => {
      const { uninstall } = await import("./install-daemon.ts");
      await uninstall(flags.dryRun === true);
    })
    .addHelpText("after", EXIT_CODES);
  return [install, uninstall];
}
