import { STUCK_MS } from "./shared.js";
import { render, renderConnection } from "./view.js";

const TICK_MS = 1000;
/** The agent sends its status every second; after three without one it counts as unreachable. */
const SILENT_MS = 3000;

let source;
/** When the agent last answered, and when its answer last differed from the one before; undefined: never. */
let heardAt;
let movedAt;
let updatedAt;
let asking = false;

function show(status) {
  heardAt = Date.now();
  if (status.agent.updatedAt !== updatedAt) movedAt = heardAt;
  updatedAt = status.agent.updatedAt;
  render(status);
  tell();
}

function tell() {
  const now = Date.now();
  const time = (at) => new Date(at).toLocaleTimeString();
  if (heardAt === undefined) return renderConnection("away", "agent not reachable");
  if (now - heardAt >= SILENT_MS) return renderConnection("away", `agent not reachable since ${time(heardAt)}`);
  if (now - movedAt >= STUCK_MS)
    return renderConnection("stuck", `the agent answers, but its reconcile loop has not run since ${time(movedAt)}`);
  renderConnection("live", "live");
}

function listen() {
  source = new EventSource("/api/v1/events");
  source.addEventListener("status", ({ data }) => show(JSON.parse(data)));
}

/** Polls the status where no event arrives, whatever the reason. */
async function ask() {
  if (asking) return;
  asking = true;
  try {
    const response = await fetch("/api/v1/status", { signal: AbortSignal.timeout(SILENT_MS) });
    if (!response.ok) return;
    show(await response.json());
    if (source.readyState === EventSource.CLOSED) listen();
  } catch {
    tell();
  } finally {
    asking = false;
  }
}

listen();
setInterval(() => {
  if (heardAt === undefined || Date.now() - heardAt >= SILENT_MS) ask().catch(tell);
  else tell();
}, TICK_MS);
