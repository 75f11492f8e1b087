import { byId, element, redraw, setText } from "./dom.js";
import { askedFor, formatAgo } from "./layout.js";

/** Of the last unloads, as many as a person reads. */
const MOST_UNLOADS = 8;

/** Who asks for a model now, and when somebody did last. By the agent's clock: that of the browser may be another. */
export function requestsCell(cell, { demand }, { updatedAt }) {
  const asked = askedFor(demand, updatedAt);
  redraw(cell, asked, () => {
    const now = asked.now.map(([kind, text]) => element("span", { className: "asked", "data-asked": kind, text }));
    return [...now, element("span", { className: "quiet", text: asked.last })];
  });
}

export function renderGateway({ agent, workloads }) {
  const { gatewayUrl, unloads = [], updatedAt } = agent;
  byId("gateway").hidden = gatewayUrl === undefined;
  if (gatewayUrl === undefined) return;
  redraw(byId("gateway-url"), gatewayUrl, () => [element("a", { href: `${gatewayUrl}/models`, text: gatewayUrl })]);
  const asleep = workloads.filter(({ state }) => state === "Sleeping").length;
  setText(byId("asleep"), `${asleep} of ${workloads.length} models asleep; a request wakes them`);
  const last = unloads.slice(0, MOST_UNLOADS).map((unload) => ({ ...unload, ago: agoOf(unload.at, updatedAt) }));
  byId("no-unloads").hidden = last.length > 0;
  redraw(byId("unloads"), last, () => last.map(unloadItem));
}

function unloadItem({ at, ago, name, reason, message }) {
  const when = element("time", { className: "quiet", datetime: at, title: new Date(at).toLocaleString(), text: ago });
  const why = element("span", { className: "why" }, element("strong", { text: reason }), `: ${message}`);
  return element("li", {}, element("span", { className: "unloaded", text: name }), when, why);
}

function agoOf(at, updatedAt) {
  return formatAgo(Date.parse(updatedAt) - Date.parse(at));
}
