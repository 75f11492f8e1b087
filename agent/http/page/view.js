import { byId, element, redraw, setText } from "./dom.js";
import { renderGateway, requestsCell } from "./gateway.js";
import { formatBytes, hostMap, modelBar } from "./layout.js";
import { PART_GROUPS } from "./shared.js";

const percent = (bytes, scale) => `${scale > 0 ? (bytes / scale) * 100 : 0}%`;

byId("parts").prepend(...Object.entries(PART_GROUPS).map(([group, label]) => legendItem(group, label)));

export function render(status) {
  renderHost(hostMap(status));
  renderModels(status);
  renderGateway(status);
  renderProblems(status.agent.problems);
  const { pid, backend, startedAt } = status.agent;
  setText(byId("about"), `Agent pid ${pid} on ${backend}, since ${new Date(startedAt).toLocaleString()}`);
}

function renderHost(map) {
  const { models, used, other, free, scale, allocatable, host } = map;
  setText(
    byId("summary"),
    `${formatBytes(used)} measured of ${formatBytes(allocatable)} for models, ${formatBytes(host)} in total`,
  );
  redraw(byId("map"), map, () => {
    const groups = models.map((model) => hostGroup(model, scale));
    const rest = [hostRest("free", other === undefined ? "unknown" : "free", free, scale)];
    if (other !== undefined) rest.push(hostRest("system", "system", other, scale));
    const bar = element("div", { className: "host-bar", role: "img", "aria-label": hostText(map) }, ...groups, ...rest);
    const mark = element("div", {
      className: allocatable / scale > 0.5 ? "allocatable left" : "allocatable",
      style: { left: percent(allocatable, scale) },
      text: `for models ${formatBytes(allocatable)}`,
      "aria-hidden": "true",
    });
    return [element("div", { className: "host" }, mark, bar)];
  });
  redraw(byId("legend"), [other, free, models.map(({ charge, used: bytes }) => [charge, bytes])], () => [
    legendItem(
      "free",
      other === undefined ? `free or used by other processes ${formatBytes(free)}` : `free ${formatBytes(free)}`,
    ),
    legendItem("system", `system and other processes ${other === undefined ? "unknown" : formatBytes(other)}`),
    legendItem("reserved", "reserved, not used yet"),
  ]);
}

function legendItem(part, text) {
  return element("li", {}, element("span", { className: "swatch", "data-part": part }), text);
}

