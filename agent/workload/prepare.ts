import { ok, type Result } from "../../api/result.ts";
import { advise } from "../../memory/advice.ts";
import { adviceText } from "../../memory/advice-text.ts";
import { decideFit } from "../../memory/fit.ts";
import { estimateServed, type Served } from "../../memory/served.ts";
import type { ModelPaths } from "../llama-server/flags.ts";
import type { StoredModel } from "../store/store.ts";
import type { HeaderView } from "./headers.ts";
import type { ModelFile, ModelFiles } from "./model-files.ts";
import type { Workload } from "./workload.ts";

/** How far everything is that a start needs, apart from memory that others hold. */
export type Preparation =
  | { readonly stage: "reading"; readonly message: string }
  | ({ readonly stage: "refused"; readonly reason: string; readonly message: string } & Partial<Need>)
  | ({ readonly stage: "fetching"; readonly message: string } & Need)
  | ({ readonly stage: "failed"; readonly message: string } & Need)
  | ({ readonly stage: "ready"; readonly paths: ModelPaths } & Need);

/** The estimate, in bytes, and what it is the sum of. */
export interface Need {
  readonly estimateBytes: number;
  readonly estimateParts: Readonly<Record<string, number>>;
}

export interface ModelAccess {
  readonly header: (source: string) => HeaderView;
  /** `fetch`: begin a download that has not begun. */
  readonly stored: (file: ModelFile, intent: "look" | "fetch") => StoredModel;
}

/** The headers first, wherever they are: what does not fit is refused before a byte is downloaded. */
export function prepare(workload: Workload, resources: ModelAccess): Preparation {
  const headers = readHeaders(workload, resources);
  if (headers === undefined) return { stage: "reading", message: "reading the model's header" };
  if (!headers.ok) return { stage: "refused", reason: "MemoryCheckFailed", message: headers.error };
  const fit = checkFit(workload, headers.value);
  return "stage" in fit ? fit : fetchAll(workload, fit, resources);
}

/** Undefined while one of them is being read. */
function readHeaders(files: ModelFiles, { header, stored }: ModelAccess): Result<Served> | undefined {
  const read = (file: ModelFile) => {
    const local = stored(file, "look");
    const view = header(local.state === "ready" ? local.path : file.source);
    return view.state === "read" ? view.header : undefined;
  };
  const model = read(files);
  const mmproj = files.mmproj && read(files.mmproj);
  const draft = files.draft && read(files.draft);
  if (model?.ok === false) return model;
  if (mmproj?.ok === false) return mmproj;
  if (draft?.ok === false) return draft;
  if (model === undefined || (files.mmproj && !mmproj) || (files.draft && !draft)) return undefined;
  return ok({ header: model.value, mmproj: mmproj?.value, draft: draft?.value });
}

/** The estimate where it fits the workload's own budget. */
function checkFit({ fields: { settings }, budget }: Workload, served: Served): Need | Preparation {
  const need = estimateServed(served, settings);
  if (!need.ok) return { stage: "refused", reason: "MemoryCheckFailed", message: need.error };
  const fit = decideFit(need.value, budget);
  if (need.value.confidence === "unknown") return { stage: "refused", reason: fit.reason, message: fit.message };
  const known: Need = { estimateBytes: need.value.totalBytes, estimateParts: need.value.parts };
  if (fit.fits) return known;
  const advice = adviceText(advise(served, settings, budget.bytes), settings);
  return { stage: "refused", reason: fit.reason, message: `${fit.message}. ${advice}`, ...known };
}

/** All at once; ready when the last of them is. */
function fetchAll(files: ModelFiles, need: Need, { stored }: ModelAccess): Preparation {
  const model = stored(files, "fetch");
  const mmproj = files.mmproj && stored(files.mmproj, "fetch");
  const draft = files.draft && stored(files.draft, "fetch");
  if (
    model.state === "ready" &&
    (mmproj === undefined || mmproj.state === "ready") &&
    (draft === undefined || draft.state === "ready")
  ) {
    const beside = { ...(mmproj && { mmproj: mmproj.path }), ...(draft && { draft: draft.path }) };
    return { stage: "ready", paths: { model: model.path, ...beside }, ...need };
  }
  for (const found of [model, mmproj, draft]) {
    if (found?.state === "failed") return { stage: "failed", message: found.error, ...need };
  }
  const working = [model, mmproj, draft].find((found) => found?.state === "working");
  return { stage: "fetching", message: working?.state === "working" ? working.message : "waiting", ...need };
}
