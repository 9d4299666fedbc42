/** The journal as a file, for `ltx-mock check-trace` and other tools. */

import { ask, good } from "./api.js";
import { el } from "./dom.js";
import { t } from "./i18n.js";
import { attempt } from "./trouble.js";

/** @param {() => string | null} key The whole key whose journal it is; null for all. */
export function exportButtons(key) {
  return ["ndjson", "har"].map((format) =>
    el("button.quiet", { type: "button", data: { focus: format }, on: { click: () => attempt(() => save(format, key())) } },
      t("export", { format: format.toUpperCase() })));
}

/**
 * @param {string} format
 * @param {string | null} key
 */
async function save(format, key) {
  const picked = key === null ? "" : `&key=${encodeURIComponent(key)}`;
  const answer = await good(await ask(`requests?format=${format}${picked}`));
  const url = URL.createObjectURL(await answer.blob());
  el("a", { href: url, download: `ltx-mock.${format}` }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
