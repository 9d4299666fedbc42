/** States and statuses as small coloured words. */

import { el } from "./dom.js";
import { t, tOr } from "./i18n.js";

/**
 * @param {HTMLElement} node
 * @param {string} tone
 * @param {string} text
 */
export function dress(node, tone, text) {
  node.className = `pill ${tone}`;
  if (node.textContent !== text) node.textContent = text;
}

/** @param {string} state A state of a task or of a delivery. */
export const toneOf = (state) =>
  ({
    pending: "idle",
    processing: "busy",
    success: "good",
    failed: "bad",
    scheduled: "idle",
    retrying: "bad",
    sending: "busy",
    delivered: "good",
    withheld: "warn",
    cancelled: "idle",
  })[state] ?? "idle";

/**
 * Return the state of a callback as people need it: one of which attempts have failed is not merely scheduled.
 *
 * @param {import("./store.js").Delivery} delivery
 */
export const callbackState = ({ state, attempts }) =>
  (state === "scheduled" && attempts.length > 0 && attempts.at(-1)?.status !== 200 ? "retrying" : state);

/** @param {{causeKind?: string | null}} item Tell whether something is what the real API did, behind `ltx-mock proxy`. */
export const isUpstream = ({ causeKind }) => causeKind === "upstream";

/** @param {string} state */
export const stateText = (state) => tOr(`state.${state}`, state);

/** @param {number | null} status The status of an answer; null where there was none. */
export const toneOfStatus = (status) =>
  status === null ? "bad" : status < 300 ? "good" : status < 400 ? "idle" : status < 500 ? "warn" : "bad";

/** @param {number | null} status */
export const statusText = (status) => (status === null ? t("status.none") : String(status));

/**
 * @param {string} tone
 * @param {string} text
 */
export function pill(tone, text) {
  const node = el("span");
  dress(node, tone, text);
  return node;
}

/**
 * Return names and values as a description list; those without a value are left out.
 *
 * @param {[string, import("./dom.js").Child][]} rows
 */
export function facts(rows) {
  const there = rows.filter(([, value]) => value !== null && value !== undefined && value !== "" && value !== false);
  return el("dl.facts", {}, ...there.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value))));
}