function hostGroup({ name, charge, used, parts }, scale) {
  const segments = parts.map(({ part, label, bytes }) =>
    element("span", {
      className: "segment",
      "data-part": part,
      style: { width: percent(bytes, charge) },
      title: `${name}: ${label} ${formatBytes(bytes)}`,
    }),
  );
  const reserved = charge - (used ?? 0);
  if (reserved > 0) {
    segments.push(element("span", { className: "reserved", style: { width: percent(reserved, charge) } }));
  }
  return element(
    "div",
    { className: "group", style: { width: percent(charge, scale) }, title: `${name}: ${formatBytes(charge)}` },
    element("span", { className: "name", text: name.replace(/^default\//, "") }),
    element("span", { className: "segments" }, ...segments),
  );
}

function hostRest(part, label, bytes, scale) {
  return element(
    "div",
    { className: "group rest", "data-part": part, style: { width: percent(bytes, scale) }, title: formatBytes(bytes) },
    element("span", { className: "name", text: label }),
    element("span", { className: "segments" }),
  );
}

function hostText({ models, other, free, allocatable, host }) {
  const each = models.map(({ name, charge, used }) => `${name} ${formatBytes(used)} of ${formatBytes(charge)}`);
  const system =
    other === undefined
      ? "use by the system and other processes is unknown"
      : `system and other processes ${formatBytes(other)}`;
  return [
    `${formatBytes(host)} of memory`,
    ...each,
    `free ${formatBytes(free)}`,
    system,
    `models may use ${formatBytes(allocatable)}`,
  ].join(", ");
}

const rows = new Map();

function renderModels({ agent, workloads }) {
  const table = byId("models");
  byId("requests").hidden = agent.gatewayUrl === undefined;
  table.hidden = workloads.length === 0;
  byId("empty").hidden = workloads.length > 0;
  const ids = new Set(workloads.map(({ id }) => id));
  for (const [id, row] of rows) {
    if (ids.has(id)) continue;
    row.body.remove();
    rows.delete(id);
  }
  workloads.forEach((workload, index) => {
    const row = rows.get(workload.id) ?? newRow(workload.name);
    rows.set(workload.id, row);
    // The head is the table's first child.
    if (table.children[index + 1] !== row.body) table.insertBefore(row.body, table.children[index + 1] ?? null);
    renderRow(row, workload, agent);
  });
}

function newRow(name) {
  const cell = (label, className = "") => element("td", { "data-label": label, className });
  const cells = {
    state: cell("State"),
    need: cell("Estimate", "number"),
    measured: cell("Measured", "number"),
    budget: cell("Budget", "number"),
    requests: cell("Requests", "requests"),
    endpoint: cell("Endpoint", "endpoint"),
  };
  const heading = element("th", { scope: "row", text: name });
  const detail = element("td", { className: "detail" });
  const body = element(
    "tbody",
    { "data-model": name },
    element("tr", {}, heading, ...Object.values(cells)),
    element("tr", { className: "detail-row" }, detail),
  );
  return { body, cells, detail };
}

function renderRow({ body, cells, detail }, workload, agent) {
  const { state, reason, estimateBytes, measuredBytes, budget, endpoint, restarts } = workload;
  body.dataset.state = state;
  cells.requests.hidden = agent.gatewayUrl === undefined;
  detail.colSpan = agent.gatewayUrl === undefined ? 6 : 7;
  requestsCell(cells.requests, workload, agent);
  redraw(cells.state, [state, restarts], () => {
    const badge = element("span", { className: "badge", "data-state": state, text: state });
    const again = restarts === 0 ? [] : [element("span", { className: "quiet", text: ` restarted ${restarts}×` })];
    return [badge, ...again];
  });
  setText(cells.need, formatBytes(estimateBytes));
  setText(cells.measured, formatBytes(measuredBytes));
  setText(cells.budget, formatBytes(budget?.bytes));
  cells.measured.dataset.over = String(budget !== undefined && (measuredBytes ?? 0) > budget.bytes);
  cells.endpoint.dataset.empty = String(endpoint === undefined);
  redraw(cells.endpoint, endpoint ?? null, () =>
    endpoint === undefined ? ["–"] : [element("a", { href: `${endpoint}/models`, text: endpoint })],
  );
  const { message, notes } = workload;
  const bar = modelBar(workload);
  redraw(detail, [bar, reason, message, notes, budget?.text], () => [
    ...(bar.scale > 0 ? budgetBar(bar, workload) : []),
    ...explanation(reason, message),
    ...notes.map((note) => element("p", { className: "note", text: note })),
  ]);
}

function explanation(reason, message) {
  if (reason === undefined && message === undefined) return [];
  const why = reason === undefined ? [] : [element("strong", { text: reason })];
  const rest = message === undefined ? [] : [`${reason === undefined ? "" : ": "}${message}`];
  return [element("p", { className: "why" }, ...why, ...rest)];
}

function budgetBar({ parts, budget, measured, scale, over }, { name, budget: limit }) {
  const segments = parts.map(({ part, label, bytes }) =>
    element("span", {
      className: "segment",
      "data-part": part,
      style: { width: percent(bytes, scale) },
      title: `${label} ${formatBytes(bytes)}`,
    }),
  );
  const line = (kind, bytes) =>
    bytes === undefined
      ? []
      : [element("span", { className: "mark", "data-line": kind, style: { left: percent(bytes, scale) } })];
  const figures = parts.map(({ label, bytes }) => `${label} ${formatBytes(bytes)}`).join(" · ");
  const against = limit === undefined ? "" : limit.text;
  const text = [figures, over ? `over the ${against}` : against].filter((part) => part !== "").join(", ");
  return [
    element(
      "div",
      { className: "budget-bar", role: "img", "aria-label": `${name}: ${text}`, "data-over": String(over) },
      ...segments,
      ...line("measured", measured),
      ...line("budget", budget),
    ),
    element("p", { className: "figures", text }),
  ];
}

function renderProblems(problems) {
  byId("problems").hidden = problems.length === 0;
  redraw(byId("problems").querySelector("ul"), problems, () => problems.map((text) => element("li", { text })));
}

/** @param state `live`, `stuck`, `away` or `connecting` */
export function renderConnection(state, text) {
  const target = byId("connection");
  target.dataset.state = state;
  document.body.dataset.connection = state;
  setText(target, text);
}
