import { adviceText, advise } from "../memory/advice.ts";
import { estimate } from "../memory/estimate/estimate.ts";
import { decideFit } from "../memory/fit.ts";
import type { GgufHeader } from "../memory/gguf/header.ts";
import type { HeaderView } from "./headers.ts";
import type { StoredModel } from "./store.ts";
import type { Workload } from "./workload.ts";

/** How far everything is that a start needs, apart from memory that others hold. */
export type Preparation =
  | { readonly stage: "reading"; readonly message: string }
  | ({ readonly stage: "refused"; readonly reason: string; readonly message: string } & Partial<Need>)
  | ({ readonly stage: "fetching"; readonly message: string } & Need)
  | ({ readonly stage: "failed"; readonly message: string } & Need)
  | ({ readonly stage: "ready"; readonly path: string } & Need);

/** The estimate, in bytes, and what it is the sum of. */
export interface Need {
  readonly estimateBytes: number;
  readonly estimateParts: Readonly<Record<string, number>>;
}

export interface Resources {
  readonly header: (source: string) => HeaderView;
  /** `fetch`: begin a download that has not begun. */
  readonly stored: (workload: Workload, intent: "look" | "fetch") => StoredModel;
}

/** The header first, wherever it is: what does not fit is refused before a byte is downloaded. */
export function prepare(workload: Workload, resources: Resources): Preparation {
  const local = resources.stored(workload, "look");
  const view = resources.header(local.state === "ready" ? local.path : workload.source);
  if (view.state === "reading") return { stage: "reading", message: "reading the model's header" };
  if (!view.header.ok) return { stage: "refused", reason: "MemoryCheckFailed", message: view.header.error };
  const fit = checkFit(workload, view.header.value);
  if ("stage" in fit) return fit;

  const model = resources.stored(workload, "fetch");
  if (model.state === "ready") return { stage: "ready", path: model.path, ...fit };
  if (model.state === "failed") return { stage: "failed", message: model.error, ...fit };
  return { stage: "fetching", message: model.state === "working" ? model.message : "waiting", ...fit };
}

/** The estimate where it fits the workload's own budget. */
function checkFit({ fields, budget }: Workload, header: GgufHeader): Need | Preparation {
  const need = estimate(header, fields.settings);
  if (!need.ok) return { stage: "refused", reason: "MemoryCheckFailed", message: need.error };
  const fit = decideFit(need.value, budget);
  if (need.value.confidence === "unknown") return { stage: "refused", reason: fit.reason, message: fit.message };
  const known: Need = { estimateBytes: need.value.totalBytes, estimateParts: need.value.parts };
  if (fit.fits) return known;
  const advice = adviceText(advise(header, fields.settings, budget.bytes), fields.settings);
  return { stage: "refused", reason: fit.reason, message: `${fit.message}. ${advice}`, ...known };
}
