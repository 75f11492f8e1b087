import { readAllHeld, removeHeld } from "../agent/boot/held-file.ts";
import { stateFolderProblem } from "../agent/state/problem.ts";
import { chooseWorkload } from "./logs-print.ts";
import { stateFolder } from "./state-folder.ts";
import type { StateFlags } from "./state-options.ts";

/** Lets start what is held back. A running agent sees it within a second. Throws one sentence where that cannot be done. */
export async function allow(wanted: string, flags: StateFlags): Promise<void> {
  const folder = await stateFolder(flags);
  try {
    const found = readAllHeld(folder).map(({ fileName, held }) => {
      const name = held?.name ?? fileName.replace("_", "/");
      return { fileName, id: held?.id ?? name, name };
    });
    if (found.length === 0) throw new Error(`the agent with the state folder ${folder} holds no model back`);
    const chosen = chooseWorkload(wanted, found);
    if (!chosen.ok) throw new Error(`${chosen.error}, of those that are held back`);
    removeHeld(folder, chosen.value.fileName);
    console.log(`${chosen.value.name} may start again`);
  } catch (error) {
    throw error instanceof Error && "code" in error ? new Error(stateFolderProblem(folder, error)) : error;
  }
}
