/** Requests of the last minute as small bars, with the limit where it is near. */

import { el } from "./dom.js";
import { t } from "./i18n.js";
import { scaled } from "./request-rate.js";

/**
 * @param {number[]} parts
 * @param {string} limit
 */
export function sparkline(parts, limit) {
  const { bars, line } = scaled(parts, limit);
  const sum = parts.reduce((one, two) => one + two, 0);
  const nodes = bars.map((share) => {
    const bar = el("span.bar-of-time");
    bar.style.height = `${share * 100}%`;
    return bar;
  });
  const text = t("limits.last", { n: sum });
  const picture = el("span.sparkline", { role: "img", "aria-label": text }, ...nodes);
  if (line !== null) {
    const mark = el("span.limit", { title: t("limits.line", { limit }) });
    mark.style.bottom = `${line * 100}%`;
    picture.append(mark);
  }
  return el("div.last-minute", {}, picture, el("span", { "aria-hidden": "true" }, text));
}
