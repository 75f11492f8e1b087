import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";
import { parse } from "yaml";
import { canonicalPath } from "../../agent/state/canonical-path.ts";
import { DEFAULT_MANIFESTS } from "../../agent/state/paths.ts";
import { fail, ok, type Result } from "../../api/result.ts";
import type { TargetFlags } from "./flags.ts";
import type { Target } from "./target.ts";

/** The target that the flags name. For a cluster the context is looked up, so that another one tomorrow is another target. */
export async function chooseTarget(flags: TargetFlags, env: NodeJS.ProcessEnv): Promise<Result<Target>> {
  const { manifests = DEFAULT_MANIFESTS, cluster, kubeconfig, context } = flags;
  if (!cluster) return ok({ kind: "manifests", folder: canonicalPath(manifests) });
  const chosen = context === undefined ? await currentContext(kubeconfig, env) : ok(context);
  return chosen.ok ? ok({ kind: "cluster", context: chosen.value, kubeconfig }) : chosen;
}

/** As kubectl has it: of several files in KUBECONFIG the first that names one. */
async function currentContext(kubeconfig: string | undefined, env: NodeJS.ProcessEnv): Promise<Result<string>> {
  const files = kubeconfig === undefined ? defaultFiles(env) : [kubeconfig];
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => undefined);
    const name = text === undefined ? undefined : contextIn(text);
    if (name !== undefined) return ok(name);
  }
  return fail(
    `--cluster: ${files.join(", ")} names no current-context: choose one with --context, or another file with --kubeconfig`,
  );
}

function defaultFiles({ KUBECONFIG }: NodeJS.ProcessEnv): readonly string[] {
  const files = (KUBECONFIG ?? "").split(delimiter).filter((file) => file !== "");
  return files.length > 0 ? files : [join(homedir(), ".kube", "config")];
}

function contextIn(text: string): string | undefined {
  try {
    const document: unknown = parse(text);
    const name =
      typeof document === "object" && document !== null ? Reflect.get(document, "current-context") : undefined;
    return typeof name === "string" && name !== "" ? name : undefined;
  } catch {
    return undefined; // not YAML
  }
}
