/** A request, or a callback that was sent, as a row of the list. */

import { el, set, write } from "./dom.js";
import { span, timeOfDay } from "./format.js";
import { t } from "./i18n.js";
import { dress, isUpstream, stateText, statusText, toneOfStatus } from "./pills.js";
import { said } from "./said.js";
import { NOBODY, nameOf, taskIdOf } from "./store.js";

/** @typedef {import("./store.js").Entry} Entry */

const SHOWN_LETTERS = 300;

/**
 * @param {(entry: Entry) => string} promptOf The prompt of a request, or of the task that it is about.
 * @returns {import("./virtual-list.js").Row<Entry>}
 */
export function requestRow(promptOf) {
  const time = el("span.mono.when");
  const status = el("span");
  const operation = el("span.operation");
  const upstream = el("span.pill.busy", {}, "upstream");
  const prompt = el("span.prompt");
  const found = el("span.found");
  const about = el("span.about");
  return {
    root: el("div.row", {},
      el("div.first", {}, status, operation, upstream, prompt, found, time), el("div.second", {}, about)),
    update(entry) {
      write(time, timeOfDay(entry.at));
      dress(status, toneOfStatus(entry.status), statusText(entry.status));
      write(operation, entry.operation === "other" ? `${entry.method} ${entry.target}` : entry.operation);
      set(operation, "data-long", entry.operation === "other");
      set(upstream, "hidden", !isUpstream(entry));
      write(prompt, promptOf(entry).slice(0, SHOWN_LETTERS));
      write(found, foundText(entry));
      set(found, "hidden", entry.findings.length === 0);
      write(about, aboutOf(entry));
    },
  };
}

/**
 * Return how much is wrong with a request: the problems, else the hints.
 *
 * @param {Entry} entry
 */
export function foundText({ findings }) {
  const problems = findings.filter(({ severity }) => severity === "violation").length;
  if (problems) return t("requests.problems", { n: problems });
  return findings.length ? t("requests.hints", { n: findings.length }) : "";
}

/** @param {Entry} entry */
function aboutOf(entry) {
  const told = [taskIdOf(entry), entry.state && stateText(entry.state), said(entry.cause)];
  const key = entry.tenant === NOBODY ? t("key.none") : nameOf(entry);
  const latency = entry.latency !== null && entry.latency > 0 ? span(entry.latency, true) : "";
  const message = entry.cause || entry.status === 200 ? "" : messageOf(entry.answer);
  return [`#${entry.number}`, ...told, message, key, latency].filter(Boolean).join(" · ");
}

/** @param {unknown} answer */
export const messageOf = (answer) =>
  answer !== null && typeof answer === "object" && "message" in answer ? String(answer.message) : "";
