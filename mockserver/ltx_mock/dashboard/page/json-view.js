/** JSON in the page: coloured, with what is wrong beside its place. */

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { lines } from "./json-lines.js";
import { findingText } from "./said.js";

/**
 * @param {unknown} value A JSON value; a text that is no JSON is shown as it is.
 * @param {import("./json-lines.js").Finding[]} [findings]
 * @param {string} [label]
 */
export function jsonView(value, findings = [], label = t("json")) {
  const box = el("div.json", { tabindex: 0, role: "group", "aria-label": label, lang: "en" });
  if (typeof value === "string" || value === null) {
    box.append(el("div.line", {}, value === null ? t("json.none") : value), ...findings.map(note));
    return box;
  }
  for (const line of lines(value, findings)) {
    const text = el("span.code", {}, ...line.parts.map(({ kind, text }) => el(`span.${kind}`, {}, text)));
    const wrong = line.findings.length > 0;
    const row = el(wrong ? "div.line.wrong" : "div.line", { data: { depth: String(line.depth) } }, text);
    row.style.setProperty("--depth", String(line.depth));
    row.append(...line.findings.map(note));
    box.append(row);
  }
  return box;
}

/** @param {import("./json-lines.js").Finding} finding */
function note(finding) {
  return el(
    `span.finding.${finding.severity === "advisory" ? "advisory" : "violation"}`,
    { data: { pointer: finding.pointer } },
    el("span.arrow", { "aria-hidden": "true" }, "▲ "),
    findingText(finding),
    " ",
    el("span.rule", {}, finding.rule),
  );
}
