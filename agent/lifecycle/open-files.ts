/** Files, sockets and pipes that an agent with some tens of models has open at its busiest, with room to spare. */
const ENOUGH = 256;

/** How many files this process may have open, as the system limits it; undefined: no limit, or it cannot be read. */
export function openFilesLimit(): number | undefined {
  // Else it looks up the names of all peers, and waits for them.
  Object.assign(process.report, { excludeNetwork: true });
  const report: { readonly userLimits?: { readonly open_files?: { readonly soft?: unknown } } } =
    process.report.getReport();
  const soft = report.userLimits?.open_files?.soft;
  return typeof soft === "number" ? soft : undefined;
}

/** One sentence where the limit is too low; undefined where it is enough. */
export function openFilesProblem(limit: number | undefined): string | undefined {
  if (limit === undefined || limit >= ENOUGH) return undefined;
  return `this agent may open only ${limit} files at a time, and probes, downloads and writes fail at that limit: start it with ${ENOUGH} or more (ulimit -n ${ENOUGH})`;
}
