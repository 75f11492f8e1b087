// Pure: turns the agent's status into what is drawn. Every number is in bytes.
// The agent itself serves shared.js, so that parts and their labels are defined in one place.
import { PART_GROUPS, PARTS } from "./shared.js";

const LABELS = {
  ...PART_GROUPS,
  other: "other",
  estimate: "estimate",
  beyond: "above the estimate",
};

/** The parts of an estimate, summed up by group; groups without bytes are left out. */
export function partsOf({ estimateBytes, estimateParts, measuredBytes }) {
  const sums = new Map();
  const parts = estimateParts ?? (estimateBytes === undefined ? {} : { estimate: estimateBytes });
  for (const [name, bytes] of Object.entries(parts)) {
    const part = name === "estimate" ? name : (PARTS[name]?.group ?? "other");
    sums.set(part, (sums.get(part) ?? 0) + bytes);
  }
  const beyond = (measuredBytes ?? 0) - (estimateBytes ?? 0);
  if (beyond > 0) sums.set("beyond", beyond);
  return Object.keys(LABELS)
    .filter((part) => sums.get(part) > 0)
    .map((part) => ({ part, label: LABELS[part], bytes: sums.get(part) }));
}

/** What a workload is charged: its estimate, or its measured footprint where that is larger. */
export function chargeOf({ estimateBytes, measuredBytes }) {
  return Math.max(estimateBytes ?? 0, measuredBytes ?? 0);
}

/**
 * The host's memory from left to right: running models, free memory, and what the system and other processes use.
 * `other` is undefined where the agent does not know how much memory is available. `scale` is the host's memory, or
 * more where the charges exceed it.
 */
export function hostMap({ agent, workloads }) {
  const models = workloads
    .filter(({ pid }) => pid !== undefined)
    .map((workload) => ({
      name: workload.name,
      charge: chargeOf(workload),
      used: workload.measuredBytes,
      parts: partsOf(workload),
    }));
  const charged = sum(models.map(({ charge }) => charge));
  const used = sum(models.map((model) => model.used ?? 0));
  const { hostMemoryBytes, availableBytes, allocatableBytes } = agent;
  const other = availableBytes === undefined ? undefined : Math.max(0, hostMemoryBytes - availableBytes - used);
  const scale = Math.max(hostMemoryBytes, charged + (other ?? 0));
  const free = scale - charged - (other ?? 0);
  return { models, charged, used, other, free, scale, allocatable: allocatableBytes, host: hostMemoryBytes };
}

/** One model against its budget. `scale` leaves a margin to the right of the last mark. */
export function modelBar(workload) {
  const parts = partsOf(workload);
  const budget = workload.budget?.bytes;
  const scale = Math.max(chargeOf(workload), budget ?? 0) * 1.02;
  return {
    parts,
    budget,
    measured: workload.measuredBytes,
    scale,
    over: budget !== undefined && chargeOf(workload) > budget,
  };
}

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

/** As the agent itself writes sizes: one decimal, cut off and not rounded. A test holds the two against each other. */
export function formatBytes(bytes) {
  if (bytes === undefined) return "–";
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 ? value : (Math.floor(value * 10) / 10).toFixed(1)} ${UNITS[unit]}`;
}

const AGES = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1000],
];

/** As `pulumi-llmkube status` writes it: `3m ago`. A test holds the two against each other. */
export function formatAgo(milliseconds) {
  const [unit, size] = AGES.find(([, least]) => milliseconds >= least) ?? ["s", 1000];
  return `${Math.max(0, Math.floor(milliseconds / size))}${unit} ago`;
}

/** What a model's clients ask of it: what they do now, and when they did anything last. */
export function askedFor(demand, updatedAt) {
  if (demand === undefined) return { now: [], last: "–" };
  const { inFlight, waiting, lastUsedAt } = demand;
  const now = [
    ["in-flight", inFlight, `${inFlight} in flight`],
    ["waiting", waiting, `${waiting} waiting`],
  ];
  return {
    now: now.filter(([, count]) => count > 0).map(([kind, , text]) => [kind, text]),
    last: lastUsedAt === undefined ? "never" : formatAgo(Date.parse(updatedAt) - Date.parse(lastUsedAt)),
  };
}

function sum(numbers) {
  return numbers.reduce((total, number) => total + number, 0);
}
