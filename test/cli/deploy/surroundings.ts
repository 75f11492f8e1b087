import { join } from "node:path";
import { execa } from "execa";
import { pulumiEnvironment } from "../../../toolchain/pulumi.ts";
import { pulumiHome } from "../../../toolchain/pulumi-plugins.ts";
import { CLI } from "../../support/run-cli.ts";
import { temporaryDirectory } from "../../support/workspace.ts";

/** A user with an empty home, the toolchain's Pulumi on PATH, and the package's own files below a folder whose name has a space. */
export interface Surroundings {
  readonly env: Readonly<Record<string, string>>;
  readonly data: string;
}

export async function surroundings(): Promise<Surroundings> {
  const home = join(await temporaryDirectory(), "a home");
  const { env } = await pulumiEnvironment({ report: () => {} });
  return {
    env: { PULUMI_HOME: pulumiHome(), ...env, HOME: home, XDG_DATA_HOME: join(home, "data") },
    data: process.platform === "darwin" ? join(home, "Library/Application Support") : join(home, "data"),
  };
}

/** The command line there, in a process of its own. */
export function cliIn({ env }: Surroundings, ...args: readonly string[]) {
  return execa(process.execPath, [CLI, ...args], { env, reject: false, stdin: "ignore" });
}
