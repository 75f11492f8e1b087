import { packagePath } from "../../../agent/state/package.ts";
import { withProgress } from "../../progress.ts";
import { type Deployment, withDeployment } from "../deployment.ts";
import { openEngine, PROJECT, projectFolder, stackOf, stateOf } from "../engine.ts";
import { findPulumi } from "../find-pulumi.ts";
import type { Emitted } from "../flags.ts";
import { placed } from "../placement.ts";
import type { Target } from "../target.ts";
import { plainManifests } from "./manifests.ts";
import type { Emission } from "./project.ts";
import { pythonProgram } from "./python.ts";
import { typescriptProgram } from "./typescript.ts";
import { yamlProgram } from "./yaml.ts";

const WRITERS: Readonly<Record<Exclude<Emitted, "manifests">, (emission: Emission) => string>> = {
  ts: typescriptProgram,
  py: pythonProgram,
  yaml: yamlProgram,
};

/** What is printed, and a sentence about what it could not know. */
export interface Emissions {
  readonly text: string;
  readonly note?: string;
}

/**
 * The program of the target's stack with this deployment in it, or its plain manifests. Changes nothing. Throws one sentence where
 * the stack cannot be read.
 */
export async function emitted(form: Emitted, wanted: Deployment, target: Target): Promise<Emissions> {
  if (form === "manifests") return { text: plainManifests(placed(wanted, [], target, process.platform)) };
  const stack = stackOf(target, process.env);
  const known = { target, project: PROJECT, stack, projectFolder: projectFolder(), packageFolder: packagePath(".") };
  const pulumi = await findPulumi(process.env);
  if (!pulumi.ok) {
    const deployments = [placed(wanted, [], target, process.platform)];
    const note =
      "there is no Pulumi CLI, so this is the program of this model alone, and not of others that are deployed";
    return { text: WRITERS[form]({ ...known, deployments, variables: {} }), note };
  }
  const engine = await openEngine(pulumi.value, process.env);
  const state = await withProgress("reading what is deployed", stateOf(engine, stack));
  if (!state.ok) throw new Error(state.error);
  const deployment = placed(wanted, state.value.deployments, target, process.platform);
  const deployments = withDeployment(state.value.deployments, deployment);
  return { text: WRITERS[form]({ ...known, deployments, variables: engine.variables }) };
}
