import { Command } from "commander";
import type { InstallFlags } from "./install/run.ts";

const INSTALL_CODES = `
The options of agent may stand before or after install; --manifests or --kubeconfig is required:
  sudo pulumi-llmkube agent install --manifests /Users/me/models.d --keep-awake
  sudo pulumi-llmkube agent install --kubeconfig /Users/me/.pulumi-llmkube/kubeconfig

Exit codes:
  0    the agent runs; with --dry-run: nothing speaks against it
  1    it was installed, but does not stay running: the end of its log is printed
  2    it was not installed
  130  interrupted: how things stand is printed, and the same command finishes it`;

const UNINSTALL_CODES = `
Exit codes:
  0    it is gone, or was not there
  2    it is still there
  130  interrupted: how things stand is printed, and the same command finishes it`;

/** `pulumi-llmkube agent install` and `uninstall`; with `--dry-run` they only say what they would do, on any system. */
export function installCommands(): readonly Command[] {
  const install = new Command("install")
    .description("Start the agent whenever this Mac starts, and now; replaces one that is installed (needs sudo).")
    .option("--user <name>", "user that the agent runs as (default: you, also where sudo runs this)")
    .option("--dry-run", "print the launchd file and the commands without running them")
    .action(async (flags: InstallFlags, command: Command) => {
      const { install } = await import("./install/run.ts");
      await install(command.parent ?? command, flags);
    })
    .addHelpText("after", INSTALL_CODES);
  const uninstall = new Command("uninstall")
    .description("Stop the installed agent with its servers, wait, and remove its launchd file (needs sudo).")
    .option("--dry-run", "print the commands without running them")
    .action(async (flags: InstallFlags) => {
      const { uninstall } = await import("./install/run.ts");
      await uninstall(flags);
    })
    .addHelpText("after", UNINSTALL_CODES);
  return [install, uninstall];
}
