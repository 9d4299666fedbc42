/** A request, or a callback that was sent, as a row of the list. */

import { el, set, write } from "./dom.js";
import { timeOfDay } from "./format.js";
import { t } from "./i18n.js";
import { dress, stateText, statusText, toneOfStatus } from "./pills.js";

/** @returns {import("./virtual-list.js").Row<import("./store.js").Entry>} */
export function requestRow() {
  const time = el("span.mono.when");
  const status = el("span");
  const operation = el("span.prompt");
  const found = el("span.found");
  const about = el("span.about");
  return {
    root: el("div.row", {}, el("div.first", {}, status, operation, found, time), el("div.second", {}, about)),
    update(entry) {
      const violations = entry.findings.length;
      write(time, timeOfDay(entry.at));
      dress(status, toneOfStatus(entry.status), statusText(entry.status));
      write(operation, entry.operation === "other" ? `${entry.method} ${entry.target}` : entry.operation);
      write(found, violations ? t("requests.found", { n: violations }) : "");
      set(found, "hidden", violations === 0);
      write(about, aboutOf(entry));
    },
  };
}

/** @param {import("./store.js").Entry} entry */
function aboutOf(entry) {
  const told = [entry.taskId, entry.state && stateText(entry.state), entry.cause];
  const there = told.filter(Boolean);
  return [`#${entry.number}`, ...(there.length ? there : [messageOf(entry.answer)])].join(" · ");
}

/** @param {unknown} answer */
export const messageOf = (answer) =>
  answer !== null && typeof answer === "object" && "message" in answer ? String(answer.message) : "";
