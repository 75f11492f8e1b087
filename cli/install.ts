import { Command } from "commander";

/** `pulumi-llmkube agent install` and `uninstall`; with `--dry-run` they only say what they would do, on any system. */
export function installCommands(): readonly Command[] {
  const install = new Command("install")
    .description("Have macOS start the agent with these options whenever this Mac starts (needs sudo).")
    .option("--dry-run", "print the file and the commands, and change nothing")
    .action(async (flags: { readonly dryRun?: true }, command: Command) => {
      const { install } = await import("./install-daemon.ts");
      await install(command.parent ?? command, flags.dryRun === true);
    });
  const uninstall = new Command("uninstall")
    .description("Stop the agent that `install` set up, and remove its file (needs sudo).")
    .option("--dry-run", "print the commands, and change nothing")
    .action(async (flags: { readonly dryRun?: true }) => {
      const { uninstall } = await import("./install-daemon.ts");
      await uninstall(flags.dryRun === true);
    });
  return [install, uninstall];
}
