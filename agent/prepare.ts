import { adviceText, advise } from "../memory/advice.ts";
import { estimate } from "../memory/estimate/estimate.ts";
import { decideFit } from "../memory/fit.ts";
import type { GgufHeader } from "../memory/gguf/header.ts";
import type { HeaderView } from "./headers.ts";
import type { StoredModel } from "./store/store.ts";
import type { Workload } from "./workload.ts";

/** How far everything is that a start needs, apart from memory that others hold. */
export type Preparation =
  | { readonly stage: "reading"; readonly message: string }
  | { readonly stage: "refused"; readonly reason: string; readonly message: string; readonly estimateBytes?: number }
  | { readonly stage: "fetching"; readonly message: string; readonly estimateBytes: number }
  | { readonly stage: "failed"; readonly message: string; readonly estimateBytes: number }
  | { readonly stage: "ready"; readonly path: string; readonly estimateBytes: number };

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
  if (typeof fit !== "number") return fit;

  const model = resources.stored(workload, "fetch");
  if (model.state === "ready") return { stage: "ready", path: model.path, estimateBytes: fit };
  if (model.state === "failed") return { stage: "failed", message: model.error, estimateBytes: fit };
  return { stage: "fetching", message: model.state === "working" ? model.message : "waiting", estimateBytes: fit };
}

/** The estimate in bytes where it fits the workload's own budget. */
function checkFit({ fields, budget }: Workload, header: GgufHeader): number | Preparation {
  const need = estimate(header, fields.settings);
  if (!need.ok) return { stage: "refused", reason: "MemoryCheckFailed", message: need.error };
  const fit = decideFit(need.value, budget);
  if (need.value.confidence === "unknown") return { stage: "refused", reason: fit.reason, message: fit.message };
  const estimateBytes = need.value.totalBytes;
  if (fit.fits) return estimateBytes;
  const advice = adviceText(advise(header, fields.settings, budget.bytes), fields.settings);
  return { stage: "refused", reason: fit.reason, message: `${fit.message}. ${advice}`, estimateBytes };
}
