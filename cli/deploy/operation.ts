import type { EngineEvent } from "@pulumi/pulumi/automation/index.js";
import { withProgress } from "../progress.ts";
import { type Change, changeOf, diagnosticOf, type Finding, findingOf } from "./changes.ts";
import { type Ended, ended, type RunOptions } from "./engine.ts";
import type { Interrupts } from "./interrupts.ts";

/** What a run of Pulumi did, or would do. */
export interface Outcome {
  readonly ended: Ended;
  readonly changes: readonly Change[];
  readonly findings: readonly Finding[];
  /** Warnings and errors, each once. */
  readonly diagnostics: readonly string[];
}

/** Called with each thing as it happens, and once for what is the same. */
export interface Listener {
  readonly onChange?: (change: Change) => void;
  readonly onFinding?: (finding: Finding) => void;
  readonly onDiagnostic?: (text: string) => void;
}

/** Runs Pulumi and collects what its engine says. */
export async function operate(
  what: string,
  interrupts: Interrupts,
  run: (options: RunOptions) => Promise<unknown>,
  listener: Listener = {},
): Promise<Outcome> {
  const seen = {
    changes: new Map<string, Change>(),
    findings: new Map<string, Finding>(),
    diagnostics: new Set<string>(),
  };
  const onEvent = (event: EngineEvent) => collect(event, seen, listener);
  const { signal, hear } = interrupts;
  const ending = ended(run({ onEvent, onOutput: hear, onError: hear, signal, color: "never" }));
  const result = await withProgress(what, ending);
  return {
    ended: result,
    changes: [...seen.changes.values()],
    findings: [...seen.findings.values()],
    diagnostics: [...seen.diagnostics],
  };
}

interface Seen {
  readonly changes: Map<string, Change>;
  readonly findings: Map<string, Finding>;
  readonly diagnostics: Set<string>;
}

function collect(event: EngineEvent, seen: Seen, { onChange, onFinding, onDiagnostic }: Listener): void {
  const change = event.resOutputsEvent && changeOf(event.resOutputsEvent.metadata);
  if (change !== undefined && !seen.changes.has(change.object)) {
    seen.changes.set(change.object, change);
    onChange?.(change);
  }
  const finding = findingOf(event);
  // The same is said of a Model and of its service.
  const key = `${finding?.policy}\n${finding?.message}`;
  if (finding !== undefined && !seen.findings.has(key)) {
    seen.findings.set(key, finding);
    onFinding?.(finding);
  }
  const diagnostic = diagnosticOf(event);
  if (diagnostic !== undefined && !seen.diagnostics.has(diagnostic)) {
    seen.diagnostics.add(diagnostic);
    onDiagnostic?.(diagnostic);
  }
}
