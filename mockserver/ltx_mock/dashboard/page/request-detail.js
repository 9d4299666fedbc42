/** One exchange: what was asked, what is wrong with it, and what was answered. */

import { ROOT } from "./api.js";
import { commandBox } from "./buttons.js";
import { curlOf } from "./curl.js";
import { el, link, refill } from "./dom.js";
import { day, span, timeOfDay } from "./format.js";
import { language, t } from "./i18n.js";
import { jsonView } from "./json-view.js";
import { facts, isUpstream, pill, statusText, toneOfStatus } from "./pills.js";
import { saidIn } from "./said.js";
import { NOBODY, nameOf, taskIdOf } from "./store.js";

/** @typedef {import("./store.js").Entry} Entry */

export class RequestDetail {
  /** @type {Entry | null} */
  #entry = null;
  #language = "";

  /** @param {{openTask(id: string): void}} ways */
  constructor(ways) {
    this.ways = ways;
    this.root = el("article");
  }

  /** @param {Entry} entry */
  show(entry) {
    if (entry === this.#entry && this.#language === language()) return;
    this.#entry = entry;
    this.#language = language();
    refill(
      this.root,
      el("div.head", {},
        el("h3", {}, entry.operation === "other" ? t("requests.other") : entry.operation),
        pill(toneOfStatus(entry.status), statusText(entry.status)),
        isUpstream(entry) && pill("busy", "upstream")),
      el("p.mono.target", {}, `${entry.method} `, entry.operation === "callback" ? link(entry.target) : entry.target),
      this.#facts(entry),
      headersOf("requests.headers", entry.requestHeaders),
      headersOf("requests.answer.headers", entry.headers),
      ...section(t("requests.body"), entry.request, entry.findings, entry.request !== null || entry.findings.length > 0),
      ...section(t("requests.answer"), entry.answer, [], entry.answer !== null),
      el("h4", {}, t("requests.again")),
      commandBox(curlOf(entry, ROOT), "curl"),
    );
  }

  /** @param {Entry} entry */
  #facts(entry) {
    const taskId = taskIdOf(entry);
    const open = taskId && el("button.link.mono", {
      type: "button",
      data: { focus: "task" },
      on: { click: () => this.ways.openTask(taskId) },
    }, taskId);
    return facts([
      [t("requests.number"), entry.number],
      [t("requests.at"), `${timeOfDay(entry.at)}, ${day(entry.at)}`],
      [t("key.label"), entry.tenant === NOBODY ? t("key.none") : nameOf(entry)],
      [t("requests.task"), open],
      [t("requests.cause"), saidIn(entry.cause)],
      [t("requests.latency"), entry.latency !== null && entry.latency > 0 && span(entry.latency, true)],
    ]);
  }
}

/**
 * @param {string} title
 * @param {Record<string, string>} headers
 */
function headersOf(title, headers) {
  const rows = Object.entries(headers);
  if (rows.length === 0) return null;
  return el("details", {}, el("summary", { data: { focus: title } }, t(title)), facts(/** @type {[string, string][]} */ (rows)));
}

/**
 * @param {string} title
 * @param {unknown} value
 * @param {import("./json-lines.js").Finding[]} findings
 * @param {boolean} there
 */
const section = (title, value, findings, there) =>
  there ? [el("h4", {}, title), jsonView(value, findings, title)] : [];
